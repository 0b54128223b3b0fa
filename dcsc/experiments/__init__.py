"""Experiments: how often the forward pass recovers the pathway, at one point or over a grid.

`simulate` counts failures of one model and codes, `enumerate_signs` all of them for a small model,
and `estimate_failure` rare ones. A `Sweep` is a grid of such tasks, read from a file; `run` puts
its results into a folder, `open` gives them as a data set, `replay` makes one trial again.
"""

from dcsc.experiments.rare import FailureEstimate, estimate_failure
from dcsc.experiments.simulation import (
    Enumeration,
    Tally,
    clopper_pearson,
    enumerate_signs,
    simulate,
)
from dcsc.experiments.sweeps import Replay, Run, Sweep, open, replay, run

__all__ = [
    "Enumeration",
    "FailureEstimate",
    "Replay",
    "Run",
    "Sweep",
    "Tally",
    "clopper_pearson",
    "enumerate_signs",
    "estimate_failure",
    "open",
    "replay",
    "run",
    "simulate",
]
