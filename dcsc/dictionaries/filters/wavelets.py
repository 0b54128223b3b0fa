"""Orthonormal wavelets, from the coefficients that PyWavelets has."""

import itertools
from typing import Any

import numpy as np

from dcsc._arrays import Array, checked_size, integer
from dcsc._words import quoted
from dcsc.dictionaries.filters.common import outer, unit
from dcsc.errors import DcscError

__all__ = ["wavelets"]

# 2^60 filters are more than any memory holds.
_MOST = 60


def wavelets(wavelet: str, level: int = 1, axes: int = 1) -> Array:
    r"""Wavelets of all scales up to a level, and scaling functions, with their shifts.

    With rows h and g of a wavelet's two filters, scaling functions and wavelets of level j are

    .. math:: \varphi_j = \sum_m h_m\, \varphi_{j-1}[\,\cdot - 2^{j-1} m], \qquad
        \psi_j = \sum_m g_m\, \varphi_{j-1}[\,\cdot - 2^{j-1} m], \qquad \varphi_0 = \delta ,

    and all shifts of :math:`\psi_1, \dots, \psi_J, \varphi_J` by multiples of their
    :math:`2^j` are orthonormal. A dictionary has one stride: it is :math:`2^J`, and a function
    of level j stands here :math:`2^{J-j}` times, moved by multiples of :math:`2^j`. Along several
    axes, functions are products of one each of the same level, not all of them scaling functions
    but at the last. Shape ``(2^(level·axes), 1, *kernel)``, from coarse to fine, each level in the
    order of PyWavelets' keys and then of its shifts.

    On a circle this is a basis, with stride ``2**level``, and analysis is PyWavelets' transform of
    mode ``"periodization"``, up to where each level begins to count. Needs PyWavelets,
    ``pip install 'dcsc[wavelets]'``.

    Parameters
    ----------
    wavelet : str
        The name of an orthogonal wavelet in PyWavelets, such as ``"db4"``. Shifts are orthonormal
        as far as its coefficients are: to 1e-11 for Daubechies' wavelets, symlets and coiflets, to
        2e-3 for ``"dmey"``.
    level : int, default 1
    axes : int, default 1
        Of space.

    Raises
    ------
    DcscError
        If PyWavelets is not installed, or has no orthogonal wavelet of that name.

    References
    ----------
    S. Mallat, "A Wavelet Tour of Signal Processing", 2009, chapter 7.

    Examples
    --------
    >>> import pywt
    >>> from dcsc import CirculantDictionary
    >>> bank = wavelets("db2", level=3)
    >>> bank.shape
    (8, 1, 22)
    >>> bool(CirculantDictionary(bank, extent=64, stride=8).mutual_coherence() < 1e-11)
    True
    """
    levels = integer(level, "wavelets: level", 1, _MOST)
    count = integer(axes, "wavelets: axes", 1, _MOST)
    low, high = _two_filters(wavelet)
    size = max(2**levels - 2 + len(low), (2**levels - 1) * (len(low) - 1) + 1)
    checked_size((2 ** (levels * count), *[size] * count), "wavelets: level, axes")
    scaling = np.ones(1)
    bands: list[Array] = []
    for number in range(levels):
        # One level further: both filters, spread out, on the scaling function of the level below.
        functions = [_spread(taps, number, scaling) for taps in (low, high)]
        scaling = functions[0]
        places = range(0, 2**levels, 2 ** (number + 1))
        laid = [_laid(function, places, size) for function in functions]
        shifts = np.indices([len(places)] * count).reshape(count, -1)
        kinds = list(itertools.product((0, 1), repeat=count))
        bands[:0] = [
            outer([laid[kind][at] for kind, at in zip(each, shifts, strict=True)])
            for each in (kinds if number + 1 == levels else kinds[1:])
        ]
    return unit(np.concatenate(bands)[:, None])


def _two_filters(name: Any) -> tuple[Array, Array]:
    """Return the filters of an orthogonal wavelet with which PyWavelets synthesises."""
    try:
        import pywt  # noqa: PLC0415  # an extra, for whoever asks for wavelets
    except ImportError:
        raise DcscError(
            "wavelets: expected PyWavelets to be installed: pip install 'dcsc[wavelets]'"
        ) from None
    expected = "wavelets: wavelet: expected the name of an orthogonal wavelet of PyWavelets"
    if not isinstance(name, str) or name not in pywt.wavelist(kind="discrete"):
        raise DcscError(f"{expected}, such as 'db4', got {quoted(name)}")
    chosen = pywt.Wavelet(name)
    if not chosen.orthogonal:
        raise DcscError(f"{expected}, got {quoted(name)}, whose two banks differ")
    return np.array(chosen.rec_lo), np.array(chosen.rec_hi)


def _spread(taps: Array, number: int, scaling: Array) -> Array:
    """Return the sum of a scaling function at multiples of 2^number, with these weights."""
    spread = np.zeros((len(taps) - 1) * 2**number + 1)
    spread[:: 2**number] = taps
    return np.convolve(spread, scaling)


def _laid(function: Array, places: range, size: int) -> Array:
    """Return a function on ``size`` samples, once for each place at which it begins."""
    rows = np.zeros((len(places), size))
    for row, place in zip(rows, places, strict=True):
        row[place : place + len(function)] = function
    return rows
