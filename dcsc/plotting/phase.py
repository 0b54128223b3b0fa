"""Sweeps: the measured recovery rates, and the frontiers of what is proved, on the same axes."""

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Stroke
from matplotlib.ticker import MaxNLocator, NullLocator

from dcsc._arrays import Array, instance
from dcsc.errors import DcscError
from dcsc.plotting.drawing import canvas
from dcsc.plotting.style import (
    BLUE,
    BOUND_NAMES,
    BOUNDS,
    GREEN,
    ORANGE,
    PINK,
    RED,
    STYLE,
    legend,
    plain,
)

if TYPE_CHECKING:
    import xarray

__all__ = ["sweep_figure"]

_PANELS = 9
_CURVES = 6
_HALF_COLOUR = RED
_EMPTY = "#E8A5A0"
_CURVE_COLOURS = ["black", BLUE, RED, GREEN, PINK, ORANGE]
_WIDE = 20.0
_PALE = 0.1  # the darkest grey of a map of half widths stands for no less
_TICKS = 10


def sweep_figure(data: "xarray.Dataset", figure: Figure | None = None) -> Figure:
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
    figure : matplotlib.figure.Figure, optional
        What to draw on, by default a new figure.

    Raises
    ------
    DcscError
        If there would be more than 9 panels: select some, with ``data.sel``.
    """
    import xarray  # noqa: PLC0415  # whoever has such data has imported it

    instance(data, xarray.Dataset, "sweep_figure: data")
    if "parameters" not in data.attrs:
        raise DcscError("sweep_figure: data: expected what dcsc.experiments.open returned")
    # Which axes are drawn, and which make panels.
    names = list(json.loads(data.attrs["parameters"]))
    open_axes = [name for name in names if name in data.dims and data.sizes[name] > 1]
    numeric = [name for name in open_axes if data[name].dtype.kind in "iuf"]
    data = data.sortby(numeric).squeeze([n for n in names if data.sizes.get(n) == 1])
    mapped = len(numeric) >= 2
    drawn = numeric[:2] if mapped else _curve_axes(data, open_axes, numeric)
    rest = [name for name in open_axes if name not in drawn]
    panels = list(itertools.product(*(data[name].values for name in rest)))
    if len(panels) > _PANELS:
        raise DcscError(
            f"sweep_figure: data: expected at most {_PANELS} panels, got {len(panels)} values of "
            f"{', '.join(rest)}: select some of them"
        )
    # A map takes a row of two: the rates, and the widths of their intervals.
    with matplotlib.rc_context(STYLE):
        columns = 2 if mapped else min(len(panels), 3)
        rows = len(panels) if mapped else math.ceil(len(panels) / columns)
        size = (12, 6.2 * rows) if mapped else (7.5 * columns, 6.5 * rows)
        figure = canvas(figure, size, "sweep_figure")
        ratios = {"width_ratios": [1.6, 1]} if mapped else {}
        grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw=ratios)
        for number, labels in enumerate(panels):
            chosen = data.sel(dict(zip(rest, labels, strict=True)))
            title = ", ".join(f"{n} = {_text(v)}" for n, v in zip(rest, labels, strict=True))
            if mapped:
                _map(figure, grid[number], chosen, drawn, title)
            else:
                _curves(grid[number // columns, number % columns], chosen, drawn, title)
        if not mapped:
            for empty in grid.ravel()[len(panels) :]:
                empty.set_axis_off()
        _words(figure, data)
    return figure


def _curve_axes(data: "xarray.Dataset", names: list[str], numeric: list[str]) -> list[str]:
    """Return the axis to draw along, and one that tells curves apart."""
    along = (numeric or names)[:1]
    others = [name for name in names if name not in along and data.sizes[name] <= _CURVES]
    return along + others[:1]


def _words(figure: Figure, data: "xarray.Dataset") -> None:
    trials = data["trials"].values[data["infeasible"].values == ""]
    trials = trials if trials.size else np.zeros(1, dtype=int)
    spread = f"{trials.min()}" if trials.min() == trials.max() else f"{trials.min()}–{trials.max()}"
    versions = json.loads(data.attrs["versions"])
    figure.suptitle(plain(data.attrs["title"] or "sweep", 100))
    figure.supxlabel(
        f"{spread} trials a cell, intervals hold with 95 % · seed {data.attrs['seed']} · "
        f"dcsc {versions['dcsc']}",
        fontsize=8,
        color="0.4",
    )


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else plain(value)


# ---- curves ------------------------------------------------------------------------------------


def _curves(axes: Axes, data: "xarray.Dataset", drawn: list[str], title: str) -> None:
    x, tells = drawn[0] if drawn else None, drawn[1:]
    places, ticks = _places(data, x)
    labels = list(data[tells[0]].values) if tells else [None]
    colours = dict(zip(labels, _CURVE_COLOURS, strict=False))
    for curve, label in enumerate(labels):
        one = data if label is None else data.sel({tells[0]: label})
        name = "measured" if label is None else f"{tells[0]} = {_text(label)}"
        best = np.atleast_1d(1 - one["best"].values)
        low, high = (np.atleast_1d(1 - one[end].values) for end in ("high", "low"))
        run = np.isfinite(best)
        style = "o-" if ticks is None else "o"
        # Where labels stand on the axis, each has a little room for what belongs to it.
        room = 0.0 if ticks is None else 0.7 / len(labels)
        at = places + room * (curve - (len(labels) - 1) / 2)
        axes.plot(at[run], best[run], style, ms=4, color=colours[label], label=name)
        if ticks is None:
            axes.fill_between(at, low, high, color=colours[label], alpha=0.2, lw=0)
        else:
            reach = [best - low, high - best]
            axes.errorbar(at, best, reach, fmt="none", capsize=3, color=colours[label])
        _proved_curves(axes, one, at, room, None if label is None else colours[label])
    _scale(axes, "x", places, x, ticks)
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel("share of trials with the whole pathway recovered")
    axes.set_title(title, fontsize=10, loc="left")
    if tells and "bound" in data.dims:
        for number, bound in enumerate(data["bound"].values):
            name = f"guaranteed: {_bound(bound)}"
            axes.plot([], [], color="0.4", label=name, **_proved_style(number, ticks is not None))
    legend(axes)


def _proved_curves(
    axes: Axes, data: "xarray.Dataset", places: Array, room: float, colour: str | None
) -> None:
    """Draw the guaranteed recovery; in the curve's colour where there are several curves."""
    if "bound" not in data.dims:
        return
    count = data.sizes["bound"]
    for number, bound in enumerate(data["bound"].values):
        values = np.atleast_1d(data["guarantee"].sel(bound=bound).values)
        nowhere = "" if (values < 1).any() else ", nowhere"
        axes.plot(
            places + room * (number + 1) / (2 * count + 2),
            1 - values,
            color=colour or BOUNDS[number % len(BOUNDS)],
            label=None if colour else f"guaranteed: {_bound(bound)}{nowhere}",
            **_proved_style(number, room > 0),
        )


def _proved_style(number: int, alone: bool) -> dict[str, Any]:
    """Return what tells guarantees from what is measured, and from each other."""
    if alone:
        return {"ls": "", "marker": "sD^vP"[number % 5], "mfc": "none", "ms": 7}
    return {"ls": _dash(number + 1), "lw": 1.5}


def _places(data: "xarray.Dataset", x: str | None) -> tuple[Array, list[str] | None]:
    """Return where the points are, and their labels if they are no numbers."""
    if x is None:
        return np.zeros(1), [""]
    values = data[x].values
    if values.dtype.kind in "iuf":
        return values.astype(float), None
    return np.arange(len(values), dtype=float), list(map(plain, values))


# ---- maps --------------------------------------------------------------------------------------


def _map(figure: Figure, pair: Any, data: "xarray.Dataset", drawn: list[str], title: str) -> None:
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
        mesh = axes.pcolormesh(_edges(xs), _edges(ys), values, rasterized=True, **options)
        figure.colorbar(mesh, ax=axes, label=name)
        axes.set_facecolor(_EMPTY)
        _scale(axes, "x", xs, x, None)
        _scale(axes, "y", ys, y, None)
    # On the first, where half of the trials are recovered, and the frontier of each guarantee.
    axes = pair[0]
    axes.set_title(title, fontsize=10, loc="left")
    handles = [_half(axes, xs, ys, rate)]
    if not np.isfinite(rate).all():
        handles.append(_empty(data))
    if "bound" in data.dims:
        delta = data.attrs["delta"]
        handles.append(Line2D([], [], ls="", label=f"proved: failure at most {delta:g}, by"))
        for number, bound in enumerate(data["bound"].values):
            one = data.sel(bound=bound).transpose(y, x, ...)
            # Later ones are thinner, so that those below remain visible where they agree.
            style = {
                "color": BOUNDS[number % len(BOUNDS)],
                "ls": _dash(number),
                "lw": max(4.5 - 1.2 * number, 1.2),
            }
            holds = one["guarantee"].values <= delta
            asked = np.isfinite(one["guarantee"].values) | (one["why"].values != "")
            _frontier(axes, (xs, ys), holds, asked, style)
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


def _empty(data: "xarray.Dataset") -> Line2D:
    """Say what the cells without a rate are."""
    reasons = []
    if (data["infeasible"] != "").any():
        reasons.append("no code is so dense")
    if not data["settled"].all():
        reasons.append("not run yet")
    name = " or ".join(reasons)
    return Line2D([], [], marker="s", ls="", ms=9, color=_EMPTY, label=name)


def _extent(values: Array, delta: float) -> str:
    """Say of a guarantee what its frontier cannot."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ": does not cover these cells"
    if (finite <= delta).all() or (finite > delta).all():
        return f": {'everywhere' if finite[0] <= delta else 'nowhere'} on this grid"
    return ""


def _frontier(
    axes: Axes, places: tuple[Array, Array], holds: Array, asked: Array, style: Any
) -> None:
    """Draw the edges of cells in which a guarantee holds, towards those in which it does not."""
    across, up = map(_edges, places)
    beside = asked[:, 1:] & asked[:, :-1] & (holds[:, 1:] != holds[:, :-1])
    above = asked[1:] & asked[:-1] & (holds[1:] != holds[:-1])
    rows, columns = np.nonzero(beside)
    upright = [
        ((across[c + 1], up[r]), (across[c + 1], up[r + 1]))
        for r, c in zip(rows, columns, strict=True)
    ]
    rows, columns = np.nonzero(above)
    level = [
        ((across[c], up[r + 1]), (across[c + 1], up[r + 1]))
        for r, c in zip(rows, columns, strict=True)
    ]
    edges = [*upright, *level]
    axes.add_collection(LineCollection(edges, color="white", lw=style["lw"] + 1.5, zorder=2))
    axes.add_collection(LineCollection(edges, zorder=3, **style))


def _edges(places: Array) -> Array:
    """Return the ends of the cells around some places, which are half way on the axis as drawn."""
    if _is_logarithmic(places):
        return np.exp(_half_way(np.log(places)))
    return _half_way(places)


def _half_way(places: Array) -> Array:
    middles = (places[1:] + places[:-1]) / 2
    return np.array([2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]])


# ---- both --------------------------------------------------------------------------------------


def _bound(name: str) -> str:
    kind, _, rest = str(name).partition("(")
    return plain(BOUND_NAMES.get(kind, kind) + (f" ({rest}" if rest else ""), 80)


def _dash(number: int) -> Any:
    return ("-", (0, (5, 2)), (0, (1, 1.5)), "-.", (0, (3, 1, 1, 1, 1, 1)))[number % 5]


def _scale(
    axes: Axes, which: str, places: Array, name: str | None, ticks: list[str] | None
) -> None:
    """Label an axis, with a logarithmic scale where its numbers span more than a factor 20."""
    axis = {"x": axes.xaxis, "y": axes.yaxis}[which]
    axis.set_label_text((name or "").replace("_", " "))
    if ticks is not None:
        axis.set_ticks(places, ticks)
        getattr(axes, f"set_{which}lim")(-0.5, len(ticks) - 0.5)
    elif _is_logarithmic(places):
        getattr(axes, f"set_{which}scale")("log")
        labelled = _apart(places)
        axis.set_ticks(labelled, [f"{place:g}" for place in labelled])
        axis.set_minor_locator(NullLocator())
    elif (places == places.round()).all():
        axis.set_major_locator(MaxNLocator(integer=True))


def _is_logarithmic(places: Array) -> bool:
    return len(places) > 2 and places.min() > 0 and places.max() > _WIDE * places.min()


def _apart(places: Array) -> list[float]:
    """Return some of the places, so far apart on a logarithmic scale that labels have room."""
    least = (places[-1] / places[0]) ** (1 / _TICKS)
    apart = [places[0]]
    for place in places[1:]:
        if place >= least * apart[-1]:
            apart.append(place)
    return apart
