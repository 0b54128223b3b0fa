"""The search for a threshold: where the union over the atoms of given codes is smallest."""

from collections.abc import Callable

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.instance.problem import Problem

__all__ = ["best_threshold"]

_QUANTILES = 32
_GRID = 16
_ZOOMS = 3


def best_threshold(
    problems: list[Problem], union: Callable[[Problem], Array], filters: int
) -> Array:
    """Return a threshold for each group of filters at which the union is nearly smallest.

    Parameters
    ----------
    problems : list of Problem
        One per column.
    union : callable
        What each atom of a problem contributes.
    filters : int
        How many thresholds to choose: one, or one per filter.
    """
    if not problems:
        return np.ones(filters)
    top = max(float(p.column.beyond.max(initial=0.0)) for p in problems) or 1.0
    low, high, slack = _certain(problems, filters)
    # no signs make the layer fail in here; of an interval without an end, from its start on
    high = np.where(np.isposinf(high), 2 * low + top, high)
    certain = low + 2 * slack < high
    best = np.zeros(filters)
    best[certain] = (low[certain] + high[certain]) / 2
    if not certain.all():
        best[~certain] = _searched(problems, union, filters, top)[~certain]
    return best


def _certain(problems: list[Problem], filters: int) -> tuple[Array, Array, Array]:
    """Return the ends of the interval of probability 0, and how near to them is a tie.

    An atom off the support stays off at thresholds above the largest sum that it can see. One on
    the support stays on at thresholds below what the others leave of its own share.
    """
    low, high, slack = np.zeros(filters), np.full(filters, np.inf), np.zeros(filters)
    for problem in problems:
        column = problem.column
        reach = column.total + problem.law.reach(column.error)
        quiet = np.where(column.on | column.still, 0.0, reach).reshape(filters, -1)
        full = np.where(column.on, column.strength - reach, np.inf).reshape(filters, -1)
        low = np.maximum(low, quiet.max(axis=1))
        high = np.minimum(high, full.min(axis=1))
        slack = np.maximum(slack, column.slack.reshape(filters, -1).max(axis=1))
    return low, high, slack


def _searched(
    problems: list[Problem], union: Callable[[Problem], Array], filters: int, top: float
) -> Array:
    """Return the place where the union is least, on a grid that is made finer around it.

    The union jumps where an atom off the support is no longer reached, and where one on the support
    begins to be. So the first grid is among those places, with the cheap screen for the union; it
    finds them at any range of amplitudes.
    """
    places = _jumps(problems, filters, top)
    low, high = _around(places, _values(problems, Problem.screen, places))
    for _ in range(_ZOOMS):
        places = np.linspace(low, high, _GRID + 1)
        values = _values(problems, union, places)
        low, high = _around(places, values)
    # the middle of equal places, unless the union is larger between them
    least = values == values.min(axis=0)
    first = np.take_along_axis(places, least.argmax(axis=0)[None], axis=0)[0]
    last = np.take_along_axis(places, (_run_end(least))[None], axis=0)[0]
    middle = (first + last) / 2
    ends = _values(problems, union, np.stack([first, middle]))
    return np.where(ends[1] <= ends[0], middle, first)


def _jumps(problems: list[Problem], filters: int, top: float) -> Array:
    """Return places from small to large, (places, filters), among which the union jumps."""
    jumps = []
    for problem in problems:
        column = problem.column
        reach = column.total + column.error + column.slack
        bare = np.where(column.on, column.strength, reach)
        jumps += [bare, np.where(column.on, column.strength - reach, reach)]
    joint = np.concatenate([jump.reshape(filters, -1) for jump in jumps], axis=1)
    joint = np.clip(joint, 0.0, top)
    among = np.quantile(joint, np.linspace(0, 1, _QUANTILES), axis=1)
    even = np.linspace(np.zeros(filters), np.full(filters, top), _GRID + 1)
    return np.sort(np.concatenate([among, even, (among[1:] + among[:-1]) / 2]), axis=0)


def _values(problems: list[Problem], union: Callable[[Problem], Array], places: Array) -> Array:
    """Return the union of each group of filters at each place, (places, filters)."""
    filters = places.shape[1]
    return np.stack(
        [
            np.sum([union(p.at(place)).reshape(filters, -1).sum(axis=1) for p in problems], axis=0)
            for place in places
        ]
    )


def _around(places: Array, values: Array) -> tuple[Array, Array]:
    """Return the neighbours of the first run of least values, for each group of filters."""
    least = values == values.min(axis=0)
    before = np.maximum(least.argmax(axis=0) - 1, 0)
    after = np.minimum(_run_end(least) + 1, len(places) - 1)
    return (
        np.take_along_axis(places, before[None], axis=0)[0],
        np.take_along_axis(places, after[None], axis=0)[0],
    )


def _run_end(least: Array) -> Array:
    """Return where the first run of true entries ends, in each column."""
    start = least.argmax(axis=0)
    past = ~least & (np.arange(len(least))[:, None] > start)
    return np.where(past.any(axis=0), past.argmax(axis=0), len(least)) - 1
