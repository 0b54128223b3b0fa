"""What a theorem about partial recovery returns."""

from typing import Any, Self

import attrs

from dcsc._arguments import choice
from dcsc._arrays import real
from dcsc._display import Display, Displayed, digits, ends, interval
from dcsc._tables import Tabled, ends_of
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.instance import UnitProbabilities
from dcsc.bounds.partial.counting import OF, Count, Counting
from dcsc.bounds.partial.means import Means
from dcsc.bounds.statement import Statement
from dcsc.errors import NotCoveredError
from dcsc.intervals import Interval

__all__ = ["LayerPartial", "PartialGuarantee"]


_HEADINGS = ("", "recall", "false alarms per active unit", "wrong units", "threshold", "noise")
_MEANS = ("recall", "precision", "jaccard", "missed", "false_alarms", "false_per_active", "hamming")


@attrs.frozen(repr=False)
class LayerPartial(Displayed):
    r"""How much of one layer's support is right in the mean, over random signs.

    T are the units that are on in the codes, u of which the layer finds; f others are on after the
    threshold though they should not be. Every interval holds the mean, for every error that the
    noise model allows. With several columns the numbers are those of all together, and the shares
    means over the columns.

    Attributes
    ----------
    missed, false_alarms : Interval
        Expected numbers of units, E[\|T\| - u] and E[f].
    false_per_active : Interval
        E[f] for each unit of T.
    recall, precision, jaccard : Interval
        Means of u/\|T\|, u/(u + f) and u/(\|T\| + f). Recall is 1 where T is empty, and so is the
        Jaccard index if f = 0 as well; the precision holds whatever an empty detection counts.
    hamming : Interval
        Expected share of all units that are wrong.

    Parameters
    ----------
    means : Means
        All of these.
    noise : float
        ζ, the bound of the error entering the layer.
    threshold : (float, float)
        The smallest and the largest threshold in use.
    hypotheses : tuple of Hypothesis
    units : UnitProbabilities or None
        The same unit by unit; None for a class of codes.
    counting : Counting or None
        What `count` counts with; None where there are no units.
    """

    means: Means = attrs.field(repr=False)
    noise: float
    threshold: tuple[float, float]
    hypotheses: tuple[Hypothesis, ...] = ()
    units: UnitProbabilities | None = attrs.field(default=None, repr=False)
    counting: Counting | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def missed(self) -> Interval[float]:
        """Expected number of units of T that are not found."""
        return self.means.missed

    @property
    def false_alarms(self) -> Interval[float]:
        """Expected number of units that are on and not in T."""
        return self.means.false_alarms

    @property
    def false_per_active(self) -> Interval[float]:
        """Expected number of false alarms for each unit of T; infinite where T is empty."""
        return self.means.false_per_active

    @property
    def recall(self) -> Interval[float]:
        """Mean of the share of T that is found."""
        return self.means.recall

    @property
    def precision(self) -> Interval[float]:
        """Mean of the share of T in what is found."""
        return self.means.precision

    @property
    def jaccard(self) -> Interval[float]:
        """Mean of the share of what is in both, T and what is found, in what is in one of them."""
        return self.means.jaccard

    @property
    def hamming(self) -> Interval[float]:
        """Expected share of wrong units."""
        return self.means.hamming

    def count(self, delta: float, of: str = "wrong") -> Count:
        r"""Return the smallest t for which it is proved that :math:`P(E \ge t) \le \delta`.

        E is the number of units that come out wrong, over all columns.

        Parameters
        ----------
        delta : float
            From 0 to 1.
        of : str, default "wrong"
            ``"wrong"``, ``"missed"`` or ``"false_alarms"``.

        Raises
        ------
        NotCoveredError
            If what was evaluated is a class of codes, which is known by its means alone.
        """
        limit = real(delta, "LayerPartial.count: delta", minimum=0, maximum=1)
        which = choice(of, OF, "LayerPartial.count: of")
        if self.counting is None:
            raise NotCoveredError(
                "LayerPartial.count: it needs each unit by itself: expected what was evaluated for "
                "a LayerInstance, with no hypothesis that was found false"
            )
        return self.counting.least(limit, which)

    def under(self, hypotheses: tuple[Hypothesis, ...]) -> Self:
        """Return the same under further conditions; nothing, if one was found false."""
        joint = (*self.hypotheses, *hypotheses)
        if any(hypothesis.holds is False for hypothesis in joint):
            return attrs.evolve(
                self, means=Means.nothing(), hypotheses=joint, units=None, counting=None
            )
        return attrs.evolve(self, hypotheses=joint)

    def _display(self) -> Display:
        return Display(
            "Expected recall and false alarms of one layer", _HEADINGS, [self._row("layer")]
        )

    def _row(self, name: str) -> tuple[str, ...]:
        return (
            name,
            ends(*self.recall),
            ends(*self.false_per_active),
            ends(*self.hamming),
            interval(*self.threshold),
            digits(self.noise),
        )


@attrs.frozen(repr=False)
class PartialGuarantee(Displayed, Tabled, Statement[LayerPartial]):
    """What is proved of how much of each support is right.

    It is no statement about whole supports, and has no failure probability.

    Parameters
    ----------
    layers : tuple of LayerPartial
        ``layers[l - 1]`` for layer l.
    bound, reference, conditional, calculator, records
        As in `Statement`.
    """

    @property
    def holds(self) -> bool:
        return not self.violations and any(
            layer.recall.low > 0 or layer.hamming.high < 1 for layer in self.layers
        )

    def _display(self) -> Display:
        return Display(
            f"{self.bound}: expected recall and false alarms, layer by layer",
            _HEADINGS,
            [layer._row(f"layer {at}") for at, layer in enumerate(self.layers, start=1)],
            (*(f"Not met: {one}." for one in self.violations), f"Source: {self.reference}."),
        )

    def _table(self) -> dict[str, list[Any]]:
        table: dict[str, list[Any]] = {
            "layer": [f"layer {number}" for number in range(1, len(self.layers) + 1)]
        }
        for name in _MEANS:
            table |= ends_of(name, [getattr(layer, name) for layer in self.layers])
        table |= ends_of("threshold", [layer.threshold for layer in self.layers])
        return {**table, "noise": [layer.noise for layer in self.layers]}
