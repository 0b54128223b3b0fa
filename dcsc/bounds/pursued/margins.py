"""What the other atoms leave of one, and what bounds of pursuits say in the same words."""

import math
from collections.abc import Callable
from typing import Any

import attrs

from dcsc._arguments import items
from dcsc._arrays import positive
from dcsc._words import counted
from dcsc.bounds.guarantee import LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.recursion import chained_noise, noise_hypotheses
from dcsc.bounds.sides import Side
from dcsc.errors import DcscError, NotCoveredError
from dcsc.pursuits import BasisPursuit, OrthogonalMatchingPursuit, Pursuit

__all__ = [
    "Margins",
    "condition",
    "layer_guarantee",
    "levels_of",
    "one_each",
    "parameter_of",
    "positive_numbers",
    "told_by",
]


@attrs.frozen
class Margins:
    r"""How much of an atom the others can hide.

    Parameters
    ----------
    kept : float
        :math:`c_{\min}^2 - \mu_1(S - 1)`: on the support, :math:`|G_{TT} d|` has an entry at least
        this large for each d of largest entry 1.
    spare : float
        :math:`c = c_{\min}^2 - \mu_1(S - 1) - \mu_1(S)`: the same less what an atom off the
        support can see of d.
    """

    kept: float
    spare: float

    @classmethod
    def of(cls, layer: LayerStatistics) -> "Margins":
        """Return those of codes of the layer's stripe sparsity."""
        sparsity = layer.need("sparsity")
        kept = layer.gain[0] * layer.gain[0] - layer.babel_sum(max(sparsity - 1, 0))
        return cls(kept, kept - layer.babel_sum(sparsity))

    @property
    def rest(self) -> float:
        r"""1 + q, with q at least every :math:`\|G_{TT}^{-1} G_{T,j}\|_1`, j off the support."""
        return (2 * self.kept - self.spare) / self.kept if self.kept > 0 else math.inf


def condition(
    layer: LayerStatistics, seen: float, spare: float, others: str = "mu_1(S - 1) + mu_1(S)"
) -> Side:
    """Return the two sides of 2ε < c x_min, or where c is not positive what it is made of.

    ``seen`` is ε, and ``others`` what c takes off the square of a norm.
    """
    if spare <= 0:
        energy = layer.gain[0] * layer.gain[0]
        return Side(others, energy - spare, "c_min^2", energy)
    tie = 2 * layer.tolerance * (layer.strongest + seen)
    return Side("2 eps", 2 * seen, "c x_min", spare * layer.x_min, tie=tie)


def layer_guarantee(
    number: int,
    layer: LayerStatistics,
    noise: float,
    side: Side,
    interval: tuple[float, float],
    others: tuple[Hypothesis, ...],
) -> LayerGuarantee:
    """Return what is said of one layer: certain if the left side is the smaller, else nothing."""
    empty = not layer.need("sparsity")
    compared = f"{side.left} = {side.left_value:.6g} < {side.right} = {side.right_value:.6g}"
    hypothesis = (
        Hypothesis(f"layer {number}: the codes are zero", True)
        if empty
        else Hypothesis(f"layer {number}: {compared}", side.holds)
    )
    return LayerGuarantee(
        0.0 if hypothesis.holds else 1.0,
        (interval[0], math.inf) if empty else interval,
        noise,
        (hypothesis, *others, *noise_hypotheses(number, layer, noise)),
    )


def levels_of(
    layers: tuple[LayerStatistics, ...], error: Callable[[int, LayerStatistics, float], float]
) -> list[float]:
    """Return ζ entering each layer, where ``error`` bounds the entries of what one passes on."""

    def passed_on(number: int, layer: LayerStatistics, noise: float) -> float:
        entries = layer.need("patch_sparsity")
        return math.sqrt(entries) * error(number, layer, noise) if entries else 0.0

    return chained_noise(layers, passed_on)


def positive_numbers(value: Any, record: Any, where: str) -> float | tuple[float, ...]:
    """Return a positive number, or a tuple of them, one for each layer."""
    if isinstance(value, list | tuple):
        return tuple(positive(item, where) for item in items(value, where))
    return positive(value, where)


def one_each(
    value: float | tuple[float, ...] | None, depth: int, where: str
) -> tuple[float | None, ...]:
    """Return the numbers of so many layers."""
    each = value if isinstance(value, tuple) else (value,) * depth
    if len(each) != depth:
        layers = counted(depth, "layer")
        raise DcscError(f"{where}: expected one for each of {layers}, got {len(each)}")
    return each


def parameter_of(pursuit: Pursuit | None) -> str:
    """Return what a pursuit calls that which a guarantee gives an interval of."""
    if isinstance(pursuit, BasisPursuit):
        return "penalty"
    return "level" if isinstance(pursuit, OrthogonalMatchingPursuit) else "threshold"


def told_by(pursuits: tuple[Any, ...], bound: str) -> float | tuple[float, ...]:
    """Return the penalty or level of pursuits, one for all layers or each.

    Raises
    ------
    NotCoveredError
        If a matching pursuit stops by the number of its atoms.
    """
    each = tuple(getattr(one, parameter_of(one)) for one in pursuits)
    if None in each or any(getattr(one, "sparsity", None) is not None for one in pursuits):
        raise NotCoveredError(
            f"{bound} covers no matching pursuit but one that stops by its level alone"
        )
    return each if len(each) > 1 else each[0]
