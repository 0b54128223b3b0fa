"""The Gram matrix of a few atoms, and coordinate descent on it, compiled."""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop
from dcsc._numerics.vectors import add_scaled

__all__ = ["add_rows", "lay_among", "sweep"]


@loop
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
) -> tuple[Array, Array, Array, Array]:  # pragma: no cover  # compiled
    """Lay the rows of some atoms; see `dcsc._numerics.among_plain`."""
    count, ways, n = len(filters), tables.shape[1], tables.shape[2]
    width, area = len(column_kinds), len(column_kinds) * len(row_kinds)
    # How many runs and values each row has: as many as others at its place.
    ends, starts = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    runs, entries = 0, 0
    for atom in range(count):
        place = places[atom]
        if atom == 0 or place != places[atom - 1]:
            y, x = row_kinds[place % area // width], column_kinds[place % width]
            runs, entries, last = 0, 0, -1
            for turn in range(row_ways.shape[1]):
                if row_ways[y, turn] < 0:
                    continue
                start = place + row_ahead[y, turn] * width
                for link in range(chains.shape[1]):
                    begin = start + chains[x, link, 1]
                    low, high = first[begin], first[begin + chains[x, link, 2]]
                    if high > low:
                        runs += low != last
                        entries += high - low
                        last = high
        ends[atom + 1], starts[atom + 1] = ends[atom] + runs, starts[atom] + entries
    if starts[count] > most:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none, np.zeros(0)
    begins = np.empty(ends[count], dtype=np.int64)
    offsets = np.empty(ends[count] + 1, dtype=np.int64)
    offsets[ends[count]] = starts[count]
    values = np.empty(starts[count])
    numbers, table, turns = filters % n, tables.reshape(-1), column_ways.reshape(-1)
    # Filter by filter, so that its table stays in the cache.
    for atom in np.argsort(filters, kind="mergesort"):
        place, mine = places[atom], filters[atom] * ways * n
        y, x = row_kinds[place % area // width], column_kinds[place % width]
        run, entry, last = ends[atom], starts[atom], -1
        for turn in range(row_ways.shape[1]):
            if row_ways[y, turn] < 0:
                continue
            start = place + row_ahead[y, turn] * width
            for link in range(chains.shape[1]):
                begin = start + chains[x, link, 1]
                low, high = first[begin], first[begin + chains[x, link, 2]]
                if high > low and low != last:
                    begins[run], offsets[run] = low, entry
                    run += 1
                if high > low:
                    last = high
                above = mine + row_ways[y, turn] * terms * n
                back = x * column_ways.shape[1] + chains[x, link, 0] - begin
                for other in range(low, high):
                    values[entry] = table[above + turns[back + places[other]] * n + numbers[other]]
                    entry += 1
    return ends, begins, offsets, values


@inner
def _add_row(
    target: Array,
    row: int,
    factor: float,
    ends: Array,
    begins: Array,
    offsets: Array,
    values: Array,
) -> None:  # pragma: no cover  # compiled
    for r in range(ends[row], ends[row + 1]):
        add_scaled(target, begins[r], factor, values, offsets[r], offsets[r + 1] - offsets[r])


@loop
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
) -> None:  # pragma: no cover  # compiled
    """Go from coordinate to coordinate; see `dcsc._numerics.among_plain`."""
    for k in order:
        pull = slope[k] + code[k] * diagonal[k]
        shrunk = max(abs(pull) - penalty, 0.0)
        new = (shrunk if pull > 0 else -shrunk) / diagonal[k]
        change = new - code[k]
        if change != 0:
            code[k] = new
            _add_row(slope, k, -change, ends, begins, offsets, values)


@loop
def add_rows(
    target: Array,
    rows: Array,
    factors: Array,
    ends: Array,
    begins: Array,
    offsets: Array,
    values: Array,
) -> None:  # pragma: no cover  # compiled
    """Add rows times factors; see `dcsc._numerics.among_plain`."""
    for number in range(len(rows)):
        _add_row(target, rows[number], factors[number], ends, begins, offsets, values)
