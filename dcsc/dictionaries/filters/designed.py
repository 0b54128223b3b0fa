"""Filters made to have a given coherence."""

import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Rng, generator, real
from dcsc._threads import OneBlasThread
from dcsc.dictionaries.filters.common import checked
from dcsc.errors import DcscError

__all__ = ["equicorrelated"]


def equicorrelated(
    n: int, c: int, kernel: int | Sequence[int], correlation: float, rng: Rng = None
) -> Array:
    r"""Filters whose taps all have the same inner product with one another, up to sign.

    The :math:`m = n \prod \mathrm{kernel}` taps are vectors of c channels with Gram matrix
    :math:`(I + \mu \Sigma) / \prod \mathrm{kernel}`, :math:`\Sigma` symmetric with independent
    fair signs off its diagonal. Every correlation of two filters is a mean of terms
    :math:`\pm\mu`, so the coherence is at most :math:`\mu`, without the few exceptional pairs
    that make the coherence of random filters several times their typical correlation. Shape
    ``(n, c, *kernel)``.

    Parameters
    ----------
    n, c, kernel
        As in the module; needs ``n·prod(kernel) <= c``.
    correlation : float
        :math:`\mu`, from 0 to roughly :math:`1 / 2\sqrt m`, where the Gram matrix ceases to be
        positive definite.
    rng : None, int, SeedSequence or Generator

    Raises
    ------
    DcscError
        If an argument is not as described, or no such vectors exist.

    References
    ----------
    The design is our own; that :math:`\|\Sigma\| \approx 2 \sqrt m` is E. P. Wigner,
    "Characteristic vectors of bordered matrices with infinite dimensions", Ann. Math. 62 (1955).

    Examples
    --------
    >>> from dcsc import CirculantDictionary
    >>> filters = equicorrelated(8, 16, 2, 0.1, rng=0)
    >>> round(CirculantDictionary(filters, extent=8).mutual_coherence(), 12)
    0.1
    """
    n, c, kernel = checked("equicorrelated", n, c, kernel)
    mu = real(correlation, "equicorrelated: correlation", minimum=0, maximum=1)
    taps = math.prod(kernel)
    if n * taps > c:
        raise DcscError(f"equicorrelated: n·prod(kernel) must be at most c = {c}, got {n * taps}")
    source = generator(rng, "equicorrelated: rng")
    signs = np.triu(source.choice([-1.0, 1.0], (n * taps, n * taps)), 1)
    directions = source.standard_normal((c, n * taps))
    try:
        with OneBlasThread():  # the last bits would depend on their number
            vectors = np.linalg.cholesky(np.eye(n * taps) + mu * (signs + signs.T))
            filters = vectors @ np.linalg.qr(directions)[0].T / math.sqrt(taps)
    except np.linalg.LinAlgError:
        raise DcscError(
            f"equicorrelated: correlation must be below about 1/(2·sqrt(n·prod(kernel))) = "
            f"{0.5 / math.sqrt(n * taps):.3g}, got {mu}"
        ) from None
    return np.ascontiguousarray(np.moveaxis(filters.reshape(n, taps, c), 2, 1)).reshape(
        n, c, *kernel
    )
