"""The search for a threshold: where what an objective makes of the atoms of codes is smallest."""

from collections.abc import Callable

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.instance.problem import Problem
from dcsc.bounds.objectives import Objective

__all__ = ["best_threshold"]

_QUANTILES = 32
_GRID = 16
_ZOOMS = 3
_UNBOUNDED = 8  # deviations of an error that has no bound

Each = Callable[[Problem], Array]


def best_threshold(
    problems: list[Problem], each: Each, first: Each, filters: int, objective: Objective
) -> Array:
    """Return a threshold for each group of filters at which an objective is nearly reached.

    Parameters
    ----------
    problems : list of Problem
        One per column.
    each : callable
        A bound of the probability of each atom of a problem to be wrong.
    first : callable
        The same for a first look at all places, where it may be a coarser one.
    filters : int
        How many thresholds to choose: one, or one per filter.
    objective : Objective
        What it makes of the sums of these is to be small.
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
        best[~certain] = _searched(problems, each, first, ~certain, top, objective)[~certain]
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
        quiet = np.where(column.on | column.still, 0.0, column.strength + reach)
        quiet = quiet.reshape(filters, -1)
        full = np.where(column.on, column.strength - reach, np.inf).reshape(filters, -1)
        low = np.maximum(low, quiet.max(axis=1))
        high = np.minimum(high, full.min(axis=1))
        slack = np.maximum(slack, column.slack.reshape(filters, -1).max(axis=1))
    return low, high, slack


def _searched(
    problems: list[Problem],
    each: Each,
    first: Each,
    open_groups: Array,
    top: float,
    objective: Objective,
) -> Array:
    """Return the place where the cost is least, on a grid that is made finer around it.

    Sums jump where an atom off the support is no longer reached, and where one on the support
    begins to be. So the first grid is among those places; it finds them at any range of amplitudes.
    """
    filters = len(open_groups)

    def costs(bound: Each, places: Array) -> Array:
        missed, raised = _sums(problems, bound, places)
        # what is certain already has no share in a joint limit
        return objective.costs(missed * open_groups, raised * open_groups)

    places = _jumps(problems, filters, top)
    low, high = _around(places, costs(first, places))
    for _ in range(_ZOOMS):
        places = np.linspace(low, high, _GRID + 1)
        values = costs(each, places)
        low, high = _around(places, values)
    # the middle of equal places, unless the cost is larger between them
    least = values == values.min(axis=0)
    start = np.take_along_axis(places, least.argmax(axis=0)[None], axis=0)[0]
    last = np.take_along_axis(places, (_run_end(least))[None], axis=0)[0]
    middle = (start + last) / 2
    ends = costs(each, np.stack([start, middle]))
    return np.where(ends[1] <= ends[0], middle, start)


def _jumps(problems: list[Problem], filters: int, top: float) -> Array:
    """Return places from small to large, (places, filters), among which the sums jump.

    The largest of them is beyond what any atom off the support can reach.
    """
    jumps, quiet = [], np.full(filters, top)
    for problem in problems:
        column = problem.column
        reach = column.total + column.error + column.slack
        most = column.strength + reach
        bare = np.where(column.on, column.strength, most)
        jumps += [bare, np.where(column.on, column.strength - reach, most)]
        error = column.error * (1 if problem.law.bounded else _UNBOUNDED)
        most = column.strength + column.total + error + 2 * column.slack
        most = np.where(column.on, 0.0, most)
        quiet = np.maximum(quiet, most.reshape(filters, -1).max(axis=1))
    joint = np.concatenate([jump.reshape(filters, -1) for jump in jumps], axis=1)
    joint = np.clip(joint, 0.0, top)
    among = np.quantile(joint, np.linspace(0, 1, _QUANTILES), axis=1)
    even = np.linspace(np.zeros(filters), np.full(filters, top), _GRID + 1)
    between = (among[1:] + among[:-1]) / 2
    return np.sort(np.concatenate([among, even, between, quiet[None]]), axis=0)


def _sums(problems: list[Problem], each: Each, places: Array) -> tuple[Array, Array]:
    """Return the misses and false alarms of each group of filters at each place."""
    sums = np.zeros((2, *places.shape))
    for at, place in enumerate(places):
        for problem in problems:
            values, on = each(problem.at(place)), problem.column.on
            for which, part in enumerate((on, ~on)):
                kept = np.where(part, values, 0.0).reshape(places.shape[1], -1)
                sums[which, at] += kept.sum(axis=1)
    return sums[0], sums[1]


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
