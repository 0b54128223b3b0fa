"""The guarantee for classes of codes that contains the uniform and the probabilistic one."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, instance
from dcsc._fields import choice_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.bounds.tails import Bentkus, Hoeffding, Tail
from dcsc.bounds.tails.base import Rows
from dcsc.coefficients import strictly_below

__all__ = ["TAILS", "HybridBound"]

TAILS: dict[str, tuple[Tail, ...]] = {
    "best": (Hoeffding(), Bentkus()),
    "hoeffding": (Hoeffding(),),
    "bentkus": (Bentkus(),),
}
_GRID = 32
_ZOOMS = 6
_STEEP = 1e6


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
        return _best(self._class(record, record.noise or 0.0))

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
        codes = self._class(layer, noise)
        hypotheses = noise_hypotheses(number, layer, noise)
        threshold = layer.chosen_threshold
        if threshold is None:
            low = high = _best(codes)
            hypotheses.append(Hypothesis(f"layer {number}: threshold = {low:.6g}"))
        else:
            low, high = float(np.min(threshold)), float(np.max(threshold))
        value = float(codes.bound(np.array([low]), np.array([high]))[0])
        whole = value == 0 and layer.selection is not None and not layer.selection.shrinkage
        interval = (codes.quiet, codes.full) if whole else (low, high)
        return LayerGuarantee(value, interval, noise, tuple(hypotheses)), high

    def _class(self, layer: LayerStatistics, noise: float) -> "_Class":
        sparsity = layer.need("sparsity")
        one_sided = layer.selection is not None and layer.selection.one_sided
        below = max(sparsity - 1, 0)
        return _Class(
            TAILS[self.tail],
            layer.need("n_atoms"),
            layer.most_nonzeros,
            layer.n_samples,
            1 if one_sided else 2,
            layer.shift(noise),
            layer.signal,
            layer.slack(noise),
            layer.blur(noise),
            layer.reach(sparsity),
            layer.reach(below),
            layer.deviation(sparsity),
            layer.deviation(below),
        )


@attrs.frozen
class _Class:
    """The numbers of (H) at one noise level; reach and deviation off and on the support.

    What is nearer to a threshold than ``slack`` is a tie, and fails; ``blur`` is what rounding
    takes off the level that a sum has to reach.
    """

    tails: tuple[Tail, ...]
    atoms: int
    nonzeros: int
    samples: int
    sides: int
    shift: float
    signal: float
    slack: float
    blur: float
    reach_off: float
    reach_on: float
    deviation_off: float
    deviation_on: float

    @property
    def quiet(self) -> float:
        """The threshold above which no atom off the support is kept."""
        return self.reach_off + self.shift

    @property
    def full(self) -> float:
        """The threshold below which every atom on the support stays above it."""
        return self.signal - self.reach_on - self.shift if self.nonzeros else math.inf

    def bound(self, low: Array, high: Array) -> Array:
        """Return (H) for thresholds between low and high, each of shape (places,)."""
        # off the support an atom fails above the lowest threshold, on it below the highest
        off = self._tail(low - self.shift, self.deviation_off)
        off = np.where(low - self.quiet > self.slack, 0.0, np.minimum(self.sides * off, 1.0))
        on = self._tail(self.signal - high - self.shift, self.deviation_on)
        on = np.where(self.full - high > self.slack, 0.0, on)
        # at most so many atoms are non-zero, and the worst case decides which
        worse = np.maximum(off, on)
        return self.samples * ((self.atoms - self.nonzeros) * off + self.nonzeros * worse)

    def _tail(self, level: Array, deviation: float) -> Array:
        """Return the tail of sums of which only the variance is known."""
        if deviation == 0:
            return np.ones(len(level))
        # a tail that falls within some ties is not smooth to rounding: it loses all of a tie
        blur = self.slack if deviation < _STEEP * self.slack else self.blur
        rows = Rows(np.full((len(level), 1), deviation), level - blur, np.zeros(len(level)))
        tails = [tail._upper(rows) for tail in self.tails]
        # between orthogonal atoms the deviation is itself a residue, and tells nothing of a tie
        return np.where(level > self.slack, np.minimum(np.min(tails, axis=0), 1.0), 1.0)


def _best(codes: _Class) -> float:
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
        best = int(np.argmin(codes.bound(places, places)))
        low, high = places[max(best - 1, 0)], places[min(best + 1, _GRID)]
    places = np.array([*candidates, places[best]])
    return float(places[int(np.argmin(codes.bound(places, places)))])
