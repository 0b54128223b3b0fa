"""What the theorems ask of the Gram matrix G = AᵀA, from a few of its rows."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array

if TYPE_CHECKING:
    from dcsc.dictionaries.base import Dictionary

NEGLIGIBLE = 1e-12
_BLOCK_ENTRIES = 2**22


def _row_blocks(dictionary: "Dictionary") -> Iterator[tuple[Array, scipy.sparse.coo_array]]:
    """Yield atoms and their rows of G without the diagonal, a bounded number of entries a time."""
    representatives = dictionary._representatives()
    dictionary._check_gram_cost(len(representatives))
    width = min(dictionary.stripes.size, math.prod(dictionary.code_shape))
    block = max(1, _BLOCK_ENTRIES // width)
    for start in range(0, len(representatives), block):
        atoms = representatives[start : start + block]
        rows = dictionary.gram_rows(atoms).tocoo()
        off = rows.col != atoms[rows.row]
        yield (
            atoms,
            scipy.sparse.coo_array((rows.data[off], (rows.row[off], rows.col[off])), rows.shape),
        )


@attrs.frozen
class Entry:
    """Two flat indices of atoms, and their inner product or its size."""

    row: int
    column: int
    value: float


def largest_entry(dictionary: "Dictionary") -> Entry:
    """Return an off-diagonal entry of G whose absolute value is the largest."""
    best = Entry(0, 0, 0.0)
    for atoms, rows in _row_blocks(dictionary):
        if rows.nnz:
            at = int(np.argmax(np.abs(rows.data)))
            value = float(rows.data[at])
            if abs(value) > abs(best.value):
                best = Entry(int(atoms[rows.row[at]]), int(rows.col[at]), value)
    return best


def most_coherent(dictionary: "Dictionary") -> Entry:
    """Return two distinct atoms, not negligible, and the absolute cosine, which is the largest."""
    norms = dictionary.atom_norms().ravel()
    live = norms > NEGLIGIBLE * norms.max()
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=live)
    best = Entry(0, 0, 0.0)
    for atoms, rows in _row_blocks(dictionary):
        cosines = np.abs(rows.data) * inverse[atoms][rows.row] * inverse[rows.col]
        at = int(cosines.argmax()) if len(cosines) else 0
        if len(cosines) and cosines[at] > best.value:
            best = Entry(int(atoms[rows.row[at]]), int(rows.col[at]), float(cosines[at]))
    return attrs.evolve(best, value=min(best.value, 1.0))


def babel(dictionary: "Dictionary", sparsity: int, power: int) -> float:
    """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
    if sparsity == 0:
        return 0.0
    largest = 0.0
    for _, coo in _row_blocks(dictionary):
        rows = coo.tocsr()
        lengths = np.diff(rows.indptr)
        entries = np.zeros((len(lengths), max(int(lengths.max(initial=0)), 1)))
        entries[np.arange(entries.shape[1]) < lengths[:, None]] = np.abs(rows.data) ** power
        if sparsity < entries.shape[1]:
            entries = np.partition(entries, -sparsity, axis=1)[:, -sparsity:]
        largest = max(largest, float(entries.sum(axis=1).max(initial=0.0)))
    return largest
