"""What the variance of a number of wrong units is at most, from which of them share signs."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import WindowAxis, Windows

__all__ = ["largest_variance", "neighbours", "sharing"]

_ROUNDING = 1e-12


def neighbours(windows: Windows) -> Windows:
    """Return windows on the grid of windows: for each of them those that share an entry with it.

    Windows that would meet beyond a border count as well.
    """
    return Windows(windows.grid, tuple(_neighbours(axis) for axis in windows.axes))


def _neighbours(axis: WindowAxis) -> WindowAxis:
    count, reach = axis.windows, (axis.length - 1) // axis.step
    # round a part of a circle alone, some windows are nearer to one another than their numbers
    if axis.circular and count * axis.step != axis.entries:
        reach = count
    return WindowAxis(count, count, -reach, 2 * reach + 1, circular=axis.circular)


def sharing(stripes: Windows, coins: Array | None) -> Windows:
    """Return windows of which those without an entry in common have no sign in common either.

    They are the stripes themselves, each atom with a sign of its own, or all of them in one stripe;
    else wider by as much as atoms that share a sign are apart, one half on either side.

    Parameters
    ----------
    stripes : Windows
    coins : array of int, shape of the code, optional
        As in `LayerInstance`.
    """
    if coins is None or not stripes.axes:
        return stripes
    _, coin = np.unique(coins, return_inverse=True)
    first = coins.ndim - len(stripes.axes)
    places = np.indices(coins.shape)[first:].reshape(len(stripes.axes), -1)
    axes = []
    for axis, place in zip(stripes.axes, places, strict=True):
        lowest, highest = np.full(coin.max() + 1, axis.entries), np.zeros(coin.max() + 1, int)
        np.minimum.at(lowest, coin.ravel(), place)
        np.maximum.at(highest, coin.ravel(), place)
        half = (int((highest - lowest).max()) + 1) // 2
        axes.append(attrs.evolve(axis, start=axis.start - half, length=axis.length + 2 * half))
    return Windows(stripes.shape, tuple(axes))


def largest_variance(probabilities: Array, places: Array, windows: Windows) -> float:
    r"""Return a bound of the variance of a sum of events.

    Events whose windows share no entry are independent, and of two others the covariance is at most
    the product of their deviations:

    .. math:: V \le \sum_{k \sim l} \sqrt{p_k q_k\, p_l q_l}, \quad q = 1 - p,

    over all ordered pairs, k with itself among them. It holds for all events that have these
    probabilities and this graph: for some that are wider than those in question, as well.

    Parameters
    ----------
    probabilities : array
    places : array of int
        The window of each event, as `Windows.centres` numbers them.
    windows : Windows
    """
    deviations = np.sqrt(probabilities * (1 - probabilities))
    each = np.bincount(places, deviations, math.prod(windows.grid)).reshape(windows.grid)
    near = neighbours(windows).sum(each)
    return float((each * near).sum()) * (1 + _ROUNDING)
