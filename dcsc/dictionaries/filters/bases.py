"""Filters from orthonormal bases."""

import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.dictionaries.filters.common import checked, outer
from dcsc.errors import DcscError

__all__ = ["dct", "haar"]


def dct(n: int, c: int, kernel: int | Sequence[int]) -> Array:
    r"""First elements of the separable orthonormal DCT-II basis, low frequencies first.

    Along an axis of length K, channels included, the basis vector of frequency k is
    :math:`\sqrt{(2 - [k = 0]) / K}\, \cos(\pi k (2m + 1) / 2K)`. Elements are products of one
    vector per axis, ordered by total frequency and then in C order. Shape ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, or ``n`` exceeds the size of the basis.

    References
    ----------
    N. Ahmed, T. Natarajan, K. R. Rao, "Discrete cosine transform", IEEE Trans. Comput. 23 (1974).

    Examples
    --------
    >>> dct(2, 1, 2).round(4).tolist()
    [[[0.7071, 0.7071]], [[0.7071, -0.7071]]]
    """
    n, c, kernel = checked("dct", n, c, kernel)
    indices = _basis_indices("dct", n, (c, *kernel))
    first = indices[np.argsort(indices.sum(axis=1), kind="stable")[:n]]
    return outer([_dct_rows(k, size) for k, size in zip(first.T, (c, *kernel), strict=True)])


def haar(n: int, c: int, kernel: int | Sequence[int]) -> Array:
    r"""First elements of the separable orthonormal Haar basis, coarse to fine.

    Along an axis of length :math:`K = 2^J`, channels included, vector 0 is constant (level 0) and
    vector :math:`2^{l-1} + b` (level l) is :math:`2^{(l-1)/2} K^{-1/2}` times +1 then -1 on the
    two halves of the b-th of :math:`2^{l-1}` equal blocks. Elements are products of one vector per
    axis, ordered by finest level, then total level, then in C order. Shape ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, ``c`` or a kernel length is not a power
        of two, or ``n`` exceeds the size of the basis.

    References
    ----------
    A. Haar, "Zur Theorie der orthogonalen Funktionensysteme", Math. Ann. 69 (1910) 331-371.

    Examples
    --------
    >>> haar(2, 1, 2).round(4).tolist()
    [[[0.7071, 0.7071]], [[0.7071, -0.7071]]]
    """
    n, c, kernel = checked("haar", n, c, kernel)
    if c.bit_count() != 1:
        raise DcscError(f"haar: c must be a power of two, got {c}")
    if any(side.bit_count() != 1 for side in kernel):
        raise DcscError(f"haar: kernel lengths must be powers of two, got {kernel}")
    indices = _basis_indices("haar", n, (c, *kernel))
    levels = np.frexp(indices)[1]  # the bit length of an index is its level
    first = indices[np.lexsort((levels.sum(axis=1), levels.max(axis=1)))[:n]]
    return outer([_haar_rows(k, size) for k, size in zip(first.T, (c, *kernel), strict=True)])


def _basis_indices(family: str, n: int, sides: Shape) -> Array:
    """Return the index tuples of a separable basis in C order, ``(prod(sides), axes)``."""
    size = math.prod(sides)
    if n > size:
        raise DcscError(f"{family}: n must be at most c·prod(kernel) = {size}, got {n}")
    return np.stack(np.unravel_index(np.arange(size), sides), axis=1)


def _dct_rows(k: Array, size: int) -> Array:
    waves: Array = np.cos(np.pi * np.outer(k, 2 * np.arange(size) + 1) / (2 * size))
    waves *= np.sqrt(np.where(k == 0, 1, 2) / size)[:, np.newaxis]
    return waves


def _haar_rows(k: Array, size: int) -> Array:
    blocks = 2 ** np.maximum(np.frexp(k)[1] - 1, 0)[:, np.newaxis]
    block, place = np.divmod(np.arange(size) * blocks, size)
    rows: Array = np.where(2 * place < size, 1.0, -1.0) * (block == k[:, np.newaxis] - blocks)
    rows[k == 0] = 1.0
    rows *= np.sqrt(blocks / size)
    return rows
