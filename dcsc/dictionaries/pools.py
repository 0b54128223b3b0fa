"""The largest sums along the rows of G, for dictionaries of shifted filters.

The largest sizes of some rows are kept in pools while tables go by. Of large filters the pools are
first filled in single precision; rows that may have a largest sum, if they are few, are then
computed in double, and otherwise all pools again.
"""

import math
import threading
from collections.abc import Iterator

import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.dictionaries.alike import slack
from dcsc.dictionaries.axes import ShiftedFilters
from dcsc.dictionaries.coherence import columns, most_correlated, narrowed, screened
from dcsc.dictionaries.correlations import Meeting, Piece, all_tables, row_ranges, visit_tables
from dcsc.dictionaries.rows import gram_rows
from dcsc.dictionaries.sums import (
    Rivals,
    energy_of_columns,
    largest_sums,
    rows_of_gram,
    sums_of_columns,
)

__all__ = ["energy_of_shifted", "sums_of_shifted"]

# What is held beside the filters and two tables for each thread: the largest of some rows of G.
_POOL_BYTES = 2**25
# Numbers that are held of tables until they are added up.
_HELD_ENTRIES = 2**20
# More than this share of all rows are not computed one by one.
_FEW = 8


def sums_of_shifted(shifted: ShiftedFilters, counts: Array) -> Array:
    """Return the largest sums of so many sizes of a row, and of their squares, ``(2, counts)``.

    They are those of ``G·2^(−2·scale)``.
    """
    if counts.tolist() == [1]:
        largest = most_correlated(shifted).value
        return np.array([[largest], [largest**2]])
    shifted = shifted.turned.shifted  # no order of the axes changes a sum
    taps, positions = shifted.scaled(), shifted.representatives()
    alone = columns(shifted, all_tables(shifted.axes, positions, symmetric=True), taps)
    if alone is not None:
        return sums_of_columns(alone, counts)
    if screened(taps):
        rivals, off = Rivals(), slack(taps[0, 0].size)
        for atoms, sizes in _pools(shifted, narrowed(taps), int(counts.max())):
            rivals.add(atoms, sizes, counts, off)
        atoms = rivals.atoms()
        if len(atoms) * _FEW <= len(shifted.taps) * len(positions):
            return largest_sums(_rows(shifted, atoms), counts)
    # Sorted, so that the result does not depend on which thread came first, not even by rounding.
    pools = _pools(shifted, taps, int(counts.max()))
    return largest_sums((np.sort(sizes, axis=1) for _, sizes in pools), counts)


def energy_of_shifted(shifted: ShiftedFilters) -> float:
    """Return the largest sum of the squares of all sizes of a row of ``G·2^(−2·scale)``."""
    shifted = shifted.turned.shifted
    taps, positions = shifted.scaled(), shifted.representatives()
    tables = all_tables(shifted.axes, positions, symmetric=True)
    alone = columns(shifted, tables, taps)
    if alone is not None:
        return energy_of_columns(alone)
    energies = {p: np.zeros(taps.shape[:2]) for p in positions}

    # A table serves its rows at some pairs of positions, and its columns at the opposite ones.
    def visit(piece: Piece, values: Array, spare: Array) -> dict[bool, Array]:
        squares = np.square(values, out=spare)
        sides = {use.swapped for use in piece.table.uses}
        return {swapped: squares.sum(axis=1 if swapped else 2) for swapped in sides}

    pieces = [Piece(rows, table) for rows in row_ranges(taps) for table in tables]
    together = max(1, _HELD_ENTRIES // len(shifted.taps))
    for start in range(0, len(pieces), together):
        some = pieces[start : start + together]
        for piece, sums in zip(some, visit_tables(some, taps, visit), strict=True):
            for use in piece.table.uses:
                filters = slice(None) if use.swapped else piece.rows
                energies[use.p][:, filters] += sums[use.swapped]
    return float(max(energy.max() for energy in energies.values()))


def _rows(shifted: ShiftedFilters, atoms: Array) -> Iterator[Array]:
    """Yield rows of sizes in double precision."""
    block = max(1, _POOL_BYTES // (32 * _longest(shifted)))
    for start in range(0, len(atoms), block):
        part = atoms[start : start + block]
        yield rows_of_gram(part, gram_rows(shifted, part, shifted.scale))


def _longest(shifted: ShiftedFilters) -> int:
    """Return how many entries a row has at the most."""
    meeting = (len(Meeting.along(axis).turns) for axis in shifted.axes)
    per_group = len(shifted.taps) // shifted.groups
    return per_group * math.prod(map(min, meeting, shifted.positions))


def _pools(shifted: ShiftedFilters, taps: Array, most: int) -> Iterator[tuple[Array, Array]]:
    """Yield flat indices of atoms and the largest sizes of their rows, in any order."""
    (groups, n), positions = taps.shape[:2], shifted.representatives()
    total = _longest(shifted)
    width = min(most, total)
    room = min(max(width, 4 * n), total - width)
    row = taps.itemsize * groups * (width + room)
    ranges = row_ranges(taps, _POOL_BYTES // row)
    together = max(1, _POOL_BYTES // (row * (ranges[0].stop - ranges[0].start)))
    for start in range(0, len(positions), together):
        batch = positions[start : start + together]
        tables = all_tables(shifted.axes, batch, symmetric=len(ranges) == 1)
        for rows in ranges:
            shape = groups, rows.stop - rows.start
            pools = {p: _Pool(shape, width, room, taps.dtype) for p in batch}
            _fill(pools, [Piece(rows, table) for table in tables], taps)
            numbers = np.add.outer(np.arange(groups) * n, np.arange(rows.start, rows.stop)).ravel()
            for p, pool in pools.items():
                first = int(np.ravel_multi_index(p, shifted.positions))
                yield numbers * math.prod(shifted.positions) + first, pool.largest()


def _fill(pools: dict[Shape, "_Pool"], pieces: list[Piece], taps: Array) -> None:
    lock = threading.Lock()

    def visit(piece: Piece, values: Array, spare: Array) -> None:
        with lock:
            for use in piece.table.uses:
                pools[use.p].add(values.swapaxes(1, 2) if use.swapped else values)

    visit_tables(pieces, taps, visit)


class _Pool:
    """The largest entries of some rows, of all that were added."""

    def __init__(self, rows: Shape, kept: int, room: int, dtype: np.dtype[np.floating]) -> None:
        self.entries = np.empty((*rows, kept + room), dtype=dtype)
        self.kept, self.filled = kept, 0

    def add(self, columns: Array) -> None:
        if self.filled + columns.shape[-1] > self.entries.shape[-1]:
            self._shrink()
        stop = self.filled + columns.shape[-1]
        self.entries[..., self.filled : stop] = columns
        self.filled = stop

    def _shrink(self) -> None:
        if self.filled > self.kept:
            self.entries[..., : self.filled].partition(self.filled - self.kept, axis=-1)
            best = self.entries[..., self.filled - self.kept : self.filled]
            self.entries[..., : self.kept] = best
            self.filled = self.kept

    def largest(self) -> Array:
        """Return the largest of each row, ``(rows, entries)``."""
        self._shrink()
        if not self.filled:  # no atom meets these
            return np.zeros((math.prod(self.entries.shape[:-1]), 1), dtype=self.entries.dtype)
        return self.entries[..., : self.filled].reshape(-1, self.filled)
