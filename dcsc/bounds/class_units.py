"""What any unit does in all codes of a class, from the constants of a layer."""

import math
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.records import LayerStatistics
from dcsc.bounds.tails import Bentkus, Hoeffding, Tail
from dcsc.bounds.tails.base import Rows

__all__ = ["TAILS", "ClassUnits"]

TAILS: dict[str, tuple[Tail, ...]] = {
    "best": (Hoeffding(), Bentkus()),
    "hoeffding": (Hoeffding(),),
    "bentkus": (Bentkus(),),
}
_STEEP = 1e6


@attrs.frozen
class ClassUnits:
    """What any unit of any codes of a class does at one noise level, off and on the support.

    What is nearer to a threshold than ``slack`` is a tie, and fails; ``blur`` is what rounding
    takes off the level that a sum has to reach.
    """

    tails: tuple[Tail, ...]
    silent: bool
    sides: int
    shift: float
    signal: float
    slack: float
    blur: float
    reach_off: float
    reach_on: float
    deviation_off: float
    deviation_on: float

    @classmethod
    def of(cls, layer: LayerStatistics, noise: float, tails: tuple[Tail, ...]) -> Self:
        """Return the numbers of a layer whose error has patch norm ``noise`` at most."""
        sparsity = layer.need("sparsity")
        one_sided = layer.selection is not None and layer.selection.one_sided
        below = max(sparsity - 1, 0)
        return cls(
            tails,
            sparsity == 0,
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

    @property
    def quiet(self) -> float:
        """The threshold above which no atom off the support is kept."""
        return self.reach_off + self.shift

    @property
    def full(self) -> float:
        """The threshold below which every atom on the support stays above it."""
        return math.inf if self.silent else self.signal - self.reach_on - self.shift

    def raised(self, threshold: Array) -> Array:
        """Return a bound of the probability that a unit off the support is on above a threshold."""
        tail = np.minimum(self.sides * self._tail(threshold - self.shift, self.deviation_off), 1.0)
        return np.where(threshold - self.quiet > self.slack, 0.0, tail)

    def missed(self, threshold: Array) -> Array:
        """Return a bound of the probability that a unit on the support is not above a threshold."""
        tail = self._tail(self.signal - threshold - self.shift, self.deviation_on)
        return np.where(self.full - threshold > self.slack, 0.0, tail)

    def level(self, threshold: float) -> float:
        """Return what a sum off the support has to reach, without what is a tie."""
        left = threshold - self.shift
        return left - self._blur(self.deviation_off) if left > self.slack else 0.0

    def _blur(self, deviation: float) -> float:
        # a tail that falls within some ties is not smooth to rounding: it loses all of a tie
        return self.slack if deviation < _STEEP * self.slack else self.blur

    def _tail(self, level: Array, deviation: float) -> Array:
        """Return the tail of sums of which only the variance is known."""
        if deviation == 0:
            return np.ones(len(level))
        level_left = level - self._blur(deviation)
        rows = Rows(np.full((len(level), 1), deviation), level_left, np.zeros(len(level)))
        tails = [tail._upper(rows) for tail in self.tails]
        # between orthogonal atoms the deviation is itself a residue, and tells nothing of a tie
        return np.where(level > self.slack, np.minimum(np.min(tails, axis=0), 1.0), 1.0)
