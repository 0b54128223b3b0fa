"""The guarantee for classes of codes that contains the uniform and the probabilistic one."""

from collections.abc import Sequence
from typing import ClassVar, Self

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
from dcsc.bounds.tails import Tail

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
        return self._best_thresholds([record])[0]

    def _best_thresholds(self, layers: Sequence[LayerStatistics]) -> list[float]:
        """Return the best threshold of each layer by itself, all found at once."""
        noise = [layer.noise or 0.0 for layer in layers]
        return _Classes.of(layers, noise, TAILS[self.tail]).best().tolist()

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
        classes = _Classes.of([layer], [noise], TAILS[self.tail])
        hypotheses = noise_hypotheses(number, layer, noise)
        threshold = layer.chosen_threshold
        if threshold is None:
            low = high = float(classes.best()[0])
            hypotheses.append(Hypothesis(f"layer {number}: threshold = {low:.6g}"))
        else:
            low, high = float(np.min(threshold)), float(np.max(threshold))
        value = float(classes.union(np.array([[low]]), np.array([[high]]))[0, 0])
        whole = value == 0 and layer.selection is not None and not layer.selection.shrinkage
        units = classes.units
        interval = (float(units.quiet[0, 0]), float(units.full[0, 0])) if whole else (low, high)
        return LayerGuarantee(value, interval, noise, tuple(hypotheses)), high


@attrs.frozen(eq=False)
class _Classes:
    """Classes of codes, each with its units, and how many these are: ``(classes, 1)``."""

    units: ClassUnits
    samples: Array
    atoms: Array
    nonzeros: Array

    @classmethod
    def of(
        cls, layers: Sequence[LayerStatistics], noise: Sequence[float], tails: tuple[Tail, ...]
    ) -> Self:
        counts = [[x.n_samples, x.need("n_atoms"), x.most_nonzeros] for x in layers]
        return cls(ClassUnits.of(layers, noise, tails), *np.array(counts, dtype=float).T[..., None])

    def union(self, low: Array, high: Array) -> Array:
        """Return (H) for thresholds between low and high, each of shape (classes, places)."""
        # off the support a unit fails above the lowest threshold, on it below the highest; at most
        # so many are on it, and the worst case decides which
        off, on = self.units.wrong(low, high)
        some = (self.atoms - self.nonzeros) * off + self.nonzeros * np.maximum(off, on)
        return np.asarray(self.samples * some)

    def best(self) -> Array:
        """Return the best thresholds: in intervals of probability 0, or else from a search."""
        units = self.units
        between = units.full - units.quiet > 2 * units.slack
        # where no atom is on, any threshold that none of them reaches
        beyond = 2 * units.quiet + np.where(units.signal == 0, 1.0, units.signal)
        found = np.where(units.silent, beyond, (units.quiet + units.full) / 2)
        return np.where(between, found, found if between.all() else self._searched())[:, 0]

    def _searched(self) -> Array:
        """Return the best thresholds of a grid, made finer around its best places.

        The bound jumps at the two ends of the interval of probability 0, and between them it is
        convex wherever it is below 1/2.
        """
        units, every = self.units, np.arange(len(self.samples))[:, None]
        middle, edge = units.signal / 2, 2 * units.slack
        low = np.minimum(units.shift, middle)
        high = np.maximum(units.signal - units.shift, middle)
        # just inside either end of the interval one of the two kinds of failure is ruled out
        ends = np.hstack([units.quiet + edge, units.full - edge])
        outside = (ends < low) | (ends > high)
        ends = np.clip(ends, low, high)  # where no atom is on, the upper one is infinite
        for _ in range(_ZOOMS):
            places = np.linspace(low[:, 0], high[:, 0], _GRID + 1, axis=1)
            best = self.union(places, places).argmin(axis=1, keepdims=True)
            low, high = (
                places[every, np.maximum(best - 1, 0)],
                places[every, np.minimum(best + 1, _GRID)],
            )
        places = np.hstack([ends, places[every, best]])
        values = self.union(places, places)
        values[:, :2][outside] = np.inf
        return np.asarray(places[every, values.argmin(axis=1, keepdims=True)])
