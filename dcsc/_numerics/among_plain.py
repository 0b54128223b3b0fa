"""The Gram matrix of a few atoms in numpy: the oracle of the compiled way."""

import numpy as np

from dcsc._arrays import Array

__all__ = ["add_rows", "lay_among", "sweep"]


def lay_among(
    filters: Array,
    places: Array,
    first: Array,
    tables: Array,
    row_kinds: Array,
    row_ways: Array,
    row_ahead: Array,
    column_kinds: Array,
    column_ways: Array,
    chains: Array,
    terms: int,
    most: int,
) -> tuple[Array, Array, Array, Array]:
    """Return ``ends``, ``begins``, ``offsets`` and ``values``, all empty if these were too many.

    Parameters
    ----------
    filters, places : arrays of int, shape (atoms,)
        Of atoms in order of their places: group by group, row by row, column by column.
    first : array of int, shape (all places + 1,)
        The number of the first atom at a place or behind it.
    tables : array of shape (all filters, ways, filters of a group)
        What filters have with those of their group, for each way in which atoms meet.
    row_kinds : array of int, shape (rows,)
        The kind of each row.
    row_ways, row_ahead : arrays of int, shape (kinds, turns)
        The way in which a row meets one so many turns on, -1 where it does not, and how far that
        one lies.
    column_kinds, column_ways : arrays of int, shapes (columns,) and (kinds, turns)
        The same along the columns.
    chains : array of int, shape (kinds, chains, 3)
        Turns that follow each other and lead to columns that do: the first turn, how far it leads,
        and how many there are.
    terms : int
        The number of ways along the columns, of which one along the rows has as many.
    most : int
        The most values to lay.
    """
    width, area = len(column_kinds), len(column_kinds) * len(row_kinds)
    rows: list[tuple[Array, Array]] = []
    values: list[Array] = []
    total = 0
    for place in np.unique(places):
        y, x = divmod(place % area, width)
        # The atoms that overlap those at this place, in the order of the turns that lead to them.
        numbers, ways = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        kind = row_kinds[y], column_kinds[x]
        for way, ahead in zip(row_ways[kind[0]], row_ahead[kind[0]], strict=True):
            for turn, across, count in chains[kind[1]] if way >= 0 else ():
                begin = place + ahead * width + across
                here = np.arange(first[begin], first[begin + count])
                numbers.append(here)
                ways.append(way * terms + column_ways[kind[1], turn + places[here] - begin])
        columns, which = np.concatenate(numbers), np.concatenate(ways)
        own = filters[first[place] : first[place + 1], None]
        total += len(own) * len(columns)
        if total > most:
            return (*np.zeros((3, 0), dtype=np.int64), np.zeros(0))
        values.extend(tables[own, which, filters[columns] % tables.shape[2]])
        breaks = np.flatnonzero(np.diff(columns, prepend=-2) != 1)
        rows += [(columns[breaks], np.diff(breaks, append=len(columns)))] * len(own)
    ends = np.cumsum([0] + [len(begins) for begins, _ in rows])
    lengths = np.concatenate([np.zeros(1, dtype=np.int64), *(counts for _, counts in rows)])
    begins = np.concatenate([np.zeros(0, dtype=np.int64), *(begins for begins, _ in rows)])
    return ends, begins, np.cumsum(lengths), np.concatenate([np.zeros(0), *values])


def sweep(
    code: Array,
    slope: Array,
    diagonal: Array,
    order: Array,
    ends: Array,
    begins: Array,
    offsets: Array,
    values: Array,
    penalty: float,
) -> None:
    """Make ``½‖y − Ax‖² + penalty·‖x‖₁`` least in one coordinate of x after the other.

    ``code`` is x and ``slope`` Aᵀ(y − Ax), for the atoms of the Gram matrix; both are written.
    """
    for k in order:
        pull = slope[k] + code[k] * diagonal[k]
        shrunk = max(abs(pull) - penalty, 0.0)
        new = (shrunk if pull > 0 else -shrunk) / diagonal[k]
        change = new - code[k]
        if change != 0:
            code[k] = new
            _add_row(slope, k, -change, ends, begins, offsets, values)


def add_rows(
    target: Array,
    rows: Array,
    factors: Array,
    ends: Array,
    begins: Array,
    offsets: Array,
    values: Array,
) -> None:
    """Add rows of the Gram matrix, times a factor each, to ``target``."""
    for k, factor in zip(rows, factors, strict=True):
        _add_row(target, k, factor, ends, begins, offsets, values)


def _add_row(
    target: Array,
    row: int,
    factor: float,
    ends: Array,
    begins: Array,
    offsets: Array,
    values: Array,
) -> None:
    for r in range(ends[row], ends[row + 1]):
        run = values[offsets[r] : offsets[r + 1]]
        target[begins[r] : begins[r] + len(run)] += factor * run
