"""Pursuits: ways to find the sparse codes behind signals.

A `Pursuit` works on one layer, given its operator and its projection; a new one is a subclass with
``_pursue``. A `PathwayPursuit` finds the codes of all layers, mostly by pursuits of one.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.pursuits.base import Pursued, Pursuit
    from dcsc.pursuits.basis import BasisPursuit
    from dcsc.pursuits.debiased import Debiased
    from dcsc.pursuits.hard import HardThresholdingPursuit
    from dcsc.pursuits.matching import OrthogonalMatchingPursuit
    from dcsc.pursuits.one_step import OneStep
    from dcsc.pursuits.pathways import MLFISTA, Holistic, Layered, PathwayPursuit
    from dcsc.pursuits.proximal import ProximalGradient
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "MLFISTA",
    "BasisPursuit",
    "Debiased",
    "HardThresholdingPursuit",
    "Holistic",
    "Layered",
    "OneStep",
    "OrthogonalMatchingPursuit",
    "PathwayPursuit",
    "ProximalGradient",
    "Pursued",
    "Pursuit",
]
