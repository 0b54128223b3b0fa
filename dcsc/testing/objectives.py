"""The laws of objectives."""

import numpy as np

from dcsc._arrays import Array, Rng, frozen_array, generator, instance
from dcsc.bounds.objectives import Objective
from dcsc.testing.common import call, fail

__all__ = ["check_objective"]

_TABLES = 40
_MOST = 6


def check_objective(objective: Objective, rng: Rng = 0) -> None:
    """Check the laws of `Objective`, on tables in which misses rise and false alarms fall."""
    instance(objective, Objective, "check_objective: objective")
    source = generator(rng, "check_objective: rng")
    for _ in range(_TABLES):
        shape = (int(source.integers(1, _MOST)), int(source.integers(1, _MOST)))
        steps = source.uniform(0, 2, (2, *shape)) * (source.random((2, *shape)) < 0.7)
        missed, raised = steps[0].cumsum(axis=0), steps[1].cumsum(axis=0)[::-1]
        law = "a number, or infinity, for every place"
        costs = _costs(objective, law, missed, raised)
        if np.isnan(costs).any() or np.isneginf(costs).any():
            fail(objective, law, f"{costs.tolist()}")
        order = source.permutation(shape[1])
        turned = _costs(objective, law, missed[:, order], raised[:, order])
        _same_places(objective, costs[:, order], turned)
        quiet = _costs(objective, law, missed, np.zeros(shape)).argmin(axis=0)
        least = np.take_along_axis(missed, quiet[None], axis=0)[0]
        if (least > missed.min(axis=0)).any():
            law = "without false alarms the least cost is at the fewest misses"
            fail(objective, law, f"at places {quiet.tolist()} of {missed.tolist()}")
        _check_dominated(objective, missed, raised)


def _costs(objective: Objective, law: str, missed: Array, raised: Array) -> Array:
    arguments = frozen_array(missed), frozen_array(raised)
    costs: Array = call(objective, law, f"costs{arguments}", objective.costs, *arguments)
    return costs


def _same_places(objective: Objective, one: Array, other: Array) -> None:
    places = [costs.argmin(axis=0).tolist() for costs in (one, other)]
    if places[0] != places[1]:
        law = "the order of the groups does not matter"
        fail(objective, law, f"{places[1]} in another order instead of {places[0]}")


def _check_dominated(objective: Objective, missed: Array, raised: Array) -> None:
    """Put a place behind the others that has more of both numbers than any of them."""
    law = "a place with more of both numbers costs no less"
    worse = [np.concatenate([each, each.max(axis=0)[None] + 1]) for each in (missed, raised)]
    costs = _costs(objective, law, *worse)
    if (costs[-1] < costs[:-1].min(axis=0)).any():
        fail(objective, law, f"{costs.tolist()} for {worse[0].tolist()} and {worse[1].tolist()}")
