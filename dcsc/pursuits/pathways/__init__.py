"""Pathway pursuits: ways to find the codes of all layers.

A new one is a subclass of `PathwayPursuit` with ``_pursue``.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.pursuits.pathways.base import PathwayPursuit
    from dcsc.pursuits.pathways.holistic import Holistic
    from dcsc.pursuits.pathways.layered import Layered
    from dcsc.pursuits.pathways.multilayer import MLFISTA
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["MLFISTA", "Holistic", "Layered", "PathwayPursuit"]
