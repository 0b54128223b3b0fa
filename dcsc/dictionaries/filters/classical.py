"""Filters of signal processing: waves under a window, and codes with faint echoes."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries.filters.common import checked, outer, unit
from dcsc.errors import DcscError

__all__ = ["barker", "gabor"]

# All codes up to length 13 with off-peak autocorrelations in [-1, 1], up to sign and reversal.
_BARKER = ["++", "+-", "++-", "+++-", "++-+", "+++-+", "+++--+-", "+++---+--+-", "+++++--++-+-+"]


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
    n, c, kernel = checked("gabor", n, c, kernel)
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
    return np.repeat(unit(patterns)[:, np.newaxis], c, axis=1) / math.sqrt(c)


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
    n, c, kernel = checked("barker", n, c, kernel)
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
    return unit(outer(factors))[:, np.newaxis]
