"""Rows of a Gram matrix, copied out of the tables of what filters have with one another."""

from dcsc._arrays import Array
from dcsc._numerics.compiling import loop

__all__ = ["lay_rows"]


@loop
def lay_rows(
    tables: Array,
    table_of: Array,
    rows: Array,
    turns: Array,
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
    tables : array of shape (tables, n, turns)
        What the atom of a row has with filter i of its group, so many turns away.
    table_of : array of int
        The table of each of ``rows``.
    rows : array of int
    turns, positions : arrays of int, shape (all rows, turns)
        Which turns a row meets, those that exist first, and the positions they lead to.
    ends, first : arrays of int, shapes (all rows + 1,) and (all rows,)
        Where its entries end, and the flat index of the first atom of its group.
    places : int
        Number of positions of a filter.
    data, columns : arrays
        What is written.
    """
    n = tables.shape[1]
    for r in range(len(rows)):
        row = rows[r]
        table = tables[table_of[r]]
        start = ends[row]
        count = (ends[row + 1] - start) // n
        for i in range(n):
            base = first[row] + i * places
            for k in range(count):
                data[start + k] = table[i, turns[row, k]]
                columns[start + k] = base + positions[row, k]
            start += count
