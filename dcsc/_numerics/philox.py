"""Random words by counter: those of some atoms without those of the others.

The generator is Philox 4x64 with 10 rounds (J. K. Salmon, M. A. Moraes, R. O. Dror and
D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11), as in ``numpy.random.Philox``:
the four words of atom k for the draws 256·g … 256·g + 255 are ``random_raw(4)`` of
``Philox(key=key, counter=k + (g << 64))``.
"""

import numpy as np
from numba import uint64

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop

__all__ = ["random_words"]

_FIRST = np.uint64(0xD2E7470EE14C6C93)
_SECOND = np.uint64(0xCA5A826395121157)
_BUMP = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))
_ROUNDS = 10
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@inner
def _high(a: np.uint64, b: np.uint64) -> np.uint64:  # pragma: no cover  # compiled
    """Return the upper half of the product of two words."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    cross = (a0 * b0 >> _HALF) + (a1 * b0 & _LOW) + a0 * b1
    return (cross >> _HALF) + (a1 * b0 >> _HALF) + a1 * b1


@loop
def random_words(key: Array, atoms: Array, count: int) -> Array:  # pragma: no cover  # compiled
    """Return words ``(len(atoms), count)``, uint64, for a key of two words."""
    out = np.empty((len(atoms), count), dtype=np.uint64)
    for row in range(len(atoms)):
        for group in range((count + 3) // 4):
            c0, c1, c2, c3 = uint64(atoms[row] + 1), uint64(group), uint64(0), uint64(0)
            k0, k1 = key[0], key[1]
            for _ in range(_ROUNDS):
                high0, low0 = _high(_FIRST, c0), _FIRST * c0
                high1, low1 = _high(_SECOND, c2), _SECOND * c2
                c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
                k0, k1 = k0 + _BUMP[0], k1 + _BUMP[1]
            begin = 4 * group
            for place, word in enumerate((c0, c1, c2, c3)):
                if begin + place < count:
                    out[row, begin + place] = word
    return out
