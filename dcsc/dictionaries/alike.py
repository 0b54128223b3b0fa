"""The most alike of many columns: sought in single precision, decided in double.

Of a symmetric product only one half is formed, tile by tile. In float32 the inner product of two
columns of length d and unit norm is off by at most :math:`(d + 8) 2^{-24}`, in whatever order it is
summed. So a pair that is smaller than the largest ones by more than that is none of them, and only
those that are left, few as a rule, are computed in float64.
"""

from collections.abc import Callable, Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.products import product

__all__ = ["Alike", "Watch", "babel_function", "most_alike"]

_TILE = 1024
_ROWS = 256
_FEW = 64  # a tile with more than this share of its pairs left is computed as a whole

Watch = Callable[[slice, slice, Array], None]


@attrs.frozen(eq=False)
class Alike:
    """Pairs of columns with the largest inner products: the largest first, then in C order."""

    rows: Array
    columns: Array
    values: Array

    def joined(self, other: "Alike", count: int) -> "Alike":
        """Return the first pairs of both."""
        rows, columns, values = (
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("rows", "columns", "values")
        )
        order = np.lexsort((columns, rows, -np.abs(values)))[:count]
        return Alike(rows[order], columns[order], values[order])


def _tiles(rows: int, columns: int, symmetric: bool) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of a matrix; of a symmetric one those on the diagonal and above."""
    for first in range(0, rows, _TILE):
        for second in range(first if symmetric else 0, columns, _TILE):
            yield slice(first, first + _TILE), slice(second, second + _TILE)


def most_alike(
    left: Array, right: Array | None = None, count: int = 1, watch: Watch | None = None
) -> Alike:
    """Return the pairs of columns i ≠ j whose inner products are the largest, with their signs.

    Parameters
    ----------
    left : array, shape (samples, n)
        Columns of unit norm, or 0.
    right : array, shape (samples, n), optional
        What its columns are paired with; by default those of ``left``, each pair i < j once.
    count : int, default 1
        How many pairs; fewer if there are no more that are not 0.
    watch : callable, optional
        Is given the rows and columns of every tile, and its products in float32, 0 where there is
        no such pair.
    """
    symmetric = right is None
    other = left if right is None else right
    narrow = _rows(left)
    narrow_other = narrow if right is None else _rows(right)
    slack = (len(left) + 8) * 2.0**-24
    best = Alike(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))
    for rows, columns in _tiles(left.shape[1], other.shape[1], symmetric):
        near = product(narrow[rows], narrow_other[columns].T)
        _leave_out(near, rows, columns, symmetric)
        if watch is not None:
            watch(rows, columns, near)
        floor = abs(best.values[-1]) - slack if len(best.values) == count else 0.0
        if not near.size or max(near.max(), -near.min()) < floor:
            continue
        at = np.flatnonzero(np.abs(near) >= floor)
        if len(at) * _FEW > near.size:
            exact = product(left[:, rows].T, other[:, columns])
            _leave_out(exact, rows, columns, symmetric)
            at = _largest(np.abs(exact).ravel(), count)
            values = exact.ravel()[at]
        else:
            i, j = np.divmod(at, near.shape[1])
            values = np.einsum("dp,dp->p", left[:, rows][:, i], other[:, columns][:, j])
        i, j = np.divmod(at[values != 0], near.shape[1])
        pairs = Alike(i + rows.start, j + columns.start, values[values != 0])
        best = best.joined(pairs, count)
    return best


def _rows(columns: Array) -> Array:
    """Return columns in float32, one after the other in memory."""
    return np.ascontiguousarray(columns.T, dtype=np.float32)


def _leave_out(products: Array, rows: slice, columns: slice, symmetric: bool) -> None:
    """Set to zero what is no pair, in place: the diagonal, and what lies below if it is symmetric.

    Tiles are squares of one size, so that only those on the diagonal hold any.
    """
    if rows.start == columns.start and symmetric:
        products[np.tril_indices(len(products), 0, products.shape[1])] = 0
    elif rows.start == columns.start:
        np.fill_diagonal(products, 0)


def _largest(sizes: Array, count: int) -> Array:
    """Return where the largest are, with all ties of the last of them."""
    if len(sizes) <= count:
        return np.arange(len(sizes))
    return np.flatnonzero(sizes >= np.partition(sizes, -count)[-count])


def babel_function(columns: Array, most: int) -> Array:
    """Return μ₁(S) of columns of unit norm, for S from 1 to ``most``, or to all others there are.

    μ₁(S) is the largest sum of the S largest of a column's absolute inner products with others.
    Rows that single precision leaves in question are computed again in double.
    """
    others = columns.shape[1] - 1
    most = min(most, others)
    if most < 1:
        return np.zeros(0)
    narrow = _rows(columns)
    near = np.concatenate(
        [_largest_sums(product(narrow[part], narrow.T), part, most) for part in _parts(others + 1)]
    )
    # Each of S terms may be off by the slack, of a row and of the largest one.
    slack = 2 * (len(columns) + 8) * 2.0**-24 * np.arange(1, most + 1)
    open_ = np.flatnonzero((near >= near.max(axis=0) - slack).any(axis=1))
    largest = np.zeros(most)
    for part in _parts(len(open_)):
        rows = open_[part]
        sums = _largest_sums(product(columns[:, rows].T, columns), rows, most)
        largest = np.maximum(largest, sums.max(axis=0))
    return largest


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, count, _ROWS))


def _largest_sums(products: Array, rows: slice | Array, most: int) -> Array:
    """Return for every row the sums of its largest sizes, 1 to ``most`` of them, in float64."""
    sizes = np.abs(products, out=products)
    at = np.arange(sizes.shape[1])[rows]
    sizes[np.arange(len(at)), at] = 0
    largest = np.partition(sizes, -most, axis=1)[:, -most:]
    largest.sort(axis=1)
    return np.cumsum(largest[:, ::-1], axis=1, dtype=np.float64)
