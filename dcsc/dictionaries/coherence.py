"""Coherence, Babel functions and Gram rows of dictionaries of shifted filters."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from dcsc._arrays import Array, Shape
from dcsc._threads import share
from dcsc.dictionaries.correlations import (
    Table,
    Terms,
    all_tables,
    channels_last,
    cut_terms,
    meetings,
    multiply,
    representatives,
    visit_tables,
)
from dcsc.dictionaries.gram import NEGLIGIBLE, Entry

if TYPE_CHECKING:
    from dcsc.dictionaries.convolutional import ConvolutionalDictionary

__all__ = ["babel", "gram_rows", "most_coherent"]

# What is held beside the filters: two tables for each thread, and rows of G for Babel functions.
_TABLE_BYTES = 2**22
_POOL_BYTES = 2**25

# Per axis, the taps [first, last) of an atom that lie inside the extent.
Cut = tuple[tuple[int, int], ...]


def most_coherent(dictionary: "ConvolutionalDictionary") -> Entry:
    """Return two distinct atoms, not negligible, and the absolute cosine, which is the largest."""
    taps = channels_last(dictionary)
    cuts = _cuts(dictionary)
    energies = np.square(taps).sum(axis=-1)

    @cache
    def norms(cut: Cut) -> Array:
        inside = energies[:, :, *(slice(*bounds) for bounds in cut)]
        return np.asarray(np.sqrt(inside.reshape(*taps.shape[:2], -1).sum(axis=2)))

    positions = representatives(dictionary)
    least = NEGLIGIBLE * max(float(norms(cuts(p)).max()) for p in positions)

    @cache
    def inverse(cut: Cut) -> Array:
        norm = norms(cut)
        return np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > least)

    tables = all_tables(dictionary, positions, symmetric=True)
    found = [Entry(0, 0, 0.0)]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        ends: dict[tuple[Cut, Cut], tuple[Shape, Shape]] = {}
        for use in table.uses:
            p, q = (use.q, use.p) if use.swapped else (use.p, use.q)
            ends.setdefault((cuts(p), cuts(q)), (p, q))
        for (first, second), (p, q) in ends.items():
            scaled = np.multiply(values, inverse(second)[:, None], out=spare)
            best = scaled.max(axis=2) * inverse(first)[:, rows]
            group, row = divmod(int(best.argmax()), best.shape[1])
            value = min(float(best[group, row]), 1.0)
            if value >= found[-1].value:
                i, j = rows.start + row, int(scaled[group, row].argmax())
                atoms = (_atom(dictionary, group, i, p), _atom(dictionary, group, j, q))
                found.append(Entry(min(atoms), max(atoms), value))

    for rows in _ranges(taps.shape[1], _TABLE_BYTES // (8 * len(dictionary.filters))):
        visit_tables(tables, taps, rows, visit)
    # Of equals the first, because which thread came first must not show.
    return min(found, key=lambda entry: (-entry.value, entry.row, entry.column))


def _atom(dictionary: "ConvolutionalDictionary", group: int, number: int, place: Shape) -> int:
    """Return the flat index of an atom."""
    i = group * (len(dictionary.filters) // dictionary.groups) + number
    return int(np.ravel_multi_index((i, *place), dictionary.code_shape))


def babel(dictionary: "ConvolutionalDictionary", sparsity: int, power: int) -> float:
    """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
    if sparsity == 0:
        return 0.0
    taps = channels_last(dictionary)
    (groups, n), positions = taps.shape[:2], representatives(dictionary)
    if sparsity == 1:
        return _largest(dictionary, taps, positions) ** power
    meeting = (2 * axis.reach + 1 for axis in meetings(dictionary))
    total = n * math.prod(map(min, meeting, dictionary.positions))
    width = min(sparsity, total)
    room = min(max(width, 4 * n), total - width)
    row = 8 * groups * (width + room)
    ranges = list(_ranges(n, min(_TABLE_BYTES // (8 * groups * n), _POOL_BYTES // row)))
    together = max(1, _POOL_BYTES // (row * (ranges[0].stop - ranges[0].start)))
    found = [0.0]
    for start in range(0, len(positions), together):
        some = positions[start : start + together]
        tables = all_tables(dictionary, some, symmetric=len(ranges) == 1)
        for rows in ranges:
            pools = {p: _Pool((groups, rows.stop - rows.start), width, room) for p in some}
            _fill(pools, tables, taps, rows, power)
            found.extend(pool.largest_sum() for pool in pools.values())
    return max(found)


def _fill(
    pools: dict[Shape, "_Pool"], tables: list[Table], taps: Array, rows: slice, power: int
) -> None:
    lock = threading.Lock()

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        powers = np.square(values, out=values) if power == 2 else values
        with lock:
            for use in table.uses:
                pools[use.p].add(powers.swapaxes(1, 2) if use.swapped else powers)

    visit_tables(tables, taps, rows, visit)


def _largest(dictionary: "ConvolutionalDictionary", taps: Array, positions: list[Shape]) -> float:
    """Return the largest off-diagonal |G_kj|."""
    tables = all_tables(dictionary, positions, symmetric=True)
    found = [0.0]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        found.append(float(values.max()))

    for rows in _ranges(taps.shape[1], _TABLE_BYTES // (8 * len(dictionary.filters))):
        visit_tables(tables, taps, rows, visit)
    return max(found)


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
        # Sorted, because which thread came first must not show, not even by rounding.
        self.entries[..., : self.filled].sort(axis=-1)
        return float(self.entries[..., : self.filled].sum(axis=-1).max(initial=0.0))


def gram_rows(dictionary: "ConvolutionalDictionary", indices: Array) -> scipy.sparse.csr_array:
    """Return rows of G, with columns in order, and twice where a short circle wraps."""
    taps = channels_last(dictionary)
    n, places = taps.shape[1], math.prod(dictionary.positions)
    chosen, *position = np.unravel_index(indices, dictionary.code_shape)
    lines = (range(-axis.reach, axis.reach + 1) for axis in meetings(dictionary))
    turns = np.array(list(itertools.product(*lines)))
    at, exist = _neighbours(dictionary, position, turns)
    bounds = [bound for axis, p in enumerate(position) for bound in dictionary._kept(axis, p)]
    cuts, group = np.unique(np.stack(bounds, axis=1), axis=0, return_inverse=True)
    groups = [
        (np.flatnonzero(group == number), cut_terms(dictionary, cut.reshape(-1, 2), turns))
        for number, cut in enumerate(cuts)
    ]
    for rows, meeting in groups:
        exist[rows] &= [terms is not None for terms in meeting]
    order = np.argsort(np.where(exist, at, places), axis=1, kind="stable")
    counts = exist.sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(counts * n)])
    size = math.prod(dictionary.code_shape)
    index = np.int32 if max(ends[-1], size) <= np.iinfo(np.int32).max else np.int64
    data, columns = np.empty(ends[-1]), np.empty(ends[-1], dtype=index)
    firsts = np.arange(0, size, places).astype(index).reshape(-1, n, 1)
    at = np.take_along_axis(at, order, axis=1).astype(index)

    def lay(rows: Array, local: Array, tables: Array, start: int, stop: int) -> None:
        for row, own in zip(rows[start:stop], local[start:stop], strict=True):
            part, count = slice(ends[row], ends[row + 1]), counts[row]
            into, some = data[part].reshape(n, count), order[row, :count]
            np.take(tables[own], some, axis=1, out=into, mode="clip")  # "raise" takes a detour
            beside = firsts[chosen[row] // n]
            np.add(beside, at[row, :count], out=columns[part].reshape(n, count))

    for rows, meeting in groups:
        used, local = np.unique(chosen[rows], return_inverse=True)
        work = partial(lay, rows, local, _row_tables(taps, used, meeting))
        share(work, len(rows), max(1, 2**17 // (n * len(turns))))
    shape = (len(indices), size)
    return scipy.sparse.csr_array((data, columns, ends.astype(index)), shape=shape)


def _neighbours(
    dictionary: "ConvolutionalDictionary", position: list[Array], turns: Array
) -> tuple[Array, Array]:
    """Return, row by row, the flat positions that lie so many turns on, and which exist."""
    at = np.zeros((len(position[0]), len(turns)), dtype=np.intp)
    exist = np.ones(at.shape, dtype=bool)
    for axis, (p, meeting) in enumerate(zip(position, meetings(dictionary), strict=True)):
        moved = p[:, None] + meeting.step * turns[:, axis]
        neighbour, inside = dictionary._neighbour(axis, moved.ravel())
        at = at * dictionary.positions[axis] + neighbour.reshape(at.shape)
        exist &= inside.reshape(at.shape)
    return at, exist


def _row_tables(taps: Array, used: Array, meeting: list[Terms | None]) -> Array:
    """Return what some filters have with all filters of their group, ``(used, n, turns)``."""
    n = taps.shape[1]
    tables = np.zeros((len(used), n, len(meeting)))
    for group in np.unique(used // n):
        rows, right = np.flatnonzero(used // n == group), taps[group : group + 1]
        left, (values, spare) = right[:, used[rows] % n], np.empty((2, 1, len(rows), n))
        for number, terms in enumerate(meeting):
            if terms is not None:
                multiply(left, right, terms, values, spare)
                tables[rows, :, number] = values[0]
    return tables


def _cuts(dictionary: "ConvolutionalDictionary") -> Callable[[Shape], Cut]:
    """Return a function that tells which taps of the atoms at a position lie inside."""

    @cache
    def line(axis: int, p: int) -> tuple[int, int]:
        (first,), (last,) = dictionary._kept(axis, np.array([p]))
        return int(first), int(last)

    return lambda position: tuple(line(axis, p) for axis, p in enumerate(position))


def _ranges(count: int, most: int) -> Iterator[slice]:
    """Yield ranges of filters of at most ``most`` each."""
    step = min(max(1, most), count)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
