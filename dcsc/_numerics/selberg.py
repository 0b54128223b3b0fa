"""Sums of Selberg's polynomials of signed sums, compiled by numba on first use and cached.

The moments of order k are products of the cosines of k times the angle of each weight. A row goes
through them in blocks: the cosines of the first block are tables, and those of another come from
these by one rotation. Weights are multiplied in from the largest on, and as soon as all products
of a block are too small to matter, the others are left out: with incommensurable weights this is
after some tens of them, however many there are.
"""

import math
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop
from dcsc._threads import share

__all__ = ["selberg_sums"]

_BLOCK = 64
_STRIDE = 8  # what a table is built by
_FRESH = 16  # after so many blocks rotations begin again
_EVERY = 8  # after so many weights it is seen whether the rest matters
_LEAST = 2.0**-50
_WORTH_A_THREAD = 4
_TURN = 2 * math.pi / 2.0**64


def selberg_sums(
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    coefficients: Array,
) -> Array:
    """Return three sums over the orders k, for each row and level.

    They are Σ a_k φ_k sin(k t), Σ b_k φ_k cos(k t) and Σ b_k (−1)^k φ_k, with φ_k = exp(−d k²)
    times the product of all cos(k w). Each φ_k is off by less than 2^−45 for each factor, and 0 may
    stand for one that is smaller than 2^−50.

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
    coefficients : array of shape (2, orders)
        a and b, from k = 0 on; the number of orders is a multiple of 64.

    Returns
    -------
    array of shape (3, rows, levels)
    """
    out = np.empty((3, *levels.shape))

    def work(start: int, stop: int) -> None:
        _sums(turns, counts, levels, damping, coefficients, out, start, stop)

    if len(turns):
        share(work, len(turns), _WORTH_A_THREAD)
    return out


@inner
def _angle(turns: Any) -> float:  # pragma: no cover  # compiled
    """Return an angle in radians, in [−π, π)."""
    return np.int64(turns) * _TURN


@inner
def _tabulate(turns: Any, cosines: Array, sines: Array) -> None:  # pragma: no cover  # compiled
    """Write the cosines and sines of 0, 1, … times an angle."""
    angle, stride = _angle(turns), _angle(turns * np.uint64(_STRIDE))
    c, s = math.cos(angle), math.sin(angle)
    cosines[0], sines[0] = 1.0, 0.0
    for k in range(1, _STRIDE):
        cosines[k] = c * cosines[k - 1] - s * sines[k - 1]
        sines[k] = s * cosines[k - 1] + c * sines[k - 1]
    c, s = math.cos(stride), math.sin(stride)
    for k in range(_STRIDE, len(cosines)):
        cosines[k] = c * cosines[k - _STRIDE] - s * sines[k - _STRIDE]
        sines[k] = s * cosines[k - _STRIDE] + c * sines[k - _STRIDE]


@inner
def _some_matter(products: Array) -> bool:  # pragma: no cover  # compiled
    hit = False
    for k in range(len(products)):
        hit |= abs(products[k]) > _LEAST
    return hit


@loop
def _sums(
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    coefficients: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    most, several = counts[start:stop].max(), levels.shape[1]
    cosines, sines = np.empty((most, _BLOCK)), np.empty((most, _BLOCK))
    c, s, step_c, step_s = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    level_c, level_s = np.empty((several, _BLOCK)), np.empty((several, _BLOCK))
    products = np.empty(_BLOCK)
    sums = np.empty((several, 2, _BLOCK))
    for row in range(start, stop):
        n = counts[row]
        for j in range(n):
            _tabulate(turns[row, j], cosines[j], sines[j])
            angle = _angle(turns[row, j] * np.uint64(_BLOCK))
            step_c[j], step_s[j] = math.cos(angle), math.sin(angle)
        for t in range(several):
            _tabulate(levels[row, t], level_c[t], level_s[t])
        sums[:] = 0.0
        alternating = 0.0
        for first in range(0, coefficients.shape[1], _BLOCK):
            # How far each angle has turned in the blocks before.
            if first // _BLOCK % _FRESH == 0:
                for j in range(n):
                    angle = _angle(turns[row, j] * np.uint64(first))
                    c[j], s[j] = math.cos(angle), math.sin(angle)
            else:
                for j in range(n):
                    turned = c[j] * step_c[j] - s[j] * step_s[j]
                    s[j] = s[j] * step_c[j] + c[j] * step_s[j]
                    c[j] = turned
            # The products of the cosines, until none of them matters.
            if damping[row] == 0.0:
                products[:] = 1.0
            else:
                for k in range(_BLOCK):
                    products[k] = math.exp(-damping[row] * float(first + k) ** 2)
                if products[0] <= _LEAST:
                    break
            alive = True
            for j in range(n):
                if j % _EVERY == 0 and not _some_matter(products):
                    alive = False
                    break
                a, b = c[j], s[j]
                for k in range(_BLOCK):
                    products[k] *= a * cosines[j, k] - b * sines[j, k]
            if not alive:
                continue
            # What they add to the sums, at every level.
            for k in range(0, _BLOCK, 2):
                alternating += coefficients[1, first + k] * products[k]
                alternating -= coefficients[1, first + k + 1] * products[k + 1]
            for t in range(several):
                angle = _angle(levels[row, t] * np.uint64(first))
                a, b = math.cos(angle), math.sin(angle)
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
