"""All theorems of dcsc, named once: whoever goes through them takes them from here.

Those of the forward pass stand in `dcsc.bounds.forward`, for whoever needs no others.
"""

from typing import Any

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.forward import (
    BOUNDS,
    CLASS_BOUNDS,
    HybridBound,
    InstanceBound,
    LayeredBound,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.bounds.partial import PartialBound
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

__all__ = [
    "BOUNDS",
    "CLASS_BOUNDS",
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
