"""Ways to tell which trials fail, all with the counts of the model itself.

``ENGINES`` lists them, the fastest first; the last one covers every model.
"""

from dcsc.experiments.simulation.engines.base import Engine
from dcsc.experiments.simulation.engines.passes import BatchEngine, DrawEngine
from dcsc.experiments.simulation.engines.tables import InterferenceEngine

__all__ = ["ENGINES", "BatchEngine", "DrawEngine", "Engine", "InterferenceEngine"]

ENGINES: tuple[type[Engine], ...] = (InterferenceEngine, BatchEngine, DrawEngine)
