"""What a relaxation is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from dcsc._arrays import Array, numeric_array
from dcsc._numerics.scaling import norms
from dcsc.errors import DcscError
from dcsc.intervals import Interval

__all__ = [
    "ROUNDING",
    "Box",
    "Parts",
    "Relaxation",
    "negative",
    "outward",
    "positive",
    "product",
    "rounding",
    "weighted",
]

Box: TypeAlias = Interval[Array]
"""Two arrays of one shape, between which every entry of a third one lies."""

Parts: TypeAlias = tuple[Array | None, ...]

ROUNDING = 1e-12
"""By how much ends are moved outward at least, relative to the absolute terms of their sums."""

_LEAST_SQUARE = 1e-290  # smaller sums of squares have few digits


class Relaxation(ABC):
    r"""An operation f on all inputs within some intervals.

    A subclass has the fields ``low`` and ``high``, shape (batch, ...), and the hook ``_lower``.

    Laws, for all inputs x within the intervals and all rows r of the shape of the result:

    - :math:`\text{low} \le f(x) \le \text{high}`
    - :math:`\langle r, f(x)\rangle \ge \sum_i \langle p_i, x_i\rangle + c` for the parts p and the
      constant c of ``lower(r)``

    An upper bound is a lower one of −r. `dcsc.testing.check_operation` tries them.
    """

    low: Array
    high: Array

    @property
    def box(self) -> Box:
        """The two ends of the result."""
        return Interval(self.low, self.high)

    @property
    def exposure(self) -> Array:
        """The largest sum of absolute terms that makes each entry of the result.

        Of it stems the room for rounding in `lower`.
        """
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def vague(self) -> Array | None:
        """Which entries of its only input are worth knowing better; None is all of them."""
        return None

    def lower(self, rows: Array) -> tuple[Parts, Array]:
        """Return a lower bound of combinations of the result, affine in the inputs.

        Parameters
        ----------
        rows : array, shape (rows, ...)
            A combination each; the batch of the intervals is one input, or one for each row.

        Returns
        -------
        parts : tuple of array or None
            For each input what multiplies it, shape (rows, ...); None where it is known.
        constant : array, shape (rows,)
        """
        array = numeric_array(rows, f"{type(self).__name__}.lower: rows", finite=False)
        if array.shape[1:] != self.low.shape[1:] or array.ndim < 1:
            raise DcscError(
                f"{type(self).__name__}.lower: rows: expected shape (rows, "
                f"{', '.join(map(str, self.low.shape[1:]))}), got {array.shape}"
            )
        parts, constant = self._lower(array)
        return parts, constant - self._room(array)

    def _room(self, rows: Array) -> Array:
        """Return what rounding may add to each row: at most what |row| makes of the exposure.

        The product of their norms is more than that, and found in one look at the row.
        """
        sizes, line = rows.reshape(len(rows), -1), np.max(self.exposure, axis=0).reshape(-1)
        places = np.flatnonzero(line)
        if len(places) < len(line) / 2:
            sizes = sizes[:, places]
        return rounding(line.size) * _norms(sizes) * _norms(line[None])

    @abstractmethod
    def _lower(self, rows: Array) -> tuple[Parts, Array]:
        """Return the parts and the constant for rows that fit."""


def _norms(rows: Array) -> Array:
    """Return the norm of each row, in a pass that is faster where squares are numbers."""
    squares = np.einsum("ij,ij->i", rows, rows)
    out = np.sqrt(squares)
    (hard,) = np.nonzero((squares < _LEAST_SQUARE) | np.isinf(squares))
    out[hard] = norms(rows[hard], (1,))
    return out


def rounding(terms: int) -> float:
    """Return the most by which a sum of so many terms is rounded, relative to their sizes."""
    return max(ROUNDING, terms * float(np.finfo(np.float64).eps))


def outward(low: Array, high: Array) -> Box:
    """Return two ends with room for the rounding of each of them."""
    return Interval(low - ROUNDING * np.abs(low), high + ROUNDING * np.abs(high))


def positive(rows: Array) -> Array:
    """Return the positive part."""
    return np.maximum(rows, 0)


def negative(rows: Array) -> Array:
    """Return the negative part, with its sign."""
    return np.minimum(rows, 0)


def product(rows: Array, line: Array) -> Array:
    """Return a matrix times a vector; threads, which BLAS would take, are not worth it."""
    result: Array = np.einsum("ij,j->i", rows, line)
    return result


def weighted(function: Callable[[Array], Array], rows: Array, weights: Array) -> Array:
    """Return the sum of weights × function(rows) for each row; most weights may be zeros."""
    if len(weights) > 1:  # of each row its own
        return (function(rows) * weights).reshape(len(rows), -1).sum(axis=1)
    flat, line = rows.reshape(len(rows), -1), weights.reshape(-1)
    places = np.flatnonzero(line)
    if len(places) < len(line) / 2:
        flat, line = flat[:, places], line[places]
    return product(function(flat), line)
