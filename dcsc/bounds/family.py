"""All bounds of dcsc, named once: whoever goes through them takes them from here."""

from typing import Any

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.hybrid import HybridBound
from dcsc.bounds.instance import InstanceBound
from dcsc.bounds.layered import LayeredBound
from dcsc.bounds.partial import PartialBound
from dcsc.bounds.probabilistic import ProbabilisticBound, RobustBound
from dcsc.bounds.theorem import Theorem
from dcsc.bounds.uniform import UniformBound

__all__ = [
    "HybridBound",
    "InstanceBound",
    "LayeredBound",
    "PartialBound",
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
"""From the one that asks for least to the one that looks at the codes themselves."""

CLASS_BOUNDS = tuple(kind for kind in BOUNDS if not (kind.needs_babel or kind.needs_instances))
"""Those that know a layer by its coherence alone."""

THEOREMS: tuple[type[Theorem[Any]], ...] = (*BOUNDS, PartialBound)
"""All that a certificate may be of: the bounds, which are about whole supports, and the others."""
