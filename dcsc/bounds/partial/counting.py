"""How many units come out wrong at the most, with high probability: the least of several bounds."""

import math
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc.bounds.counts import block_chernoff, cantelli, energy_cap, ruger, ruger_ends
from dcsc.bounds.inverse import last_integer
from dcsc.bounds.partial.energy import interference_energy
from dcsc.bounds.partial.variance import largest_variance
from dcsc.coefficients import Column
from dcsc.dictionaries import Windows

__all__ = ["OF", "Count", "Counting"]

OF = ("wrong", "missed", "false_alarms")
"""Which units may be counted."""

_ROUNDING = 1e-12
_WRITTEN_OFF = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02)


@attrs.frozen
class Count:
    r"""Of how many units fewer come out wrong, except with probability δ.

    Parameters
    ----------
    count : int
        The smallest t for which it is proved that :math:`P(E \ge t) \le \delta`: fewer than so
        many are wrong, and 1 means that none is.
    inequality : str
        What proves it: ``"safe units"``, ``"Rüger"``, ``"block Chernoff"``, ``"Cantelli"`` or
        ``"energy cap"``.
    at_least : int
        No t below this one has the property, whatever the units depend on.
    """

    count: int
    inequality: str
    at_least: int


@attrs.frozen(eq=False, slots=False)
class Counting:
    """What the number of wrong units of a layer depends on; arrays of shape (columns, units).

    Parameters
    ----------
    on : array of bool
        Whether the unit is on in the codes.
    lower, upper : array
        The ends of the probability that it comes out wrong.
    windows : Windows
        One for each position. Two units whose windows share no entry depend on different signs.
    worst : callable
        The upper ends for an error that is chosen after the signs, or None if it has no bound. The
        units of other errors may depend on one another in other ways than by their signs.
    columns : list of Column
        What the units see.
    """

    on: Array
    lower: Array
    upper: Array
    windows: Windows
    worst: Callable[[], Array | None]
    columns: list[Column]

    @cached_property
    def _local(self) -> Array | None:
        """The probabilities of events that contain the units' being wrong, and depend on signs."""
        return self.worst()

    def least(self, delta: float, of: str) -> Count:
        """Return the least count that is proved, and by what."""
        counted = {"wrong": np.ones_like(self.on), "missed": self.on, "false_alarms": ~self.on}[of]
        if delta == 1:
            return Count(0, "safe units", 0)
        # Each of these is a statement about one and the same number, at a t that no sign has a part
        # in; so is the least of them.
        upper = self.upper[counted]
        proved = [
            (int(np.count_nonzero(upper)) + 1, "safe units"),
            (ruger(upper, delta), "Rüger"),
            (self._by_blocks(counted, delta), "block Chernoff"),
            (self._by_variance(counted, delta), "Cantelli"),
            (self._by_energy(counted), "energy cap"),
        ]
        count, inequality = min(
            ((t, name) for t, name in proved if t is not None), key=lambda bound: bound[0]
        )
        return Count(count, inequality, min(_at_least(self.lower[counted], delta), count))

    def _by_blocks(self, counted: Array, delta: float) -> int | None:
        """Return the count by a Chernoff bound over positions, without the likeliest units."""
        chromatic = self.windows.chromatic.value
        counts = []
        for places, local, written in self._without_the_likeliest(counted):
            means, sizes = np.bincount(places, local), np.bincount(places)
            counts.append(written + block_chernoff(means, sizes, chromatic, delta))
        return min(counts, default=None)

    def _by_variance(self, counted: Array, delta: float) -> int | None:
        """Return the count by the variance that units which share signs may have together."""
        counts = []
        for places, local, written in self._without_the_likeliest(counted):
            variance = largest_variance(local, places, self.windows)
            # mean and variance of the same probabilities
            count = cantelli(math.fsum(local.tolist()) * (1 + _ROUNDING), variance, delta)
            counts += [] if count is None else [written + count]
        return min(counts, default=None)

    def _without_the_likeliest(self, counted: Array) -> Iterator[tuple[Array, Array, int]]:
        """Yield places and probabilities of units, and how many were written off before."""
        if self._local is None:
            return
        position = np.broadcast_to(self.windows.centres.ravel(), self.on.shape)
        for level in _WRITTEN_OFF:
            kept = counted & (self._local > 0) & (self._local <= level)
            written = int(np.count_nonzero(counted & (self._local > level)))
            yield position[kept], self._local[kept], written

    def _by_energy(self, counted: Array) -> int | None:
        """Return one more than can be wrong at once, column by column, for any signs and errors."""
        if self._local is None:
            return None
        total = 1
        for column, some, upper in zip(self.columns, counted, self._local, strict=True):
            units = np.flatnonzero(some & (upper > 0))
            energy = interference_energy(column, units)
            if energy is None:
                return None
            levels = (column.level - column.error - column.slack)[units]
            total += energy_cap(levels, energy)
        return total


def _at_least(lower: Array, delta: float) -> int:
    """Return the least t at which the lower end of P(E ≥ t) is δ or less."""
    slack = 1e-12 * (len(lower) + 1)

    def surely(t: int) -> bool:
        return ruger_ends(lower, t).low > delta + slack

    return last_integer(surely, 0, len(lower) + 1) + 1
