"""How often the forward pass of one model recovers the pathway, counted over draws of the signs.

Draws are cut into blocks that can be made again; an engine says which draws of a block fail, and a
`Tally` counts them.
"""

from dcsc.experiments.simulation.tally import Tally, clopper_pearson
from dcsc.experiments.simulation.trials import Simulation, simulate

__all__ = ["Simulation", "Tally", "clopper_pearson", "simulate"]
