"""Relaxations: what an operation of a network makes of all inputs within some intervals.

Each is two ends of the result, and a lower bound of every combination of its entries that is affine
in the inputs. An operation returns one from its hook ``_relaxation``; a new kind is a subclass of
`Relaxation` with ``_lower``.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.relaxations.affine import Affine, LinearMap, moved
    from dcsc.networks.relaxations.base import ROUNDING, Box, Relaxation, outward
    from dcsc.networks.relaxations.constants import Constants
    from dcsc.networks.relaxations.lines import Lines, clipped, leaky
    from dcsc.networks.relaxations.picks import Picks
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "ROUNDING",
    "Affine",
    "Box",
    "Constants",
    "LinearMap",
    "Lines",
    "Picks",
    "Relaxation",
    "clipped",
    "leaky",
    "moved",
    "outward",
]
