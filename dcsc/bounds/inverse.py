"""From a failure probability back to what a layer may be.

A condition is how far a layer is beyond it, in any increasing measure, and it is met where that is
at most 0. Conditions are monotone by the laws of bounds: met up to some place, or from there on.
"""

import math
from collections.abc import Callable
from functools import cache

import attrs

from dcsc.bounds.records import Babel, LayerRecord, LayerStatistics
from dcsc.coefficients import LARGEST, SMALLEST

__all__ = ["max_noise", "max_sparsity", "min_amplitude", "min_channels", "with_babel"]

_STEPS = 52
_MOST = 2**62

Condition = Callable[[LayerRecord], float]


def max_sparsity(beyond: Condition, layer: LayerStatistics) -> int | float | None:
    """Return the largest S with which a layer meets the condition, ``math.inf`` or None."""

    def fits(sparsity: int) -> bool:
        return beyond(layer.changed(sparsity=sparsity)) <= 0

    most = _MOST if layer.stripe_size is None else layer.stripe_size
    if not fits(0):
        return None
    low, high = 0, 1
    while high <= most and fits(high):
        low, high = high, 2 * high
    if high > most and fits(most):
        return math.inf if layer.stripe_size is None else most
    return last_integer(fits, low, min(high, most))


def with_babel(
    largest: Callable[[LayerStatistics], int | float | None],
    layer: LayerStatistics,
    babel: Callable[[int], Babel],
) -> int | float | None:
    """Return the largest S of a layer, with the Babel functions at every S that decides.

    Values that a layer does not have are bounded by others, so that what is found may only rise.
    It is final when those at the next S are known: no theorem asks for one beyond 2S - 1.

    Parameters
    ----------
    largest : callable
        Returns the largest S of a layer, from the values that it has.
    layer : LayerStatistics
    babel : callable
        Returns the values at every S up to some place, as of `values_of`.
    """
    found, known, most = largest(layer), 0, layer.need("stripe_size")
    while found is not None and found < most and known <= 2 * found:
        known = min(2 * max(known, int(found) + 1), 2 * most)
        found = largest(layer.changed(babel=babel(known)))
    return found


def max_noise(beyond: Condition, layer: LayerRecord) -> float | None:
    """Return the largest ζ with which a layer meets the condition, ``math.inf`` or None.

    The search is for c_max ζ, which is a coefficient, around the largest share of a non-zero.
    """
    norm = layer.gain[1] or 1.0

    @cache
    def excess(coefficient: float) -> float:
        return beyond(layer.changed(noise=coefficient / norm))

    if excess(0.0) > 0:
        return None
    start = layer.strongest or 1.0
    if excess(start) <= 0:
        most = _octaves(start, LARGEST)
        octave = _last_octave(lambda up: excess(math.ldexp(start, up)) <= 0, most)
        if octave == most:
            return math.inf
        low = math.ldexp(start, octave)
    else:
        least = _octaves(SMALLEST, start)
        octave = _last_octave(lambda down: excess(math.ldexp(start, -down)) > 0, least)
        if octave == least:
            return 0.0
        low = math.ldexp(start, -octave - 1)
    return _last(excess, low, 2 * low) / norm


def min_amplitude(beyond: Condition, layer: LayerStatistics) -> float | None:
    """Return the smallest x_min with which a layer meets the condition, 0 or None."""
    free, most = layer.without_threshold(), layer.x_max

    @cache
    def excess(x_min: float) -> float:
        return beyond(free.changed(x_min=x_min))

    if excess(most) > 0:
        return None
    least = _octaves(SMALLEST, layer.gain[0] * (layer.gain[0] * most))
    octave = _last_octave(lambda down: excess(math.ldexp(most, -down)) <= 0, least)
    if octave == least:
        return 0.0
    high = math.ldexp(most, -octave)
    return -_last(lambda x: excess(-x), -high, -high / 2)


def min_channels(beyond: Condition, layer: LayerStatistics) -> int | None:
    r"""Return the least number of channels at which no filters are ruled out, or None.

    For N atoms on c channels of m samples, stripes Q and unit-norm filters (Welch, 1974),

    .. math:: \mu^2 \ge w^2 = \frac{E}{|Q| - 1},\quad \mu_2^2(S) \ge S w^2,\quad
        \mu_1(S) \ge \min(S w, E), \qquad E = \frac{N}{c\, m} - 1 .

    Coherence, Babel functions and norms of the layer are ignored. Filters that reach this floor
    need not exist, and random ones do not.
    """

    def falls_short(channels: int) -> bool:
        return beyond(at_welch_floor(layer, channels)) > 0

    enough = -(-layer.need("n_atoms") // layer.need("channel_size"))
    if falls_short(enough):
        return None
    return last_integer(falls_short, 0, enough) + 1


def last_integer(meets: Callable[[int], bool], low: int, high: int) -> int:
    """Return the last integer that meets a condition which low meets, and high does not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def _octaves(low: float, high: float) -> int:
    """Return how many times low can be doubled and stay below high."""
    return max(math.frexp(high / low)[1] - 2, 0) if low < high else 0


def _last_octave(meets: Callable[[int], bool], most: int) -> int:
    """Return the last of the octaves from 0, which meets a condition, to ``most`` that meets it."""
    low, high = 0, 1
    while high < most and meets(high):
        low, high = high, 2 * high
    if high >= most:
        if most <= 0 or meets(most):
            return most
        high = most
    return last_integer(meets, low, high)


def _last(excess: Callable[[float], float], low: float, high: float) -> float:
    """Return the last number from low, where the excess is at most 0, to high, where it is more.

    By interpolation, truncation and projection (I. F. D. Oliveira and R. H. C. Takahashi, "An
    enhancement of the bisection method average performance preserving minmax optimality", ACM
    Trans. Math. Softw. 47, 2020): where the excess is smooth, some fifteen evaluations lead to the
    last bit; where it jumps, as many as bisection needs, and one more.
    """
    whole, finest = high - low, math.ulp(high)
    for left in range(_STEPS, -1, -1):
        width, middle = high - low, low + (high - low) / 2
        if not low < middle < high:
            break
        below, above = excess(low), excess(high)
        place = middle
        if math.isfinite(above - below):
            # where a straight line meets 0, moved to the middle, so that the other end moves too
            crossing = low + width * (below / (below - above))
            shift, away = max(0.1 * width * (width / whole), 8 * finest), middle - crossing
            place = crossing + math.copysign(shift, away) if abs(away) > shift else middle
            # so near to the middle that the steps that are left are enough for bisection
            reach = whole * 2.0 ** (left - _STEPS) - width / 2
            place = min(max(place, middle - reach), middle + reach)
            place = place if low < place < high else middle
        low, high = (place, high) if excess(place) <= 0 else (low, place)
    return low


def at_welch_floor(layer: LayerStatistics, channels: int) -> LayerStatistics:
    """Return the layer with the least constants of unit-norm filters on so many channels.

    Some row of G has squares that add up to N/m - 1 = E besides the diagonal, spread over the
    stripe. Its S largest add up to S/(|Q| - 1) of that at least; and themselves, if t is the
    smallest of them, to ``(E - (|Q| - 1) t²) / (1 + t) + S t``, since ``g² <= (1 + t) g - t`` for
    those from t to 1. That is concave in t, so that it is least at an end: S w or E.
    """
    samples = channels * layer.need("channel_size")
    excess = max(layer.need("n_atoms") / samples - 1, 0.0)
    others = layer.need("stripe_size") - 1
    square = min(excess / others, 1.0) if others else 0.0
    sparsity = layer.need("sparsity")
    places = [at for at in (sparsity - 1, sparsity) if at > 0]
    floor = math.sqrt(square)
    sums = {at: min(min(at, others) * floor, excess) for at in places}
    squares = {at: min(at, others) * square for at in places}
    return attrs.evolve(layer, coherence=floor, babel=Babel(sums, squares), gain=(1.0, 1.0))
