"""Figures as the bytes of a file, the same for the same numbers."""

import warnings
from io import BytesIO
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from dcsc._arrays import instance

__all__ = ["as_png", "as_svg"]


def as_png(figure: Figure) -> bytes:
    """Return the picture."""
    return _saved(figure, format="png", dpi=130)


def as_svg(figure: Figure) -> bytes:
    """Return the drawing, with its text as text.

    It carries no date, and the names of its parts are hashes of their content: otherwise no two
    drawings of the same numbers would be equal.
    """
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dcsc"}):
        return _saved(figure, format="svg", metadata={"Date": None, "Creator": None})


def _saved(figure: Figure, **options: Any) -> bytes:
    instance(figure, Figure, "as_png or as_svg: figure")
    file = BytesIO()
    with warnings.catch_warnings():
        # A picture shows boxes for letters that no font here has; a drawing keeps them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, **options)
    return file.getvalue()
