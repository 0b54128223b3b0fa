"""Random filters."""

import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Rng, generator, integer
from dcsc.dictionaries.filters.common import checked, unit

__all__ = ["gaussian", "rademacher", "sparse_rademacher"]


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
    n, c, kernel = checked("gaussian", n, c, kernel)
    return unit(generator(rng, "gaussian: rng").standard_normal((n, c, *kernel)))


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
    n, c, kernel = checked("rademacher", n, c, kernel)
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
    n, c, kernel = checked("sparse_rademacher", n, c, kernel)
    size = c * math.prod(kernel)
    count = integer(nonzeros, "sparse_rademacher: nonzeros", 1, size)
    random = generator(rng, "sparse_rademacher: rng")
    filters = np.zeros((n, size))
    filters[:, :count] = random.choice([-1.0, 1.0], (n, count)) / math.sqrt(count)
    return random.permuted(filters, axis=1).reshape((n, c, *kernel))
