"""Stability: which units of a network no small perturbation of its input can switch."""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.stability.records import LayerStability, PathwayStability
    from dcsc.networks.stability.stability import METHODS, NORMS, pathway_stability
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["METHODS", "NORMS", "LayerStability", "PathwayStability", "pathway_stability"]
