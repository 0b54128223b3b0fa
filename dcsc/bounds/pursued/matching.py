"""The guarantee of orthogonal matching pursuit, for every sign pattern and any dynamic range."""

import math
from typing import Any, ClassVar, Self

import attrs

from dcsc._fields import named_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import threshold_hypothesis
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
from dcsc.pursuits import OrthogonalMatchingPursuit, Pursuit

__all__ = ["MatchingBound"]


@attrs.frozen
class MatchingBound(BoundCalculator):
    r"""The guarantee of `OrthogonalMatchingPursuit`: every sign pattern, adversarial noise.

    With :math:`c = c_{\min}^2 - \mu_1(S - 1) - \mu_1(S)` and :math:`\varepsilon = c_{\min}\zeta`
    it takes no wrong atom as long as a true one is missing, if

    .. math:: 2 \varepsilon < c\, x_{\min},

    and stops in time at every level from
    :math:`\zeta (1 + q)` to :math:`p\, c_{\min} x_{\min} - \zeta`, where
    :math:`p = 1 - \mu_1(S - 1) / c_{\min}^2` and :math:`q = \mu_1(S) / (c_{\min}^2 p)`. Its entries
    are then off by at most :math:`\zeta / (p\, c_{\min})`. ζ itself is too low a level.

    The size of the largest entry is not in it. Guarantees speak of levels where those of the
    forward pass speak of thresholds; a pursuit that is told the number of atoms needs none.

    Parameters
    ----------
    level : float or sequence of float, optional
        Of all layers or each; by default it is left open.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=0.01, x_max=1, sparsity=6, noise=1e-4)
    >>> [round(end, 6) for end in MatchingBound().evaluate(layer).thresholds[0]]
    [0.000175, 0.006054]
    """

    label: ClassVar[str] = "(M)"
    about: ClassVar[str] = "for orthogonal matching pursuit, every sign pattern"
    reference: ClassVar[str] = (
        "Orthogonal matching pursuit under coherence, after Tropp, Greed is good, 2004, and "
        "Donoho, Elad and Temlyakov, 2006"
    )
    needs_babel: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = (OrthogonalMatchingPursuit,)

    level: float | tuple[float, ...] | None = named_field(positive_numbers, optional=True)

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        return attrs.evolve(self, level=told_by(pursuits, "MatchingBound"))

    def _sides(
        self, layer: LayerStatistics, part: LayerGuarantee, failure_probability: float
    ) -> tuple[Side, ...]:
        return (_condition(layer, part.noise),) if layer.need("sparsity") else ()

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        levels = one_each(self.level, len(layers), "MatchingBound: level")

        def error(number: int, layer: LayerStatistics, noise: float) -> float:
            margins = Margins.of(layer)
            return layer.gain[0] * noise / margins.kept if margins.spare > 0 else math.inf

        parts = []
        for number, (layer, noise) in enumerate(
            zip(layers, levels_of(layers, error), strict=True), start=1
        ):
            interval = _interval(layer, noise)
            # in units of atoms of norm 1, as levels are
            slack = layer.slack(noise) / layer.gain[0] if layer.gain[0] else 0.0
            stated = threshold_hypothesis(number, levels[number - 1], interval, slack, name="level")
            side = _condition(layer, noise)
            parts.append(layer_guarantee(number, layer, noise, side, interval, (stated,)))
        return self._guarantee(layers, parts)


def _condition(layer: LayerStatistics, noise: float) -> Side:
    return condition(layer, layer.gain[0] * noise, Margins.of(layer).spare)


def _interval(layer: LayerStatistics, noise: float) -> tuple[float, float]:
    """Return between which levels it stops with the support, in units of atoms of norm 1."""
    margins, norm = Margins.of(layer), layer.gain[0]
    if margins.spare <= 0:
        return math.inf, -math.inf
    low = noise * (2 * margins.kept - margins.spare) / margins.kept
    high = margins.kept * layer.x_min / norm - noise
    return low, high if layer.need("sparsity") else math.inf
