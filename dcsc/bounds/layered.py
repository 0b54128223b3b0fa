"""The guarantee of a whole network from the noise on the signal alone."""

import math
from collections.abc import Iterator
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import real
from dcsc._fields import choice_field, number_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.class_units import TAILS
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hybrid import HybridBound
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.coefficients import strictly_below

__all__ = ["LayeredBound", "likely_deviation"]


def likely_deviation(layer: LayerStatistics, noise: float, failure_probability: float) -> float:
    r"""Return t: except with this probability, all coefficients lie within t of their means.

    .. math:: t = c_{\max}\zeta + x_{\max} \mu_2(S) \sqrt{2 \ln(2N / \delta)}

    Any noise of patch norm up to ζ is allowed, and δ must be positive.
    """
    deviation = layer.deviation(layer.need("sparsity"))
    tests = math.log(2 * layer.tests) - math.log(failure_probability)
    return layer.shift(noise) + deviation * math.sqrt(2 * max(tests, 0.0))


@attrs.frozen
class _Option:
    """One way to get through a layer, and ζ after it."""

    guarantee: LayerGuarantee
    noise: float


@attrs.frozen
class LayeredBound(BoundCalculator):
    r"""The guarantee of all layers that takes for granted nothing but the noise on the signal.

    A layer below the deepest is passed in one of two ways. Where the uniform condition holds, in
    its Babel form, the support is certain and the error is that of the worst signs. Otherwise the
    probability δ is spent: all coefficients stay within

    .. math:: t_l = c_{\max}\zeta_{l-1} + x_{\max} \mu_2(S) \sqrt{2 \ln(2 N_l / \delta)}

    of :math:`c_k^2 x_k`, so that every threshold from :math:`t_l` to :math:`c_{\min}^2 x_{\min} -
    t_l` gets the support right, and then the errors are at most :math:`t_l`, where the worst signs
    do not say less, with norm

    .. math:: \zeta_l = \sqrt{s^P_l}\,\big(t_l + \max|c^2 - 1|\, x_{\max}\; [+\, \beta_l]\big).

    So the sparsity may be of order μ⁻² in every layer. The best of all combinations is taken.
    `HybridBound` takes care of the deepest layer, and of a single one; only there may a projection
    be one-sided.

    Parameters
    ----------
    spent : float, default 0.001
        δ, for each layer below the deepest where it is needed.
    tail : str, default "best"
        As in `HybridBound`.

    Examples
    --------
    >>> lower = LayerStatistics(
    ...     coherence=0.01, sparsity=60, x_min=1, x_max=1, n_atoms=500, patch_sparsity=2
    ... )
    >>> upper = LayerStatistics(coherence=0.001, sparsity=50, x_min=2, x_max=2, n_atoms=500)
    >>> guarantee = LayeredBound().evaluate([lower, upper])
    >>> round(guarantee.layers[1].noise, 4), guarantee.failure_probability
    (0.5758, 0.001)
    """

    label: ClassVar[str] = "(L)"
    about: ClassVar[str] = "from the noise on the signal alone"
    reference: ClassVar[str] = "Hoeffding's inequality layer by layer, from the noise on the signal"
    needs_babel: ClassVar[bool] = True

    spent: float = number_field(real, default=1e-3, minimum=math.ulp(0.0), maximum=1)
    tail: str = choice_field(TAILS, default="best")

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        for number, layer in enumerate(layers, start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
        return self._guarantee(layers, self._from(1, 0.0, layers))

    def _from(
        self, number: int, noise: float, layers: tuple[LayerStatistics, ...]
    ) -> list[LayerGuarantee]:
        """Return the best guarantees of this layer and those above."""
        layer = layers[number - 1]
        noise = noise if layer.noise is None else layer.noise
        if number == len(layers):
            return [HybridBound(self.tail)._layer(number, layer, noise)[0]]
        certain, likely = self._options(number, layer, noise)
        options = [likely, certain] if likely.noise < certain.noise else [certain]
        if certain.guarantee.failure_probability == 1:
            options = [likely]
        ways = [
            [option.guarantee, *self._from(number + 1, option.noise, layers)] for option in options
        ]
        return min(ways, key=lambda parts: math.fsum(p.failure_probability for p in parts))

    def _options(self, number: int, layer: LayerStatistics, noise: float) -> Iterator[_Option]:
        sparsity, shift, slack = layer.need("sparsity"), layer.shift(noise), layer.slack(noise)
        signal = layer.signal
        quiet = layer.reach(sparsity) + shift
        full = signal - layer.reach(max(sparsity - 1, 0)) - shift
        likely = likely_deviation(layer, noise, self.spent)
        for low, high, cost in ((quiet, full, 0.0), (likely, signal - likely, self.spent)):
            possible = strictly_below(low, high, 2 * slack)
            threshold = layer.chosen_threshold
            # the least threshold inside: a projection that shrinks passes its threshold on as an
            # error
            least = min(low + 2 * slack, (low + high) / 2)
            beta = least if threshold is None else float(np.max(threshold))
            shrinks = layer.selection is not None and layer.selection.shrinkage
            interval = (beta, beta) if shrinks and possible and threshold is None else (low, high)
            condition = Hypothesis(
                f"layer {number}: {low:.6g} < {high:.6g}, between which a threshold separates the "
                + ("coefficients for all signs" if not cost else "likely coefficients"),
                possible,
            )
            worst = propagated_noise(layer, noise, beta, babel=True)
            after = min(worst, self._error(layer, likely, beta)) if cost else worst
            hypotheses = (
                condition,
                threshold_hypothesis(number, threshold, interval, slack, layer.tolerance),
                *noise_hypotheses(number, layer, noise),
            )
            yield _Option(LayerGuarantee(cost, interval, noise, hypotheses), after)

    def _error(self, layer: LayerStatistics, deviation: float, threshold: float) -> float:
        """Return ζ of the next layer if all coefficients stay within a deviation."""
        shrinks = layer.selection is not None and layer.selection.shrinkage
        entry = deviation + layer.bias + (threshold if shrinks else 0)
        return math.sqrt(layer.need("patch_sparsity")) * entry
