"""From a failure probability back to what a layer may be, by bisection.

The conditions are monotone by the laws of bounds: true up to some place, or from some place on.
"""

import math
from collections.abc import Callable

import attrs

from dcsc.bounds.records import Babel, LayerRecord, LayerStatistics

__all__ = ["max_noise", "max_sparsity", "min_amplitude", "min_channels"]

_OCTAVES = 64
_STEPS = 52
_MOST = 2**62


def max_sparsity(
    meets: Callable[[LayerRecord], bool], layer: LayerStatistics
) -> int | float | None:
    """Return the largest S with which a layer meets the condition, ``math.inf`` or None."""

    def fits(sparsity: int) -> bool:
        return meets(layer.changed(sparsity=sparsity))

    most = _MOST if layer.stripe_size is None else layer.stripe_size
    if not fits(0):
        return None
    low, high = 0, 1
    while high <= most and fits(high):
        low, high = high, 2 * high
    if high > most and fits(most):
        return math.inf if layer.stripe_size is None else most
    return last_integer(fits, low, min(high, most))


def max_noise(meets: Callable[[LayerRecord], bool], layer: LayerRecord) -> float | None:
    """Return the largest ζ with which a layer meets the condition, ``math.inf`` or None."""
    return largest(lambda noise: meets(layer.changed(noise=noise)), layer.amplitude)


def min_amplitude(meets: Callable[[LayerRecord], bool], layer: LayerStatistics) -> float | None:
    """Return the smallest x_min with which a layer meets the condition, or None."""
    free = layer.without_threshold()
    return smallest(lambda x_min: meets(free.changed(x_min=x_min)), layer.x_max)


def min_channels(meets: Callable[[LayerRecord], bool], layer: LayerStatistics) -> int | None:
    r"""Return the least number of channels at which no filters are ruled out, or None.

    For N atoms on c channels of m samples, stripes Q and unit-norm filters (Welch, 1974),

    .. math:: \mu^2 \ge w^2 = \frac{E}{|Q| - 1},\quad \mu_2^2(S) \ge S w^2,\quad
        \mu_1(S) \ge \min(S w, E), \qquad E = \frac{N}{c\, m} - 1 .
    """

    def falls_short(channels: int) -> bool:
        return not meets(at_welch_floor(layer, channels))

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


def largest(meets: Callable[[float], bool], scale: float) -> float | None:
    """Return the largest number that meets a condition, from 0 on; inf, or None if 0 does not.

    It is looked for up to 64 octaves from ``scale``.
    """
    if not meets(0.0):
        return None
    if meets(scale):
        for octave in range(1, _OCTAVES + 1):
            if not meets(math.ldexp(scale, octave)):
                return _last(meets, math.ldexp(scale, octave - 1), math.ldexp(scale, octave))
        return math.inf
    for octave in range(1, _OCTAVES + 1):
        if meets(math.ldexp(scale, -octave)):
            return _last(meets, math.ldexp(scale, -octave), math.ldexp(scale, 1 - octave))
    return 0.0


def smallest(meets: Callable[[float], bool], most: float) -> float | None:
    """Return the smallest number that meets a condition, up to ``most``; None if that does not.

    It is 0 if those 64 octaves below ``most`` still do.
    """
    if not meets(most):
        return None
    for octave in range(1, _OCTAVES + 1):
        low, high = math.ldexp(most, -octave), math.ldexp(most, 1 - octave)
        if not meets(low):
            return -_last(lambda x: meets(-x), -high, -low)
    return 0.0


def _last(meets: Callable[[float], bool], low: float, high: float) -> float:
    """Return the last number from low, which meets the condition, towards high, which does not."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
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
