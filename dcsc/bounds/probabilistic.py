"""The guarantees for random signs, with high probability."""

import math
from abc import abstractmethod
from typing import ClassVar

import attrs

from dcsc._arrays import real
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.records import LayerRecord, LayerStatistics
from dcsc.bounds.records.statistics import as_record
from dcsc.bounds.recursion import entering_noise, noise_hypotheses
from dcsc.coefficients import strictly_below

__all__ = ["ProbabilisticBound", "RobustBound"]

_LEAST_TESTS = 4
_LEAST_ONE_SIDED_TESTS = 7


class _RandomSignsBound(BoundCalculator):
    """A union over all atoms of one tail bound, at the threshold half-way to x_min."""

    def sparsity_limit(self, statistics: LayerRecord, failure_probability: float = 0.01) -> float:
        """Return S_δ, the real number that S must not exceed for a layer to fail with at most δ.

        It is negative where not even S = 0 will do.

        Raises
        ------
        NotCoveredError
            If the theorem does not cover the layer.
        """
        where = f"{type(self).__name__}: failure_probability"
        delta = real(failure_probability, where, minimum=0, maximum=1)
        record = as_record(statistics, f"{type(self).__name__}.sparsity_limit: statistics")
        layer = self._wanted(record).statistics()
        self._require_random_signs(1, layer, deepest=True)
        tests = _tails(layer)
        log_tests = math.log(tests) - math.log(delta) if delta > 0 else math.inf
        return math.inf if log_tests <= 0 else self._limit(layer, log_tests)

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        levels = entering_noise(layers, _half_way)
        parts = []
        for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
            beta = _half_way(layer)
            hypotheses = [
                threshold_hypothesis(
                    number, layer.chosen_threshold, (beta, beta), tolerance=layer.tolerance
                ),
                *noise_hypotheses(number, layer, noise),
                *self._hypotheses(number, layers),
            ]
            value = _tails(layer) * self._tail(layer, noise)
            parts.append(LayerGuarantee(value, (beta, beta), noise, tuple(hypotheses)))
        return self._guarantee(layers, parts)

    @abstractmethod
    def _tail(self, layer: LayerStatistics, noise: float) -> float:
        """Return the bound of the probability that one atom crosses the threshold on one side."""

    @abstractmethod
    def _limit(self, layer: LayerStatistics, log_tests: float) -> float:
        """Return the S at which the union equals δ, for ``log_tests`` = ln(tails/δ), or inf."""

    def _hypotheses(self, number: int, layers: tuple[LayerStatistics, ...]) -> list[Hypothesis]:
        """Return further conditions on layer ``number``."""
        return []


def _half_way(layer: LayerStatistics) -> float:
    return layer.signal / 2


def _margin(layer: LayerStatistics, noise: float) -> float:
    """Return what the noise leaves of half a non-zero; nothing, if only rounding leaves it."""
    half, shift = _half_way(layer), layer.shift(noise)
    margin = half - shift - layer.blur(noise)
    return margin if strictly_below(shift, half, layer.slack(noise)) else 0.0


def _exp(exponent: float) -> float:
    """Return the exponential function, not below the least number there is: 0 would be a claim."""
    return max(math.exp(exponent), math.ulp(0.0))


def _tails(layer: LayerStatistics) -> int:
    """Return the number of tails in the union: two per test, one if only one side is selected."""
    one_sided = layer.selection is not None and layer.selection.one_sided
    return layer.tests * (1 if one_sided else 2)


def _deviation(layer: LayerStatistics) -> float:
    """Return the deviation of the interference, x_max μ √S; 0 only if there is none."""
    return layer.x_max * layer.coherence * math.sqrt(layer.need("sparsity"))


@attrs.frozen
class ProbabilisticBound(_RandomSignsBound):
    r"""The published guarantee for random signs: sparsity up to order μ⁻² (poster, eq. 3).

    .. math:: P(\text{failure}) \le 2 \sum_l N_l \exp\Big(-\frac{(c_{\min}^2 x_{\min})^2}
        {8 (x_{\max}^2 \mu^2 S + c_{\max}^2 \zeta^2)}\Big), \qquad N_l = d M_l n_l

    at the thresholds :math:`c_{\min}^2 x_{\min}/2`; for a one-sided projection of non-negative
    codes, at the deepest layer, without the factor 2. With hard thresholds and unit norms it holds
    for any N if the noise is independent of the signs. Shrinkage, other norms and noise that
    depends on the signs need N ≥ 4 in every layer, by the argument behind `RobustBound` together
    with the inequality of Bentkus and Dzindzalieta (2015); one-sided, where the factor 2 is gone,
    that argument needs N ≥ 7.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 50, x_min=1, x_max=1, noise=0.05, n_atoms=1000)
    >>> ProbabilisticBound().max_sparsity(layer, failure_probability=0.01)
    19
    """

    label: ClassVar[str] = "(3)"
    about: ClassVar[str] = "for random signs"
    reference: ClassVar[str] = (
        "Murray and Tanner, arXiv:1806.09888, guarantee for random signs; poster (3)"
    )

    def _tail(self, layer: LayerStatistics, noise: float) -> float:
        # √(x_max² μ² S + c_max² ζ²), in one step so that no square is too large or too small
        deviation = math.hypot(_deviation(layer), layer.shift(noise))
        if deviation == 0:
            return float(_margin(layer, noise) <= 0)
        ratio = max(layer.signal - 2 * layer.blur(noise), 0.0) / deviation
        return _exp(-ratio * ratio / 8)

    def _limit(self, layer: LayerStatistics, log_tests: float) -> float:
        # S_δ is (s² - c_max² ζ²) / u², where u is the largest interference of one atom, μ x_max
        shift, unit = layer.shift(layer.noise or 0.0), layer.coherence * layer.x_max
        signal = layer.signal / math.sqrt(8 * log_tests)
        if unit == 0:
            return math.inf if shift == 0 or signal >= shift else -math.inf
        return (signal - shift) / unit * (signal + shift) / unit

    def _hypotheses(self, number: int, layers: tuple[LayerStatistics, ...]) -> list[Hypothesis]:
        layer = layers[number - 1]
        one_sided = layer.selection is not None and layer.selection.one_sided
        least = _LEAST_ONE_SIDED_TESTS if one_sided else _LEAST_TESTS
        enough = Hypothesis(f"layer {number}: N = {layer.tests} >= {least}", layer.tests >= least)
        if any(not other.unbiased for other in layers):
            return [enough]
        if all(other.tests >= _LEAST_TESTS for other in layers):
            return []
        independent = Hypothesis("the noise is independent of the signs")
        if number == 1:
            return [independent]
        return [
            independent,
            Hypothesis(
                f"fewer than {_LEAST_TESTS} tests in some layer: constants, and errors on the true "
                "supports, keep their bounds almost surely"
            ),
        ]


@attrs.frozen
class RobustBound(_RandomSignsBound):
    r"""The guarantee for random signs under any noise, whatever it depends on.

    .. math:: P(\text{failure}) \le 2 \sum_l N_l \exp\Big(-\frac{(c_{\min}^2 x_{\min}/2 -
        c_{\max}\zeta)^2}{2 x_{\max}^2 \mu^2 S}\Big)

    at the thresholds :math:`c_{\min}^2 x_{\min}/2`, and without the factor 2 for a one-sided
    projection of non-negative codes at the deepest layer. It is at most √e times the published
    bound, and often far below it.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 50, x_min=1, x_max=1, noise=0.1, n_atoms=1000)
    >>> RobustBound().max_sparsity(layer), ProbabilisticBound().max_sparsity(layer)
    (16, 0)
    """

    label: ClassVar[str] = "(3R)"
    about: ClassVar[str] = "for random signs and any noise"
    reference: ClassVar[str] = "Hoeffding's inequality for the signs, the noise as a shift"

    def _tail(self, layer: LayerStatistics, noise: float) -> float:
        margin = _margin(layer, noise)
        if margin <= 0:
            return 1.0
        deviation = _deviation(layer)
        if deviation == 0:
            return 0.0
        ratio = margin / deviation
        return _exp(-ratio * ratio / 2)

    def _limit(self, layer: LayerStatistics, log_tests: float) -> float:
        margin = _margin(layer, layer.noise or 0.0)
        if margin <= 0:
            return -math.inf
        if layer.coherence == 0:
            return math.inf
        ratio = margin / layer.x_max / layer.coherence
        return ratio * ratio / (2 * log_tests)
