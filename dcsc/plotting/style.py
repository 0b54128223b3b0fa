"""What the figures share."""

from typing import Any

from matplotlib.axes import Axes

from dcsc.bounds import family

__all__ = ["BOUNDS", "BOUND_NAMES", "LAYERS", "STYLE", "legend"]

# Colours that remain apart to colour-blind eyes (Okabe and Ito, 2008).
BOUNDS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"]
BOUND_NAMES = {kind.__name__: f"{kind.label}, {kind.about}" for kind in family.BOUNDS}

LAYERS = ["#7A4EAB", "#CC79A7", "#56B4E9"]
STYLE: Any = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}


def legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False, fontsize=9)
