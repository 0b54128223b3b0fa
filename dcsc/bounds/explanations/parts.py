"""What `explain` says of one layer."""

from collections.abc import Iterable

import attrs

from dcsc._arrays import instance, real
from dcsc._display import Display, Displayed, at_most, digits, interval
from dcsc.bounds.guarantee import LayerGuarantee
from dcsc.bounds.partial import LayerPartial
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.sides import Side, WeakAtom
from dcsc.dictionaries import AtomPair

__all__ = ["BestThreshold", "Change", "LayerExplanation", "Refusal", "StrideOption", "Verdict"]

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
    keeps_threshold : bool, default True
        Whether the threshold in use is kept. If not, another one has to go with it.
    """

    quantity: str
    now: float | None
    needed: float | None
    upper: bool
    sufficient: bool = attrs.field(default=True, kw_only=True)
    keeps_threshold: bool = attrs.field(default=True, kw_only=True)

    @property
    def met(self) -> bool:
        """Whether the quantity is where it has to be already."""
        if self.now is None or self.needed is None:
            return False
        return self.now <= self.needed if self.upper else self.now >= self.needed


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
        """The conditions that were found false, as what must be."""
        return tuple(h.required for h in self.guarantee.hypotheses if h.holds is False)

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
            f"{self.bound}: {self.guarantee.claim}",
            ("to move alone", "is", "limit"),
            [
                (
                    change.quantity,
                    digits(change.now),
                    f"{_ENDS[change.upper]} {digits(change.needed)}"
                    + ("" if change.keeps_threshold else ", with a threshold chosen anew"),
                )
                for change in self.changes
            ],
            [f"Not met: {statement}." for statement in self.violations],
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
        Those in use, one or one per filter; empty if there is none. Of another pursuit than the
        forward pass it is the penalty or level.
    verdicts : tuple of Verdict
        One per bound that covers the model.
    pair : AtomPair or None
        What makes μ what it is; None if the atoms are unknown, or μ = 0.
    strides : tuple of StrideOption
        The layer at larger strides, where its dictionary has one.
    partial : LayerPartial or None
        How much of the support is proved to be found, where the whole of it is not; by the first
        `PartialBound` that covers the model.
    parameter : str, default "threshold"
        What a threshold is called.
    """

    number: int
    statistics: LayerStatistics
    thresholds: tuple[float, ...]
    verdicts: tuple[Verdict, ...]
    pair: AtomPair | None
    strides: tuple[StrideOption, ...]
    partial: LayerPartial | None = None
    parameter: str = attrs.field(default="threshold", kw_only=True)

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

    @property
    def lost(self) -> Verdict | None:
        """The verdict by which it fails most often at the least; None if none says so."""
        worst = max(self.verdicts, key=lambda verdict: verdict.guarantee.least, default=None)
        return worst if worst is not None and worst.guarantee.least > 0 else None

    def reaches(self, delta: float) -> bool:
        """Return whether a bound proves that the layer fails with probability δ at the most."""
        most = real(delta, "LayerExplanation.reaches: delta", minimum=0, maximum=1)
        return self.sharpest is not None and self.sharpest.failure_probability <= most

    def _display(self) -> Display:
        return Display(
            f"Layer {self.number}: μ = {digits(self.statistics.coherence)}, S = "
            f"{digits(self.measured)}, proved for certain up to S = {digits(self.guaranteed)}, "
            f"with δ up to S = {digits(self.likely)}",
            ("bound", "fails at most", f"{self.parameter}s", "not met"),
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


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
