"""What the figures share: one palette, one style, and where the legend stands."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from dcsc._colours import BLUE, GREEN, ORANGE, PINK, RED, SKY
from dcsc._words import as_layer, short, visible, without_common
from dcsc.bounds import family

__all__ = [
    "BLUE",
    "BOUNDS",
    "BOUND_NAMES",
    "EMPTY",
    "GREEN",
    "LAYERS",
    "ORANGE",
    "PINK",
    "RED",
    "SKY",
    "STYLE",
    "legend",
    "name_layers",
    "plain",
]

BOUNDS = [BLUE, ORANGE, GREEN, PINK, SKY]
BOUND_NAMES = {
    kind.__name__: f"{kind.label}, {kind.about}" for kind in (*family.BOUNDS, *family.PURSUED)
}

LAYERS = ["#7A4EAB", PINK, SKY]
EMPTY = "#E8A5A0"  # where there is nothing to show
STYLE: Any = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}

_MOST_TICKS = 16
_NAME = 14


def legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False, fontsize=9)


def name_layers(axes: Axes, names: Sequence[str]) -> None:
    """Put the names of layers below the axes, of many layers only some of them."""
    every = -(-len(names) // _MOST_TICKS)
    places = range(0, len(names), every)
    ends = [short(as_layer(name), _NAME) for name in without_common(names)[::every]]
    slanted: Any = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(list(places), map(plain, ends), **(slanted if len(names) > 3 else {}))
    axes.set_xlim(-0.5, len(names) - 0.5)


def plain(text: object, most: int = 40) -> str:
    """Return what a file says as text that is drawn as it is, and never read as mathematics.

    Text of more than ``most`` characters loses its middle.
    """
    return short(visible(str(text)), most).replace("$", r"\$")
