r"""The largest sums of sizes in one row of G: sought in single precision, decided in double.

The S largest sizes of a row have the S largest squares as well. So once they are sorted, running
sums give the row's part in μ₁(S) and in μ₂²(S) for every S, and none of it has to be done again for
another S.

In single precision a size is off by at most δ (`dcsc.dictionaries.alike.slack`). The largest sum of
S sizes of a row is then off by at most Sδ; that of S squares by :math:`2\delta s + S\delta^2`,
where s is the sum of sizes; and the energy e of a row of N entries, by Cauchy and Schwarz, by
:math:`2\delta\sqrt{Ne} + N\delta^2`. A row that stays below another one by more than both are off
has no part in the result, and only the others, few as a rule, are computed in double.
"""

from collections.abc import Callable, Iterable, Iterator

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc._numerics.products import product
from dcsc.dictionaries.alike import narrow_rows, slack

__all__ = [
    "Rivals",
    "energy_of_columns",
    "largest_energy",
    "largest_sums",
    "rows_of_gram",
    "sums_of_columns",
]

_ROWS = 256
_BLOCK_ENTRIES = 2**20
_PART_ENTRIES = 2**18
# Numbers that are kept of rows which are still in question.
_KEPT_ENTRIES = 2**22
# The rounding of a square in single precision.
_SQUARE = 2.0**-23
# Where all products take more multiplications, single precision comes first.
_SCREENED = 2**20
# If more than this share of the first rows is left, single precision tells too little.
_FEW = 4


# ---- rows in single precision ------------------------------------------------------------------


@attrs.define(eq=False)
class Rivals:
    """The atoms any of whose sums may be the largest, by what is known of the sums."""

    _floor: Array = attrs.field(init=False, factory=lambda: np.array(-np.inf))
    _kept: list[tuple[Array, Array]] = attrs.field(init=False, factory=list)
    _anyway: list[Array] = attrs.field(init=False, factory=list)

    def add(self, atoms: Array, sizes: Array, counts: Array, off: float) -> None:
        """Look at rows of sizes that are each off by at most so much.

        Parameters
        ----------
        atoms : array of int, shape (rows,)
        sizes : array, shape (rows, entries)
            The largest of each row, as many as the largest count or all there are, in any order.
        counts : array of int
            The S of the sums that are asked for.
        off : float
        """
        wide = counts * off
        for part in _parts(sizes):
            sums, squares = _sums_at(sizes[part], counts)
            room = np.broadcast_to(wide, sums.shape), 2 * off * sums + wide * off
            self._add(atoms[part], np.hstack([sums, squares]), np.hstack(room))

    def add_energies(self, atoms: Array, energies: Array, entries: int, off: float) -> None:
        """Look at rows by the sums of the squares of all sizes, each off by at most so much."""
        room = off * (2 * np.sqrt(entries * energies) + entries * off) + _SQUARE * energies
        self._add(atoms, energies[:, None], room[:, None])

    def _add(self, atoms: Array, near: Array, room: Array) -> None:
        """Look at sums ``(rows, sums)`` that are each off by at most some room."""
        if not len(atoms):
            return
        self._floor = np.maximum(self._floor, (near - room).max(axis=0))
        self._kept.append((atoms, near + room))
        if self._entries > _KEPT_ENTRIES:
            self._leave_out()
        if self._entries > _KEPT_ENTRIES // 2:
            self._anyway += [few for few, _ in self._kept]
            self._kept.clear()

    @property
    def _entries(self) -> int:
        return sum(most.size for _, most in self._kept)

    def _leave_out(self) -> None:
        within = [(most >= self._floor).any(axis=1) for _, most in self._kept]
        pairs = zip(self._kept, within, strict=True)
        self._kept = [(atoms[few], most[few]) for (atoms, most), few in pairs]

    def atoms(self) -> Array:
        """Return their flat indices, in order."""
        self._leave_out()
        found = [*self._anyway, *(atoms for atoms, _ in self._kept)]
        return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.intp)


# ---- rows in double precision ------------------------------------------------------------------


def _rows(columns: Array, atoms: Array) -> Iterator[Array]:
    """Yield the sizes of the inner products of some columns with all others, block by block."""
    block = max(1, _BLOCK_ENTRIES // columns.shape[1])
    for start in range(0, len(atoms), block):
        part = atoms[start : start + block]
        rows = product(columns[:, part].T, columns)
        rows[np.arange(len(part)), part] = 0
        yield np.abs(rows, out=rows)


def rows_of_gram(atoms: Array, rows: "scipy.sparse.csr_array") -> Array:
    """Return the sizes in rows of G without the diagonal, ``(rows, entries)``, zeros at the end."""
    rows.sum_duplicates()
    sizes, lengths = np.abs(rows.data), np.diff(rows.indptr)
    sizes[rows.indices == np.repeat(atoms, lengths)] = 0
    width = max(int(lengths.max(initial=0)), 1)
    if (lengths == width).all():
        return np.asarray(sizes.reshape(len(atoms), width))
    filled = np.zeros((len(atoms), width))
    filled[np.arange(width) < lengths[:, None]] = sizes
    return filled


def largest_sums(rows: Iterable[Array], counts: Array) -> Array:
    """Return the largest sums of so many sizes of one row, and of their squares, ``(2, counts)``.

    ``rows`` are blocks ``(rows, entries)`` of sizes. Where a row has fewer entries than a count,
    what exists is summed.
    """
    largest, most = np.zeros((2, len(counts))), int(counts.max())
    for sizes in rows:
        chosen = _largest(sizes, most)
        for part in _parts(chosen):
            sums = _sums_at(chosen[part], counts)
            largest = np.maximum(largest, [one.max(axis=0) for one in sums])
    return largest


def largest_energy(rows: Iterable[Array]) -> float:
    """Return the largest sum of the squares of all sizes of one row."""
    energies = (np.square(sizes, out=sizes).sum(axis=1).max(initial=0.0) for sizes in rows)
    return float(max(energies, default=0.0))


def _largest(sizes: Array, most: int) -> Array:
    """Return the largest of each row, as many as asked for or all there are, in any order."""
    if most >= sizes.shape[1]:
        return sizes
    sizes.partition(-most, axis=1)
    return sizes[:, -most:]


def _parts(sizes: Array) -> Iterator[slice]:
    """Yield some rows at a time, of which several copies take little room."""
    block = max(1, _PART_ENTRIES // sizes.shape[1])
    return (slice(start, start + block) for start in range(0, len(sizes), block))


def _sums_at(sizes: Array, counts: Array) -> tuple[Array, Array]:
    """Return the sums of so many of the largest sizes of each row, and of their squares.

    There are no more sizes than the largest count.
    """
    wide = sizes.astype(np.float64)
    if len(counts) == 1:
        return wide.sum(axis=1, keepdims=True), np.square(wide).sum(axis=1, keepdims=True)
    wide.sort(axis=1)
    falling, at = wide[:, ::-1], np.minimum(counts, wide.shape[1]) - 1
    sums = np.cumsum(falling, axis=1)[:, at]
    return sums, np.cumsum(np.square(falling, out=falling), axis=1)[:, at]


# ---- columns -----------------------------------------------------------------------------------


def sums_of_columns(columns: Array, counts: Array) -> Array:
    """Return what `largest_sums` does, of the inner products of columns of norm at most 1."""
    off, most = slack(len(columns)), int(counts.max())

    def look(rivals: Rivals, atoms: Array, sizes: Array) -> None:
        rivals.add(atoms, _largest(sizes, most), counts, off)

    return largest_sums(_rows(columns, _rivals(columns, look)), counts)


def energy_of_columns(columns: Array) -> float:
    """Return what `largest_energy` does, of the inner products of columns of norm at most 1."""
    off = slack(len(columns))

    def look(rivals: Rivals, atoms: Array, sizes: Array) -> None:
        energies = np.square(sizes, out=sizes).sum(axis=1, dtype=np.float64)
        rivals.add_energies(atoms, energies, sizes.shape[1], off)

    return largest_energy(_rows(columns, _rivals(columns, look)))


def _rivals(columns: Array, look: Callable[[Rivals, Array, Array], None]) -> Array:
    """Return the columns that are left when all rows were looked at in single precision."""
    every = np.arange(columns.shape[1])
    if columns.size * len(every) < _SCREENED:
        return every
    rivals, narrow = Rivals(), narrow_rows(columns)
    for start in range(0, len(every), _ROWS):
        rows = product(narrow[start : start + _ROWS], narrow.T)
        np.fill_diagonal(rows[:, start:], 0)
        look(rivals, every[start : start + _ROWS], np.abs(rows, out=rows))
        if start == 0 and len(rivals.atoms()) * _FEW > len(rows):
            return every
    return rivals.atoms()
