"""The best exponential moment of signed sums, compiled by numba on first use and cached."""

import math
from functools import partial

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import FUSED, REORDERED, inner, loop
from dcsc._numerics.plain_sums import TOGETHER
from dcsc._numerics.rows import gather
from dcsc._threads import share

__all__ = ["best_moments", "best_moments_of_terms"]

_STEPS = 60
_NEAR = 1e-4  # a relative step; that of what is left of the way is its square
_EPS = 2.0**-52
_WORTH_A_THREAD = 2**16
# e^x is 2^k e^r with |r| ≤ 0.35, log 2 as a number of few digits and the rest
_LOG2 = 0.6931471806019545, -4.2009150726810846e-11
_LEAST_EXPONENT = -700.0
_13, _12, _11, _10, _9, _8, _7, _6, _5, _4, _3 = (1 / math.factorial(n) for n in range(13, 2, -1))


def best_moments(weights: Array, levels: Array, spreads: Array) -> Array:
    """Return λ close to that of the least exponential moment, and log E exp(λ Σ), (2, rows).

    The sum of a row is Σ w_j ε_j and normal noise; the least moment is that of E exp(λ (Σ − t)).
    Newton's method comes near λ from below, because the derivative is concave there.

    Parameters
    ----------
    weights : array of shape (rows, width)
        Not negative; zeros at the end cost nothing.
    levels : array of shape (rows,)
        t, positive.
    spreads : array of shape (rows,)
        Standard deviation of the normal noise.
    """
    out = np.empty((2, len(levels)))

    def work(start: int, stop: int) -> None:
        _moments(weights, levels, spreads, out, start, stop)

    share(work, len(levels), 1 + _WORTH_A_THREAD // max(weights.shape[1], 1))
    return out


def best_moments_of_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    width: int,
    levels: Array,
    unit: float,
) -> Array:
    """Return the same for the sizes of G_kj x_j, of which no table is made.

    The arguments are those of `rows.lay_terms`, the largest number of sizes of an atom, and the
    levels in the unit in which sizes are taken, a power of two.
    """
    out = np.empty((2, len(atoms)))

    def work(start: int, stop: int) -> None:
        code = starts, numbers, sizes
        _of_terms(tables, ways, positions, *code, atoms, width, levels, unit, out, start, stop)

    share(work, len(atoms), 1 + _WORTH_A_THREAD // max(width, 1))
    return out


@partial(inner, freedom=FUSED)
def _exp(x: float) -> float:  # pragma: no cover  # compiled
    """Return e^x for x ≤ 0, to two units of the last digit, where it is at least e^-700."""
    x = x if x > _LEAST_EXPONENT else _LEAST_EXPONENT
    k = np.int32(x / math.log(2) - 0.5)
    r = (x - k * _LOG2[0]) - k * _LOG2[1]
    p = _13 * r + _12
    p = p * r + _11
    p = p * r + _10
    p = p * r + _9
    p = p * r + _8
    p = p * r + _7
    p = p * r + _6
    p = p * r + _5
    p = p * r + _4
    p = p * r + _3
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * np.int64((np.int64(k) + np.int64(1023)) << np.int64(52)).view(np.float64)


@partial(inner, freedom=REORDERED)
def _best(
    weights: Array, n: int, level: float, noise: float
) -> tuple[float, float]:  # pragma: no cover  # compiled
    """Return λ and log E exp(λ Σ) for some weights and normal noise of this variance."""
    variance, fourth = noise, 0.0
    for j in range(n):
        square = weights[j] * weights[j]
        variance += square
        fourth += square * square
    multiplier = 0.0
    if variance > 0:
        # λ as a series in t has this term next
        multiplier = level / variance
        multiplier *= 1 + min(multiplier * multiplier * fourth / variance, 1.0) / 3
    for _ in range(_STEPS):
        missing, bend = level - multiplier * noise, noise
        for j in range(n):
            w = weights[j]
            e = _exp(-2 * multiplier * w)
            slope = (1 - e) / (1 + e)
            missing -= w * slope
            bend += w * w * (1 - slope * slope)
        # Towards t = Σ w the best λ is infinite, and the steps only ever grow by a summand.
        step = min(max(missing / bend, -multiplier / 2), 4 * multiplier) if bend > 0 else 0.0
        multiplier += step
        if abs(step) <= _NEAR * multiplier or bend <= _EPS * _EPS * variance:
            break
    # log cosh y = y + log((1 + exp(-2y)) / 2), and the logarithms are taken together
    growth = multiplier * multiplier * noise / 2
    for start in range(0, n, TOGETHER):
        product, reach = 1.0, 0.0
        for j in range(start, min(start + TOGETHER, n)):
            y = multiplier * weights[j]
            product *= 0.5 + 0.5 * _exp(-2 * y)
            reach += y
        growth += reach + math.log(product)
    return multiplier, max(growth, 0.0)


@loop
def _moments(
    weights: Array, levels: Array, spreads: Array, out: Array, start: int, stop: int
) -> None:  # pragma: no cover  # compiled
    for row in range(start, stop):
        n = weights.shape[1]
        while n > 0 and weights[row, n - 1] == 0.0:
            n -= 1
        noise = spreads[row] * spreads[row]
        out[0, row], out[1, row] = _best(weights[row], n, levels[row], noise)


@loop
def _of_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    width: int,
    levels: Array,
    unit: float,
    out: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    weights = np.empty(width + 1)
    for row in range(start, stop):
        n = gather(tables, ways, positions, starts, numbers, sizes, atoms[row], weights)
        for j in range(n):
            weights[j] /= unit
        out[0, row], out[1, row] = _best(weights, n, levels[row], 0.0)
