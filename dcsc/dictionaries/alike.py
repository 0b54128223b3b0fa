"""The most alike of many columns: sought in single precision, decided in double.

Of a symmetric product only one half is formed, tile by tile. A pair that is smaller in float32 than
the largest ones by more than rounding is none of them, and only those that are left, few as a rule,
are computed in float64.
"""

import math
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.products import product
from dcsc.dictionaries.gram import Entry

__all__ = ["Alike", "Watch", "most_alike", "narrow_rows", "slack"]

_TILE = 1024
_FEW = 64  # a tile with more than this share of its pairs left is computed as a whole

Watch = Callable[[slice, slice, Array], None]


def slack(terms: int) -> float:
    r"""Return by how much float32 may miss an inner product of so many terms and norms at most 1.

    Each term is rounded twice on its way in, once when it is multiplied, and once in each sum, so
    that in whatever order it is summed the result is off by at most :math:`(1 + u)^{d + 2} - 1` for
    d terms and :math:`u = 2^{-24}` (Higham, "Accuracy and stability", 2002, 3.1). Six more
    roundings stand for what a factor for each column, double precision and underflow add.
    """
    return math.expm1((terms + 8) * 2.0**-24)


@attrs.frozen(eq=False)
class Alike:
    """Pairs of columns with the largest inner products: the largest first, then in C order."""

    rows: Array
    columns: Array
    values: Array

    @property
    def entry(self) -> Entry:
        """The first pair, and how large its inner product is; 0 if there is no pair."""
        if not len(self.values):
            return Entry(0, 0, 0.0)
        return Entry(int(self.rows[0]), int(self.columns[0]), abs(float(self.values[0])))

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
        Columns of norm at most 1.
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
    narrow = narrow_rows(left)
    narrow_other = narrow if right is None else narrow_rows(right)
    off = slack(len(left))
    best = Alike(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))
    for rows, columns in _tiles(left.shape[1], other.shape[1], symmetric):
        near = product(narrow[rows], narrow_other[columns].T)
        _leave_out(near, rows, columns, symmetric)
        if watch is not None:
            watch(rows, columns, near)
        floor = abs(best.values[-1]) - off if len(best.values) == count else 0.0
        if not near.size or max(near.max(), -near.min()) < floor:
            continue
        sizes = np.abs(near)
        # Nor is a pair that so many of the same tile are certainly larger than.
        if count == 1:
            floor = max(floor, float(sizes.max()) - 2 * off)
        at = np.flatnonzero(sizes >= floor)
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


def narrow_rows(columns: Array) -> Array:
    """Return columns in float32, one after the other in memory."""
    return np.ascontiguousarray(columns.T, dtype=np.float32)


def _leave_out(products: Array, rows: slice, columns: slice, symmetric: bool) -> None:
    """Set to zero what is no pair, in place: the diagonal, and what lies below if it is symmetric.

    Tiles are squares of one size, so that only those on the diagonal hold any.
    """
    if rows.start == columns.start and symmetric:
        np.putmask(products, np.tri(*products.shape, dtype=np.bool_), 0)
    elif rows.start == columns.start:
        np.fill_diagonal(products, 0)


def _largest(sizes: Array, count: int) -> Array:
    """Return where the largest are, with all ties of the last of them."""
    if len(sizes) <= count:
        return np.arange(len(sizes))
    return np.flatnonzero(sizes >= np.partition(sizes, -count)[-count])
