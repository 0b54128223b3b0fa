"""Sweeps: the measured recovery rates, and the frontiers of what is proved, on the same axes."""

import math
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Stroke
from matplotlib.transforms import ScaledTranslation

from dcsc._arrays import Array
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
from dcsc.plotting.style import BOUND_NAMES, BOUNDS, EMPTY, RED, STYLE, legend, plain

if TYPE_CHECKING:
    import xarray

__all__ = ["sweep_figure"]

_HALF_COLOUR = RED
_PALE = 0.1  # the darkest grey of a map of half widths stands for no less


def sweep_figure(data: "xarray.Dataset", figure: Canvas | None = None) -> Canvas:
    """Draw a sweep, finished or not.

    The first two axes with numbers span a map: the share of trials whose pathway was recovered,
    beside it half the width of its interval, on it where half of the trials are recovered, and how
    far each guarantee reaches: failure with probability at most δ. With one such axis there are
    curves with bands, one for each label of another axis, and the recovery that is guaranteed. The
    remaining axes make panels.

    Parameters
    ----------
    data : xarray.Dataset
        What `dcsc.experiments.open` returned, or a selection of it.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.

    Raises
    ------
    DcscError
        If there would be more than 9 panels: select some, with ``data.sel``.
    """
    panels = panels_of(data, "sweep_figure")
    count, mapped = len(panels.parts), panels.mapped
    # A map takes a row of two: the rates, and the widths of their intervals.
    with matplotlib.rc_context(STYLE):
        columns = 2 if mapped else min(count, 3)
        rows = count if mapped else math.ceil(count / columns)
        size = (12, 6.2 * rows) if mapped else (7.5 * columns, 6.5 * rows)
        figure = canvas(figure, size, "sweep_figure")
        ratios = {"width_ratios": [1.6, 1]} if mapped else {}
        grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw=ratios)
        for number, (title, chosen) in enumerate(panels.parts):
            if mapped:
                _map(figure, grid[number], chosen, panels.drawn, title)
            else:
                _curves(grid[number // columns, number % columns], chosen, panels.drawn, title)
        if not mapped:
            for unused in grid.ravel()[count:]:
                unused.set_axis_off()
        footer(figure, panels.data, "intervals hold with 95%")
    return figure


# ---- curves ------------------------------------------------------------------------------------


def _curves(axes: Axes, data: "xarray.Dataset", drawn: list[str], title: str) -> None:
    x, tells = drawn[0] if drawn else None, drawn[1:]
    places, ticks = places_of(data, x)
    labels = list(data[tells[0]].values) if tells else [None]
    colours = dict(zip(labels, CURVES, strict=False))
    for curve, label in enumerate(labels):
        one = data if label is None else data.sel({tells[0]: label})
        name = "measured" if label is None else f"{tells[0]} = {text(label)}"
        best = np.atleast_1d(1 - one["best"].values)
        low, high = (np.atleast_1d(1 - one[end].values) for end in ("high", "low"))
        run = np.isfinite(best)
        style = "o-" if ticks is None else "o"
        at, room = beside(places, ticks, curve, len(labels))
        # Later ones are thinner, so that those below remain visible where they agree.
        wide = 1.5 * (1 + min(1, 3 / len(labels)) * (len(labels) - 1 - curve))
        axes.plot(at[run], best[run], style, ms=4, lw=wide, color=colours[label], label=name)
        if ticks is None:
            axes.fill_between(at, low, high, color=colours[label], alpha=0.2, lw=0)
        else:
            reach = [best - low, high - best]
            axes.errorbar(at, best, reach, fmt="none", capsize=3, color=colours[label])
        _proved_curves(axes, one, at, room, curve, None if label is None else colours[label])
    scale(axes, "x", places, x, ticks)
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel("share of trials with the whole pathway recovered")
    axes.set_title(title, fontsize=10, loc="left")
    if tells and "bound" in data.dims:
        axes.plot([], [], " ", label="guaranteed, in the colour of its curve and drawn below it:")
        for number, bound in enumerate(data["bound"].values):
            nowhere = _nowhere(data["guarantee"].sel(bound=bound).values)
            name = f"guaranteed: {_bound(bound)}{nowhere}"
            axes.plot([], [], color="0.4", label=name, **_proved_style(number, ticks is not None))
    legend(axes)


def _proved_curves(
    axes: Axes, data: "xarray.Dataset", places: Array, room: float, curve: int, colour: str | None
) -> None:
    """Draw the guaranteed recovery; in the curve's colour where there are several curves."""
    if "bound" not in data.dims:
        return
    count = data.sizes["bound"]
    for number, bound in enumerate(data["bound"].values):
        values = np.atleast_1d(data["guarantee"].sel(bound=bound).values)
        nowhere = _nowhere(values)
        at, recovered = places + room * (number + 1) / (2 * count + 2), 1 - values
        if not room:
            at, recovered = _lower_between(at, recovered)
        # Below its curve it stays visible, and promises nothing more.
        lower = 0 if room or colour is None else -3 * (1 + curve) / 72
        shift = ScaledTranslation(0, lower, axes.figure.dpi_scale_trans)
        axes.plot(
            [] if nowhere else at,
            [] if nowhere else recovered,
            transform=axes.transData + shift,
            color=colour or BOUNDS[number % len(BOUNDS)],
            label=None if colour else f"guaranteed: {_bound(bound)}{nowhere}",
            **_proved_style(number, room > 0),
        )


def _lower_between(places: Array, values: Array) -> tuple[Array, Array]:
    """Return a line with the values at the places, and the lower of two between them.

    What is proved is proved at the places: nothing is known of what lies between.
    """
    lower = np.minimum(values[:-1], values[1:])
    x = np.stack([places[:-1], places[1:], places[1:]], axis=1)
    y = np.stack([lower, lower, values[1:]], axis=1)
    return np.append(places[:1], x), np.append(values[:1], y)


def _nowhere(values: Array) -> str:
    return "" if (values < 1).any() else ", nowhere on this grid"


def _proved_style(number: int, alone: bool) -> dict[str, Any]:
    """Return what tells guarantees from what is measured, and from each other."""
    if alone:
        return {"ls": "", "marker": "sD^vP"[number % 5], "mfc": "none", "ms": 7}
    return {"ls": dash(number + 1), "lw": max(2.7 - 0.7 * number, 1.2)}


# ---- maps --------------------------------------------------------------------------------------


def _map(
    figure: FigureBase, pair: Any, data: "xarray.Dataset", drawn: list[str], title: str
) -> None:
    # The two maps: rates of recovery, and half the widths of their intervals.
    x, y = drawn
    xs, ys = (data[name].values.astype(float) for name in drawn)
    rate = 1 - data["best"].transpose(y, x).values
    half = (data["high"] - data["low"]).transpose(y, x).values / 2
    widest = max(_PALE, np.nanmax(half, initial=0.0))
    parts: tuple[tuple[Array, str, Any], ...] = (
        (rate, "share of trials with the whole pathway recovered", {"vmin": 0, "vmax": 1}),
        (half, "half the width of its interval", {"vmin": 0, "vmax": widest, "cmap": "Greys"}),
    )
    for axes, (values, name, options) in zip(pair, parts, strict=True):
        mesh = axes.pcolormesh(edges(xs), edges(ys), values, rasterized=True, **options)
        figure.colorbar(mesh, ax=axes, label=name)
        axes.set_facecolor(EMPTY)
        scale(axes, "x", xs, x, None)
        scale(axes, "y", ys, y, None)
    # On the first, where half of the trials are recovered, and the frontier of each guarantee.
    axes = pair[0]
    axes.set_title(title, fontsize=10, loc="left")
    handles = [_half(axes, xs, ys, rate)]
    if not np.isfinite(rate).all():
        handles.append(empty(data))
    if "bound" in data.dims:
        delta = data.attrs["delta"]
        handles.append(Line2D([], [], ls="", label=f"proved: failure at most {delta:g}, by"))
        for number, bound in enumerate(data["bound"].values):
            one = data.sel(bound=bound).transpose(y, x, ...)
            # Later ones are thinner, so that those below remain visible where they agree.
            style = {
                "color": BOUNDS[number % len(BOUNDS)],
                "ls": dash(number),
                "lw": max(4.5 - 1.2 * number, 1.2),
            }
            holds = one["guarantee"].values <= delta
            asked = np.isfinite(one["guarantee"].values) | (one["why"].values != "")
            frontier(axes, (xs, ys), holds, asked, style)
            name = _bound(bound) + _extent(one["guarantee"].values, delta)
            handles.append(Line2D([], [], label=name, **style))
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.11),
        frameon=False,
        fontsize=9,
    )


def _half(axes: Axes, xs: Array, ys: Array, rate: Array) -> Line2D:
    """Draw where half of the trials are recovered, between the cells."""
    name = "half of the trials recovered"
    seen = rate[np.isfinite(rate)] >= 0.5
    if seen.any() and not seen.all():
        outline: list[AbstractPathEffect] = [
            Stroke(linewidth=3.5, foreground="white"),
            Stroke(linewidth=2, foreground=_HALF_COLOUR),
        ]
        lines = axes.contour(xs, ys, rate, [0.5], colors=[_HALF_COLOUR])
        lines.set_path_effects(outline)
    else:
        name += ": not between the cells of this grid"
    return Line2D([], [], color=_HALF_COLOUR, lw=2, label=name)


def _extent(values: Array, delta: float) -> str:
    """Say of a guarantee what its frontier cannot."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ": does not cover these cells"
    if (finite <= delta).all() or (finite > delta).all():
        return f": {'everywhere' if finite[0] <= delta else 'nowhere'} on this grid"
    return ""


# ---- both --------------------------------------------------------------------------------------


def _bound(name: str) -> str:
    kind, _, rest = str(name).partition("(")
    return plain(BOUND_NAMES.get(kind, kind) + (f" ({rest}" if rest else ""), 80)
