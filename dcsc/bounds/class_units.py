"""What any unit does in all codes of a class, from the constants of a layer."""

from collections.abc import Sequence
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


@attrs.frozen(eq=False)
class ClassUnits:
    """What any unit of any codes of some classes does, off and on the support.

    What is nearer to a threshold than ``slack`` is a tie, and fails; ``blur`` is what rounding
    takes off the level that a sum has to reach. All but the tails are arrays of shape
    ``(classes, 1)``, and thresholds are of shape ``(classes, places)``.
    """

    tails: tuple[Tail, ...]
    silent: Array
    sides: Array
    shift: Array
    signal: Array
    slack: Array
    blur: Array
    reach_off: Array
    reach_on: Array
    deviation_off: Array
    deviation_on: Array

    @classmethod
    def of(
        cls, layers: Sequence[LayerStatistics], noise: Sequence[float], tails: tuple[Tail, ...]
    ) -> Self:
        """Return the numbers of layers, each with an error of some patch norm at most."""
        rows = []
        for layer, level in zip(layers, noise, strict=True):
            sparsity = layer.need("sparsity")
            one_sided = layer.selection is not None and layer.selection.one_sided
            below = max(sparsity - 1, 0)
            row = (
                sparsity == 0,
                1 if one_sided else 2,
                layer.shift(level),
                layer.signal,
                layer.slack(level),
                layer.blur(level),
                layer.reach(sparsity),
                layer.reach(below),
                layer.deviation(sparsity),
                layer.deviation(below),
            )
            rows.append(row)
        return cls(tails, *(np.array(column)[:, None] for column in zip(*rows, strict=True)))

    @property
    def quiet(self) -> Array:
        """The threshold above which no atom off the support is kept."""
        return self.reach_off + self.shift

    @property
    def full(self) -> Array:
        """The threshold below which every atom on the support stays above it."""
        return np.where(self.silent, np.inf, self.signal - self.reach_on - self.shift)

    def wrong(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return bounds of the probabilities that a unit is wrong.

        Off the support, that it is on above the threshold ``low``; on it, that it is not above the
        threshold ``high``.
        """
        levels = low - self.shift, self.signal - high - self.shift
        off, on = self._tail(np.stack(levels), np.stack([self.deviation_off, self.deviation_on]))
        off = np.minimum(self.sides * off, 1.0)
        return (
            np.where(low - self.quiet > self.slack, 0.0, off),
            np.where(self.full - high > self.slack, 0.0, on),
        )

    def level(self, threshold: Array) -> Array:
        """Return what a sum off the support has to reach, without what is a tie."""
        left = threshold - self.shift
        return np.where(left > self.slack, left - self._blur(self.deviation_off), 0.0)

    def _blur(self, deviation: Array) -> Array:
        # a tail that falls within some ties is not smooth to rounding: it loses all of a tie
        return np.where(deviation < _STEEP * self.slack, self.slack, self.blur)

    def _tail(self, level: Array, deviation: Array) -> Array:
        """Return the tail of sums of which only the variance is known."""
        left = (level - self._blur(deviation)).ravel()
        weights = np.broadcast_to(deviation, level.shape).reshape(-1, 1)
        rows = Rows(weights, left, np.zeros(len(left)))
        tail = np.min([tail._upper(rows) for tail in self.tails], axis=0).reshape(level.shape)
        # between orthogonal atoms the deviation is itself a residue, and tells nothing of a tie
        told = (level > self.slack) & (deviation > 0)
        return np.where(told, np.minimum(tail, 1.0), 1.0)
