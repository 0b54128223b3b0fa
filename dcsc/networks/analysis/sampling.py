"""The mean of many numbers, between two ends, from a few of them that were drawn at random."""

import math
from collections.abc import Callable

from dcsc._arrays import Array
from dcsc.intervals import Interval

__all__ = ["mean_between"]

_STEPS = 60


def mean_between(lower: Array, upper: Array, risk: float) -> Interval[float]:
    r"""Return between what the mean of all numbers lies, except with a small probability.

    The mean :math:`\bar x` of m numbers from 0 to 1, drawn without replacement from numbers of mean
    q, is by :math:`d(\bar x, q) = \bar x \ln \frac{\bar x}{q} + (1 - \bar x) \ln \frac{1 - \bar
    x}{1 - q}` away from it only with :math:`P(\bar x \le q,\; m\, d \ge \ln 1/\delta) \le \delta`,
    and likewise on the other side: for draws with replacement the moments are at most those of a
    coin, and for those without at most these. (W. Hoeffding, JASA 58, 1963, theorems 1 and 4.)

    Parameters
    ----------
    lower, upper : arrays of shape (sample,)
        What each number of the sample is at least and at most, from 0 to 1.
    risk : float
        The probability that is allowed, half of it on each side.
    """
    room = math.log(2 / risk) / max(len(lower), 1)
    low, high = (math.fsum(end.tolist()) / max(len(end), 1) for end in (lower, upper))
    least = _first(lambda q: _apart(low, q) <= room, 0.0, low)
    most = 1 - _first(lambda q: _apart(1 - high, q) <= room, 0.0, 1 - high)
    return Interval(least, most)


def _apart(x: float, q: float) -> float:
    """Return d(x, q) for q ≤ x."""
    if q <= 0:
        return math.inf if x > 0 else 0.0
    above = x * math.log(x / q) if x > 0 else 0.0
    return above + ((1 - x) * math.log((1 - x) / (1 - q)) if x < 1 else 0.0)


def _first(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return a number below which a condition, false at low and true at high, is false."""
    if holds(low):
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low
