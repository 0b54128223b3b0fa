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
from dcsc._numerics.compiling import FUSED, REORDERED, inner, loop
from dcsc._numerics.vectors import FACTORS, ORDERS, multiply_in
from dcsc._threads import share

__all__ = ["selberg_sums"]

_FRESH = 32  # after so many blocks rotations begin again: each adds less than 2^-50.7
_WORTH_A_THREAD = 64
_TURN = 2 * math.pi / 2.0**64
_QUARTER, _EIGHTH = np.uint64(62), np.uint64(2**61)
# 1/n! with the signs of a sine and a cosine: up to an eighth of a turn the rest is below 2^-54.
_SINE = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(8))
_COSINE = tuple((-1) ** n / math.factorial(2 * n) for n in range(9))

fused = partial(inner, freedom=FUSED)


def selberg_sums(
    weights: Array,
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    least: Array,
    coefficients: Array,
    spans: Array,
) -> Array:
    """Return three sums over the orders k, for each row and level.

    They are Σ a_k φ_k sin(k t), Σ b_k φ_k cos(k t) and Σ b_k (−1)^k φ_k, with φ_k = exp(−d k²)
    times the product of all cos(k w). Angles are whole numbers of units of 2^−64 turns, in which
    multiples of them are exact. Each φ_k is off by less than 2^−45 for each factor, and 0 may
    stand for one that is smaller than ``least``.

    Parameters
    ----------
    weights : array of shape (rows, width)
    turns : array of shape (rows,)
        The unit of the weights: the angles w are the products, less than half a turn, cut off to
        whole numbers.
    counts : array of int, shape (rows,)
        How many of them there are, the largest first.
    levels : array of uint64, shape (rows, levels)
        The angles t.
    damping : array of shape (rows,)
        d.
    least : array of shape (rows,)
        What is too small to matter.
    coefficients : array of shape (2, entries)
        a and b of all the rows, those of each from k = 0 on.
    spans : array of int, shape (rows, 2)
        Where those of a row begin and end; their number is a multiple of 16.

    Returns
    -------
    array of shape (3, rows, levels)
    """
    out = np.empty((3, *levels.shape))
    # Layouts are always the same, so that the loop is compiled, and loaded, once.
    sizes, angles = np.ascontiguousarray(weights), np.ascontiguousarray(levels)

    def work(start: int, stop: int) -> None:
        _sums(sizes, turns, counts, angles, damping, least, coefficients, spans, out, start, stop)

    if len(weights):
        share(work, len(weights), _WORTH_A_THREAD)
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
def _tabulate(c1: float, s1: float, tables: Array, j: int) -> None:  # pragma: no cover  # compiled
    """Write the cosines of 0, 1, … times an angle, and the sines, each a sum of two that exist."""
    c2, s2 = c1 * c1 - s1 * s1, 2 * c1 * s1
    c4, s4 = c2 * c2 - s2 * s2, 2 * c2 * s2
    c8, s8 = c4 * c4 - s4 * s4, 2 * c4 * s4
    tables[j, 0, 0], tables[j, 0, 1], tables[j, 0, 2] = 1.0, c1, c2
    tables[j, 1, 0], tables[j, 1, 1], tables[j, 1, 2] = 0.0, s1, s2
    tables[j, 0, 3], tables[j, 1, 3] = c2 * c1 - s2 * s1, s2 * c1 + c2 * s1
    for k in range(4):
        c, s = tables[j, 0, k], tables[j, 1, k]
        tables[j, 0, 4 + k], tables[j, 1, 4 + k] = c4 * c - s4 * s, s4 * c + c4 * s
    for k in range(8):
        c, s = tables[j, 0, k], tables[j, 1, k]
        tables[j, 0, 8 + k], tables[j, 1, 8 + k] = c8 * c - s8 * s, s8 * c + c8 * s


@partial(inner, freedom=REORDERED)
def _alternate(
    coefficients: Array, begin: int, products: Array
) -> float:  # pragma: no cover  # compiled
    """Return what a block adds to the sum of alternating signs."""
    total = 0.0
    for k in range(0, ORDERS, 2):
        total += coefficients[1, begin + k] * products[k]
        total -= coefficients[1, begin + k + 1] * products[k + 1]
    return total


@partial(inner, freedom=REORDERED)
def _at_level(
    coefficients: Array, begin: int, products: Array, turns: Any, tables: Array, t: int
) -> tuple[float, float]:  # pragma: no cover  # compiled
    """Return what a block adds to the sums of sines and of cosines at a level.

    Its orders follow on one that turns the level by ``turns``.
    """
    c, s = _wave(turns)
    straight, waves = 0.0, 0.0
    for k in range(ORDERS):
        cosine, sine = tables[t, 0, k], tables[t, 1, k]
        straight += coefficients[0, begin + k] * products[k] * (s * cosine + c * sine)
        waves += coefficients[1, begin + k] * products[k] * (c * cosine - s * sine)
    return straight, waves


@partial(loop, freedom=FUSED)
def _sums(
    weights: Array,
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    least: Array,
    coefficients: Array,
    spans: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    most, several = -(-weights.shape[1] // FACTORS) * FACTORS, levels.shape[1]
    angles, latest = np.empty(most, np.uint64), np.empty(most, np.int64)
    c, s, step_c, step_s = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    tables, of_levels = np.empty((most, 2, ORDERS)), np.empty((several, 2, ORDERS))
    products = np.empty(ORDERS)
    for row in range(start, stop):
        # angles of 0 fill up the last of the groups that are multiplied in together
        n = counts[row]
        filled = -(-n // FACTORS) * FACTORS
        for j in range(filled):
            angles[j] = np.int64(weights[row, j] * turns[row]) if j < n else 0
            c[j], s[j] = _wave(angles[j])
            step_c[j], step_s[j] = _wave(angles[j] * np.uint64(ORDERS))
        for j in range(filled):
            _tabulate(c[j], s[j], tables, j)
        for t in range(several):
            level_c, level_s = _wave(levels[row, t])
            _tabulate(level_c, level_s, of_levels, t)
        c[:filled], s[:filled], latest[:filled] = 1.0, 0.0, 0
        out[:2, row], alternating = 0.0, 0.0
        for block in range((spans[row, 1] - spans[row, 0]) // ORDERS):
            first, fresh = block * ORDERS, block - block % _FRESH
            if damping[row] == 0.0:
                products[:] = 1.0
            else:
                for k in range(ORDERS):
                    products[k] = math.exp(-damping[row] * float(first + k) ** 2)
                if products[0] <= least[row]:
                    break
            # The products of the cosines, until none of them matters.
            alive = True
            for j in range(0, filled, FACTORS):
                # These angles turn on from the block where they were last, or anew.
                if latest[j] < fresh:
                    for i in range(j, j + FACTORS):
                        c[i], s[i] = _wave(angles[i] * np.uint64(fresh * ORDERS))
                    latest[j] = fresh
                for _ in range(latest[j], block):
                    for i in range(j, j + FACTORS):
                        cosine = c[i] * step_c[i] - s[i] * step_s[i]
                        s[i] = s[i] * step_c[i] + c[i] * step_s[i]
                        c[i] = cosine
                latest[j] = block
                alive = multiply_in(products, c, s, j, tables, least[row])
                if not alive:
                    break
            if not alive:
                continue
            # What they add to the sums, at every level.
            begin = spans[row, 0] + first
            alternating += _alternate(coefficients, begin, products)
            for t in range(several):
                turned = levels[row, t] * np.uint64(first)
                straight, waves = _at_level(coefficients, begin, products, turned, of_levels, t)
                out[0, row, t] += straight
                out[1, row, t] += waves
        out[2, row] = alternating
