"""The compiled way to take atoms."""

import math

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import loop
from dcsc.pursuits.taking_plain import DEPENDENT

__all__ = ["take_atoms"]


@loop
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
) -> tuple[int, bool]:  # pragma: no cover  # compiled
    """Take the best atoms one by one; see `dcsc.pursuits.taking_plain`."""
    blocks, block = sizes.shape
    flat = sizes.reshape(-1)
    w, change = np.zeros(len(atoms)), np.zeros(len(atoms))
    linked = np.zeros(len(atoms), dtype=np.int64)
    dirty = np.zeros(blocks, dtype=np.bool_)
    while size < min(most, len(atoms)):
        first = 0
        for number in range(1, blocks):
            if largest[number] > largest[first]:
                first = number
        atom = first * block
        for k in range(first * block, (first + 1) * block):
            if flat[k] > flat[atom]:
                atom = k
        if flat[atom] <= level:
            return size, True
        # Its row of the Gram matrix, out of tables if there are any.
        if row_of[atom] < 0:
            if not len(tables):
                return size, False
            filters, places = tables.shape[2], len(ways)
            f, p, e = atom // places, atom % places, ends[size]
            for i in range(filters):
                base = (f // filters * filters + i) * places
                for turn in range(ways.shape[1]):
                    if ways[p, turn] >= 0:
                        columns[e] = base + at[p, turn]
                        values[e] = tables[f, ways[p, turn], i]
                        e += 1
            row_of[atom], ends[size + 1] = size, e
        row = row_of[atom]
        # G_T,k = L w, and d² = G_kk − |w|².
        w[:size], own = 0, 0.0
        for e in range(ends[row], ends[row + 1]):
            if columns[e] == atom:
                own += values[e]
            elif place[columns[e]] >= 0:
                w[place[columns[e]]] = values[e]
        # Most of w is 0: the atoms that share nothing with this one, by others or directly.
        rest, count = own, 0
        for i in range(size):
            for k in linked[:count]:
                w[i] -= factor[i, k] * w[k]
            if w[i] != 0:
                w[i] /= factor[i, i]
                rest -= w[i] * w[i]
                linked[count] = i
                count += 1
        if rest <= DEPENDENT * own:
            return size, True
        # Coefficients give way by L⁻ᵀ w times that of the new atom, ⟨a_k, r⟩ / d².
        new = left[atom] / rest
        change[:size] = w[:size]
        for i in range(size - 1, -1, -1):
            if change[i] != 0:
                change[i] /= factor[i, i]
                for k in range(i):
                    change[k] -= factor[i, k] * change[i]
                change[i] *= -new
        change[size] = new
        factor[size, :size], factor[size, size] = w[:size], math.sqrt(rest)
        place[atom], atoms[size], inverse[atom] = size, atom, 0.0
        size += 1
        # What is left for the atoms near those that moved, and the best of each block.
        for j in range(size):
            row = row_of[atoms[j]]
            if change[j] != 0:
                for e in range(ends[row], ends[row + 1]):
                    k = columns[e]
                    left[k] -= change[j] * values[e]
                    flat[k] = abs(left[k]) * inverse[k]
                    dirty[k // block] = True
        for number in range(blocks):
            if dirty[number]:
                best = 0.0
                for k in range(number * block, (number + 1) * block):
                    best = max(best, flat[k])
                largest[number], dirty[number] = best, False
    return size, size >= most
