"""Numbers of any size: powers of two are taken out before squares are formed, and put back.

Nothing is rounded by a power of two, so that arrays which differ by one have results which do.
"""

import math
from typing import Any

import numpy as np

from dcsc._arrays import Array

__all__ = ["check_square", "exponents", "norms", "restored", "times_power", "unit_norm"]

_LARGEST = 1022
_TINY = float(np.finfo(np.float64).tiny)


def exponents(array: Array, axes: tuple[int, ...]) -> Array:
    """Return e where the largest size is m·2^e, 1/2 ≤ m < 1; 0 where all is 0. Axes are kept."""
    largest = array.max(axis=axes, keepdims=True, initial=0)
    smallest = array.min(axis=axes, keepdims=True, initial=0)
    return np.asarray(np.frexp(np.maximum(largest, -smallest))[1])


def times_power(array: Array, exponent: Any, out: Array | None = None) -> Array:
    """Return ``array·2^exponent``, as ``numpy.ldexp`` but faster where the power is a number."""
    if (np.abs(exponent) <= _LARGEST).all():
        return np.asarray(np.multiply(array, np.ldexp(1.0, exponent), out=out))
    return np.asarray(np.ldexp(array, exponent, out=out))


def norms(array: Array, axes: tuple[int, ...]) -> Array:
    """Return ℓ2 norms over ``axes``, float64, infinite only where no float holds them."""
    wide = array.astype(np.float64, copy=False)
    exponent = exponents(wide, axes)
    scaled = times_power(wide, -exponent)
    squares = np.square(scaled, out=scaled).sum(axis=axes, keepdims=True)
    with np.errstate(over="ignore"):
        return np.ldexp(np.sqrt(squares), exponent).squeeze(axes)


def unit_norm(array: Array, axes: tuple[int, ...]) -> Array:
    """Return the array with unit ℓ2 norm over ``axes``, however small or large its entries are."""
    scaled = times_power(array.astype(np.float64, copy=False), -exponents(array, axes))
    scaled /= np.sqrt(np.square(scaled).sum(axis=axes, keepdims=True))
    return scaled.astype(array.dtype, copy=False)


def restored(value: float, exponent: int) -> float:
    """Return ``value·2^exponent``, or raise FloatingPointError where no float holds such numbers.

    Only a power can be too small. A value that is small in a unit that floats can hold loses only
    what cannot be told from 0 in that unit.
    """
    try:
        result, unit = math.ldexp(value, exponent), math.ldexp(0.25, exponent)
    except OverflowError:
        raise FloatingPointError from None
    if value and unit < _TINY:
        raise FloatingPointError
    return result


def check_square(exponent: int) -> None:
    """Raise FloatingPointError unless m²·4^exponent, 1/2 ≤ m < 1, can be a normal number."""
    restored(0.25, 2 * exponent)
