"""All bounds of dcsc, named once: whoever goes through them takes them from here."""

from typing import Any

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.hybrid import HybridBound
from dcsc.bounds.instance import InstanceBound
from dcsc.bounds.layered import LayeredBound
from dcsc.bounds.partial import PartialBound
from dcsc.bounds.probabilistic import ProbabilisticBound, RobustBound
from dcsc.bounds.pursued import (
    BasisPursuitBound,
    CodeBound,
    DualBound,
    ExactRecoveryBound,
    FuchsBound,
    MatchingBound,
    UniquenessBound,
)
from dcsc.bounds.theorem import Theorem
from dcsc.bounds.uniform import UniformBound

__all__ = [
    "BasisPursuitBound",
    "CodeBound",
    "DualBound",
    "ExactRecoveryBound",
    "FuchsBound",
    "HybridBound",
    "InstanceBound",
    "LayeredBound",
    "MatchingBound",
    "PartialBound",
    "ProbabilisticBound",
    "RobustBound",
    "UniformBound",
    "UniquenessBound",
]

BOUNDS: tuple[type[BoundCalculator], ...] = (
    UniformBound,
    ProbabilisticBound,
    RobustBound,
    HybridBound,
    LayeredBound,
    InstanceBound,
)
"""Those of the forward pass, from the one that asks for least to the one that sees the codes."""

CLASS_BOUNDS = tuple(kind for kind in BOUNDS if not (kind.needs_babel or kind.needs_instances))
"""Those that know a layer by its coherence alone."""

PURSUED: tuple[type[BoundCalculator], ...] = (
    UniquenessBound,
    BasisPursuitBound,
    MatchingBound,
    ExactRecoveryBound,
    FuchsBound,
    DualBound,
)
"""Those of other pursuits, and of codes however found."""

THEOREMS: tuple[type[Theorem[Any]], ...] = (*BOUNDS, *PURSUED, PartialBound, CodeBound)
"""All that a certificate may be of: the bounds, which are about whole supports, and the others."""
