"""What a bound returns."""

import math
from typing import Any, Self

import attrs

from dcsc._display import Display, Displayed, at_least, at_most, digits, interval
from dcsc._tables import Tabled, ends_of
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.statement import Statement

__all__ = ["Guarantee", "Hypothesis", "LayerGuarantee", "claimed", "threshold_hypothesis"]


_HEADINGS = ("", "fails at least", "at most", "threshold", "noise", "conditions")
_STATES = ((True, "true"), (None, "assumed"), (False, "false"))


def claimed(fails: str, most: float, least: float, noise: float, places: int = 4) -> str:
    """Return what is proved of a failure probability, as a sentence without its full stop.

    What is proved to fail is said, and not that nothing is guaranteed. That it fails so often is
    about the worst noise of norm ``noise``.

    Examples
    --------
    >>> claimed("it fails", 1.0, 0.75, 0.0), claimed("it fails", 1.0, 0.0, 0.0)
    ('it fails with probability at least 0.75', 'nothing is guaranteed')
    """
    worst = "under the worst noise "[: None if noise else 0]
    if most < 1:
        also = f", and {worst}at least {at_least(least, places)}" if least > 0 else ""
        return f"{fails} with probability at most {at_most(most, places)}{also}"
    if least > 0:
        return f"{fails} {worst}with probability at least {at_least(least, places)}"
    return "nothing is guaranteed"


@attrs.frozen(repr=False)
class LayerGuarantee(Displayed):
    """What a bound says of one layer, joint with the success of the layers below.

    Parameters
    ----------
    unclipped : float
        The formula's value, which may exceed 1.
    threshold : (float, float)
        The thresholds it holds for, open at both ends; two equal ends are one threshold.
    noise : float
        ζ, the bound of the error entering the layer.
    hypotheses : tuple of Hypothesis
    lower : float, default 0
        The formula's lower bound of the failure probability of the layer under the worst noise,
        while the layers below are exact; 0 if the bound gives none.
    """

    unclipped: float
    threshold: tuple[float, float]
    noise: float
    hypotheses: tuple[Hypothesis, ...] = ()
    lower: float = 0.0

    @property
    def failure_probability(self) -> float:
        """The bound of the failure probability, 1 if a hypothesis was found false."""
        return 1.0 if self._violated else min(1.0, self.unclipped)

    @property
    def claim(self) -> str:
        """What is proved, in words."""
        return claimed("it fails", self.failure_probability, self.least, self.noise)

    @property
    def _violated(self) -> bool:
        return any(hypothesis.holds is False for hypothesis in self.hypotheses)

    @property
    def least(self) -> float:
        """The lower bound of the failure probability, 0 if a hypothesis was found false."""
        return 0.0 if self._violated else self.lower

    def under(self, hypotheses: tuple[Hypothesis, ...]) -> Self:
        """Return the same under further conditions."""
        return attrs.evolve(self, hypotheses=(*self.hypotheses, *hypotheses))

    def _display(self) -> Display:
        title = f"Guarantee of one layer: {self.claim}"
        return Display(title, _HEADINGS, [self._row("layer")])

    def _row(self, name: str) -> tuple[str, ...]:
        counts = ((sum(h.holds is held for h in self.hypotheses), state) for held, state in _STATES)
        return (
            name,
            at_least(self.least),
            at_most(self.failure_probability),
            interval(*self.threshold),
            digits(self.noise),
            ", ".join(f"{count} {state}" for count, state in counts if count),
        )


@attrs.frozen(repr=False)
class Guarantee(Displayed, Tabled, Statement[LayerGuarantee]):
    """What a bound says of a model: an upper bound of the probability that a support is wrong.

    Parameters
    ----------
    layers : tuple of LayerGuarantee
        ``layers[l - 1]`` for layer l.
    bound, reference, conditional, calculator, records
        As in `Statement`.
    """

    @property
    def unclipped(self) -> float:
        """The sum of the layers' formulas."""
        return math.fsum(layer.unclipped for layer in self.layers)

    @property
    def failure_probability(self) -> float:
        """The bound of the failure probability of the pathway, in [0, 1]."""
        return min(1.0, math.fsum(layer.failure_probability for layer in self.layers))

    @property
    def lower(self) -> float:
        """A lower bound of the failure probability of the pathway under the worst noise.

        It is that of layer 1: the noise cannot choose what reaches the other layers. It is 0 if a
        hypothesis about that layer was found false.
        """
        return self.layers[0].least

    @property
    def claim(self) -> str:
        """What is proved of the pathway, in words."""
        fails = getattr(self.calculator, "fails", "the pathway fails")
        return claimed(fails, self.failure_probability, self.lower, self.layers[0].noise)

    @property
    def thresholds(self) -> tuple[tuple[float, float], ...]:
        """The threshold interval of each layer, open at both ends."""
        return tuple(layer.threshold for layer in self.layers)

    @property
    def holds(self) -> bool:
        return self.failure_probability < 1

    def _display(self) -> Display:
        measured = ("Constants of the layers below the deepest are those of one draw.",)
        return Display(
            f"{self.bound}: {self.claim}",
            _HEADINGS,
            [layer._row(f"layer {at}") for at, layer in enumerate(self.layers, start=1)],
            (
                *(f"Not met: {statement}." for statement in self.violations),
                *(measured if self.conditional else ()),
                f"Source: {self.reference}.",
            ),
        )

    def _table(self) -> dict[str, list[Any]]:
        return {
            "layer": [f"layer {number}" for number in range(1, len(self.layers) + 1)],
            "failure_probability": [layer.failure_probability for layer in self.layers],
            "unclipped": [layer.unclipped for layer in self.layers],
            "lower": [layer.lower for layer in self.layers],
            **ends_of("threshold", self.thresholds),
            "noise": [layer.noise for layer in self.layers],
        }
