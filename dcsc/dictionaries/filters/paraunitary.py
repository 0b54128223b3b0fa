"""Filters whose shifts are orthonormal."""

import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Rng, Shape, generator
from dcsc._threads import OneBlasThread
from dcsc.dictionaries.filters.common import checked, per_axis
from dcsc.errors import DcscError

__all__ = ["orthogonal"]

# So many banks are drawn, and the one whose weakest tap is the strongest is kept.
_DRAWS = 16


def orthogonal(
    n: int,
    c: int,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    rng: Rng = None,
) -> Array:
    r"""Random filters that are orthonormal to each other and to all their shifts by the stride.

    The :math:`m = c \prod \mathrm{stride}` samples that one position brings with it are a vector,
    and the filters, as functions of z, are n rows of a paraunitary matrix of size m,

    .. math:: U \prod_{\text{axes}} \prod_{t=1}^{d} (I - P_t + z P_t),
        \qquad d = \frac{\mathrm{kernel}}{\mathrm{stride}} - 1,

    with a random orthogonal matrix U and random projections :math:`P_t` of rank
    :math:`\lfloor m/2 \rfloor`: each factor preserves energy, and so does the product. The
    coherence is 0 up to rounding, on a circle of any length and on a segment whose border cuts no
    atom. Shape ``(n, c, *kernel)``.

    Parameters
    ----------
    n, c, kernel
        As in the module; needs ``n <= c·prod(stride)``, for there are no more orthogonal atoms than
        samples.
    stride : int or sequence of int, default 1
        Of the dictionary, one or one per axis; each divides the kernel.
    rng : None, int, SeedSequence or Generator

    Raises
    ------
    DcscError
        If an argument is not as described; or for one channel, stride 1 and a kernel of several
        taps, where nothing but a shift of a single tap is orthogonal to all its shifts.

    References
    ----------
    P. P. Vaidyanathan, "Multirate Systems and Filter Banks", 1993, chapter 14, for one axis.

    Examples
    --------
    >>> from dcsc import CirculantDictionary
    >>> dictionary = CirculantDictionary(orthogonal(4, 4, 3, rng=0), extent=16)
    >>> bool(dictionary.mutual_coherence() < 1e-14)
    True
    """
    where = "orthogonal"
    n, c, kernel = checked(where, n, c, kernel)
    strides = per_axis(stride, len(kernel), f"{where}: stride")
    source = generator(rng, f"{where}: rng")
    size = c * math.prod(strides)
    if n > size:
        raise DcscError(
            f"{where}: n: expected at most c·prod(stride) = {size} filters, got {n}: no more atoms "
            "than samples can be orthogonal"
        )
    if any(k % s for k, s in zip(kernel, strides, strict=True)):
        raise DcscError(
            f"{where}: kernel: expected multiples of the stride {strides}, got {kernel}"
        )
    degrees = tuple(k // s - 1 for k, s in zip(kernel, strides, strict=True))
    if size == 1 and any(degrees):
        raise DcscError(
            f"{where}: kernel: expected one tap, got {kernel}: with one channel and stride 1 no "
            "filter of several taps is orthogonal to all its shifts"
        )
    with OneBlasThread():  # the last bits would depend on their number
        banks = [_bank(n, size, degrees, source) for _ in range(_DRAWS)]
    polyphase = max(banks, key=lambda bank: _weakest(_filters(bank, c, strides)))
    return _filters(polyphase, c, strides)


def _bank(n: int, size: int, degrees: Shape, rng: np.random.Generator) -> Array:
    """Return n rows of a paraunitary matrix, ``(n, size, *degrees + 1)``, powers of z last."""
    rows = np.linalg.qr(rng.standard_normal((size, size)))[0][:n]
    bank = rows.reshape(n, size, *[1] * len(degrees))
    for axis, degree in enumerate(degrees, start=2):
        for _ in range(degree):
            basis = np.linalg.qr(rng.standard_normal((size, size // 2)))[0]
            # What lies in the projection moves by one power of z, the rest stays.
            inside = np.einsum("im...,mr,kr->ik...", bank, basis, basis, optimize=True)
            room = np.zeros((*bank.shape[:axis], 1, *bank.shape[axis + 1 :]))
            bank = np.concatenate([bank - inside, room], axis) + np.concatenate(
                [room, inside], axis
            )
    return bank


def _filters(polyphase: Array, c: int, strides: Shape) -> Array:
    """Return filters ``(n, c, *kernel)``: tap t·stride + r is power t of the phase r."""
    n, _, *powers = polyphase.shape
    axes = len(strides)
    split = polyphase.reshape(n, c, *strides, *powers)
    order = [place for axis in range(axes) for place in (2 + axes + axis, 2 + axis)]
    kernel = [power * stride for power, stride in zip(powers, strides, strict=True)]
    return np.ascontiguousarray(split.transpose(0, 1, *order)).reshape(n, c, *kernel)


def _weakest(filters: Array) -> float:
    """Return the size of the weakest tap of any filter, over its channels."""
    return float(np.abs(filters).max(axis=1).min())
