"""How the taps of a convolution lie on a signal."""

import itertools
from collections.abc import Iterator
from typing import Any

import attrs

from dcsc._arrays import Shape

__all__ = ["Grid", "Run"]

Run = tuple[int, int, int]


@attrs.frozen
class Grid:
    """How the taps of a convolution lie on a signal.

    The signal is laid on a padded line per axis: a run ``(first, sample, length)`` says that padded
    places from ``first`` on are the samples from ``sample`` on; places in no run are zero, and
    samples in two runs are seen twice. Tap u at position p sees place ``p·stride + u·dilation``.
    Filters and channels fall into ``groups`` of neighbours; the filters of a group see only the
    channels of that group.
    """

    extent: Shape
    positions: Shape
    kernel: Shape
    stride: Shape
    dilation: Shape
    runs: tuple[tuple[Run, ...], ...]
    groups: int = 1

    @property
    def span(self) -> Shape:
        """Number of places from the first tap to the last, per axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def turned(self) -> "Grid | None":
        """Return the grid on which filters that are turned round lie on codes in the synthesis.

        None where strides are larger than 1, or a sample does not lie on just one padded place.
        """
        runs = []
        for axis, length in enumerate(self.extent):
            if self.stride[axis] != 1 or [run[1:] for run in self.runs[axis]] != [(0, length)]:
                return None
            # The first sample sees this many places before the first position, or after it.
            ahead = self.span[axis] - 1 - self.runs[axis][0][0]
            first, position = max(ahead, 0), max(-ahead, 0)
            seen = min(self.positions[axis] - position, length + self.span[axis] - 1 - first)
            runs.append(((first, position, seen),) if seen > 0 else ())
        steps = (1,) * len(self.extent), self.dilation
        return Grid(self.positions, self.extent, self.kernel, *steps, tuple(runs), self.groups)

    def places(self, axis: int, first: int, last: int) -> tuple[int, int]:
        """Return the padded places that positions ``[first, last)`` see."""
        return first * self.stride[axis], (last - 1) * self.stride[axis] + self.span[axis]

    def pieces(self, first: int, last: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Yield pairs of index tuples, into a slab of padded rows and into the signal."""
        begin, end = self.places(0, first, last)
        rows = []
        for place, sample, length in self.runs[0]:
            low, high = max(place, begin), min(place + length, end)
            if low < high:
                rows.append((slice(low - begin, high - begin), _shifted(low, high, sample - place)))
        others = [
            [(slice(a, a + length), slice(b, b + length)) for a, b, length in runs]
            for runs in self.runs[1:]
        ]
        for choice in itertools.product(rows, *others):
            yield tuple(pair[0] for pair in choice), tuple(pair[1] for pair in choice)

    def slab_shape(self, first: int, last: int) -> Shape:
        """Return the padded shape that rows of positions ``[first, last)`` see."""
        begin, end = self.places(0, first, last)
        others = range(1, len(self.extent))
        return (end - begin, *(self.places(axis, 0, self.positions[axis])[1] for axis in others))

    def blocks(self, rows: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of at most so many rows of positions."""
        for first in range(0, self.positions[0], rows):
            yield first, min(first + rows, self.positions[0])

    def sees_all(self, axis: int) -> bool:
        """Return whether every position sees a sample along an axis."""
        if not self.runs[axis]:
            return False
        begin, (end, _, length) = self.runs[axis][0][0], self.runs[axis][-1]
        last = self.places(axis, self.positions[axis] - 1, self.positions[axis])[0]
        return begin < self.span[axis] and last < end + length


def _shifted(low: int, high: int, by: int) -> slice:
    return slice(low + by, high + by)
