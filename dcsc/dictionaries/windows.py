"""The geometry of stripes and patches: overlapping windows on a grid."""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Shape, as_batch, integer, numeric_array, result_dtype
from dcsc._threads import share
from dcsc.errors import DcscError

__all__ = ["ChromaticNumber", "WindowAxis", "Windows"]

_BLOCK_ENTRIES = 2**16
_UINT8_MAX = 255


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
        ends = np.clip(starts + self.length, 0, self.entries)
        return np.maximum(ends - np.clip(starts, 0, self.entries), 0)

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
    after = last - first - before - inside.shape[-1]
    pad = [(0, 0)] * (values.ndim - 1) + [(before, after)]
    line = np.pad(inside, pad, constant_values=_neutral(ufunc, values.dtype))
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


def _count(entries: Array, out: Array) -> None:
    for first in range(0, entries.shape[1], _UINT8_MAX):  # what one byte can count
        part = entries[:, first : first + _UINT8_MAX]
        marks = part if part.dtype == bool else part != 0
        out += np.add.reduce(marks.view(np.uint8), axis=1, dtype=np.uint8)


def _sum_squares(entries: Array, out: Array) -> None:
    np.add.reduce(np.square(entries, dtype=out.dtype), axis=1, out=out)


@attrs.frozen
class Windows:
    """Overlapping windows on an array of shape ``shape``.

    The last ``len(axes)`` axes are cut into windows, each window takes the leading axes whole.
    With no axes there is one window, and it holds everything.

    Parameters
    ----------
    shape : tuple of int
        Shape of one array of entries: codes for stripes, signals for patches.
    axes : tuple of WindowAxis
        How the trailing axes are cut.

    Examples
    --------
    >>> stripes = Windows((1, 5), (WindowAxis(5, 5, start=-1, length=3),))
    >>> stripes.sum([[1, 0, 2, 0, 4]])
    array([1, 3, 2, 6, 4])
    """

    shape: Shape
    axes: tuple[WindowAxis, ...] = ()

    @property
    def grid(self) -> Shape:
        """Number of windows along each axis."""
        return tuple(axis.windows for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of entries of the largest window."""
        leading = math.prod(self.shape[: len(self.shape) - len(self.axes)])
        return leading * math.prod(int(axis.sizes().max()) for axis in self.axes)

    @property
    def containing(self) -> int:
        """Least number of windows that hold an entry."""
        return math.prod(int(axis.coverage().min()) for axis in self.axes)

    @property
    def centres(self) -> Array:
        """Flat numbers of the windows that belong to the entries of a code, an array of ``shape``.

        For stripes, where there is one for each position, in each group of filters.
        """
        numbers = np.arange(math.prod(self.grid)).reshape(self.grid)
        if numbers.ndim == len(self.shape):  # one row of windows per group of filters
            numbers = np.repeat(numbers, self.shape[0] // len(numbers), axis=0)
        return np.broadcast_to(numbers, self.shape)

    @property
    def chromatic(self) -> ChromaticNumber:
        """The fractional chromatic number of the windows, neighbours if they share an entry.

        The least total weight of sets of windows without an entry in common that cover each of them
        once. That of boxes is at most the product over the axes, and equal to it if on all but one
        axis it is the number of windows round one entry.
        """
        axes = [axis.chromatic() for axis in self.axes]
        cliques = [int(axis.coverage().max()) for axis in self.axes]
        if 0 in cliques:
            return ChromaticNumber(1.0, exact=True)
        odd = sum(axis.value != clique for axis, clique in zip(axes, cliques, strict=True))
        exact = all(axis.exact for axis in axes) and odd <= 1
        return ChromaticNumber(math.prod(axis.value for axis in axes), exact)

    def sum(self, values: Any) -> Array:
        """Sum ``(*batch, *shape)`` window by window, to ``(*batch, *windows)``.

        Booleans are counted; nothing is subtracted, so small windows keep their accuracy.
        """
        array = self._entries(values)
        return self.count_entries(array) if array.dtype == bool else self._reduce(array, np.add)

    def count(self, values: Any) -> Array:
        """Count the non-zeros of ``(*batch, *shape)`` window by window, to ``(*batch, *windows)``.

        Linear in the array, whatever the size of the windows: channels are counted once, and the
        windows slide over what is left.
        """
        return self.count_entries(self._entries(values))

    def count_entries(self, array: Array) -> Array:
        """`count` for an array that has been validated."""
        return self._sum_channels(array, _count, np.int64)

    def square_entries(self, array: Array) -> Array:
        """Sum the squares of validated floats window by window; they may overflow to infinity."""
        return self._sum_channels(array, _sum_squares, array.dtype)

    def largest_count(self, array: Array) -> Any:
        """Count the non-zeros of the fullest window, for each element of a validated batch."""
        return self._largest(self.count_entries(array))

    def largest_norm(self, array: Array) -> Any:
        """Return the largest ℓ2 norm of a window, for each element of a validated batch.

        Infinite where no number of the dtype holds it.
        """
        dtype = result_dtype(np.float32, array)
        flat, batch = as_batch(array, self.shape, "Windows: values", dtype)
        squares, info = self._largest(self.square_entries(flat)), np.finfo(dtype)
        norms = np.sqrt(squares)
        # Squares above the smallest number times this have lost no digit that matters.
        unsafe = ~((squares >= info.tiny / info.eps**2) & np.isfinite(squares))
        if unsafe.any():
            again = flat[unsafe]
            exponent = np.frexp(self._largest(self.max(np.abs(again))).clip(0))[1]
            shift = exponent.reshape(-1, *(1,) * len(self.shape))
            with np.errstate(over="ignore"):  # by samples in no window, and norms beyond floats
                scaled = np.ldexp(again, -shift)  # powers of two: nothing is rounded by them
                squares = self._largest(self.square_entries(scaled))
                norms[unsafe] = np.ldexp(np.sqrt(squares), exponent)
        return norms.reshape(batch)[()]

    def _largest(self, per_window: Array) -> Any:
        axes = tuple(range(per_window.ndim - len(self.axes), per_window.ndim))
        return per_window.max(axis=axes) if axes else per_window[()]

    def max(self, values: Any) -> Array:
        """Largest value of each window, ``(*batch, *windows)``; the lowest number if empty."""
        array = self._entries(values)
        return self._reduce(array.astype(np.int64) if array.dtype == bool else array, np.maximum)

    def nth_smallest(self, values: Any, n: int) -> Array:
        """The n-th smallest integer of each window, ``(*batch, *windows)``, n from 1.

        Where a window has fewer entries, the largest number there is.
        """
        array = self._entries(values)
        if array.dtype.kind not in "iu":
            raise DcscError(f"Windows: values: expected integers, got {array.dtype}")
        place = integer(n, "Windows: n", minimum=1)
        largest = np.iinfo(array.dtype).max
        batch = array.ndim - len(self.shape)
        leading = len(self.shape) - len(self.axes)
        for number, axis in enumerate(self.axes, start=batch + leading):
            line = axis.members(np.moveaxis(array, number, -1), largest)
            array = np.moveaxis(line, -2, number)
        array = np.moveaxis(array, range(batch, batch + leading), range(-leading, 0))
        members = array.reshape((*array.shape[: batch + len(self.axes)], -1))
        if place > members.shape[-1]:
            return np.full(members.shape[:-1], largest)
        return np.asarray(np.partition(members, place - 1, axis=-1)[..., place - 1])

    def max_containing(self, per_window: Array) -> Array:
        """Largest of ``(*batch, *windows)`` over the windows that hold each entry.

        The leading axes come back with length one, so that the result broadcasts to entries.
        """
        out = self._each_axis(per_window, lambda axis, line: axis.spread(line, np.maximum))
        batch = out.shape[: out.ndim - len(self.axes)]
        ones = (1,) * (len(self.shape) - len(self.axes))
        return out.reshape(batch + ones + out.shape[len(batch) :])

    def _entries(self, values: Any) -> Array:
        array = numeric_array(values, "Windows: values")
        if array.shape[max(array.ndim - len(self.shape), 0) :] != self.shape:
            raise DcscError(
                f"Windows: values: expected shape (*batch, *{self.shape}), got {array.shape}"
            )
        return array

    def _reduce(self, array: Array, ufunc: np.ufunc) -> Array:
        batch = array.ndim - len(self.shape)
        leading = tuple(range(batch, array.ndim - len(self.axes)))
        array = ufunc.reduce(array, axis=leading) if leading else array
        return self._slide(array, ufunc)

    def _slide(self, array: Array, ufunc: np.ufunc) -> Array:
        return self._each_axis(array, lambda axis, line: axis.reduce(line, ufunc))

    def _sum_channels(
        self, array: Array, function: Callable[[Array, Array], None], dtype: "npt.DTypeLike"
    ) -> Array:
        """Sum ``function(entries, out)`` window by window, block by block in the cache."""
        batch = array.shape[: array.ndim - len(self.shape)]
        cut = self.shape[len(self.shape) - len(self.axes) :]
        channels, positions = math.prod(self.shape) // math.prod(cut), math.prod(cut)
        flat = np.ascontiguousarray(array).reshape(math.prod(batch), channels, positions)
        rows = max(1, _BLOCK_ENTRIES // (channels * positions))
        columns = max(1, _BLOCK_ENTRIES // channels)
        together = rows * max(1, _BLOCK_ENTRIES // (2 * rows * positions))
        out = np.empty((len(flat), *self.grid), dtype=dtype)

        def work(start: int, stop: int) -> None:
            with np.errstate(over="ignore", under="ignore"):
                for first in range(start, stop, together):
                    block = flat[first : min(first + together, stop)]
                    sums = np.zeros((len(block), positions), dtype=dtype)
                    for row in range(0, len(block), rows):
                        for column in range(0, positions, columns):
                            tile = slice(row, row + rows), slice(column, column + columns)
                            function(block[tile[0], :, tile[1]], sums[tile])
                    windows = self._slide(sums.reshape(len(block), *cut), np.add)
                    out[first : first + len(block)] = windows

        share(work, len(flat), rows)
        return out.reshape(batch + self.grid)

    def _each_axis(self, array: Array, step: Callable[[WindowAxis, Array], Array]) -> Array:
        for number, axis in enumerate(self.axes):
            place = array.ndim - len(self.axes) + number
            array = np.moveaxis(step(axis, np.moveaxis(array, place, -1)), -1, place)
        return array
