"""The plain way to take atoms, in numpy: the oracle of the compiled one."""

import math

import numpy as np
from scipy.linalg import solve_triangular

from dcsc._arrays import Array

__all__ = ["take_atoms"]

# Of an atom of norm 1, what is orthogonal to the support is rounding below the square root of this.
DEPENDENT = 1e-13


def take_atoms(
    tables: Array,
    ways: Array,
    at: Array,
    row_of: Array,
    ends: Array,
    columns: Array,
    values: Array,
    place: Array,
    atoms: Array,
    factor: Array,
    left: Array,
    inverse: Array,
    sizes: Array,
    largest: Array,
    size: int,
    most: int,
    level: float,
) -> tuple[int, bool]:
    """Take the best atoms one by one, and write what becomes of a pursuit.

    Parameters
    ----------
    tables, ways, at : arrays
        What every atom has with those near it, as `dcsc.dictionaries.rows.Near` keeps it, out of
        which the row of an atom in use is laid; empty if it is not kept, and rows are brought.
    row_of : array of int, shape (atoms,)
        Which row of the Gram matrix at hand is that of an atom, or -1.
    ends, columns, values : arrays
        These rows: the entries of row r are ``[ends[r], ends[r + 1])``.
    place : array of int, shape (atoms,)
        Which number an atom has in the support, or -1.
    atoms, factor : arrays of shape (room,) and (room, room)
        The atoms in use, and the Cholesky factor of their Gram matrix.
    left, inverse : arrays of shape (atoms,)
        ⟨a_k, r⟩ for the residual r; and 1/‖a_k‖, 0 for those never to be taken.
    sizes, largest : arrays of shape (blocks, block) and (blocks,)
        ``|left|·inverse``, zeros behind it, and the largest of each block.
    size, most : int
        How many atoms there are, and how many there may be.
    level : float
        No atom is taken whose size is not above it.
    """
    block = sizes.shape[1]
    while size < min(most, len(atoms)):
        # The best atom for what is left, the first of those that are equal.
        first = int(largest.argmax())
        atom = first * block + int(sizes[first].argmax())
        if sizes[first].max() <= level:
            return size, True
        # Its row of the Gram matrix, out of tables if there are any.
        if row_of[atom] < 0:
            if not len(tables):
                return size, False
            f, p = divmod(atom, len(ways))
            met, group = ways[p] >= 0, np.arange(tables.shape[2])
            base = (f // len(group) * len(group) + group) * len(ways)
            start, stop = ends[size], ends[size] + met.sum() * len(group)
            columns[start:stop] = np.add.outer(base, at[p, met]).ravel()
            values[start:stop] = tables[f, ways[p, met]].T.ravel()
            row_of[atom], ends[size + 1] = size, stop
        # G_T,k = L w, and d² = G_kk − |w|² is what the others do not make of the atom.
        near, row = _row(row_of[atom], ends, columns, values)
        products, numbers = np.zeros(size), place[near]
        products[numbers[numbers >= 0]] = row[numbers >= 0]
        own = float(row[near == atom].sum())
        lower = factor[:size, :size]
        w = solve_triangular(lower, products, lower=True) if size else products
        rest = own - float(w @ w)
        if rest <= DEPENDENT * own:
            return size, True
        # The new coefficient is ⟨a_k, r⟩ / d²; the others give way by G_TT⁻¹ G_T,k times it.
        others = solve_triangular(lower, w, lower=True, trans=1) if size else w
        change = np.append(-others, 1.0) * (left[atom] / rest)
        factor[size, :size], factor[size, size] = w, math.sqrt(rest)
        place[atom], atoms[size], inverse[atom] = size, atom, 0
        size += 1
        for j in np.flatnonzero(change):
            near, row = _row(row_of[atoms[j]], ends, columns, values)
            left[near] -= change[j] * row
            sizes.ravel()[near] = np.abs(left[near]) * inverse[near]
        largest[:] = sizes.max(axis=1)
    return size, size >= most


def _row(number: int, ends: Array, columns: Array, values: Array) -> tuple[Array, Array]:
    part = slice(ends[number], ends[number + 1])
    return columns[part], values[part]
