"""What the figures share: one palette, one style, and where the legend stands."""

from typing import Any

from matplotlib.axes import Axes

from dcsc._colours import BLUE, GREEN, ORANGE, PINK, RED, SKY
from dcsc._words import short, visible
from dcsc.bounds import family

__all__ = [
    "BLUE",
    "BOUNDS",
    "BOUND_NAMES",
    "GREEN",
    "LAYERS",
    "ORANGE",
    "PINK",
    "RED",
    "SKY",
    "STYLE",
    "legend",
    "plain",
]

BOUNDS = [BLUE, ORANGE, GREEN, PINK, SKY]
BOUND_NAMES = {kind.__name__: f"{kind.label}, {kind.about}" for kind in family.BOUNDS}

LAYERS = ["#7A4EAB", PINK, SKY]
STYLE: Any = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}


def legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False, fontsize=9)


def plain(text: object, most: int = 40) -> str:
    """Return what a file says as text that is drawn as it is, and never read as mathematics.

    Text of more than ``most`` characters loses its middle.
    """
    return short(visible(str(text)), most).replace("$", r"\$")
