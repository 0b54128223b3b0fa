"""What `explain` returns."""

from collections.abc import Iterable
from typing import Any

import attrs

from dcsc._arrays import instance, real
from dcsc._display import Display, Displayed, at_most, digits, interval
from dcsc._tables import Tabled
from dcsc.bounds.explanations.text import described
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.partial import LayerPartial
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.sides import Side, WeakAtom
from dcsc.dictionaries import AtomPair

__all__ = [
    "BestThreshold",
    "Change",
    "Explanation",
    "LayerExplanation",
    "Refusal",
    "Side",
    "StrideOption",
    "Verdict",
    "WeakAtom",
]

_ENDS = {True: "at most", False: "at least"}


@attrs.frozen
class Change:
    """How far one quantity alone would have to move for the layer to reach δ.

    Parameters
    ----------
    quantity : str
        Its symbol.
    now : float or None
        What it is, if that is known.
    needed : float or None
        The limit, ``inf`` if there is none; None if no value of it leads to δ.
    upper : bool
        Whether the limit is the largest value allowed, or the smallest.
    sufficient : bool, default True
        Whether δ is met at the limit. If not, all that is known is that it cannot be met beyond.
    """

    quantity: str
    now: float | None
    needed: float | None
    upper: bool
    sufficient: bool = attrs.field(default=True, kw_only=True)


@attrs.frozen
class BestThreshold:
    """The threshold at which a bound is nearly best, and its value there.

    Parameters
    ----------
    threshold : float
    failure_probability : float
    """

    threshold: float
    failure_probability: float


@attrs.frozen
class StrideOption:
    """The layer with the same filters at a larger stride.

    Parameters
    ----------
    stride : tuple of int
    coherence : float
    stripe_size : int
    n_atoms : int
    max_sparsity : int, float or None
        The largest S for δ by the sharpest of the bounds.
    """

    stride: tuple[int, ...]
    coherence: float
    stripe_size: int
    n_atoms: int
    max_sparsity: float | None


@attrs.frozen(repr=False)
class Verdict(Displayed):
    """What one bound says of one layer.

    Parameters
    ----------
    bound : str
    guarantee : LayerGuarantee
    sides : tuple of Side
        What it compares, its ``_sides``.
    inside : bool or None
        Whether the threshold in use is one that it holds for; None without a threshold.
    changes : tuple of Change
        What would lead to δ, one at a time; only what the bound can answer.
    best : BestThreshold or None
    certain : int, float or None
        The largest S with failure probability 0; None if there is none, or it cannot tell.
    atoms : tuple of WeakAtom
        Those that carry most of its value, its ``_weakest``.
    """

    bound: str
    guarantee: LayerGuarantee
    sides: tuple[Side, ...]
    inside: bool | None
    changes: tuple[Change, ...]
    best: BestThreshold | None
    certain: float | None
    atoms: tuple[WeakAtom, ...]

    @property
    def failure_probability(self) -> float:
        """What the bound says of the layer, 1 if a hypothesis was found false."""
        return self.guarantee.failure_probability

    @property
    def violations(self) -> tuple[str, ...]:
        """The conditions that were found false."""
        return tuple(h.statement for h in self.guarantee.hypotheses if h.holds is False)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The conditions that could not be checked."""
        return tuple(h.statement for h in self.guarantee.hypotheses if h.holds is None)

    def change(self, quantity: str) -> Change | None:
        """Return what is said of a quantity, named by its symbol; None if nothing is."""
        instance(quantity, str, "Verdict.change: quantity")
        return next((c for c in self.changes if c.quantity == quantity), None)

    def _display(self) -> Display:
        return Display(
            f"{self.bound}: fails with probability at most {at_most(self.failure_probability)}",
            ("to move alone", "is", "limit"),
            [
                (
                    change.quantity,
                    digits(change.now),
                    f"{_ENDS[change.upper]} {digits(change.needed)}",
                )
                for change in self.changes
            ],
            [f"Not true: {statement}." for statement in self.violations],
        )


@attrs.frozen
class Refusal:
    """A bound that says nothing of this model, and why.

    Parameters
    ----------
    bound : str
    reason : str
    """

    bound: str
    reason: str


@attrs.frozen(repr=False)
class LayerExplanation(Displayed):
    """What was found about one layer.

    Parameters
    ----------
    number : int
        Of the layer, from 1.
    statistics : LayerStatistics
        Its constants.
    thresholds : tuple of float
        Those in use, one or one per filter; empty if there is none.
    verdicts : tuple of Verdict
        One per bound that covers the model.
    pair : AtomPair or None
        What makes μ what it is; None if the atoms are unknown, or μ = 0.
    strides : tuple of StrideOption
        The layer at larger strides, where its dictionary has one.
    partial : LayerPartial or None
        How much of the support is proved to be found, where the whole of it is not; by the first
        `PartialBound` that covers the model.
    """

    number: int
    statistics: LayerStatistics
    thresholds: tuple[float, ...]
    verdicts: tuple[Verdict, ...]
    pair: AtomPair | None
    strides: tuple[StrideOption, ...]
    partial: LayerPartial | None = None

    @property
    def guaranteed(self) -> float | None:
        """The largest S for which a bound says that failure is impossible; None if none says so."""
        return _largest(verdict.certain for verdict in self.verdicts)

    @property
    def likely(self) -> float | None:
        """The largest S for δ by the sharpest bound that speaks of all codes; None if none does."""
        changes = (verdict.change("S") for verdict in self.verdicts)
        return _largest(change.needed for change in changes if change is not None)

    @property
    def measured(self) -> int | None:
        """S of the codes."""
        return self.statistics.sparsity

    @property
    def sharpest(self) -> Verdict | None:
        """The verdict with the smallest failure probability."""
        return min(self.verdicts, key=lambda verdict: verdict.failure_probability, default=None)

    def reaches(self, delta: float) -> bool:
        """Return whether a bound proves that the layer fails with probability δ at the most."""
        most = real(delta, "LayerExplanation.reaches: delta", minimum=0, maximum=1)
        return self.sharpest is not None and self.sharpest.failure_probability <= most

    def _display(self) -> Display:
        return Display(
            f"Layer {self.number}: μ = {digits(self.statistics.coherence)}, S = "
            f"{digits(self.measured)}, proved for certain up to S = {digits(self.guaranteed)}, "
            f"with δ up to S = {digits(self.likely)}",
            ("bound", "fails at most", "thresholds", "not true"),
            [
                (
                    verdict.bound,
                    at_most(verdict.failure_probability),
                    interval(*verdict.guarantee.threshold),
                    str(len(verdict.violations)),
                )
                for verdict in self.verdicts
            ],
        )


@attrs.frozen(repr=False)
class Explanation(Displayed, Tabled):
    """Why bounds say what they say of a model, and what would have to change.

    ``str`` of it is its text.

    Parameters
    ----------
    failure_probability : float
        δ, what was asked for, of each layer.
    layers : tuple of LayerExplanation
        Layer 1 first.
    guarantees : tuple of Guarantee
        Of all layers together, one per bound that covers the model.
    refusals : tuple of Refusal
        The bounds that do not.
    """

    failure_probability: float
    layers: tuple[LayerExplanation, ...]
    guarantees: tuple[Guarantee, ...]
    refusals: tuple[Refusal, ...]

    def text(self) -> str:
        """Return it as plain text, in lines of at most 100 columns."""
        return described(self)

    def __str__(self) -> str:
        return self.text()

    def _display(self) -> Display:
        return Display(
            f"Explanation, δ = {digits(self.failure_probability)}: {len(self.layers)} layers, "
            f"{len(self.guarantees)} bounds apply, {len(self.refusals)} do not",
            ("", "μ", "S", "S for certain", "S with δ", "sharpest bound", "fails at most"),
            [
                (
                    name,
                    *map(digits, sizes),
                    bound or "–",
                    "–" if value is None else at_most(value),
                )
                for name, *sizes, bound, value in zip(*self._table().values(), strict=True)
            ],
            ("print() shows it in words.",),
        )

    def _table(self) -> dict[str, list[Any]]:
        best = [layer.sharpest for layer in self.layers]
        return {
            "layer": [f"layer {layer.number}" for layer in self.layers],
            "coherence": [layer.statistics.coherence for layer in self.layers],
            "sparsity": [layer.measured for layer in self.layers],
            "guaranteed": [layer.guaranteed for layer in self.layers],
            "likely": [layer.likely for layer in self.layers],
            "sharpest": [verdict and verdict.bound for verdict in best],
            "failure_probability": [verdict and verdict.failure_probability for verdict in best],
        }


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
