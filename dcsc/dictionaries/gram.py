"""What the theorems ask of the Gram matrix G = AᵀA, from a few of its rows."""

from collections.abc import Iterable
from typing import Self

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array

NEGLIGIBLE = 1e-12


@attrs.frozen(eq=False)
class Block:
    """Rows of G without the diagonal, and the flat indices of the atoms that they belong to."""

    atoms: Array
    rows: scipy.sparse.coo_array

    @classmethod
    def of(cls, atoms: Array, rows: scipy.sparse.csr_array) -> Self:
        """Return rows of G without the diagonal."""
        entries = rows.tocoo()
        off = entries.col != atoms[entries.row]
        kept = entries.data[off], (entries.row[off], entries.col[off])
        return cls(atoms, scipy.sparse.coo_array(kept, entries.shape))


@attrs.frozen
class Entry:
    """Two flat indices of atoms, and their inner product or its size."""

    row: int
    column: int
    value: float


def largest_entry(blocks: Iterable[Block]) -> Entry:
    """Return an off-diagonal entry of G whose absolute value is the largest."""
    best = Entry(0, 0, 0.0)
    for block in blocks:
        rows = block.rows
        if rows.nnz:
            at = int(np.argmax(np.abs(rows.data)))
            value = float(rows.data[at])
            if abs(value) > abs(best.value):
                best = Entry(int(block.atoms[rows.row[at]]), int(rows.col[at]), value)
    return best


def most_coherent(blocks: Iterable[Block], norms: Array) -> Entry:
    """Return two distinct atoms, not negligible, and the absolute cosine, which is the largest."""
    live = norms > NEGLIGIBLE * norms.max()
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=live)
    best = Entry(0, 0, 0.0)
    for block in blocks:
        rows = block.rows
        cosines = np.abs(rows.data) * inverse[block.atoms][rows.row] * inverse[rows.col]
        at = int(cosines.argmax()) if len(cosines) else 0
        if len(cosines) and cosines[at] > best.value:
            pair = int(block.atoms[rows.row[at]]), int(rows.col[at])
            best = Entry(*pair, float(cosines[at]))
    return attrs.evolve(best, value=min(best.value, 1.0))


def babel(blocks: Iterable[Block], sparsity: int, power: int) -> float:
    """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
    if sparsity == 0:
        return 0.0
    largest = 0.0
    for block in blocks:
        rows = block.rows.tocsr()
        lengths = np.diff(rows.indptr)
        entries = np.zeros((len(lengths), max(int(lengths.max(initial=0)), 1)))
        entries[np.arange(entries.shape[1]) < lengths[:, None]] = np.abs(rows.data) ** power
        if sparsity < entries.shape[1]:
            entries = np.partition(entries, -sparsity, axis=1)[:, -sparsity:]
        largest = max(largest, float(entries.sum(axis=1).max(initial=0.0)))
    return largest
