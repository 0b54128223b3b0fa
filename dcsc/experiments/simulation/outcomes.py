"""Sums of signs against thresholds, compiled or plain: the outcomes of draws.

- `tabulate`: the outcome of every sign pattern, a table for each few comparisons of like signs.
- `join`: the same in fewer tables of more signs.
- `look_up`: what the tables say of draws.
- `add_up`: the outcomes of draws by sums of their signs.
- `count`: how many comparisons fail in each draw.

An outcome is 0 for a draw that recovers, 1 for one that fails, 2 for one that rounding decides;
those of several comparisons are joined by bitwise or.
"""

from dcsc._numerics.ways import two_ways
from dcsc.experiments.simulation import plain

__all__ = ["add_up", "count", "join", "look_up", "tabulate"]

_LOOPS = "dcsc.experiments.simulation.loops"

tabulate = two_ways(_LOOPS, plain.tabulate)
join = two_ways(_LOOPS, plain.join)
look_up = two_ways(_LOOPS, plain.look_up)
add_up = two_ways(_LOOPS, plain.add_up)
count = two_ways(_LOOPS, plain.count)
