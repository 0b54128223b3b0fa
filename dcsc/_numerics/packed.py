"""Signs in packed form: one bit per draw, set for −1, the draws of one atom side by side.

Bit d of word w of an atom is its sign in draw 64·w + d.
"""

import numpy as np

from dcsc._arrays import Array

__all__ = ["WORD", "pack", "unpack", "words"]

WORD = 64


def words(draws: int) -> int:
    """Return the number of words that hold so many draws."""
    return -(-draws // WORD)


def pack(negative: Array) -> Array:
    """Pack booleans ``(draws, atoms)`` into uint64 ``(atoms, words)``."""
    draws, atoms = negative.shape
    out = np.zeros((atoms, words(draws) * 8), dtype=np.uint8)
    octets = np.packbits(negative.T, axis=1, bitorder="little")
    out[:, : octets.shape[1]] = octets
    return out.view("<u8").astype(np.uint64)


def unpack(packed: Array, draws: int) -> Array:
    """Return signs ``(draws, atoms)``, float64, from words ``(atoms, words)``."""
    octets = np.ascontiguousarray(packed, dtype="<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=draws, bitorder="little")
    return np.ascontiguousarray(1.0 - 2.0 * bits.T)
