"""The best exponential moment of signed sums, compiled by numba on first use and cached."""

import math

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import loop
from dcsc._threads import share

__all__ = ["best_moments"]

_STEPS = 60
_NEAR = 1e-5  # a relative step; that of what is left of the way is its square
_SMALL = 0.01  # below it three terms of tanh are as good as all
_EPS = 2.0**-52
_WORTH_A_THREAD = 2**16


def best_moments(weights: Array, levels: Array, spreads: Array) -> Array:
    """Return λ close to that of the least exponential moment, and log E exp(λ Σ), (2, rows).

    The sum of a row is Σ w_j ε_j and normal noise; the least moment is that of E exp(λ (Σ − t)).
    Newton's method approaches λ from below, because the derivative is concave.

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
        _moments(weights[start:stop], levels[start:stop], spreads[start:stop], out[:, start:stop])

    share(work, len(levels), 1 + _WORTH_A_THREAD // max(weights.shape[1], 1))
    return out


@loop
def _moments(
    weights: Array, levels: Array, spreads: Array, out: Array
) -> None:  # pragma: no cover  # compiled
    for row in range(len(levels)):
        level, noise = levels[row], spreads[row] * spreads[row]
        variance, n = noise, 0
        for j in range(weights.shape[1]):
            w = weights[row, j]
            if w != 0.0:
                variance += w * w
                n = j + 1
        multiplier = level / variance if variance > 0 else 0.0
        for _ in range(_STEPS):
            missing, bend = level - multiplier * noise, noise
            for j in range(n):
                w = weights[row, j]
                y = multiplier * w
                if y < _SMALL:
                    slope = y * (1 - y * y * (1 / 3 - y * y * (2 / 15)))
                else:
                    e = math.exp(-2 * y)
                    slope = (1 - e) / (1 + e)
                missing -= w * slope
                bend += w * w * (1 - slope * slope)
            # Towards t = Σ w the best λ is infinite, and the steps only ever grow by a summand.
            step = min(max(missing / bend, 0.0), 4 * multiplier) if bend > 0 else 0.0
            multiplier += step
            if step <= _NEAR * multiplier or bend <= _EPS * _EPS * variance:
                break
        growth = 0.0
        for j in range(n):
            # log cosh y = y + log1p(exp(-2y)) - log 2, and y²/2 is an upper bound that is exact
            # near 0
            y = multiplier * weights[row, j]
            growth += min(y + math.log1p(math.exp(-2 * y)) - math.log(2), y * y / 2)
        out[0, row], out[1, row] = multiplier, growth + multiplier * multiplier * noise / 2
