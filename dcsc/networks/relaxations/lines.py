"""Functions of single numbers between two lines."""

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.networks.relaxations.base import Box, Parts, Relaxation, negative, positive, weighted

__all__ = ["Lines", "clipped", "leaky"]


@attrs.frozen(eq=False)
class Lines(Relaxation):
    """Each entry z of one input gives a number between two lines over its interval.

    Parameters
    ----------
    low, high : array, shape (batch, ...)
    below, above : (array, array)
        Slope and offset of the two lines.
    """

    low: Array
    high: Array
    below: tuple[Array, Array]
    above: tuple[Array, Array]

    @property
    def vague(self) -> Array:
        (slope, offset), (steep, high) = self.below, self.above
        return (slope != steep) | (offset != high)

    @property
    def exposure(self) -> Array:
        # Where both lines are one through zero, what makes z is rounded, but not its multiple.
        sizes = np.maximum(np.abs(self.low), np.abs(self.high))
        return np.where(self.vague | (self.below[1] != 0), sizes, 0)

    def _lower(self, rows: Array) -> tuple[Parts, Array]:
        # Positive numbers take the line below, negative ones the line above.
        (slope, offset), (steep, high) = self.below, self.above
        part = rows * slope
        constant = weighted(positive, rows, offset) + weighted(negative, rows, high)
        places = np.flatnonzero(self.vague)
        if len(slope) > 1 or 4 * len(places) > slope.size:  # to pick most of them takes longer
            negatives = np.minimum(rows, 0)
            negatives *= steep - slope
            part += negatives
            return (part,), constant
        turn = (steep - slope).reshape(-1)[places]
        negatives = np.minimum(rows.reshape(len(rows), -1)[:, places], 0)
        part.reshape(len(rows), -1)[:, places] += negatives * turn
        return (part,), constant


def clipped(box: Box, low: float, high: float) -> Lines:
    r"""Return :math:`\min(\max(z, \text{low}), \text{high})` between two lines.

    From above it is the chord from the lower end of z to where the function stops rising, or the
    largest value, whichever encloses the smaller area; from below likewise.
    """
    first, last = box
    least, most = np.clip(first, low, high), np.clip(last, low, high)
    middle = (first + last) / 2
    # A single number, where the function rises, moves with it.
    rises = ((first > low) & (first < high)).astype(float)
    # From above.
    stop = np.minimum(last, high)
    gap = stop - first
    slope = np.divide(np.maximum(stop, low) - least, gap, out=rises.copy(), where=gap > 0)
    flat = most < least + slope * (middle - first)
    slope[flat] = 0
    above = slope, np.where(flat, most, least - slope * first)
    # From below.
    start = np.maximum(first, low)
    gap = last - start
    slope = np.divide(most - np.minimum(start, high), gap, out=rises, where=gap > 0)
    flat = least > most + slope * (middle - last)
    slope[flat] = 0
    below = slope, np.where(flat, least, most - slope * last)
    return Lines(least, most, below, above)


def leaky(box: Box, slopes: Array) -> Lines:
    """Return z where z ≥ 0, slope · z elsewhere, between two lines: slope·z + (1 − slope)·z⁺."""
    first, last = box
    rectified = clipped(box, 0, np.inf)
    rest = 1 - slopes
    lines = rectified.below, rectified.above
    # A negative factor turns what is below into what is above.
    below, above = (
        tuple(np.where(rest >= 0, rest * x, rest * y) for x, y in zip(one, other, strict=True))
        for one, other in (lines, lines[::-1])
    )
    ends = [np.where(z >= 0, z, slopes * z) for z in (first, last, np.clip(0, first, last))]
    return Lines(
        np.minimum.reduce(ends),
        np.maximum.reduce(ends),
        (below[0] + slopes, below[1]),
        (above[0] + slopes, above[1]),
    )
