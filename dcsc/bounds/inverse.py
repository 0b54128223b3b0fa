"""From a failure probability back to what a layer may be, by bisection.

The conditions are monotone by the laws of bounds: true up to some place, or from some place on.
"""

import math
from collections.abc import Callable

import attrs
import numpy as np

from dcsc.bounds.records import LayerInstance
from dcsc.bounds.statistics import Babel, LayerStatistics

__all__ = ["amplitude", "at_welch_floor", "largest", "last_integer", "smallest"]

_OCTAVES = 64
_STEPS = 52


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


def amplitude(layer: LayerStatistics | LayerInstance) -> float:
    """Return the size of the codes, or 1 if they are all zero."""
    if isinstance(layer, LayerStatistics):
        return layer.x_max
    return float(np.abs(layer.codes).max(initial=0.0)) or 1.0


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
