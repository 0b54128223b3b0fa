"""Both ends of a tail as near to one another as is asked for, by polynomials of any degree."""

import math

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.tails.base import Rows
from dcsc.bounds.tails.lattice import Lattice
from dcsc.bounds.tails.selberg import ORDERS, middles, rounding_error
from dcsc.bounds.tails.smooth import Chernoff

__all__ = ["narrowed"]

_PRECISION = 2e-3
# one less than multiples of what the sums of polynomials go by
_DEGREES = ORDERS * np.array(sorted({round(2 ** (k / 5)) for k in range(5, 66)})) - 1
_MORE = 1.13  # than a guess: what is left out of the sums, and what the circle adds
_STEP, _LEAP = math.sqrt(2), 8  # by how much a degree that is too low grows
_FEW_LEVELS = 8  # more of them are not worth a lattice each
_NOTHING = 1e-300


def narrowed(rows: Rows, lower_at: Array, upper_at: Array, gap: Array) -> tuple[Array, Array]:
    """Return lower and upper ends at some levels, each (levels, rows).

    They are apart by ``gap`` or by two thousandths of the probability, whichever is more; or by
    more where a sum of some probability lies at a level, or where the probability is so small that
    rounding decides. There, where no gap is allowed, they are no farther apart than `Lattice`'s.
    """
    low, high = np.zeros(lower_at.shape), np.ones(upper_at.shape)
    takes = _first_degrees(rows, np.concatenate([lower_at, upper_at]), gap)
    done, before = np.zeros(len(rows)), np.full(len(rows), np.inf)
    while (here := (takes > done) & (takes <= _DEGREES[-1])).any():
        some, degree = rows.take(here), _DEGREES[np.searchsorted(_DEGREES, takes[here])]
        middle, distance = middles(some, lower_at[:, here], upper_at[:, here], degree, gap[here])
        below, above = slice(0, len(low)), slice(len(low), None)
        low[:, here] = np.maximum(low[:, here], (middle - distance)[below])
        high[:, here] = np.minimum(high[:, here], (middle + distance)[above])
        # How many times too far apart they are, and as many times the degree is what it takes ...
        allowed = np.maximum(gap[here], _PRECISION * np.maximum(middle, _NOTHING))
        excess = (2 * distance / allowed).max(axis=0, initial=0.0)
        # ... unless a sum of some probability lies at a level, or rounding keeps them apart.
        progress = excess * np.sqrt(degree)
        least = np.maximum(gap[here], _PRECISION * (middle + distance).min(axis=0, initial=1.0))
        hopeless = 2 * rounding_error(some, degree) > least
        stuck = (excess > 1) & (hopeless | (progress >= before[here]))
        more = np.where(excess > 1, degree * np.clip(excess, _STEP, _LEAP), 0.0)
        takes[here] = np.where(stuck, np.inf, more)
        done[here], before[here] = degree, progress
    left = np.flatnonzero((takes > _DEGREES[-1]) & (gap == 0))
    if len(low) + len(high) < _FEW_LEVELS:
        rest = rows.take(left)
        for number, level in enumerate(lower_at[:, left]):
            low[number, left] = np.maximum(low[number, left], _small_lower(rest.at(level)))
        for number, level in enumerate(upper_at[:, left]):
            high[number, left] = np.minimum(high[number, left], _small_upper(rest.at(level)))
    return low, high


def _first_degrees(rows: Rows, levels: Array, gap: Array) -> Array:
    """Return the degree that each row would take if its sum were normal; a guess is good enough."""
    ratio = np.abs(levels) / np.sqrt(rows.variance)
    density = np.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    tail = density / (ratio + 1 / (ratio + 0.8))
    allowed = np.maximum(gap, _PRECISION * tail)
    takes = np.full_like(tail, _DEGREES[-1])
    for _ in range(2):
        # the degree shortens the circle, and that the degree
        around = 2 * np.sqrt(ratio**2 + 2 * np.log(10 * np.maximum(takes, 1.0)))
        takes = np.divide(around * density, allowed, out=np.zeros_like(tail), where=allowed > 0)
    # where rounding will decide, the least shows it
    vain = 2 * rounding_error(rows, _DEGREES[-1:]) > allowed.min(axis=0)
    takes = np.clip(_MORE * takes.max(axis=0), _DEGREES[0], _DEGREES[-1])
    return np.where(vain, _DEGREES[0], takes)


def _small_lower(rows: Rows) -> Array:
    """Return ends that keep their relative accuracy however small they are."""
    noisy = rows.spread > 0
    out = np.zeros(len(rows))
    out[~noisy] = Lattice()._lower(rows.take(~noisy))
    return out


def _small_upper(rows: Rows) -> Array:
    noisy = rows.spread > 0
    out = np.empty(len(rows))
    out[~noisy] = Lattice()._upper(rows.take(~noisy))
    out[noisy] = Chernoff()._upper(rows.take(noisy))
    return out
