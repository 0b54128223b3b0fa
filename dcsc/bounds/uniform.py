"""The guarantee for every sign pattern."""

import math
from typing import ClassVar

import attrs

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import (
    Guarantee,
    Hypothesis,
    LayerGuarantee,
    strictly_below,
    threshold_hypothesis,
)
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.recursion import entering_noise, noise_hypotheses

__all__ = ["UniformBound"]


@attrs.frozen
class UniformBound(BoundCalculator):
    r"""The uniform guarantee: every sign pattern, adversarial noise, sparsity up to order μ⁻¹.

    With gains c, the supports of all layers are exact if at each of them

    .. math:: \mu (2S - 1) x_{\max} + 2 c_{\max} \zeta < c_{\min}^2 x_{\min}

    for every threshold in :math:`[\mu S x_{\max} + c_{\max}\zeta,\; c_{\min}^2 x_{\min} -
    \mu (S-1) x_{\max} - c_{\max}\zeta)`. The probability of failure is 0 or, where the condition
    is false, unknown, which is reported as 1.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1)
    >>> UniformBound().max_sparsity(layer)
    6
    """

    reference: ClassVar[str] = "Murray and Tanner, arXiv:1806.09888, uniform guarantee; poster (2)"

    def sparsity_limit(self, statistics: LayerStatistics) -> float:
        r"""Return the real number that S must stay below.

        .. math:: \frac{1}{\mu x_{\max}} \Big(\frac{c_{\min}^2 x_{\min}}{2} -
            c_{\max}\zeta\Big) + \frac12

        With μ = 0 it is ``inf`` if the noise leaves a margin, else 0.
        """
        layer = statistics
        margin = layer.gain[0] ** 2 * layer.x_min / 2 - layer.gain[1] * (layer.noise or 0.0)
        if layer.coherence == 0:
            return math.inf if margin > 0 else 0.0
        return margin / (layer.coherence * layer.x_max) + 0.5

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        levels = entering_noise(layers, _central_threshold)
        parts = [
            self._layer(number, layer, noise)
            for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1)
        ]
        return self._guarantee(layers, parts)

    def _layer(self, number: int, layer: LayerStatistics, noise: float) -> LayerGuarantee:
        if layer.selection is None:
            raise self._refuse(number, "its projection selects by no threshold (selection is None)")
        if layer.selection.one_sided and not layer.nonnegative:
            raise self._refuse(number, "a one-sided projection loses the negative codes")
        sparsity = layer.need("sparsity")
        interference = layer.coherence * layer.x_max
        shift, signal = layer.gain[1] * noise, layer.gain[0] ** 2 * layer.x_min
        low = interference * sparsity + shift
        high = signal - interference * (sparsity - 1) - shift if sparsity else math.inf
        satisfied = strictly_below(interference * (2 * sparsity - 1) + 2 * shift, signal)
        condition = Hypothesis(
            f"layer {number}: mu (2S - 1) x_max + 2 c_max zeta = "
            f"{interference * (2 * sparsity - 1) + 2 * shift:.6g} < c_min^2 x_min = {signal:.6g}",
            satisfied or sparsity == 0,
        )
        hypotheses = [
            condition,
            threshold_hypothesis(number, layer.chosen_threshold, (low, high)),
            *noise_hypotheses(number, layer, noise),
        ]
        return LayerGuarantee(
            0.0 if condition.holds else 1.0, (low, high), noise, tuple(hypotheses)
        )


def _central_threshold(layer: LayerStatistics) -> float:
    """Return the middle of the threshold interval, which needs neither S nor ζ."""
    return (layer.gain[0] ** 2 * layer.x_min + layer.coherence * layer.x_max) / 2
