"""Ways to tell which draws fail, all with the counts of the model itself.

`InterferenceEngine` adds up the interference at single entries, `BatchEngine` runs many draws as a
batch, `DrawEngine` one draw after the other.
"""

from dcsc.experiments.simulation.engines.passes import BatchEngine, DrawEngine
from dcsc.experiments.simulation.engines.tables import InterferenceEngine

__all__ = ["BatchEngine", "DrawEngine", "InterferenceEngine"]
