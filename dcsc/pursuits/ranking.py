"""Which atom is the best for what is left of a signal, kept up to date block by block."""

import numpy as np

from dcsc._arrays import Array

__all__ = ["Ranking"]

_BLOCK = 64


class Ranking:
    """``|⟨a_k, r⟩| / |a_k|`` of all atoms, and the largest of every few.

    Parameters
    ----------
    left : array of shape (atoms,)
        ⟨a_k, r⟩; whoever changes entries says so by `update`.
    inverse : array of shape (atoms,)
        1/‖a_k‖, or 0 for atoms that are never the best.
    """

    def __init__(self, left: Array, inverse: Array) -> None:
        self.left, self._inverse = left, inverse.copy()
        blocks = -(-len(left) // _BLOCK)
        self._sizes = np.zeros((blocks, _BLOCK))
        self._sizes.ravel()[: len(left)] = np.abs(left) * inverse
        self._largest = self._sizes.max(axis=1)
        self._dirty = np.zeros(blocks, dtype=bool)

    def leave_out(self, atom: int) -> None:
        """Let an atom never be the best again, from the next `update` of it on."""
        self._inverse[atom] = 0

    def update(self, atoms: Array) -> None:
        """Look again at atoms whose entries have changed."""
        self._sizes.ravel()[atoms] = np.abs(self.left[atoms]) * self._inverse[atoms]
        self._dirty[atoms // _BLOCK] = True
        blocks = np.flatnonzero(self._dirty)
        self._largest[blocks] = self._sizes[blocks].max(axis=1)
        self._dirty[blocks] = False

    def best(self) -> tuple[int, float]:
        """Return the best atom, the first of those that are equal, and its size."""
        block = int(self._largest.argmax())
        at = int(self._sizes[block].argmax())
        return block * _BLOCK + at, float(self._sizes[block, at])

    def candidates(self, count: int) -> list[int]:
        """Return the best atoms of so many blocks, the best ones."""
        count = min(count, len(self._largest))
        blocks = np.argpartition(self._largest, -count)[-count:]
        blocks = blocks[self._largest[blocks] > 0]
        atoms: list[int] = (blocks * _BLOCK + self._sizes[blocks].argmax(axis=1)).tolist()
        return atoms
