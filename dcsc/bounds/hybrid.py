"""The guarantee for classes of codes that contains the uniform and the probabilistic one."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, instance
from dcsc._fields import choice_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.class_units import TAILS, ClassUnits
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.coefficients import strictly_below

__all__ = ["TAILS", "HybridBound"]

_GRID = 32
_ZOOMS = 6


@attrs.frozen
class HybridBound(BoundCalculator):
    r"""The guarantee that is 0 where the uniform one holds, and goes on beyond it.

    At the threshold β, with gains c, the Babel functions of the layer, and F the tail of a sum of
    variance :math:`\sigma^2`,

    .. math:: P \le d \max\{N p_\text{off},\; (N - N_T) p_\text{off} + N_T p_\text{on}\},\qquad
        N_T = \min(N, \lfloor M S / m \rfloor)

    for N atoms and M stripes, at least m of which hold an entry, where

    .. math:: p_\text{off} &= 2 F(\beta - c_{\max}\zeta),\; \sigma = \mu_2(S) x_{\max},
        \quad\text{or 0 if } \beta > \mu_1(S) x_{\max} + c_{\max}\zeta \\
        p_\text{on} &= F(c_{\min}^2 x_{\min} - \beta - c_{\max}\zeta),\; \sigma = \mu_2(S-1)
        x_{\max}, \quad\text{or 0 if } \beta < c_{\min}^2 x_{\min} - \mu_1(S-1) x_{\max} -
        c_{\max}\zeta.

    Any noise is allowed. A one-sided projection of non-negative codes drops the factor 2. A layer
    without a threshold is given the best one, which the guarantee reports.

    Parameters
    ----------
    tail : str, default "best"
        ``"hoeffding"``, ``"bentkus"``, or ``"best"``, the smaller of the two.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 50, x_min=1, x_max=1, noise=0.1, n_atoms=1000)
    >>> HybridBound().max_sparsity(layer)
    20
    """

    label: ClassVar[str] = "(H)"
    about: ClassVar[str] = "by sums of correlations in place of the largest one"
    reference: ClassVar[str] = "Babel functions with the tails of Hoeffding and of Bentkus"
    needs_babel: ClassVar[bool] = True

    tail: str = choice_field(TAILS, default="best")

    def best_threshold(self, statistics: LayerStatistics) -> float:
        """Return the threshold at which the bound of one layer is least.

        The layer's own threshold is ignored. If it has no noise of its own, zero is assumed.
        """
        record = instance(statistics, LayerStatistics, "HybridBound.best_threshold: statistics")
        return _best(record, ClassUnits.of(record, record.noise or 0.0, TAILS[self.tail]))

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        parts: list[LayerGuarantee] = []
        noise, beta = 0.0, 0.0
        for number, layer in enumerate(layers, start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
            if layer.noise is not None:
                noise = layer.noise
            elif number > 1:
                noise = propagated_noise(layers[number - 2], noise, beta, babel=True)
            part, beta = self._layer(number, layer, noise)
            parts.append(part)
        return self._guarantee(layers, parts)

    def _layer(
        self, number: int, layer: LayerStatistics, noise: float
    ) -> tuple[LayerGuarantee, float]:
        codes = ClassUnits.of(layer, noise, TAILS[self.tail])
        hypotheses = noise_hypotheses(number, layer, noise)
        threshold = layer.chosen_threshold
        if threshold is None:
            low = high = _best(layer, codes)
            hypotheses.append(Hypothesis(f"layer {number}: threshold = {low:.6g}"))
        else:
            low, high = float(np.min(threshold)), float(np.max(threshold))
        value = float(_union(layer, codes, np.array([low]), np.array([high]))[0])
        whole = value == 0 and layer.selection is not None and not layer.selection.shrinkage
        interval = (codes.quiet, codes.full) if whole else (low, high)
        return LayerGuarantee(value, interval, noise, tuple(hypotheses)), high


def _union(layer: LayerStatistics, codes: ClassUnits, low: Array, high: Array) -> Array:
    """Return (H) for thresholds between low and high, each of shape (places,)."""
    # off the support a unit fails above the lowest threshold, on it below the highest; at most so
    # many are on it, and the worst case decides which
    off, on = codes.raised(low), codes.missed(high)
    atoms, nonzeros = layer.need("n_atoms"), layer.most_nonzeros
    return layer.n_samples * ((atoms - nonzeros) * off + nonzeros * np.maximum(off, on))


def _best(layer: LayerStatistics, codes: ClassUnits) -> float:
    """Return the best threshold: in the interval of probability 0, or else from a search.

    The bound jumps at the two ends of that interval, and between them it is convex wherever it
    is below 1/2.
    """
    if math.isinf(codes.full):  # no atom is on: any threshold that none of them reaches
        return 2 * codes.quiet + (codes.signal or 1.0)
    if strictly_below(codes.quiet, codes.full, 2 * codes.slack):
        return (codes.quiet + codes.full) / 2
    # just inside either end of the interval one of the two kinds of failure is ruled out
    middle, edge = codes.signal / 2, 2 * codes.slack
    low, high = min(codes.shift, middle), max(codes.signal - codes.shift, middle)
    candidates = [p for p in (codes.quiet + edge, codes.full - edge) if low <= p <= high]
    # a grid, made finer around its best place
    for _ in range(_ZOOMS):
        places = np.linspace(low, high, _GRID + 1)
        best = int(np.argmin(_union(layer, codes, places, places)))
        low, high = places[max(best - 1, 0)], places[min(best + 1, _GRID)]
    places = np.array([*candidates, places[best]])
    return float(places[int(np.argmin(_union(layer, codes, places, places)))])
