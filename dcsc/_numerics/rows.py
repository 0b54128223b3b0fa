"""Rows of a Gram matrix, and of its products with a code, out of tables of what filters share."""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop

__all__ = ["gather", "lay_rows", "lay_terms", "sum_terms"]


@loop
def lay_rows(
    tables: Array,
    table_of: Array,
    rows: Array,
    ways: Array,
    positions: Array,
    ends: Array,
    first: Array,
    places: int,
    data: Array,
    columns: Array,
) -> None:  # pragma: no cover  # compiled
    """Write entries and their columns from ``ends[row]`` to ``ends[row + 1]``, for these rows.

    Parameters
    ----------
    tables : array of shape (tables, ways, n)
        What the atom of a row has with filter i of its group, met in a way.
    table_of : array of int
        The table of each of ``rows``.
    rows : array of int
    ways, positions : arrays of int, shape (all rows, turns)
        The ways in which a row meets others, those that exist first, and the positions of these.
    ends, first : arrays of int, shapes (all rows + 1,) and (all rows,)
        Where its entries end, and the flat index of the first atom of its group.
    places : int
        Number of positions of a filter.
    data, columns : arrays
        What is written.
    """
    n = tables.shape[2]
    for r in range(len(rows)):
        row = rows[r]
        table = tables[table_of[r]]
        start = ends[row]
        count = (ends[row + 1] - start) // n
        for i in range(n):
            base = first[row] + i * places
            for k in range(count):
                data[start + k] = table[ways[row, k], i]
                columns[start + k] = base + positions[row, k]
            start += count


@inner
def _add_sizes(
    table: Array, x: float, inverse: float, total: Array, squares: Array, count: Array
) -> None:  # pragma: no cover  # compiled
    for f in range(len(table)):
        size = abs(table[f]) * x
        total[f] += size
        squares[f] += (size * inverse) * (size * inverse)
        count[f] += 1.0 if size > 0 else 0.0


@loop
def sum_terms(
    across: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    places: Array,
    unit: float,
    out: Array,
    first: int,
    last: int,
) -> None:  # pragma: no cover  # compiled
    """Add up the sizes of G_kj x_j for atoms k and j ≠ k, and their squares, and count them.

    All filters of a group meet the same x_j, one after the other.

    Parameters
    ----------
    across : array of shape (ways, filters, n)
        What each filter, met in a way, has with the n filters of its group.
    ways, positions : arrays of int, shape (positions, turns)
        The ways in which the atoms at a position meet others, or -1, and the positions of these.
    starts : array of int
        Where in ``numbers`` and ``sizes`` what is active at a position in a group begins and ends.
    numbers, sizes : arrays
        Which filters these are, and x_j.
    places : array of int
        The positions of the atoms k.
    unit : float
        Squares are taken in this unit, a power of two.
    out : array of shape (3, filters, places)
        What is written, for the places from ``first`` to ``last``.
    """
    _, filters, n = across.shape
    groups, inverse, bases = filters // n, 1 / unit, numbers // n * n
    total, squares, count = np.empty(filters), np.empty(filters), np.empty(filters)
    for at in range(first, last):
        p = places[at]
        total[:], squares[:], count[:] = 0.0, 0.0, 0.0
        for turn in range(ways.shape[1]):
            way = ways[p, turn]
            if way < 0:
                continue
            q = positions[p, turn]
            for j in range(starts[q * groups], starts[q * groups + groups]):
                i, x = numbers[j], abs(sizes[j])
                table, group = across[way, i], slice(bases[j], bases[j] + n)
                own = total[i], squares[i], count[i]
                _add_sizes(table, x, inverse, total[group], squares[group], count[group])
                if q == p:
                    total[i], squares[i], count[i] = own
        out[0, :, at], out[1, :, at], out[2, :, at] = total, squares, count


@loop
def lay_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    out: Array,
) -> None:  # pragma: no cover  # compiled
    """Write the sizes of G_kj x_j for atoms k and j ≠ k that are not 0, a row each, from the left.

    Parameters
    ----------
    tables : array of shape (filters, ways, n)
        What each filter has with those of its group, met in a way.
    ways, positions, starts, numbers, sizes : arrays
        Those of `sum_terms`.
    atoms : array of int
        Flat indices.
    out : array of shape (atoms, width)
        What is written, into zeros.
    """
    room = np.empty(out.shape[1] + 1)
    for row in range(len(atoms)):
        n = gather(tables, ways, positions, starts, numbers, sizes, atoms[row], room)
        out[row, :n] = room[:n]


@inner
def gather(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atom: int,
    out: Array,
) -> int:  # pragma: no cover  # compiled
    """Write the sizes of G_kj x_j for an atom k and j ≠ k that are not 0, and return how many.

    There is room for one more in ``out``.
    """
    places, n = ways.shape[0], tables.shape[2]
    f, p = atom // places, atom % places
    group, base, end = f // n, f // n * n, 0
    for turn in range(ways.shape[1]):
        way = ways[p, turn]
        if way < 0:
            continue
        q = positions[p, turn]
        active = q * (tables.shape[0] // n) + group
        own = f if q == p else -1
        table = tables[f, way]
        for at in range(starts[active], starts[active + 1]):
            size = abs(table[numbers[at] - base] * sizes[at])
            # what does not count is written over
            out[end] = size
            end += (size > 0) & (numbers[at] != own)
    return end
