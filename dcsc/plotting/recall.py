"""Sweeps: how much of each support is found, measured and proved, beside the false alarms."""

import json
import math
from typing import TYPE_CHECKING

import attrs
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from dcsc._arrays import Array, integer
from dcsc.errors import DcscError
from dcsc.plotting.cells import (
    CURVES,
    beside,
    dash,
    edges,
    empty,
    footer,
    frontier,
    panels_of,
    places_of,
    scale,
    text,
)
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BOUNDS, EMPTY, RED, STYLE, legend, plain

if TYPE_CHECKING:
    import xarray

__all__ = ["recall_figure"]

_LAW = "codes.sparsity"


@attrs.frozen
class _Quantity:
    """What one of the two panels of a row shows.

    ``most`` is the end of its scale, None where the numbers say it; ``level`` is where a map has
    its lines, and ``upper`` says that a guarantee is good below it.
    """

    name: str
    label: str
    most: float | None
    level: float
    upper: bool

    def proved(self, data: "xarray.Dataset") -> tuple[Array, Array, Array]:
        """Return where the level is proved to be kept, where to be missed, and which are known."""
        low, high = (data[f"proved_{self.name}_{end}"].values for end in ("low", "high"))
        known = ~np.isnan(low)
        if self.upper:
            return high <= self.level, low > self.level, known
        return low >= self.level, high < self.level, known


_QUANTITIES = (
    _Quantity("recall", "share of the active units that are found", 1.0, 0.9, upper=False),
    _Quantity("false_per_active", "false alarms for each active unit", None, 0.1, upper=True),
)


def recall_figure(data: "xarray.Dataset", layer: int = 1, figure: Canvas | None = None) -> Canvas:
    """Draw how much of a support is found in a sweep that asked a `PartialBound`.

    On the left recall, on the right false alarms for each active unit, as means over the trials and
    as what is proved of the mean over signs. With two axes of numbers they are maps, with lines
    where nine tenths are found, and a tenth as many false alarms are raised: thick ones round the
    cells for which it is proved, and thin ones round those of which the contrary is, so that cells
    between the two are open. With one they are curves with the proved intervals; dashed is the
    share of whole supports, and where the axis is the sparsity, upright lines say up to which S all
    codes of the class are proved to be as good.

    Parameters
    ----------
    data : xarray.Dataset
        What `dcsc.experiments.open` returned, or a selection of it.
    layer : int, default 1
        Above layer 1 what is proved is about a layer that is handed the true supports below, and
        what is measured is not.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.

    Raises
    ------
    DcscError
        If no `PartialBound` was asked, or there would be more than 9 panels.
    """
    panels = panels_of(data, "recall_figure")
    if "partial" not in data.dims:
        raise DcscError(
            "recall_figure: data: expected what a sweep proved with PartialBound among its bounds, "
            "got none of that"
        )
    most = int(np.max(data["layer"].values))
    number = integer(layer, "recall_figure: layer", minimum=1, maximum=most)
    with matplotlib.rc_context(STYLE):
        rows = len(panels.parts)
        figure = canvas(figure, (14, 6.2 * rows), "recall_figure")
        grid = figure.subplots(rows, 2, squeeze=False)
        for pair, (title, part) in zip(grid, panels.parts, strict=True):
            one = part.sel(layer=number)
            for axes, quantity in zip(pair, _QUANTITIES, strict=True):
                if panels.mapped:
                    _map(figure, axes, one, panels.drawn, quantity)
                else:
                    _curves(axes, one, panels.drawn, quantity)
            told = f"layer {number}" if most > 1 else ""
            pair[0].set_title(", ".join(filter(None, (title, told))), fontsize=10, loc="left")
        footer(figure, panels.data, "measured means are over these, proved ones over all signs")
    return figure


# ---- curves ------------------------------------------------------------------------------------


def _curves(axes: Axes, data: "xarray.Dataset", drawn: list[str], quantity: _Quantity) -> None:
    x, tells = drawn[0] if drawn else None, drawn[1:]
    places, ticks = places_of(data, x)
    labels = list(data[tells[0]].values) if tells else [None]
    is_law = x is not None and json.loads(data.attrs["parameters"])[x] == _LAW
    laws: list[tuple[str, dict[str, float]]] = []
    for curve, (label, colour) in enumerate(zip(labels, CURVES, strict=False)):
        one = data if label is None else data.sel({tells[0]: label})
        name = "measured" if label is None else f"{tells[0]} = {text(label)}"
        at, room = beside(places, ticks, curve, len(labels))
        values = np.atleast_1d(one[quantity.name].values)
        run = np.isfinite(values)
        style = "o-" if ticks is None else "o"
        axes.plot(at[run], values[run], style, ms=4, lw=1, color=colour, label=name)
        for which, known in enumerate(data["partial"].values):
            ends = [
                np.atleast_1d(one.sel(partial=known)[f"proved_{quantity.name}_{end}"].values)
                for end in ("low", "high")
            ]
            _interval(axes, at + room * (which + 1) / 9, ends, colour, which, ticks is not None)
        if not quantity.upper:
            whole = np.atleast_1d(1 - one["layer_best"].values)
            axes.plot(at[run], whole[run], "--" if ticks is None else "x", lw=1, color=colour)
            if is_law:
                laws.append((colour, _law(one)))
    scale(axes, "x", places, x, ticks)
    top = 1.05 if quantity.most else None
    axes.set_ylim(-0.03 * (top or axes.get_ylim()[1]), top)
    axes.set_ylabel(quantity.label)
    for which, known in enumerate(data["partial"].values):
        wide = 6 if which == 0 else 1.5
        name = f"proved: {_partial(known)}"
        axes.plot([], [], color="0.4", alpha=0.5, lw=wide, ls=dash(which), label=name)
    if not quantity.upper:
        style = "--" if ticks is None else "x"
        axes.plot([], [], style, color="0.4", label="measured: the whole support is found")
    _draw_laws(axes, laws)
    legend(axes)


def _interval(
    axes: Axes, at: Array, ends: list[Array], colour: str, which: int, apart: bool
) -> None:
    """Draw between what a mean is proved to lie: a band, its ends, or an upright line a label."""
    low, high = (np.where(np.isfinite(end), end, np.nan) for end in ends)
    if apart:
        axes.vlines(at, low, high, color=colour, lw=5, alpha=0.4)
    elif which == 0:
        axes.fill_between(at, low, high, color=colour, alpha=0.35, lw=2)
    else:
        for end in (low, high):
            axes.plot(at, end, color=colour, ls=dash(which), lw=1)


def _law(data: "xarray.Dataset") -> dict[str, float]:
    """Return up to which S all codes of the class are proved to be recovered, in part and whole."""
    limits = {"a tenth is missed at the most": data["missed_limit"]}
    if "bound" in data.dims:
        limits[f"the whole support is found, but for {data.attrs['delta']:.3g}"] = data["limit"]
    return {name: float(np.nanmax(values.values, initial=0.0)) for name, values in limits.items()}


def _draw_laws(axes: Axes, laws: list[tuple[str, dict[str, float]]]) -> None:
    """Draw these, an upright line for each curve, thinner ones over those that they may hide."""
    names = list(laws[0][1]) if laws else []
    for name, style in zip(names, (":", "-."), strict=False):
        reach = [limits[name] for _, limits in laws]
        for number, ((colour, _), limit) in enumerate(zip(laws, reach, strict=True)):
            if limit >= 1:
                axes.axvline(limit, color=colour, ls=style, lw=max(4 - 1.2 * number, 1.2))
        values = ", ".join("any" if math.isinf(s) else f"{s:.0f}" if s else "none" for s in reach)
        axes.plot(
            [], [], color="0.4", ls=style, label=f"proved for all codes, {name}: up to S = {values}"
        )


# ---- maps --------------------------------------------------------------------------------------


def _map(
    figure: FigureBase, axes: Axes, data: "xarray.Dataset", drawn: list[str], quantity: _Quantity
) -> None:
    x, y = drawn
    xs, ys = (data[name].values.astype(float) for name in drawn)
    values = data[quantity.name].transpose(y, x).values
    most = quantity.most or max(1.0, np.nanmax(values, initial=0.0))
    mesh = axes.pcolormesh(edges(xs), edges(ys), values, rasterized=True, vmin=0, vmax=most)
    figure.colorbar(mesh, ax=axes, label=quantity.label)
    axes.set_facecolor(EMPTY)
    scale(axes, "x", xs, x, None)
    scale(axes, "y", ys, y, None)
    handles = [_level(axes, xs, ys, values, quantity)]
    if not np.isfinite(values).all():
        handles.append(empty(data))
    relation = "at most" if quantity.upper else "at least"
    handles.append(Line2D([], [], ls="", label=f"proved: {relation} {quantity.level:g}, by"))
    for number, known in enumerate(data["partial"].values):
        holds, fails, asked = quantity.proved(data.sel(partial=known).transpose(y, x, ...))
        style = {
            "color": BOUNDS[number % len(BOUNDS)],
            "ls": dash(number),
            "lw": max(4.5 - 1.2 * number, 1.2),
        }
        frontier(axes, (xs, ys), holds, asked, style)
        handles.append(Line2D([], [], label=_partial(known) + _extent(holds[asked]), **style))
        if fails.any():
            thin = {**style, "ls": "-", "lw": 1.4}
            frontier(axes, (xs, ys), fails, asked, thin)
            contrary = f"proved: {'more' if quantity.upper else 'less'} than {quantity.level:g}"
            handles.append(Line2D([], [], label=contrary + _extent(fails[asked]), **thin))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.11), frameon=False, fontsize=9
    )


def _level(axes: Axes, xs: Array, ys: Array, values: Array, quantity: _Quantity) -> Line2D:
    """Draw where what is measured passes the level, between the cells."""
    name = f"measured: {quantity.level:g}"
    known = values[np.isfinite(values)] >= quantity.level
    if known.any() and not known.all():
        axes.contour(xs, ys, values, [quantity.level], colors=[RED], linewidths=[2])
    else:
        name += ", not between the cells of this grid"
    return Line2D([], [], color=RED, lw=2, label=name)


def _extent(holds: Array) -> str:
    if not holds.size:
        return ": does not cover these cells"
    if holds.all() or not holds.any():
        return f": {'everywhere' if holds[0] else 'nowhere'} on this grid"
    return ""


def _partial(name: str) -> str:
    _, _, rest = str(name).partition("(")
    return plain("mean over signs" + (f" ({rest}" if rest else ""), 80)
