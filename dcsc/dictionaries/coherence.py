"""Coherence, Babel functions and Gram rows of dictionaries of shifted filters."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import scipy.sparse

from dcsc._arrays import Array, Shape
from dcsc._numerics import lay_rows
from dcsc._numerics.scaling import check_square, restored, times_power
from dcsc._threads import OneBlasThread, share
from dcsc.dictionaries.axes import AtomAxis, ShiftedFilters
from dcsc.dictionaries.correlations import (
    Meeting,
    Table,
    Terms,
    all_tables,
    cut_terms,
    multiply,
    visit_tables,
)
from dcsc.dictionaries.gram import NEGLIGIBLE, Entry

__all__ = ["babel", "gram_rows", "most_coherent"]

# What is held beside the filters: two tables for each thread, and rows of G for Babel functions.
_TABLE_BYTES = 2**22
_POOL_BYTES = 2**25
# Products of taps up to 1 times this power of two are finite.
_SAFE_POWER = 512

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


def gram_rows(shifted: ShiftedFilters, indices: Array, exponent: int) -> scipy.sparse.csr_array:
    """Return rows of ``G·2^(−2·exponent)``, columns in order, and twice where a short circle wraps.

    Raises FloatingPointError where no float holds the largest entries.
    """
    taps, scale, axes = shifted.scaled(), shifted.scale, shifted.axes
    check_square(scale - exponent)
    power = 2 * (scale - exponent)
    n, places, size = taps.shape[1], math.prod(shifted.positions), math.prod(shifted.code_shape)
    chosen, *position = np.unravel_index(indices, shifted.code_shape)

    # Which positions can meet that of a row: so many turns away, if they are on the grid.
    meetings = [Meeting.along(axis) for axis in axes]
    turns = np.array(list(itertools.product(*(meeting.turns for meeting in meetings))))
    at, exist = _neighbours(axes, position, turns)

    # Rows whose atoms are cut alike share their correlations; some of those are of no taps at all.
    bounds = itertools.chain(*(axis.kept(p) for axis, p in zip(axes, position, strict=True)))
    cuts, cut_of = np.unique(np.stack(list(bounds), axis=1), axis=0, return_inverse=True)
    alike = [
        (
            np.flatnonzero(cut_of == number),
            cut_terms(meetings, cut.reshape(-1, 2).tolist(), turns.tolist()),
        )
        for number, cut in enumerate(cuts)
    ]
    for rows, meeting in alike:
        exist[rows] &= [terms is not None for terms in meeting]

    # Where every row ends, and in which order its turns lie, those that exist first.
    order = np.argsort(np.where(exist, at, places), axis=1, kind="stable")
    counts = exist.sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(counts * n)])
    index = np.int32 if max(ends[-1], size) <= np.iinfo(np.int32).max else np.int64
    data, columns = np.empty(ends[-1]), np.empty(ends[-1], dtype=index)
    at = np.take_along_axis(at, order, axis=1)
    first = (chosen // n) * (n * places)

    def lay(rows: Array, local: Array, tables: Array, start: int, stop: int) -> None:
        part = slice(start, stop)
        lay_rows(tables, local[part], rows[part], order, at, ends, first, places, data, columns)

    # The correlations of the filters in use with all of their group, copied row by row.
    for rows, meeting in alike:
        used, local = np.unique(chosen[rows], return_inverse=True)
        tables = _row_tables(taps, used, meeting, power)
        work = partial(lay, rows, local, tables)
        share(work, len(rows), max(1, 2**17 // (n * len(turns))))
    shape = (len(indices), size)
    return scipy.sparse.csr_array((data, columns, ends.astype(index)), shape=shape)


def _neighbours(
    axes: tuple[AtomAxis, ...], position: list[Array], turns: Array
) -> tuple[Array, Array]:
    """Return, row by row, the flat positions that lie so many turns on, and which exist."""
    at = np.zeros((len(position[0]), len(turns)), dtype=np.intp)
    exist = np.ones(at.shape, dtype=bool)
    for axis, p, turn in zip(axes, position, turns.T, strict=True):
        neighbour, inside = axis.neighbours(p[:, None] + Meeting.along(axis).step * turn)
        at = at * axis.positions + neighbour
        exist &= inside
    return at, exist


def _row_tables(taps: Array, used: Array, meeting: list[Terms | None], power: int) -> Array:
    """Return what some filters have with all of their group, times 2^power, ``(used, n, turns)``.

    Raises FloatingPointError where no float holds it.
    """
    n = taps.shape[1]
    tables = np.zeros((len(used), n, len(meeting)))

    def work(start: int, stop: int) -> None:
        for group in np.unique(used // n):
            rows, right = np.flatnonzero(used // n == group), taps[group : group + 1]
            # The power of two is given to one side, before the products and not after them.
            left = times_power(right[:, used[rows] % n], power)
            values, spare = np.empty((2, 1, len(rows), n))
            for number in range(start, stop):
                terms = meeting[number]
                if terms is not None:
                    multiply(left, right, terms, values, spare)
                    tables[rows, :, number] = values[0]

    # On one thread of BLAS, whose last bits would depend on their number.
    with_one = OneBlasThread()(work)
    share(with_one, len(meeting), max(1, 2**20 // (len(used) * taps[0].size)))
    if power > _SAFE_POWER and not np.isfinite(tables).all():
        raise FloatingPointError
    return tables


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
