"""Codes under drawn signs, and what becomes of their units, compiled by numba on first use."""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import loop
from dcsc._threads import share

__all__ = ["count_wrong", "with_signs"]

_WORTH_A_THREAD = 2**18


def with_signs(codes: Array, signs: Array) -> Array:
    """Return codes with each of some patterns of signs, (patterns, columns, n, places).

    Parameters
    ----------
    codes : array of shape (columns, n, places)
    signs : array of int8, shape (patterns, n, places)
    """
    out = np.empty((len(signs), *codes.shape), codes.dtype)

    def work(start: int, stop: int) -> None:
        _sign(codes, signs[start:stop], out[start:stop])

    share(work, len(signs), 1 + _WORTH_A_THREAD // max(codes.size, 1))
    return out


def count_wrong(coefficients: Array, codes: Array, signs: Array, levels: Array) -> Array:
    """Return how many units are missed, and how many are on besides, (patterns, 2, columns).

    A unit is on where its coefficient times its sign exceeds a level.

    Parameters
    ----------
    coefficients : array of shape (patterns, columns, n, places)
    codes, signs
        As in `with_signs`.
    levels : array of shape (n,)
    """
    out = np.zeros((len(signs), 2, len(codes)), np.int64)

    def work(start: int, stop: int) -> None:
        _count(coefficients[start:stop], codes, signs[start:stop], levels, out[start:stop])

    share(work, len(signs), 1 + _WORTH_A_THREAD // max(codes.size, 1))
    return out


@loop
def _sign(codes: Array, signs: Array, out: Array) -> None:  # pragma: no cover  # compiled
    for pattern in range(out.shape[0]):
        for column in range(out.shape[1]):
            for i in range(out.shape[2]):
                for p in range(out.shape[3]):
                    out[pattern, column, i, p] = codes[column, i, p] * signs[pattern, i, p]


@loop
def _count(
    coefficients: Array, codes: Array, signs: Array, levels: Array, out: Array
) -> None:  # pragma: no cover  # compiled
    for pattern in range(coefficients.shape[0]):
        for column in range(coefficients.shape[1]):
            missed, raised = 0, 0
            for i in range(coefficients.shape[2]):
                level = levels[i]
                for p in range(coefficients.shape[3]):
                    on = coefficients[pattern, column, i, p] * signs[pattern, i, p] > level
                    active = codes[column, i, p] != 0
                    missed += active & (not on)
                    raised += on & (not active)
            out[pattern, 0, column], out[pattern, 1, column] = missed, raised
