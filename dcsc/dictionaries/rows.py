"""Gram rows of dictionaries of shifted filters, and the tables that they are copied out of.

A table holds what filters have with all of their group for one *way* in which two atoms meet: so
many turns apart, and cut at the border in one place or another. Ways are few, and atoms are many.
"""

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Self

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array, Shape
from dcsc._numerics import lay_rows
from dcsc._numerics.scaling import check_square, times_power
from dcsc._threads import OneBlasThread, share
from dcsc.dictionaries.axes import AtomAxis, ShiftedFilters
from dcsc.dictionaries.correlations import Meeting, Term, Terms, multiply

__all__ = ["Near", "gram_rows", "kept_tables", "kinds", "near"]

# Products of taps up to 1 times this power of two are finite.
_SAFE_POWER = 512
# Tables and places of neighbours that are kept, in entries.
_KEPT_ENTRIES = 2**22


@attrs.frozen(eq=False)
class Line:
    """The ways in which atoms meet along one axis.

    Parameters
    ----------
    terms : list of Term
        One for each way.
    way, at : arrays of int, shape (positions, turns)
        The way in which the atom at a position meets one so many turns on, -1 where it does not,
        and the position of that one.
    """

    terms: list[Term]
    way: Array
    at: Array

    @classmethod
    def along(cls, axis: AtomAxis, every: Array) -> Self:
        """Return the line of these positions of an axis, among them one that is cut in each way."""
        meeting = Meeting.along(axis)
        turns = np.array(meeting.turns)
        at, exist = axis.neighbours(every[:, None] + meeting.step * turns)
        cuts, cut_of = np.unique(np.stack(axis.kept(every)), axis=1, return_inverse=True)
        numbers: dict[Term, int] = {}
        way = np.full((cuts.shape[1], len(turns)), -1)
        for (row, (a, b)), (place, turn) in itertools.product(
            enumerate(cuts.T.tolist()), enumerate(turns.tolist())
        ):
            term = meeting.term(a, b, turn)
            if a < b and term[1] < term[2]:
                way[row, place] = numbers.setdefault(term, len(numbers))
        return cls(list(numbers), np.where(exist, way[cut_of.ravel()], -1), at)

    @property
    def alone(self) -> bool:
        """Whether no two turns of a position lead to the same one."""
        apart = np.where(self.way >= 0, self.at, -1 - np.arange(self.at.shape[1]))
        return bool((np.diff(np.sort(apart, axis=1), axis=1) != 0).all())


@lru_cache(maxsize=2)
def _kept_line(axis: AtomAxis) -> Line:
    return Line.along(axis, np.arange(axis.positions))


def _line(axis: AtomAxis) -> Line:
    """Return the line of an axis, which is kept if it is not too long."""
    short = axis.positions * axis.span < _KEPT_ENTRIES // 4
    return _kept_line(axis) if short else _kept_line.__wrapped__(axis)


@attrs.frozen(eq=False)
class Kinds:
    """The line of an axis, told by one position of each kind.

    Positions far from both ends are of one kind: they meet others in the same ways.

    Parameters
    ----------
    line : Line
        Of the positions that stand for their kinds.
    of : array of int, shape (positions,)
        The kind of each position.
    ahead : array of int, shape (kinds, turns)
        How far the position lies that a turn leads to.
    chains : array of int, shape (kinds, chains, 3)
        Turns that follow each other and lead to positions that do: the first turn, how far it
        leads, and how many there are. There are as many for each kind, some of them of none.
    """

    line: Line
    of: Array
    ahead: Array
    chains: Array

    @classmethod
    def along(cls, axis: AtomAxis) -> Self:
        """Return the kinds of an axis."""
        end = min(cls._end(axis), axis.positions // 2)
        kinds, middle = np.full(axis.positions, end), int(axis.positions > 2 * end)
        kinds[:end] = np.arange(end)
        kinds[axis.positions - end :] = end + middle + np.arange(end)
        every = np.unique(kinds, return_index=True)[1]
        line = Line.along(axis, every)
        ahead = line.at - every[:, None]
        exist = line.way >= 0
        goes_on = np.zeros_like(exist)
        goes_on[:, 1:] = exist[:, :-1] & (np.diff(ahead, axis=1) == 1)
        starts = exist & ~goes_on
        number = np.cumsum(starts, axis=1) - 1
        chains = np.zeros((len(exist), number.max(initial=0) + 1, 3), dtype=np.int64)
        kind, turn = np.nonzero(starts)
        chains[kind, number[kind, turn], 0] = turn
        chains[kind, number[kind, turn], 1] = ahead[kind, turn]
        kind, turn = np.nonzero(exist)
        np.add.at(chains[:, :, 2], (kind, number[kind, turn]), 1)
        return cls(line, kinds, ahead, chains)

    @staticmethod
    def _end(axis: AtomAxis) -> int:
        """Return how far from an end positions may differ from those far from both."""
        first, last = axis.kept(np.arange(axis.positions))
        (whole,) = np.nonzero((first == 0) & (last == axis.kernel))
        if not whole.size:
            return axis.positions
        # More are cut than a kernel reaches over where the padding is wider than the kernel.
        cut = max(int(whole[0]), axis.positions - 1 - int(whole[-1]))
        return max(2 * axis.span, cut)


kinds = lru_cache(maxsize=8)(Kinds.along)


@attrs.frozen(eq=False)
class Lines:
    """The ways in which atoms meet: one for each axis, counted in C order."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, shifted: ShiftedFilters) -> Self:
        return cls(tuple(map(_line, shifted.axes)))

    @property
    def shape(self) -> Shape:
        return tuple(len(line.terms) for line in self.lines)

    def terms(self, way: int) -> Terms:
        """Return where atoms meet in some way."""
        each = zip(self.lines, np.unravel_index(way, self.shape), strict=True)
        return tuple((line.terms[number],) for line, number in each)

    def meet(self, position: list[Array]) -> tuple[Array, Array]:
        """Return the ways in which atoms meet others, and the flat positions of these.

        Both are of shape (atoms, turns); a way is -1 where there is no other, or they share no tap.
        """
        ways = at = np.zeros((len(position[0]), 1), dtype=np.int32)
        for line, p in zip(self.lines, position, strict=True):
            step = line.way[p][:, None, :]
            joint = ways[:, :, None] * len(line.terms) + step
            ways = np.where((ways[:, :, None] < 0) | (step < 0), -1, joint)
            ways = ways.reshape(len(p), -1).astype(np.int32)
            at = at[:, :, None] * len(line.at) + line.at[p][:, None, :]
            at = at.reshape(len(p), -1).astype(np.int32)
        return ways, at


@attrs.frozen(eq=False)
class Near:
    """What every atom has with those near it.

    Parameters
    ----------
    tables : array of shape (filters, ways, filters of a group)
    ways, at : arrays of int, shape (positions, turns)
        The way in which an atom at a position meets one so many turns on, -1 where it does not, and
        the position of that one.
    """

    tables: Array
    ways: Array
    at: Array


@lru_cache(maxsize=1)
def near(shifted: ShiftedFilters) -> Near | None:
    """Return what every atom has with those near it, or None where it is too much to keep.

    None as well where atoms meet twice, around a short circle, or no float holds the entries.
    """
    lines = Lines.of(shifted)
    places, turns = math.prod(shifted.positions), math.prod(len(x.way[0]) for x in lines.lines)
    alone = all(line.alone for line in lines.lines)
    if places * turns > _KEPT_ENTRIES or not alone:
        return None
    try:
        check_square(shifted.scale)
        tables = kept_tables(shifted, 2 * shifted.scale)
    except FloatingPointError:
        return None
    if tables is None:
        return None
    every = np.unravel_index(np.arange(places), shifted.positions)
    return Near(tables, *lines.meet(list(every)))


def gram_rows(shifted: ShiftedFilters, indices: Array, exponent: int) -> "scipy.sparse.csr_array":
    """Return rows of ``G·2^(−2·exponent)``, columns in order, and twice where a short circle wraps.

    Raises FloatingPointError where no float holds the largest entries.
    """
    check_square(shifted.scale - exponent)
    places, size = math.prod(shifted.positions), math.prod(shifted.code_shape)
    n = len(shifted.taps) // shifted.groups
    chosen, *position = np.unravel_index(indices, shifted.code_shape)
    lines = Lines.of(shifted)
    ways, at = lines.meet(list(position))
    # From here on, ways are those of the tables of each part of the rows.
    parts = list(_parts(shifted, lines, chosen, ways, 2 * (shifted.scale - exponent)))

    # Where every row ends, and in which order its turns lie, those that exist first.
    order = np.argsort(np.where(ways >= 0, at, places), axis=1, kind="stable")
    counts = (ways >= 0).sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(counts * n)])
    index = np.int32 if max(ends[-1], size) <= np.iinfo(np.int32).max else np.int64
    data, columns = np.empty(ends[-1]), np.empty(ends[-1], dtype=index)
    ways, at = (np.take_along_axis(x, order, axis=1) for x in (ways, at))
    first = (chosen // n) * (n * places)

    def lay(rows: Array, local: Array, tables: Array, start: int, stop: int) -> None:
        part = slice(start, stop)
        lay_rows(tables, local[part], rows[part], ways, at, ends, first, places, data, columns)

    for rows, local, tables in parts:
        work = partial(lay, rows, local, tables)
        share(work, len(rows), max(1, 2**17 // (n * ways.shape[1])))
    shape = (len(indices), size)
    return scipy.sparse.csr_array((data, columns, ends.astype(index)), shape=shape)


def _parts(
    shifted: ShiftedFilters, lines: Lines, chosen: Array, ways: Array, power: int
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows, the table of each, and tables; ways become those of the tables.

    Many rows are served by the tables of all filters, which are kept. Of a few rows those that are
    cut alike share what is computed for them.
    """
    whole = kept_tables(shifted, power) if len(chosen) >= len(shifted.taps) else None
    if whole is not None:
        yield np.arange(len(chosen)), chosen, whole
        return
    cuts = ways[:, ways.shape[1] // 2].copy()  # an atom meets itself where its taps are
    for cut in np.unique(cuts[cuts >= 0]):
        rows = np.flatnonzero(cuts == cut)
        used, local = np.unique(chosen[rows], return_inverse=True)
        here = np.unique(ways[rows])
        here = here[here >= 0]
        terms = [lines.terms(way) for way in here.tolist()]
        tables = _tables(shifted.scaled(), used, terms, power)
        ways[rows] = np.where(ways[rows] < 0, -1, np.searchsorted(here, ways[rows]))
        yield rows, local, tables


@lru_cache(maxsize=1)
def kept_tables(shifted: ShiftedFilters, power: int) -> Array | None:
    """Return the tables of all filters, ``(filters, ways, n)``, if they are few enough to keep."""
    lines = Lines(tuple(kinds(axis).line for axis in shifted.axes))
    filters = len(shifted.taps)
    ways = math.prod(lines.shape)
    if ways * filters * (filters // shifted.groups) > _KEPT_ENTRIES:
        return None
    terms = [lines.terms(way) for way in range(ways)]
    return _tables(shifted.scaled(), np.arange(filters), terms, power)


def _tables(taps: Array, used: Array, ways: list[Terms], power: int) -> Array:
    """Return what some filters have with all of their group, times 2^power, ``(used, ways, n)``.

    Raises FloatingPointError where no float holds it.
    """
    n = taps.shape[1]
    tables = np.empty((len(used), len(ways), n))
    # The filters in use, group by group: as many rows in each as the fullest has.
    group, number = np.divmod(used, n)
    groups, which, count = np.unique(group, return_inverse=True, return_counts=True)
    row = np.arange(len(used)) - np.concatenate([[0], np.cumsum(count)])[which]
    rows = np.zeros((len(groups), count.max(initial=0)), dtype=np.intp)
    rows[which, row] = number
    right = taps if len(groups) == len(taps) else taps[groups]
    # The power of two is given to one side, before the products and not after them.
    left = times_power(np.take_along_axis(right, _like(rows, right), axis=1), power)

    def work(start: int, stop: int) -> None:
        values, spare = np.empty((2, *rows.shape, n))
        for number in range(start, stop):
            multiply(left, right, ways[number], values, spare)
            tables[:, number] = values[which, row]

    # On one thread of BLAS, whose last bits would depend on their number.
    with_one = OneBlasThread()(work)
    share(with_one, len(ways), max(1, 2**20 // max(left.size * n, 1)))
    if power > _SAFE_POWER and not np.isfinite(tables).all():
        raise FloatingPointError
    return tables


def _like(rows: Array, taps: Array) -> Array:
    return rows.reshape(*rows.shape, *[1] * (taps.ndim - 2))
