"""Rows of a Gram matrix, and of its products with a code, out of tables of what filters share."""

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


@loop
def sum_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    unit: float,
    out: Array,
) -> None:  # pragma: no cover  # compiled
    """Add up the sizes of G_kj x_j for atoms k and j ≠ k, and their squares, and count them.

    Parameters
    ----------
    tables : array of shape (filters, ways, n)
        What each filter has with those of its group, met in a way.
    ways, positions : arrays of int, shape (positions, turns)
        The ways in which the atoms at a position meet others, or -1, and the positions of these.
    starts : array of int
        Where in ``numbers`` and ``sizes`` what is active in a group at a position begins and ends.
    numbers, sizes : arrays
        Which filters of their group these are, and x_j.
    atoms : array of int
        Flat indices.
    unit : float
        Squares are taken in this unit, a power of two.
    out : array of shape (3, atoms)
        What is written.
    """
    places, n, inverse = ways.shape[0], tables.shape[2], 1 / unit
    for row in range(len(atoms)):
        f, p = atoms[row] // places, atoms[row] % places
        total, squares, count = 0.0, 0.0, 0
        for turn in range(ways.shape[1]):
            way = ways[p, turn]
            if way < 0:
                continue
            q = positions[p, turn]
            active = f // n * places + q
            for at in range(starts[active], starts[active + 1]):
                if q == p and numbers[at] == f % n:
                    continue
                size = abs(tables[f, way, numbers[at]] * sizes[at])
                if size > 0:
                    total += size
                    squares += (size * inverse) * (size * inverse)
                    count += 1
        out[0, row], out[1, row], out[2, row] = total, squares, count


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

    The arguments are those of `sum_terms`, but for ``out``, of shape (atoms, width), with zeros.
    """
    for row in range(len(atoms)):
        gather(tables, ways, positions, starts, numbers, sizes, atoms[row], out[row])


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
    """Write the sizes of G_kj x_j for an atom k and j ≠ k that are not 0, and return how many."""
    places, n = ways.shape[0], tables.shape[2]
    f, p = atom // places, atom % places
    end = 0
    for turn in range(ways.shape[1]):
        way = ways[p, turn]
        if way < 0:
            continue
        q = positions[p, turn]
        active = f // n * places + q
        for at in range(starts[active], starts[active + 1]):
            if q == p and numbers[at] == f % n:
                continue
            size = abs(tables[f, way, numbers[at]] * sizes[at])
            if size > 0:
                out[end] = size
                end += 1
    return end
