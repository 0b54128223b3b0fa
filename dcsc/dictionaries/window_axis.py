"""One axis that is cut into overlapping windows."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array

__all__ = ["ChromaticNumber", "WindowAxis"]


@attrs.frozen
class ChromaticNumber:
    """The fractional chromatic number of a graph, or what it is at most.

    Parameters
    ----------
    value : float
    exact : bool
        Whether it is the number itself.
    """

    value: float
    exact: bool


@attrs.frozen
class WindowAxis:
    """Window w covers the entries ``start + w·step + [0, length)`` of one axis.

    What falls off the axis is cut, or wraps around when ``circular``; an entry counts once.
    """

    entries: int
    windows: int
    start: int
    length: int
    step: int = 1
    circular: bool = False

    @property
    def _everything(self) -> bool:
        return self.circular and self.length >= self.entries

    @property
    def _apart(self) -> bool:
        """Whether each entry is in one window, and all windows are of one size."""
        whole = self.windows * self.length == self.entries
        return whole and self.start == 0 and self.step == self.length and not self.circular

    @property
    def _numbers(self) -> "WindowAxis":
        """The axis of the windows themselves, each of them one entry."""
        return WindowAxis(self.windows, self.windows, start=0, length=1)

    def _starts(self) -> Array:
        return self.start + self.step * np.arange(self.windows)

    def bounds(self) -> tuple[Array, Array]:
        """Return the entries ``[first, last)`` of each window; on a circle modulo ``entries``."""
        if self._everything:
            return np.zeros(self.windows, dtype=np.int64), np.full(self.windows, self.entries)
        if self.circular:
            first = self.start % self.entries + self.step * np.arange(self.windows)
            return first, first + self.length
        starts = self._starts()
        ends = np.clip(starts + self.length, 0, self.entries)
        return np.minimum(np.clip(starts, 0, self.entries), ends), ends

    def sizes(self) -> Array:
        """Return the number of entries of each window."""
        if self.circular:
            return np.full(self.windows, min(self.length, self.entries))
        starts = self._starts()
        ends = np.minimum(starts + self.length, self.entries)
        return np.maximum(ends - np.maximum(starts, 0), 0)

    def coverage(self) -> Array:
        """Return the number of windows that hold each entry."""
        return self.spread(np.ones(self.windows, dtype=np.int64), np.add)

    def chromatic(self) -> ChromaticNumber:
        """Return the fractional chromatic number of its windows, neighbours if they overlap."""
        clique = int(self.coverage().max())
        if not self.circular or clique == self.windows:
            return ChromaticNumber(max(clique, 1), exact=True)  # of intervals it is the clique
        # Round a whole circle all windows are alike: it is their number, over how many of them fit.
        if self.step * self.windows == self.entries:
            apart = (self.length - 1) // self.step + 1
            return ChromaticNumber(self.windows / max(self.windows // apart, 1), exact=True)
        # On a part of the circle they are some of those that begin at every entry.
        most = self.entries / max(self.entries // self.length, 1)
        return ChromaticNumber(min(most, self.windows), exact=False)

    def holding(self, entry: int) -> Array:
        """Return the windows that hold an entry."""
        if self._everything:
            return np.arange(self.windows)
        starts = entry - self.start - np.arange(self.length)[::-1]
        if self.circular:
            starts = starts % self.entries
        number, rest = np.divmod(starts, self.step)
        return number[(rest == 0) & (number >= 0) & (number < self.windows)]

    def members(self, values: Array, filler: Any) -> Array:
        """Return ``(*axes, windows, length)`` views of the last axis; ``filler`` stands outside."""
        if self.circular:
            length = min(self.length, self.entries)
            return values[..., (self._starts()[:, None] + np.arange(length)) % self.entries]
        samples = self._starts()[:, None] + np.arange(self.length)
        inside = (samples >= 0) & (samples < self.entries)
        return np.where(inside, values[..., np.clip(samples, 0, self.entries - 1)], filler)

    def reduce(self, values: Array, ufunc: np.ufunc) -> Array:
        """Reduce the last axis window by window: entries to windows."""
        if self._everything:
            total = ufunc.reduce(values, axis=-1, keepdims=True)
            return np.repeat(total, self.windows, axis=-1)
        if self.circular:
            span = self.step * (self.windows - 1) + self.length
            line = np.take(values, (self.start + np.arange(span)) % self.entries, axis=-1)
            return _runs(line, self.length, ufunc)[..., :: self.step]
        return _cut_reduce(values, self._starts(), self.length, ufunc)

    def spread(self, values: Array, ufunc: np.ufunc) -> Array:
        """Reduce, for each entry, over the windows that hold it: windows to entries."""
        if self._everything:
            total = ufunc.reduce(values, axis=-1, keepdims=True)
            return np.repeat(total, self.entries, axis=-1)
        begins = np.arange(self.entries) - self.length + 1
        if self.circular:
            grid = np.full((*values.shape[:-1], self.entries), _neutral(ufunc, values.dtype))
            grid[..., self._starts() % self.entries] = values
            line = np.take(grid, np.arange(begins[0], self.entries) % self.entries, axis=-1)
            return _runs(line, self.length, ufunc)
        grid = np.full(
            (*values.shape[:-1], self.step * (self.windows - 1) + 1), _neutral(ufunc, values.dtype)
        )
        grid[..., :: self.step] = values
        return _cut_reduce(grid, begins - self.start, self.length, ufunc)


def _cut_reduce(values: Array, starts: Array, length: int, ufunc: np.ufunc) -> Array:
    """Reduce the windows that begin at the equally spaced ``starts``, cut at the ends."""
    first, last = int(starts[0]), int(starts[-1]) + length
    inside = values[..., max(first, 0) : max(last, 0)]
    before = min(max(-first, 0), last - first)
    # The axis is outermost in memory, so that passes are long however short it is.
    empty = np.full((last - first, *values.shape[:-1]), _neutral(ufunc, values.dtype))
    line = np.moveaxis(empty, 0, -1)
    line[..., before : before + inside.shape[-1]] = inside
    step = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    return _runs(line, length, ufunc)[..., ::step]


def _runs(line: Array, length: int, ufunc: np.ufunc) -> Array:
    """Reduce every run of ``length`` entries of the last axis.

    Runs of 1, 2, 4, … entries come from two of half the length, and those that add up to
    ``length`` are joined: a few passes over the array, and, unlike a difference of running sums,
    without cancellation.
    """
    runs = line.shape[-1] - length + 1
    doubled, size, start = line, 1, 0
    out = None
    while True:
        if length & size:
            part = doubled[..., start : start + runs]
            out = part if out is None else ufunc(out, part)
            start += size
        if 2 * size > length:
            return np.asarray(out)
        doubled = ufunc(doubled[..., :-size], doubled[..., size:])
        size *= 2


def _neutral(ufunc: np.ufunc, dtype: np.dtype[Any]) -> Any:
    if ufunc is np.add:
        return dtype.type(0)
    return dtype.type(-np.inf) if dtype.kind == "f" else np.iinfo(dtype).min
