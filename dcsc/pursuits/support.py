"""A support that grows by an atom at a time, with the least squares on it."""

import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.dictionaries.rows import Near
from dcsc.pursuits.taking import take_atoms

__all__ = ["Support"]

# Gram rows are fetched together with those of the atoms that are likely to follow.
_TOGETHER = 64
_ROOM = 64
_BLOCK = 16
_NOTHING = Near(np.zeros((0, 0, 0)), *np.zeros((2, 0, 0), dtype=np.int32))


class Support:
    """Atoms T in the order in which they came, and x_T with ``A_Tᵀ(y − A_T x_T) = 0``.

    Parameters
    ----------
    operator : Dictionary
    coefficients : array of shape (atoms,)
        Aᵀy.
    inverse : array of shape (atoms,)
        1/‖a_k‖, or 0 for atoms that are never taken.
    near : Near, optional
        What every atom has with those near it, with its sign, if the operator keeps that.
    """

    def __init__(
        self, operator: Dictionary, coefficients: Array, inverse: Array, near: Near | None
    ) -> None:
        self._operator, self._coefficients = operator, coefficients
        # ⟨a_k, r⟩ for the residual r, how large it is for an atom of norm 1, and the best of a few.
        count = len(coefficients)
        self._left, self._inverse = coefficients.copy(), inverse.copy()
        self._sizes = np.zeros((-(-count // _BLOCK), _BLOCK))
        self._sizes.ravel()[:count] = np.abs(coefficients) * inverse
        self._largest = self._sizes.max(axis=1)
        # The atoms, and the Cholesky factor of G_TT, in arrays with room.
        self._place, self._size = np.full(count, -1), 0
        self._atoms, self._factor = np.zeros(_ROOM, dtype=np.int64), np.zeros((_ROOM, _ROOM))
        # Rows of the Gram matrix, one behind the other: of the atoms in use where tables hold all
        # of them, and otherwise as they are asked for.
        self._tables = near if near is not None else _NOTHING
        self._row_of, self._ends = np.full(count, -1), np.zeros(1, dtype=np.int64)
        self._columns, self._values = np.zeros(0, dtype=np.int64), np.zeros(0)
        self._make_room()

    @property
    def atoms(self) -> Array:
        """T, flat indices."""
        return self._atoms[: self._size]

    @property
    def largest(self) -> float:
        """The largest ``|⟨a_k, r⟩| / ‖a_k‖`` of an atom that can be taken."""
        return float(self._largest.max())

    def grow(self, most: int, level: float) -> None:
        """Take the best atoms until there are so many, or none is above the level, or depends."""
        over, near = False, self._tables
        while not over:
            self._size, over = take_atoms(
                near.tables, near.ways, near.at, self._row_of, self._ends, self._columns,
                self._values, self._place, self._atoms, self._factor, self._left, self._inverse,
                self._sizes, self._largest, self._size, most, level,
            )  # fmt: skip
            if not over and self._size == len(self._atoms):
                self._make_room()
            elif not over:
                self._fetch()

    def solve(self) -> Array:
        """Return x_T, solved from Aᵀy, and not from what is left, where rounding has added up."""
        factor = self._factor[: self._size, : self._size]
        if not self._size:
            return np.zeros(0)
        w = scipy.linalg.solve_triangular(factor, self._coefficients[self.atoms], lower=True)
        return np.asarray(scipy.linalg.solve_triangular(factor, w, lower=True, trans=1))

    def _make_room(self) -> None:
        size = room = len(self._atoms)
        if size == self._size:
            room = 2 * size
            self._atoms = _larger(self._atoms, room)
            self._factor = np.pad(self._factor, (0, size))
        if len(self._tables.tables):
            self._ends = _larger(self._ends, room + 1)
            entries = room * self._tables.ways.shape[1] * self._tables.tables.shape[2]
            stores = self._columns, self._values
            self._columns, self._values = (_larger(x, entries) for x in stores)

    def _fetch(self) -> None:
        """Fetch the row of the best atom, and of the best ones of other blocks with it."""
        count = min(_TOGETHER, len(self._largest))
        blocks = np.argpartition(self._largest, -count)[-count:]
        blocks = np.append(self._largest.argmax(), blocks[self._largest[blocks] > 0])
        likely = np.unique(blocks * _BLOCK + self._sizes[blocks].argmax(axis=1))
        wanted = likely[self._row_of[likely] < 0]
        rows = self._operator.gram_rows(wanted)
        self._row_of[wanted] = len(self._ends) - 1 + np.arange(len(wanted))
        entries = self._ends[-1]
        self._ends = np.append(self._ends, entries + rows.indptr[1:])
        stop = int(self._ends[-1])
        if stop > len(self._values):
            stores = self._columns, self._values
            self._columns, self._values = (_larger(x, 2 * stop) for x in stores)
        self._columns[entries:stop], self._values[entries:stop] = rows.indices, rows.data


def _larger(array: Array, room: int) -> Array:
    larger = np.zeros(room, array.dtype)
    larger[: len(array)] = array
    return larger
