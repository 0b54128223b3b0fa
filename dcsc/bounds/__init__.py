"""Bounds: theorems about when the forward pass recovers the pathway.

A new one is a subclass of `BoundCalculator` with ``_evaluate``, which reads the constants and
traits of `LayerStatistics` and returns a `Guarantee`.
"""

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, Hypothesis, LayerGuarantee
from dcsc.bounds.hybrid import HybridBound
from dcsc.bounds.instance import InstanceBound
from dcsc.bounds.layered import LayeredBound
from dcsc.bounds.measure import measure
from dcsc.bounds.probabilistic import ProbabilisticBound, RobustBound
from dcsc.bounds.records import Babel, LayerInstance, LayerStatistics
from dcsc.bounds.recursion import propagated_noise
from dcsc.bounds.uniform import UniformBound

__all__ = [
    "Babel",
    "BoundCalculator",
    "Guarantee",
    "HybridBound",
    "Hypothesis",
    "InstanceBound",
    "LayerGuarantee",
    "LayerInstance",
    "LayerStatistics",
    "LayeredBound",
    "ProbabilisticBound",
    "RobustBound",
    "UniformBound",
    "measure",
    "propagated_noise",
]
