"""Stability: which units of a network no small perturbation of its input can switch."""

from dcsc.networks.stability.records import LayerStability, PathwayStability
from dcsc.networks.stability.stability import METHODS, NORMS, pathway_stability

__all__ = ["METHODS", "NORMS", "LayerStability", "PathwayStability", "pathway_stability"]
