"""How often the forward pass of one model recovers the pathway, counted over draws of the signs.

Trials are cut into blocks that can be made again, and an engine says which of a block fail.
`simulate` counts them in draws at random, `enumerate_signs` in all sign patterns of a small model.
"""

from dcsc.experiments.simulation.enumeration import Enumeration, enumerate_signs
from dcsc.experiments.simulation.tally import Tally, clopper_pearson
from dcsc.experiments.simulation.trials import Simulation, simulate

__all__ = [
    "Enumeration",
    "Simulation",
    "Tally",
    "clopper_pearson",
    "enumerate_signs",
    "simulate",
]
