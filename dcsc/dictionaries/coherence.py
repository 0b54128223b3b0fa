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
    multiply,
    reaches,
    representatives,
    visit_tables,
)
from dcsc.dictionaries.gram import NEGLIGIBLE

if TYPE_CHECKING:
    from dcsc.dictionaries.convolutional import ConvolutionalDictionary

__all__ = ["babel", "gram_rows", "mutual_coherence"]

# What is held beside the filters: two tables for each thread, and rows of G for Babel functions.
_TABLE_BYTES = 2**22
_POOL_BYTES = 2**25

# Per axis, the taps [first, last) of an atom that lie inside the extent.
Cut = tuple[tuple[int, int], ...]


def mutual_coherence(dictionary: "ConvolutionalDictionary") -> float:
    """Return the largest cosine between two distinct atoms that are not negligible."""
    taps = channels_last(dictionary)
    cuts = _cuts(dictionary)
    energies = np.square(taps).sum(axis=-1)

    @cache
    def norms(cut: Cut) -> Array:
        inside = energies[:, *(slice(*bounds) for bounds in cut)]
        return np.asarray(np.sqrt(inside.reshape(len(inside), -1).sum(axis=1)))

    positions = representatives(dictionary)
    least = NEGLIGIBLE * max(float(norms(cuts(p)).max()) for p in positions)

    @cache
    def inverse(cut: Cut) -> Array:
        norm = norms(cut)
        return np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > least)

    tables = all_tables(dictionary, positions, symmetric=True)
    found = [0.0]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        ends = {
            (cuts(use.q), cuts(use.p)) if use.swapped else (cuts(use.p), cuts(use.q))
            for use in table.uses
        }
        for first, second in ends:
            scaled = np.multiply(values, inverse(second), out=spare).max(axis=1)
            found.append(float((scaled * inverse(first)[rows]).max()))

    for rows in _ranges(len(taps), _TABLE_BYTES // (8 * len(taps))):
        visit_tables(tables, taps, rows, visit)
    return min(max(found), 1.0)


def babel(dictionary: "ConvolutionalDictionary", sparsity: int, power: int) -> float:
    """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
    if sparsity == 0:
        return 0.0
    taps = channels_last(dictionary)
    n, positions = len(taps), representatives(dictionary)
    if sparsity == 1:
        return _largest(dictionary, taps, positions) ** power
    stripe = (2 * r + 1 for r in reaches(dictionary))
    total = n * math.prod(map(min, stripe, dictionary.positions))
    width = min(sparsity, total)
    room = min(max(width, 4 * n), total - width)
    row = 8 * (width + room)
    ranges = list(_ranges(n, min(_TABLE_BYTES // (8 * n), _POOL_BYTES // row)))
    together = max(1, _POOL_BYTES // (row * (ranges[0].stop - ranges[0].start)))
    found = [0.0]
    for start in range(0, len(positions), together):
        some = positions[start : start + together]
        tables = all_tables(dictionary, some, symmetric=len(ranges) == 1)
        for rows in ranges:
            pools = {p: _Pool(rows.stop - rows.start, width, room) for p in some}
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
                pools[use.p].add(powers.T if use.swapped else powers)

    visit_tables(tables, taps, rows, visit)


def _largest(dictionary: "ConvolutionalDictionary", taps: Array, positions: list[Shape]) -> float:
    """Return the largest off-diagonal |G_kj|."""
    tables = all_tables(dictionary, positions, symmetric=True)
    found = [0.0]

    def visit(table: Table, values: Array, rows: slice, spare: Array) -> None:
        found.append(float(values.max()))

    for rows in _ranges(len(taps), _TABLE_BYTES // (8 * len(taps))):
        visit_tables(tables, taps, rows, visit)
    return max(found)


class _Pool:
    """The largest entries of some rows, of all that were added."""

    def __init__(self, rows: int, kept: int, room: int) -> None:
        self.entries = np.empty((rows, kept + room))
        self.kept, self.filled = kept, 0

    def add(self, columns: Array) -> None:
        if self.filled + columns.shape[1] > self.entries.shape[1]:
            self._shrink()
        stop = self.filled + columns.shape[1]
        self.entries[:, self.filled : stop] = columns
        self.filled = stop

    def _shrink(self) -> None:
        if self.filled > self.kept:
            self.entries[:, : self.filled].partition(self.filled - self.kept, axis=1)
            best = self.entries[:, self.filled - self.kept : self.filled]
            self.entries[:, : self.kept] = best
            self.filled = self.kept

    def largest_sum(self) -> float:
        self._shrink()
        # Sorted, because which thread came first must not show, not even by rounding.
        self.entries[:, : self.filled].sort(axis=1)
        return float(self.entries[:, : self.filled].sum(axis=1).max(initial=0.0))


def gram_rows(dictionary: "ConvolutionalDictionary", indices: Array) -> scipy.sparse.csr_array:
    """Return rows of G, with columns in order, and twice where a short circle wraps."""
    taps = channels_last(dictionary)
    n, places = len(taps), math.prod(dictionary.positions)
    chosen, *position = np.unravel_index(indices, dictionary.code_shape)
    offsets = np.array(list(itertools.product(*(range(-r, r + 1) for r in reaches(dictionary)))))
    at, exist = _neighbours(dictionary, position, offsets)
    bounds = [bound for axis, p in enumerate(position) for bound in dictionary._kept(axis, p)]
    cuts, group = np.unique(np.stack(bounds, axis=1), axis=0, return_inverse=True)
    groups = [
        (np.flatnonzero(group == number), cut_terms(dictionary, cut.reshape(-1, 2), offsets))
        for number, cut in enumerate(cuts)
    ]
    for rows, meeting in groups:
        exist[rows] &= [terms is not None for terms in meeting]
    order = np.argsort(np.where(exist, at, places), axis=1, kind="stable")
    counts = exist.sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(counts * n)])
    index = np.int32 if max(ends[-1], n * places) <= np.iinfo(np.int32).max else np.int64
    data, columns = np.empty(ends[-1]), np.empty(ends[-1], dtype=index)
    firsts = (np.arange(n) * places).astype(index)[:, None]
    at = np.take_along_axis(at, order, axis=1).astype(index)

    def lay(rows: Array, local: Array, tables: Array, start: int, stop: int) -> None:
        for row, own in zip(rows[start:stop], local[start:stop], strict=True):
            part, count = slice(ends[row], ends[row + 1]), counts[row]
            into, some = data[part].reshape(n, count), order[row, :count]
            np.take(tables[own], some, axis=1, out=into, mode="clip")  # "raise" takes a detour
            np.add(firsts, at[row, :count], out=columns[part].reshape(n, count))

    for rows, meeting in groups:
        used, local = np.unique(chosen[rows], return_inverse=True)
        work = partial(lay, rows, local, _row_tables(taps, used, meeting))
        share(work, len(rows), max(1, 2**17 // (n * len(offsets))))
    shape = (len(indices), n * places)
    return scipy.sparse.csr_array((data, columns, ends.astype(index)), shape=shape)


def _neighbours(
    dictionary: "ConvolutionalDictionary", position: list[Array], offsets: Array
) -> tuple[Array, Array]:
    """Return, row by row, the flat positions that lie at the offsets, and which exist."""
    at = np.zeros((len(position[0]), len(offsets)), dtype=np.intp)
    exist = np.ones(at.shape, dtype=bool)
    for axis, p in enumerate(position):
        neighbour, inside = dictionary._neighbour(axis, (p[:, None] + offsets[:, axis]).ravel())
        at = at * dictionary.positions[axis] + neighbour.reshape(at.shape)
        exist &= inside.reshape(at.shape)
    return at, exist


def _row_tables(taps: Array, used: Array, meeting: list[Terms | None]) -> Array:
    """Return what some filters have with all filters, ``(used, n, offsets)``."""
    tables = np.zeros((len(used), len(taps), len(meeting)))
    left, (values, spare) = taps[used], np.empty((2, len(used), len(taps)))
    for number, terms in enumerate(meeting):
        if terms is not None:
            multiply(left, taps, terms, values, spare)
            tables[:, :, number] = values
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
