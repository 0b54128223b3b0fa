"""Experiments: how often the forward pass recovers the pathway, at one point or over a grid.

`simulate` counts failures of one model and codes, `estimate_failure` rare ones. A `Sweep` is a grid
of such tasks, read from a file; `run` puts its results into a folder, `open` gives them as a data
set, `replay` makes one trial again.
"""

from dcsc.experiments.rare import FailureEstimate, estimate_failure
from dcsc.experiments.simulation import simulate
from dcsc.experiments.simulation.tally import Tally, clopper_pearson
from dcsc.experiments.sweeps import Replay, Run, Sweep, open, replay, run

__all__ = [
    "FailureEstimate",
    "Replay",
    "Run",
    "Sweep",
    "Tally",
    "clopper_pearson",
    "estimate_failure",
    "open",
    "replay",
    "run",
    "simulate",
]
