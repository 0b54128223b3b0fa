"""What the theorems ask of the Gram matrix G = AᵀA, from a few of its rows."""

from collections.abc import Iterable
from typing import Self

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array

NEGLIGIBLE = 1e-12


@attrs.frozen(eq=False)
class Block:
    """Rows of G without the diagonal, and the flat indices of the atoms that they belong to."""

    atoms: Array
    rows: "scipy.sparse.coo_array"

    @classmethod
    def of(cls, atoms: Array, rows: "scipy.sparse.csr_array") -> Self:
        """Return rows of G without the diagonal."""
        entries = rows.tocoo()
        off = entries.col != atoms[entries.row]
        kept = entries.data[off], (entries.row[off], entries.col[off])
        return cls(atoms, scipy.sparse.coo_array(kept, entries.shape))


@attrs.frozen
class Entry:
    """Two flat indices of atoms, and the size of their inner product or cosine."""

    row: int
    column: int
    value: float


def largest_entry(blocks: Iterable[Block]) -> Entry:
    """Return an off-diagonal entry of G whose absolute value is the largest, and that value."""
    best = Entry(0, 0, 0.0)
    for block in blocks:
        rows = block.rows
        if rows.nnz:
            sizes = np.abs(rows.data)
            at = int(sizes.argmax())
            if sizes[at] > best.value:
                pair = int(block.atoms[rows.row[at]]), int(rows.col[at])
                best = Entry(*pair, float(sizes[at]))
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
