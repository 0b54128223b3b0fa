"""Sums of Selberg's polynomials of signed sums, compiled by numba on first use and cached.

The moments of order k are products of the cosines of k times the angle of each weight. A row goes
through them in short blocks: the cosines of the first block are tables, and those of another come
from these by one rotation. Weights are multiplied in from the largest on, and as soon as all
products of a block are too small to matter, the others are left out: with incommensurable weights
this is after some tens of them, however many there are, and after fewer the less is asked for.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import FUSED, inner, loop
from dcsc._threads import share

__all__ = ["selberg_sums"]

_BLOCK = 16
_FRESH = 16  # after so many blocks rotations begin again
_EVERY = 4  # after so many weights it is seen whether the rest matters
_WORTH_A_THREAD = 64
_TURN = 2 * math.pi / 2.0**64
_QUARTER, _EIGHTH = np.uint64(62), np.uint64(2**61)
# 1/n! with the signs of a sine and a cosine: up to an eighth of a turn the rest is below 2^-54.
_SINE = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(8))
_COSINE = tuple((-1) ** n / math.factorial(2 * n) for n in range(9))

fused = partial(inner, freedom=FUSED)


def selberg_sums(
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    least: Array,
    coefficients: Array,
) -> Array:
    """Return three sums over the orders k, for each row and level.

    They are Σ a_k φ_k sin(k t), Σ b_k φ_k cos(k t) and Σ b_k (−1)^k φ_k, with φ_k = exp(−d k²)
    times the product of all cos(k w). Each φ_k is off by less than 2^−45 for each factor, and 0 may
    stand for one that is smaller than ``least``.

    Parameters
    ----------
    turns : array of uint64, shape (rows, width)
        The angles w in units of 2^−64 turns, in which multiples of them are exact.
    counts : array of int, shape (rows,)
        How many of them there are, the largest first.
    levels : array of uint64, shape (rows, levels)
        The angles t.
    damping : array of shape (rows,)
        d.
    least : array of shape (rows,)
        What is too small to matter.
    coefficients : array of shape (2, orders)
        a and b, from k = 0 on; the number of orders is a multiple of 16.

    Returns
    -------
    array of shape (3, rows, levels)
    """
    out = np.empty((3, *levels.shape))
    angles = np.ascontiguousarray(levels)  # so that the loop is compiled, and loaded, once

    def work(start: int, stop: int) -> None:
        _sums(turns, counts, angles, damping, least, coefficients, out, start, stop)

    if len(turns):
        share(work, len(turns), _WORTH_A_THREAD)
    return out


@fused
def _wave(turns: Any) -> tuple[float, float]:  # pragma: no cover  # compiled
    """Return the cosine and the sine of an angle."""
    quarter = (turns + _EIGHTH) >> _QUARTER
    x = np.int64(turns - (quarter << _QUARTER)) * _TURN
    z = x * x
    sine, cosine = _SINE[7], _COSINE[8]
    for n in range(6, -1, -1):
        sine = sine * z + _SINE[n]
    for n in range(7, -1, -1):
        cosine = cosine * z + _COSINE[n]
    sine *= x
    swapped = (quarter & np.uint64(1)) != 0
    c, s = (sine, cosine) if swapped else (cosine, sine)
    turned = ((quarter + np.uint64(1)) & np.uint64(2)) != 0
    under = (quarter & np.uint64(2)) != 0
    return (-c if turned else c), (-s if under else s)


@fused
def _tabulate(
    turns: Any, cosines: Array, sines: Array, row: int
) -> None:  # pragma: no cover  # compiled
    """Write the cosines and sines of 0, 1, … times an angle, each a sum of two that are there."""
    c1, s1 = _wave(turns)
    c2, s2 = c1 * c1 - s1 * s1, 2 * c1 * s1
    c4, s4 = c2 * c2 - s2 * s2, 2 * c2 * s2
    c8, s8 = c4 * c4 - s4 * s4, 2 * c4 * s4
    cosines[row, 0], cosines[row, 1], cosines[row, 2] = 1.0, c1, c2
    sines[row, 0], sines[row, 1], sines[row, 2] = 0.0, s1, s2
    cosines[row, 3], sines[row, 3] = c2 * c1 - s2 * s1, s2 * c1 + c2 * s1
    for k in range(4):
        cosine, sine = cosines[row, k], sines[row, k]
        cosines[row, 4 + k], sines[row, 4 + k] = c4 * cosine - s4 * sine, s4 * cosine + c4 * sine
    for k in range(8):
        cosine, sine = cosines[row, k], sines[row, k]
        cosines[row, 8 + k], sines[row, 8 + k] = c8 * cosine - s8 * sine, s8 * cosine + c8 * sine


@fused
def _some_matter(products: Array, least: float) -> bool:  # pragma: no cover  # compiled
    hit = False
    for k in range(_BLOCK):
        hit |= abs(products[k]) > least
    return hit


@partial(loop, freedom=FUSED)
def _sums(
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    least: Array,
    coefficients: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    most, several = -(-turns.shape[1] // _EVERY) * _EVERY, levels.shape[1]
    cosines, sines = np.empty((most, _BLOCK)), np.empty((most, _BLOCK))
    c, s, step_c, step_s = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    latest = np.empty(most, np.int64)
    level_c, level_s = np.empty((several, _BLOCK)), np.empty((several, _BLOCK))
    products = np.empty(_BLOCK)
    sums = np.empty((several, 2, _BLOCK))
    for row in range(start, stop):
        n = counts[row]
        for j in range(n):
            _tabulate(turns[row, j], cosines, sines, j)
        # angles of 0 fill up the last of the groups that are multiplied in together
        filled = -(-n // _EVERY) * _EVERY
        cosines[n:filled], sines[n:filled] = 1.0, 0.0
        c[:filled], s[:filled], latest[:filled] = 1.0, 0.0, -1
        for t in range(several):
            _tabulate(levels[row, t], level_c, level_s, t)
        sums[:] = 0.0
        alternating = 0.0
        for block in range(coefficients.shape[1] // _BLOCK):
            first = block * _BLOCK
            if damping[row] == 0.0:
                products[:] = 1.0
            else:
                for k in range(_BLOCK):
                    products[k] = math.exp(-damping[row] * float(first + k) ** 2)
                if products[0] <= least[row]:
                    break
            # The products of the cosines, until none of them matters.
            alive = True
            for j in range(0, filled, _EVERY):
                if not _some_matter(products, least[row]):
                    alive = False
                    break
                # How far these angles have turned before: on from the block before, or anew.
                anew = latest[j] < block - 1 or block % _FRESH == 1
                for i in range(j, min(j + _EVERY, n) if block else j):
                    if anew:
                        c[i], s[i] = _wave(turns[row, i] * np.uint64(first))
                        step_c[i], step_s[i] = _wave(turns[row, i] * np.uint64(_BLOCK))
                    else:
                        turned = c[i] * step_c[i] - s[i] * step_s[i]
                        s[i] = s[i] * step_c[i] + c[i] * step_s[i]
                        c[i] = turned
                latest[j] = block
                for k in range(_BLOCK):
                    first_two = (c[j] * cosines[j, k] - s[j] * sines[j, k]) * (
                        c[j + 1] * cosines[j + 1, k] - s[j + 1] * sines[j + 1, k]
                    )
                    last_two = (c[j + 2] * cosines[j + 2, k] - s[j + 2] * sines[j + 2, k]) * (
                        c[j + 3] * cosines[j + 3, k] - s[j + 3] * sines[j + 3, k]
                    )
                    products[k] *= first_two * last_two
            if not alive:
                continue
            # What they add to the sums, at every level.
            for k in range(0, _BLOCK, 2):
                alternating += coefficients[1, first + k] * products[k]
                alternating -= coefficients[1, first + k + 1] * products[k + 1]
            for t in range(several):
                a, b = _wave(levels[row, t] * np.uint64(first))
                for k in range(_BLOCK):
                    sine = b * level_c[t, k] + a * level_s[t, k]
                    cosine = a * level_c[t, k] - b * level_s[t, k]
                    sums[t, 0, k] += coefficients[0, first + k] * products[k] * sine
                    sums[t, 1, k] += coefficients[1, first + k] * products[k] * cosine
        for t in range(several):
            for which in range(2):
                total = 0.0
                for k in range(_BLOCK):
                    total += sums[t, which, k]
                out[which, row, t] = total
            out[2, row, t] = alternating
