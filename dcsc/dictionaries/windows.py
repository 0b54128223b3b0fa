"""The geometry of stripes and patches: overlapping windows on a grid."""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Shape, as_batch, batch_of, integer, numeric_array, result_dtype
from dcsc._entries import Entries, SparseOrDense, is_sparse, unpacked
from dcsc._threads import share
from dcsc.dictionaries.window_axis import ChromaticNumber, WindowAxis
from dcsc.errors import DcscError

__all__ = ["ChromaticNumber", "WindowAxis", "Windows"]

_BLOCK_ENTRIES = 2**16
_WORTH_A_THREAD = 2**19
_UINT8_MAX = 255


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
        return self._counts(array).astype(np.int64)

    def _counts(self, array: Array) -> Array:
        """Return the counts in the narrowest integers that hold what any window could."""
        channels = math.prod(self.shape[: len(self.shape) - len(self.axes)])
        most = channels * math.prod(min(axis.length, axis.entries) for axis in self.axes)
        return self._sum_channels(array, _count, np.min_scalar_type(most))

    def square_entries(self, array: Array) -> Array:
        """Sum the squares of validated floats window by window; they may overflow to infinity."""
        return self._sum_channels(array, _sum_squares, array.dtype)

    def largest_count(self, array: "SparseOrDense", where: str = "Windows: array") -> Any:
        """Count the non-zeros of the fullest window, for each element of ``(*batch, *shape)``."""
        if not is_sparse(array):
            dense = numeric_array(array, where)
            batch_of(dense.shape, self.shape, where)
            return self._largest(self._counts(dense)).astype(np.int64)
        entries = Entries.of(array, self.shape, where)
        return self._fullest(entries).reshape(entries.batch)[()]

    def _fullest(self, entries: Entries) -> Array:
        # Where windows do not overlap, as groups of filters, entries are counted by windows.
        pairs = zip(self.axes, entries.places[len(self.shape) - len(self.axes) :], strict=True)
        lines = [
            (axis._numbers, place // axis.step) if axis._apart else (axis, place)
            for axis, place in pairs
        ]
        few = Windows(tuple(axis.entries for axis, _ in lines), tuple(axis for axis, _ in lines))
        flat, size = np.zeros(len(entries.values), dtype=np.int64), math.prod(few.shape)
        for (_, place), length in zip(lines, few.shape, strict=True):
            flat = flat * length + place
        # Some elements at a time: how many non-zeros lie at each position, then in each window.
        out = np.empty(entries.count, dtype=np.int64)
        together = max(1, _BLOCK_ENTRIES // size)
        for first in range(0, len(out), together):
            ends = entries.starts[first : first + together + 1]
            count = len(ends) - 1
            element = np.repeat(np.arange(count), np.diff(ends))
            numbers = element * size + flat[ends[0] : ends[-1]]
            counts = np.bincount(numbers, minlength=size * count).reshape(count, *few.shape)
            out[first : first + together] = few._largest(few._slide(counts, np.add))
        return out

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
        array = numeric_array(unpacked(values, "Windows: values"), "Windows: values")
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

        share(work, len(flat), max(rows, _WORTH_A_THREAD // (channels * positions)))
        return out.reshape(batch + self.grid)

    def _each_axis(self, array: Array, step: Callable[[WindowAxis, Array], Array]) -> Array:
        for number, axis in enumerate(self.axes):
            place = array.ndim - len(self.axes) + number
            array = np.moveaxis(step(axis, np.moveaxis(array, place, -1)), -1, place)
        return array
