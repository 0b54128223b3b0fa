"""The guarantee for every sign pattern."""

import math
from typing import ClassVar

import attrs

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.coverage import selection_refusal
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.records import LayerRecord, LayerStatistics
from dcsc.bounds.records.statistics import as_record
from dcsc.bounds.recursion import entering_noise, noise_hypotheses
from dcsc.bounds.sides import Side
from dcsc.coefficients import strictly_below
from dcsc.projections import Selection

__all__ = ["UniformBound"]


@attrs.frozen
class UniformBound(BoundCalculator):
    r"""The uniform guarantee: every sign pattern, adversarial noise, sparsity up to order μ⁻¹.

    With gains c, the supports of all layers are exact if at each of them

    .. math:: \mu (2S - 1) x_{\max} + 2 c_{\max} \zeta < c_{\min}^2 x_{\min}

    for every threshold in :math:`(\mu S x_{\max} + c_{\max}\zeta,\; c_{\min}^2 x_{\min} -
    \mu (S-1) x_{\max} - c_{\max}\zeta)`. The probability of failure is 0 or, where the condition
    is false, unknown, which is reported as 1.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1)
    >>> UniformBound().max_sparsity(layer)
    6
    """

    label: ClassVar[str] = "(2)"
    about: ClassVar[str] = "for every sign pattern"
    reference: ClassVar[str] = "Murray and Tanner, arXiv:1806.09888, uniform guarantee; poster (2)"

    def sparsity_limit(self, statistics: LayerRecord) -> float:
        r"""Return the real number that S must stay below.

        .. math:: \frac{1}{\mu x_{\max}} \Big(\frac{c_{\min}^2 x_{\min}}{2} -
            c_{\max}\zeta\Big) + \frac12

        With μ = 0 it is ``inf`` if the noise leaves a margin, else 0.

        Raises
        ------
        NotCoveredError
            If the theorem does not cover the layer.
        """
        record = as_record(statistics, "UniformBound.sparsity_limit: statistics")
        layer = self._wanted(record).statistics()
        self._check_cover(1, layer)
        noise = layer.noise or 0.0
        half, shift = layer.signal / 2, layer.shift(noise)
        if layer.coherence == 0:
            return math.inf if strictly_below(shift, half, layer.slack(noise)) else 0.0
        return (half - shift) / layer.x_max / layer.coherence + 0.5

    def _sides(
        self,
        layer: LayerStatistics,
        part: LayerGuarantee,
        failure_probability: float,
    ) -> tuple[Side, ...]:
        return (_condition(layer, part.noise),) if layer.need("sparsity") else ()

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        levels = entering_noise(layers, _central_threshold)
        parts = [
            self._layer(number, layer, noise, deepest=number == len(layers))
            for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1)
        ]
        return self._guarantee(layers, parts)

    def _check_cover(self, number: int, layer: LayerStatistics) -> Selection:
        refusal = selection_refusal(layer)
        if refusal is not None:
            raise self._refuse(number, refusal)
        assert layer.selection is not None
        return layer.selection

    def _layer(
        self, number: int, layer: LayerStatistics, noise: float, deepest: bool
    ) -> LayerGuarantee:
        selection = self._check_cover(number, layer)
        sparsity = layer.need("sparsity")
        interference = layer.coherence * layer.x_max
        shift, slack = layer.shift(noise), layer.slack(noise)
        low = interference * sparsity + shift
        high = layer.signal - interference * (sparsity - 1) - shift if sparsity else math.inf
        if selection.shrinkage and layer.chosen_threshold is None and not deepest:
            # The error passed on was computed with the central threshold: no larger one is covered.
            high = min(high, math.nextafter(_central_threshold(layer), math.inf))
        side = _condition(layer, noise)
        compared = f"{side.left} = {side.left_value:.6g} < {side.right} = {side.right_value:.6g}"
        condition = (
            Hypothesis(f"layer {number}: {compared}", side.holds)
            if sparsity
            else Hypothesis(f"layer {number}: the codes are zero", True)
        )
        hypotheses = [
            condition,
            threshold_hypothesis(number, layer.chosen_threshold, (low, high), slack),
            *noise_hypotheses(number, layer, noise),
        ]
        return LayerGuarantee(
            0.0 if condition.holds else 1.0, (low, high), noise, tuple(hypotheses)
        )


def _condition(layer: LayerStatistics, noise: float) -> Side:
    """Return the two sides of (2), for S of at least 1."""
    left = layer.coherence * layer.x_max * (2 * layer.need("sparsity") - 1)
    return Side(
        "mu (2S - 1) x_max + 2 c_max zeta",
        left + 2 * layer.shift(noise),
        "c_min^2 x_min",
        layer.signal,
        tie=2 * layer.slack(noise),
    )


def _central_threshold(layer: LayerStatistics) -> float:
    """Return the middle of the threshold interval, which needs neither S nor ζ."""
    return (layer.signal + layer.coherence * layer.x_max) / 2
