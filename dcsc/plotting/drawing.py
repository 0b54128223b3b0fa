"""The figure that is drawn on: the caller's, or a new one that shows itself in notebooks."""

from matplotlib.figure import Figure

from dcsc._arrays import instance
from dcsc.plotting.files import as_png

__all__ = ["Drawing", "canvas"]


class Drawing(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return as_png(self)


def canvas(figure: Figure | None, size: tuple[float, float], where: str) -> Figure:
    """Return the caller's figure as it is, or a new one of this size in inches."""
    if figure is not None:
        return instance(figure, Figure, f"{where}: figure")
    return Drawing(figsize=size, layout="constrained")
