"""The guarantee of basis pursuit denoising, for every sign pattern and any dynamic range."""

import math
from typing import Any, ClassVar, Self

import attrs

from dcsc._fields import named_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.pursued.margins import (
    Margins,
    condition,
    layer_guarantee,
    levels_of,
    one_each,
    positive_numbers,
    told_by,
)
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.sides import Side
from dcsc.pursuits import BasisPursuit, Pursuit

__all__ = ["BasisPursuitBound"]

# Without noise any penalty will do: this share of the one that loses the smallest entry.
_SMALL = 1e-6


@attrs.frozen
class BasisPursuitBound(BoundCalculator):
    r"""The guarantee of `BasisPursuit`, layer by layer: every sign pattern, adversarial noise.

    Let no atom see more than :math:`\varepsilon = c_{\max}\zeta` of the error, and

    .. math:: c = c_{\min}^2 - \mu_1(S - 1) - \mu_1(S) \ge c_{\min}^2 - (2S - 1)\mu > 0 .

    The code of least objective has its support inside the true one for every penalty λ > 0 with
    :math:`\lambda \ge \varepsilon (c_{\min}^2 - \mu_1(S - 1) + \mu_1(S)) / c`, and its entries are
    off by at most :math:`(\varepsilon + \lambda) / (c_{\min}^2 - \mu_1(S - 1))`, at the least λ by
    2ε/c. So the support is exact, for some λ, if

    .. math:: 2 \varepsilon < c\, x_{\min} .

    The size of the largest entry is not in it. Guarantees speak of penalties where those of the
    forward pass speak of thresholds. :math:`\zeta_l = \sqrt{s^P_l}` times the error of an entry
    enters the next layer. The published condition, :math:`S < \frac13 (1 + 1/\mu)` with λ = 4ε and
    errors below 7.5ε, is a special case for unit norms: at its edge λ = 3ε will do, with errors of
    at most 6ε/(1 + μ).

    Parameters
    ----------
    penalty : float or sequence of float, optional
        λ, for all layers or each. By default that of the deepest layer is left open, and those
        below have the least, or a millionth of what would lose their smallest entry.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=0.01, x_max=1, sparsity=6)
    >>> BasisPursuitBound().evaluate(layer).failure_probability
    0.0
    """

    label: ClassVar[str] = "(B)"
    about: ClassVar[str] = "for basis pursuit, every sign pattern"
    reference: ClassVar[str] = (
        "Basis pursuit denoising under coherence, after Tropp, Just Relax, 2006, and Papyan, "
        "Sulam and Elad, 2017"
    )
    needs_babel: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = (BasisPursuit,)

    penalty: float | tuple[float, ...] | None = named_field(positive_numbers, optional=True)

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        return attrs.evolve(self, penalty=told_by(pursuits, "BasisPursuitBound"))

    def _sides(
        self, layer: LayerStatistics, part: LayerGuarantee, failure_probability: float
    ) -> tuple[Side, ...]:
        return (_condition(layer, part.noise),) if layer.need("sparsity") else ()

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        depth = len(layers)
        penalties = one_each(self.penalty, depth, "BasisPursuitBound: penalty")

        def error(number: int, layer: LayerStatistics, noise: float) -> float:
            margins = Margins.of(layer)
            if margins.spare <= 0:
                return math.inf
            penalty = penalties[number - 1] or _least(layer, noise)
            return (layer.shift(noise) + penalty) / margins.kept

        parts = []
        for number, (layer, noise) in enumerate(
            zip(layers, levels_of(layers, error), strict=True), start=1
        ):
            low, high = _interval(layer, noise)
            penalty = penalties[number - 1]
            if penalty is None and number < depth and low < high:
                # what the next layer is told was computed with this one
                low = high = _least(layer, noise)
            stated = (
                threshold_hypothesis(
                    number, penalty, (low, high), layer.slack(noise), name="penalty"
                ),
                Hypothesis(f"layer {number}: the code is the one of least objective"),
            )
            side = _condition(layer, noise)
            parts.append(layer_guarantee(number, layer, noise, side, (low, high), stated))
        return self._guarantee(layers, parts)


def _condition(layer: LayerStatistics, noise: float) -> Side:
    return condition(layer, layer.shift(noise), Margins.of(layer).spare)


def _interval(layer: LayerStatistics, noise: float) -> tuple[float, float]:
    """Return between which penalties the support is exact."""
    margins, eps = Margins.of(layer), layer.shift(noise)
    if margins.spare <= 0:
        return math.inf, -math.inf
    low = eps * (2 * margins.kept - margins.spare) / margins.spare
    return low, margins.kept * layer.x_min - eps if layer.need("sparsity") else math.inf


def _least(layer: LayerStatistics, noise: float) -> float:
    """Return a penalty inside the interval, as small as is sensible."""
    low, _ = _interval(layer, noise)
    return max(low + 2 * layer.slack(noise), _SMALL * Margins.of(layer).kept * layer.x_min)
