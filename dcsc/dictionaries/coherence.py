"""Coherence and Babel functions of dictionaries of shifted filters."""

import math
import threading
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.scaling import restored
from dcsc.dictionaries.axes import AtomAxis, ShiftedFilters
from dcsc.dictionaries.correlations import (
    Meeting,
    Table,
    all_tables,
    visit_tables,
)
from dcsc.dictionaries.gram import NEGLIGIBLE, Entry

__all__ = ["babel", "most_coherent"]

# What is held beside the filters: two tables for each thread, and rows of G for Babel functions.
_TABLE_BYTES = 2**22
_POOL_BYTES = 2**25

# Per axis, the taps [first, last) of an atom that lie inside the extent.
Cut = tuple[tuple[int, int], ...]


def most_coherent(shifted: ShiftedFilters) -> Entry:
    """Return two distinct atoms, not negligible, and the absolute cosine, which is the largest."""
    taps = shifted.scaled()
    cuts = _cuts(shifted.axes)
    with np.errstate(over="ignore"):
        energies = np.square(taps).sum(axis=-1)

    # |a_k| of all filters at once, for each way in which the border cuts atoms.
    @cache
    def lengths(cut: Cut) -> Array:
        inside = energies[:, :, *(slice(*bounds) for bounds in cut)]
        return np.asarray(np.sqrt(inside.reshape(*taps.shape[:2], -1).sum(axis=2)))

    positions = shifted.representatives()
    least = NEGLIGIBLE * max(float(lengths(cuts(p)).max()) for p in positions)

    @cache
    def inverse(cut: Cut) -> Array:
        norm = lengths(cut)
        return np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > least)

    # Inner products come table by table; one serves all pairs of positions that meet alike.
    tables = all_tables(shifted.axes, positions, symmetric=True)
    entries = [Entry(0, 0, 0.0)]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        # Pairs of positions with the same cuts have the same cosines: one of each will do.
        ends: dict[tuple[Cut, Cut], tuple[Shape, Shape]] = {}
        for use in table.uses:
            p, q = (use.q, use.p) if use.swapped else (use.p, use.q)
            ends.setdefault((cuts(p), cuts(q)), (p, q))
        for (first, second), (p, q) in ends.items():
            # |⟨a_k, a_j⟩| / |a_k| |a_j|, and the largest of them.
            scaled = np.multiply(values, inverse(second)[:, None], out=spare)
            best = scaled.max(axis=2) * inverse(first)[:, rows]
            group, row = divmod(int(best.argmax()), best.shape[1])
            value = min(float(best[group, row]), 1.0)
            if value >= entries[-1].value:
                i, j = rows.start + row, int(scaled[group, row].argmax())
                atoms = shifted.atom(group, i, p), shifted.atom(group, j, q)
                entries.append(Entry(min(atoms), max(atoms), value))

    ranges = list(_ranges(taps.shape[1], _TABLE_BYTES // (8 * len(shifted.taps))))
    visit_tables(tables, taps, ranges, visit)
    # Of equal entries the first: the result must not depend on which thread came first.
    return min(entries, key=lambda entry: (-entry.value, entry.row, entry.column))


def babel(shifted: ShiftedFilters, sparsity: int, power: int) -> float:
    """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row.

    Raises FloatingPointError where no float holds it.
    """
    if sparsity == 0:
        return 0.0
    taps, scale = shifted.scaled(), shifted.scale
    (groups, n), positions = taps.shape[:2], shifted.representatives()
    if sparsity == 1:
        largest = _largest(shifted, taps, positions)
        return restored(largest**power, 2 * power * scale)
    meeting = (len(Meeting.along(axis).turns) for axis in shifted.axes)
    total = n * math.prod(map(min, meeting, shifted.positions))
    width = min(sparsity, total)
    room = min(max(width, 4 * n), total - width)
    row = 8 * groups * (width + room)
    ranges = list(_ranges(n, min(_TABLE_BYTES // (8 * groups * n), _POOL_BYTES // row)))
    together = max(1, _POOL_BYTES // (row * (ranges[0].stop - ranges[0].start)))
    sums = [0.0]
    for start in range(0, len(positions), together):
        batch = positions[start : start + together]
        tables = all_tables(shifted.axes, batch, symmetric=len(ranges) == 1)
        for rows in ranges:
            pools = {p: _Pool((groups, rows.stop - rows.start), width, room) for p in batch}
            _fill(pools, tables, taps, rows, power)
            sums.extend(pool.largest_sum() for pool in pools.values())
    return restored(max(sums), 2 * power * scale)


def _fill(
    pools: dict[Shape, "_Pool"], tables: list[Table], taps: Array, rows: slice, power: int
) -> None:
    lock = threading.Lock()

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        powers = np.square(values, out=values) if power == 2 else values
        with lock:
            for use in table.uses:
                pools[use.p].add(powers.swapaxes(1, 2) if use.swapped else powers)

    visit_tables(tables, taps, [rows], visit)


def _largest(shifted: ShiftedFilters, taps: Array, positions: list[Shape]) -> float:
    """Return the largest off-diagonal |G_kj|."""
    tables = all_tables(shifted.axes, positions, symmetric=True)
    maxima = [0.0]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        maxima.append(float(values.max()))

    ranges = list(_ranges(taps.shape[1], _TABLE_BYTES // (8 * len(shifted.taps))))
    visit_tables(tables, taps, ranges, visit)
    return max(maxima)


class _Pool:
    """The largest entries of some rows, of all that were added."""

    def __init__(self, rows: Shape, kept: int, room: int) -> None:
        self.entries = np.empty((*rows, kept + room))
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

    def largest_sum(self) -> float:
        self._shrink()
        # Sorted, so that the result does not depend on which thread came first, not even by
        # rounding.
        self.entries[..., : self.filled].sort(axis=-1)
        return float(self.entries[..., : self.filled].sum(axis=-1).max(initial=0.0))


def _cuts(axes: tuple[AtomAxis, ...]) -> Callable[[Shape], Cut]:
    """Return a function that tells which taps of the atoms at a position lie inside."""

    @cache
    def line(axis: AtomAxis, p: int) -> tuple[int, int]:
        (first,), (last,) = axis.kept(np.array([p]))
        return int(first), int(last)

    return lambda position: tuple(map(line, axes, position))


def _ranges(count: int, most: int) -> Iterator[slice]:
    """Yield ranges of filters of at most ``most`` each."""
    step = min(max(1, most), count)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
