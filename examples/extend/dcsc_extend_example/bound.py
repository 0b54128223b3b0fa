"""A bound of one's own: one hook that reads numbers and traits."""

import math
from typing import Any, ClassVar

import attrs
from scipy.stats import norm

from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    LayerGuarantee,
    LayerStatistics,
    entering_noise,
    noise_hypotheses,
    threshold_hypothesis,
)


@attrs.frozen
class GaussianTailBound(BoundCalculator):
    r"""(3R) with the better one of two tails, Hoeffding's and a normal one.

    .. math:: P(\text{failure}) \le 2 \sum_l N_l \min\{e^{-\tau^2/2},\, c_* Q(\tau)\}, \qquad
        \tau = \frac{x_{\min}/2 - \zeta}{x_{\max}\, \mu \sqrt S}

    for atoms of unit norm and two-sided thresholds at :math:`x_{\min}/2`;
    :math:`c_* = 1/4Q(\sqrt 2)`.

    Examples
    --------
    >>> from dcsc import LayerStatistics, RobustBound
    >>> layer = LayerStatistics(coherence=0.02, x_min=1, x_max=1, noise=0.1, n_atoms=1000)
    >>> RobustBound().max_sparsity(layer), GaussianTailBound().max_sparsity(layer)
    (16, 18)
    >>> from dcsc.testing import check_bound
    >>> report = check_bound(GaussianTailBound())
    >>> report.covered, report.enumerated.covered
    (100, 41)
    """

    label: ClassVar[str] = "(N)"
    about: ClassVar[str] = "random signs, a normal tail"
    reference: ClassVar[str] = "V. Bentkus and D. Dzindzalieta, Bernoulli 21(2), 2015"

    def _evaluate(self, layers: tuple[Any, ...]) -> Guarantee:
        levels = entering_noise(layers, lambda layer: layer.x_min / 2)
        parts = []
        for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
            if layer.selection.one_sided or not layer.unit_norm:
                raise self._refuse(number, "it is for two-sided thresholds and unit norms")
            beta = layer.x_min / 2
            hypotheses = (
                threshold_hypothesis(number, layer.chosen_threshold, (beta, beta)),
                *noise_hypotheses(number, layer, noise),
            )
            value = 2 * layer.tests * _tail(layer, beta - noise)
            parts.append(LayerGuarantee(value, (beta, beta), noise, hypotheses))
        return self._guarantee(layers, parts)


def _tail(layer: LayerStatistics, margin: float) -> float:
    """Return a bound of the probability that the interference reaches the margin."""
    if margin <= 0:
        return 1.0
    deviation = layer.x_max * layer.coherence * math.sqrt(layer.need("sparsity"))
    if deviation == 0:
        return 0.0
    tau = margin / deviation
    return min(math.exp(-(tau**2) / 2), float(norm.sf(tau) / (4 * norm.sf(math.sqrt(2)))))
