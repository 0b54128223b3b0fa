"""Filter families: plain functions that return unit-norm filters for a dictionary.

Every family takes the number of filters ``n``, the number of channels ``c`` and the ``kernel``, an
int (one axis) or a tuple (one int per axis), and returns a new float64 array ``(n, c, *kernel)`` of
filters of unit Euclidean norm. Random families draw from ``rng`` alone, the others take none.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Rng, Shape, generator, integer, shape_tuple
from dcsc.errors import DcscError

__all__ = ["barker", "dct", "gabor", "gaussian", "haar", "rademacher", "sparse_rademacher"]

# All codes up to length 13 with off-peak autocorrelations in [-1, 1], up to sign and reversal.
_BARKER = ["++", "+-", "++-", "+++-", "++-+", "+++-+", "+++--+-", "+++---+--+-", "+++++--++-+-+"]


def gaussian(n: int, c: int, kernel: int | Sequence[int], rng: Rng = None) -> Array:
    r"""Independent normal filters, each uniform on the unit sphere.

    :math:`a_i = g_i / \lVert g_i \rVert_2`, :math:`g_i \sim \mathcal N(0, I)`; ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, or ``rng`` is no seed.

    References
    ----------
    M. E. Muller, "A note on a method for generating points uniformly on n-dimensional spheres",
    Commun. ACM 2 (1959) 19-20.

    Examples
    --------
    >>> filters = gaussian(8, 3, (5, 5), rng=0)
    >>> filters.shape, bool(np.allclose((filters**2).sum(axis=(1, 2, 3)), 1))
    ((8, 3, 5, 5), True)
    """
    n, c, kernel = _checked("gaussian", n, c, kernel)
    return _unit(generator(rng, "gaussian: rng").standard_normal((n, c, *kernel)))


def rademacher(n: int, c: int, kernel: int | Sequence[int], rng: Rng = None) -> Array:
    r"""Filters of independent fair signs.

    :math:`a_i = \varepsilon_i / \sqrt d` with :math:`\varepsilon_i` uniform on
    :math:`\{\pm 1\}^d` and :math:`d = c \prod \mathrm{kernel}`, shape ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, or ``rng`` is no seed.

    References
    ----------
    D. Achlioptas, "Database-friendly random projections", J. Comput. Syst. Sci. 66 (2003) 671-687.

    Examples
    --------
    >>> np.unique(rademacher(3, 1, 4, rng=0)).tolist()
    [-0.5, 0.5]
    """
    n, c, kernel = _checked("rademacher", n, c, kernel)
    signs = generator(rng, "rademacher: rng").choice([-1.0, 1.0], (n, c, *kernel))
    return signs / math.sqrt(c * math.prod(kernel))


def sparse_rademacher(
    n: int, c: int, kernel: int | Sequence[int], nonzeros: int, rng: Rng = None
) -> Array:
    r"""Filters with a given number of independent fair signs at random places.

    Exactly ``nonzeros`` of the :math:`c \prod \mathrm{kernel}` entries of each filter, a uniformly
    random subset, are :math:`\pm 1 / \sqrt{\mathrm{nonzeros}}`. Shape ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described, or ``nonzeros`` not from 1 to the number of entries.

    References
    ----------
    D. M. Kane and J. Nelson, "Sparser Johnson-Lindenstrauss transforms", J. ACM 61 (2014) 4.

    Examples
    --------
    >>> np.count_nonzero(sparse_rademacher(3, 2, 5, nonzeros=4, rng=0), axis=(1, 2)).tolist()
    [4, 4, 4]
    """
    n, c, kernel = _checked("sparse_rademacher", n, c, kernel)
    size = c * math.prod(kernel)
    count = integer(nonzeros, "sparse_rademacher: nonzeros", 1, size)
    random = generator(rng, "sparse_rademacher: rng")
    filters = np.zeros((n, size))
    filters[:, :count] = random.choice([-1.0, 1.0], (n, count)) / math.sqrt(count)
    return random.permuted(filters, axis=1).reshape((n, c, *kernel))


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
    n, c, kernel = _checked("dct", n, c, kernel)
    indices = _basis_indices("dct", n, (c, *kernel))
    first = indices[np.argsort(indices.sum(axis=1), kind="stable")[:n]]
    return _outer([_dct_rows(k, size) for k, size in zip(first.T, (c, *kernel), strict=True)])


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
    n, c, kernel = _checked("haar", n, c, kernel)
    if c.bit_count() != 1:
        raise DcscError(f"haar: c must be a power of two, got {c}")
    if any(side.bit_count() != 1 for side in kernel):
        raise DcscError(f"haar: kernel lengths must be powers of two, got {kernel}")
    indices = _basis_indices("haar", n, (c, *kernel))
    levels = np.frexp(indices)[1]  # the bit length of an index is its level
    first = indices[np.lexsort((levels.sum(axis=1), levels.max(axis=1)))[:n]]
    return _outer([_haar_rows(k, size) for k, size in zip(first.T, (c, *kernel), strict=True)])


def gabor(n: int, c: int, kernel: int | Sequence[int]) -> Array:
    r"""Plane waves under one isotropic Gaussian, in pairs of cosine and sine phase.

    Filters 2j and 2j + 1 are :math:`e^{-|x|^2 / 2\sigma^2} \cos 2\pi \langle u_j, x \rangle` and
    the same with sine, normalised; x is measured from the centre of the kernel, :math:`\sigma` is
    a quarter of its shortest side. On one axis of length K the frequencies are equally
    spaced from :math:`1/K` (at most 1/3) up to, and without, 1/2 cycles per sample. On two axes
    the :math:`J = \lceil n/2 \rceil` orientations are :math:`\pi j / J`, 0 varying along the last
    axis, while the frequencies run round the octaves ..., 1/6, 1/3 of at least one cycle per
    shortest side. Axes of length 1 do not count. No two filters are equal up to sign. Channels
    are equal, as in a grey pattern. Shape ``(n, c, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, ``kernel`` has more than two axes, or
        filters would repeat: n > 1 for a single sample, n > 2 for 2 and (2, 2), n > 3 for 3.

    References
    ----------
    D. Gabor, "Theory of communication", J. IEE 93 (1946) 429-457; J. G. Daugman, "Uncertainty
    relation for resolution in space ...", J. Opt. Soc. Am. A 2 (1985) 1160-1169.

    Examples
    --------
    >>> gabor(2, 1, 3).round(4).tolist()
    [[[-0.1974, 0.9602, -0.1974]], [[-0.7071, 0.0, 0.7071]]]
    """
    n, c, kernel = _checked("gabor", n, c, kernel)
    if len(kernel) > 2:
        raise DcscError(f"gabor: kernel must have one or two axes, got {kernel}")
    long = tuple(side for side in kernel if side > 1)
    limit = {(): 1, (2,): 2, (3,): 3, (2, 2): 2}.get(long, n)
    if n > limit:
        raise DcscError(f"gabor: n must be at most {limit} for kernel {kernel}, got {n}")
    shortest = min(long, default=1)
    pair = np.arange(n) // 2
    turn = pair / math.ceil(n / 2)
    if len(long) == 2:
        octaves = max((shortest // 3).bit_length(), 1)
        frequency = 2.0 ** (pair % octaves - octaves + 1) / 3
        waves = frequency * np.array([np.sin(np.pi * turn), np.cos(np.pi * turn)])
    else:
        lowest = 1 / max(shortest, 3)
        waves = np.tile(lowest + (0.5 - lowest) * turn, (len(kernel), 1))
    grid = np.stack(np.meshgrid(*(np.arange(k) - (k - 1) / 2 for k in kernel), indexing="ij"))
    phase = 2 * np.pi * np.tensordot(waves.T, grid, axes=1)
    patterns = np.cos(phase)
    patterns[1::2] = np.sin(phase[1::2])
    patterns *= np.exp(-8 * (grid**2).sum(axis=0) / shortest**2)
    return np.repeat(_unit(patterns)[:, np.newaxis], c, axis=1) / math.sqrt(c)


def barker(n: int, c: int, kernel: int | Sequence[int]) -> Array:
    r"""Barker codes: signs whose shifts are as little correlated as signs can be.

    A code of length K over :math:`\sqrt K` has inner products of at most 1/K with its shifts. Up to
    sign and reversal there are two of lengths 2 and 4, and one of lengths 3, 5, 7, 11 and 13.
    Filters on several axes are products of one code per axis, in C order; their shifts correlate
    by at most one over the shortest length. Shape ``(n, 1, *kernel)``.

    Raises
    ------
    DcscError
        If an argument is not as described in the module, ``c`` is not 1, a kernel length has no
        code, or ``n`` exceeds the number of codes.

    References
    ----------
    R. H. Barker, "Group synchronizing of binary digital sequences", Communication Theory (1953)
    273-287; R. Turyn and J. Storer, "On binary sequences", Proc. Am. Math. Soc. 12 (1961) 394-399.

    Examples
    --------
    >>> np.sign(barker(2, 1, 4)).astype(int).tolist()
    [[[1, 1, 1, -1]], [[1, 1, -1, 1]]]
    """
    n, c, kernel = _checked("barker", n, c, kernel)
    if c != 1:
        raise DcscError(f"barker: c must be 1, got {c}")
    codes = [[code for code in _BARKER if len(code) == side] for side in kernel]
    choices = list(itertools.product(*codes))
    if not choices:
        raise DcscError(f"barker: kernel lengths must be 2, 3, 4, 5, 7, 11 or 13, got {kernel}")
    if n > len(choices):
        raise DcscError(f"barker: n must be at most {len(choices)} for kernel {kernel}, got {n}")
    factors = [
        np.array([[1.0 if sign == "+" else -1.0 for sign in code] for code in axis])
        for axis in zip(*choices[:n], strict=True)
    ]
    return _unit(_outer(factors))[:, np.newaxis]


def _checked(family: str, n: int, c: int, kernel: int | Sequence[int]) -> tuple[int, int, Shape]:
    """Return ``n``, ``c`` and the kernel as a tuple, or refuse naming the family and argument."""
    sides = shape_tuple(kernel, f"{family}: kernel", 1)
    if not sides:
        raise DcscError(f"{family}: kernel must have at least one axis, got {kernel!r}")
    return integer(n, f"{family}: n", 1), integer(c, f"{family}: c", 1), sides


def _unit(filters: Array) -> Array:
    squares = (filters**2).sum(axis=tuple(range(1, filters.ndim)), keepdims=True)
    unit: Array = filters / np.sqrt(squares)
    return unit


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


def _outer(factors: Sequence[Array]) -> Array:
    """Return the outer products over axes of ``(n, size)`` factors, ``(n, *sizes)``."""
    product = np.ones(len(factors[0]))
    for factor in factors:
        product = product[..., np.newaxis] * np.expand_dims(factor, tuple(range(1, product.ndim)))
    return product + 0.0  # no negative zeros
