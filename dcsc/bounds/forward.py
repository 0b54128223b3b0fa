"""The bounds of the forward pass, named once: whoever goes through them takes them from here."""

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.hybrid import HybridBound
from dcsc.bounds.instance import InstanceBound
from dcsc.bounds.layered import LayeredBound
from dcsc.bounds.probabilistic import ProbabilisticBound, RobustBound
from dcsc.bounds.uniform import UniformBound

__all__ = [
    "BOUNDS",
    "CLASS_BOUNDS",
    "HybridBound",
    "InstanceBound",
    "LayeredBound",
    "ProbabilisticBound",
    "RobustBound",
    "UniformBound",
]

BOUNDS: tuple[type[BoundCalculator], ...] = (
    UniformBound,
    ProbabilisticBound,
    RobustBound,
    HybridBound,
    LayeredBound,
    InstanceBound,
)
"""From the one that asks for least to the one that sees the codes."""

CLASS_BOUNDS = tuple(kind for kind in BOUNDS if not (kind.needs_babel or kind.needs_instances))
"""Those that know a layer by its coherence alone."""
