"""Sparse arrays at the border: whatever SciPy holds them in becomes entries, or an array, here."""

import math
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import (
    Array,
    Shape,
    all_finite,
    as_floats,
    batch_of,
    checked_size,
    flat_indices,
    numeric_array,
    real_array,
)
from dcsc.errors import DcscError

__all__ = [
    "Entries",
    "SparseOrDense",
    "code_array",
    "is_sparse",
    "packed",
    "unpacked",
    "with_short_indices",
]

SparseOrDense: TypeAlias = "npt.ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix"
_COUNTABLE = 2**63 - 1
_PIECE_ENTRIES = 2**20


def is_sparse(value: Any) -> bool:
    """Return whether ``value`` is a sparse array or matrix of SciPy, in any format."""
    # where nobody has imported them, there is none
    return "scipy.sparse" in sys.modules and bool(scipy.sparse.issparse(value))


def unpacked(value: Any, where: str) -> Any:
    """Return a sparse array as the array that it stands for, and anything else as it is."""
    if not is_sparse(value):
        return value
    shape = checked_size(tuple(map(int, value.shape)), where)
    return Entries.of(value, shape, where).unpacked()


def with_short_indices(matrix: "scipy.sparse.csc_array") -> "scipy.sparse.csc_array":
    """Return a matrix with indices of 32 bits where they fit, which all libraries take."""
    kind = scipy.sparse.get_index_dtype(maxval=max(matrix.nnz, *matrix.shape))
    indices, ends = (array.astype(kind, copy=False) for array in (matrix.indices, matrix.indptr))
    return scipy.sparse.csc_array((matrix.data, indices, ends), shape=matrix.shape)


def code_array(value: Any, where: str) -> Array:
    """Return codes, sparse or not, as `real_array`, for whoever looks at all entries anyway."""
    return real_array(unpacked(value, where), where)


def packed(array: Array) -> "scipy.sparse.coo_array":
    """Return an array of any number of axes as SciPy's sparse array of coordinates."""
    return scipy.sparse.coo_array(array)


@attrs.frozen(eq=False)
class Entries:
    """What is not zero in an array ``(*batch, *shape)``, in C order.

    Parameters
    ----------
    batch, shape : tuple of int
        Shape of the batch, and of one of its elements.
    starts : int64 array, shape (prod(batch) + 1,)
        Where the entries of each element begin, and where the last ones end.
    places : int64 array, shape (len(shape), entries)
        Their indices within an element.
    values : array, shape (entries,)
        Real, finite, and not zero.
    """

    batch: Shape
    shape: Shape
    starts: Array
    places: Array
    values: Array

    @classmethod
    def of(cls, value: Any, shape: Shape, where: str) -> "Entries":
        """Return the entries of a sparse array of SciPy, of shape ``(*batch, *shape)``.

        Entries at the same place are added up, as SciPy does. Of the result, zeros are left out.
        """
        whole = tuple(map(int, value.shape))
        batch = batch_of(whole, shape, where)
        checked_size(whole, where, most=_COUNTABLE)
        count = math.prod(batch)
        checked_size((count,), where)
        coordinates = value.tocoo()
        data = numeric_array(coordinates.data, where, finite=False)
        values, indices = as_floats(data), coordinates.coords
        if values.ndim != 1 or any(len(index) != len(values) for index in indices):
            lengths = [len(index) for index in indices]
            raise DcscError(f"{where}: expected {len(data)} indices on each axis, got {lengths}")
        axes = [
            flat_indices(index, length, f"{where}: indices on axis {axis}")
            for axis, (index, length) in enumerate(zip(indices, whole, strict=True))
        ]
        # Numbers of the entries in C order: where they do not rise, sort and add up.
        numbers = np.zeros(len(values), dtype=np.int64)
        for index, length in zip(axes, whole, strict=True):
            numbers *= length
            numbers += index
        places = np.stack(axes[len(batch) :]) if shape else np.zeros((0, len(values)), np.int64)
        if not (numbers[1:] > numbers[:-1]).all():
            order = np.argsort(numbers, kind="stable")
            numbers = numbers[order]
            first = np.flatnonzero(np.diff(numbers, prepend=-1))
            with np.errstate(over="ignore", invalid="ignore"):
                values = np.add.reduceat(values[order], first)
            numbers, places = numbers[first], places[:, order[first]]
        if not all_finite(values):
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            place = tuple(map(int, np.unravel_index(numbers[at], whole)))
            raise DcscError(f"{where}: expected finite numbers, got {values[at]} at {place}")
        kept = values != 0
        if not kept.all():
            numbers, places, values = numbers[kept], places[:, kept], values[kept]
        starts = np.searchsorted(numbers, np.arange(count + 1) * math.prod(shape))
        return cls(batch, shape, starts, places, values)

    @property
    def count(self) -> int:
        """The number of elements of the batch."""
        return len(self.starts) - 1

    @property
    def elements(self) -> Array:
        """Which element of the batch each entry is of."""
        return np.repeat(np.arange(self.count), np.diff(self.starts))

    def astype(self, dtype: "npt.DTypeLike") -> "Entries":
        """Return the entries with values of another dtype."""
        return attrs.evolve(self, values=self.values.astype(dtype, copy=False))

    def scaled(self, scales: Array) -> "Entries":
        """Return the entries of each element times an array of ``shape``; none becomes zero."""
        factors = scales[tuple(self.places)].astype(self.values.dtype)
        return attrs.evolve(self, values=self.values * factors)

    def part(self, first: int, stop: int) -> "Entries":
        """Return those of some elements of the batch, which becomes one axis."""
        starts = self.starts[first : stop + 1]
        inside = slice(starts[0], starts[-1])
        places, values = self.places[:, inside], self.values[inside]
        return Entries((len(starts) - 1,), self.shape, starts - starts[0], places, values)

    def mapped(self, function: Callable[[Array], Array], shape: Shape) -> Array:
        """Return ``(count, *shape)``, what a function of arrays makes of a few elements at once."""
        out = np.empty((self.count, *shape), self.values.dtype)
        piece = max(1, _PIECE_ENTRIES // max(math.prod(self.shape), 1))
        for first in range(0, self.count, piece):
            out[first : first + piece] = function(self.part(first, first + piece).unpacked())
        return out

    def unpacked(self) -> Array:
        """Return the array, ``(*batch, *shape)``."""
        out = np.zeros((self.count, *self.shape), self.values.dtype)
        out[self.elements, *self.places] = self.values
        return out.reshape(self.batch + self.shape)
