"""Sums over draws of what is known of the units of one layer, and what their means are then."""

import math
from collections.abc import Callable

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.bounds.depth.records import Shares
from dcsc.bounds.depth.sampling import largest_mean
from dcsc.intervals import Interval

__all__ = ["Averages"]

End = Callable[[Array, float], float]


@attrs.define(eq=False)
class Averages:
    """What the draws have shown of one layer; arrays have an entry for each unit.

    Parameters
    ----------
    most : array
        What the upper end of each unit is at most, in any draw.
    may_be_on, may_be_off : arrays of bool
        Whether the unit is in the support for some signs of the layers above, and off it for some.
    """

    most: Array
    may_be_on: Array
    may_be_off: Array
    _rows: list[tuple[float, ...]] = attrs.field(factory=list, init=False)
    _lower: Array = attrs.field(init=False)
    _upper: Array = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lower, self._upper = np.zeros((2, len(self.most)))

    def add(self, on: Array, lower: Array, upper: Array) -> None:
        """Add one draw: who is in the support, and the ends of each unit's probability."""
        self._lower += lower
        self._upper += upper
        ends = [math.fsum(end[which].tolist()) for which in (on, ~on) for end in (lower, upper)]
        active = int(on.sum())
        shares = [end / active if active else 0.0 for end in ends[:2]]
        self._rows.append((*ends, *shares))

    def units(self, shape: Shape) -> Interval[Array]:
        """Return the ends of each unit, averaged over the draws."""
        low, high = (total / len(self._rows) for total in (self._lower, self._upper))
        return Interval(low.reshape(shape), np.minimum(high, 1.0).reshape(shape))

    def shares(self) -> Shares:
        """Return the averages over the draws."""
        return self._shares(
            lambda low, most: float(low.mean()), lambda high, most: float(high.mean())
        )

    def means(self, delta: float) -> Shares:
        """Return between what the means over all signs lie, each except with probability δ."""
        return self._shares(
            lambda low, most: most - largest_mean(most - low, most, delta / 2),
            lambda high, most: largest_mean(high, most, delta / 2),
        )

    def _shares(self, least: End, largest: End) -> Shares:
        missed_low, missed_high, false_low, false_high, lost_low, lost_high = np.array(self._rows).T
        count, on, off = len(self.most), self.may_be_on, self.may_be_off

        def between(low: Array, high: Array, most: float, limit: float) -> Interval[float]:
            top = min(largest(high, most), limit)
            return Interval(min(max(least(low, most), 0.0), top), top)

        lost = between(lost_low, lost_high, float(self.most[on].max(initial=0.0)), 1.0)
        return Shares(
            between(missed_low, missed_high, float(self.most[on].sum()), float(on.sum())),
            between(false_low, false_high, float(self.most[off].sum()), float(off.sum())),
            Interval(1 - lost.high, 1 - lost.low),
            between(
                (missed_low + false_low) / count,
                (missed_high + false_high) / count,
                float(self.most.sum()) / count,
                1.0,
            ),
        )
