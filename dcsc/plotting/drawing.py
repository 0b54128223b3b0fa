"""What is drawn on: the caller's figure, or a new one that shows itself in notebooks."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.plotting.files import as_png

__all__ = ["Canvas", "Drawing", "canvas"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # a default comes with Python 3.13

    # Who brings a part of a figure gets that part back; who brings none, a figure.
    Canvas = TypeVar("Canvas", bound=Figure | SubFigure, default=Figure)
else:
    Canvas = Figure | SubFigure


class Drawing(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return as_png(self)


def canvas(figure: Canvas | None, size: tuple[float, float], where: str) -> Canvas:
    """Return the caller's figure as it is, or a new one of this size in inches."""
    if figure is None:
        return Drawing(figsize=size, layout="constrained")  # type: ignore[return-value]  # see `Canvas`
    if not isinstance(figure, Figure | SubFigure):
        part = ": a part of a figure is figure.subfigures()" if isinstance(figure, Axes) else ""
        raise DcscError(
            f"{where}: figure: expected a Figure or SubFigure, got {quoted(figure)}{part}"
        )
    return figure
