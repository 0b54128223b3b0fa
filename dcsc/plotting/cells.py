"""How the cells of a sweep lie on a figure: which axes are drawn, and which make panels."""

import itertools
import json
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from dcsc._arrays import Array, instance
from dcsc.errors import DcscError
from dcsc.plotting.style import BLUE, EMPTY, GREEN, ORANGE, PINK, RED, plain

if TYPE_CHECKING:
    import xarray

__all__ = [
    "CURVES",
    "Panels",
    "beside",
    "dash",
    "edges",
    "empty",
    "footer",
    "frontier",
    "panels_of",
    "places_of",
    "scale",
    "text",
]

CURVES = ["black", BLUE, RED, GREEN, PINK, ORANGE]

_PANELS = 9
_WIDE = 20.0
_TICKS = 10


@attrs.frozen(eq=False)
class Panels:
    """The panels of a figure.

    Parameters
    ----------
    data : xarray.Dataset
        All cells, along numeric axes in order.
    drawn : list of str
        The axes that are drawn in each panel.
    mapped : bool
        Whether these two span a map.
    parts : list of (str, xarray.Dataset)
        The title of each panel, and its cells.
    """

    data: "xarray.Dataset"
    drawn: list[str]
    mapped: bool
    parts: list[tuple[str, "xarray.Dataset"]]


def panels_of(data: "xarray.Dataset", where: str) -> Panels:
    """Return the panels: a map for two axes with numbers, curves for one, the rest apart.

    Raises
    ------
    DcscError
        If there would be more than 9.
    """
    import xarray  # noqa: PLC0415  # whoever has such data has imported it

    instance(data, xarray.Dataset, f"{where}: data")
    if "parameters" not in data.attrs:
        raise DcscError(f"{where}: data: expected what dcsc.experiments.open returned")
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
            f"{where}: data: expected at most {_PANELS} panels, got {len(panels)} values of "
            f"{', '.join(rest)}: select some of them"
        )
    parts = [
        (
            ", ".join(f"{n} = {text(v)}" for n, v in zip(rest, labels, strict=True)),
            data.sel(dict(zip(rest, labels, strict=True))),
        )
        for labels in panels
    ]
    return Panels(data, drawn, mapped, parts)


def _curve_axes(data: "xarray.Dataset", names: list[str], numeric: list[str]) -> list[str]:
    """Return the axis to draw along, and one that tells curves apart."""
    along = (numeric or names)[:1]
    others = [name for name in names if name not in along and data.sizes[name] <= len(CURVES)]
    return along + others[:1]


def footer(figure: FigureBase, data: "xarray.Dataset", note: str) -> None:
    """Write the title of the sweep, and below all panels what its numbers are from."""
    trials = data["trials"].values[data["infeasible"].values == ""]
    trials = trials if trials.size else np.zeros(1, dtype=int)
    spread = f"{trials.min()}" if trials.min() == trials.max() else f"{trials.min()}–{trials.max()}"
    versions = json.loads(data.attrs["versions"])
    figure.suptitle(plain(data.attrs["title"] or "sweep", 100))
    figure.supxlabel(
        f"{spread} trials a cell, {note} · seed {data.attrs['seed']} · dcsc {versions['dcsc']}",
        fontsize=8,
        color="0.4",
    )


def text(value: Any) -> str:
    """Return a label of an axis."""
    return f"{value:g}" if isinstance(value, float | np.floating) else plain(value)


# ---- where cells are -------------------------------------------------------------------------


def places_of(data: "xarray.Dataset", x: str | None) -> tuple[Array, list[str] | None]:
    """Return where the points are, and their labels if they are no numbers."""
    if x is None:
        return np.zeros(1), [""]
    values = data[x].values
    if values.dtype.kind in "iuf":
        return values.astype(float), None
    return np.arange(len(values), dtype=float), list(map(plain, values))


def beside(places: Array, ticks: list[str] | None, curve: int, count: int) -> tuple[Array, float]:
    """Return where one of several curves is drawn, and how much room each has.

    Where labels stand on the axis, each has a little room for what belongs to it.
    """
    room = 0.0 if ticks is None else 0.7 / count
    return places + room * (curve - (count - 1) / 2), room


def empty(data: "xarray.Dataset") -> Line2D:
    """Say what the cells without a rate are."""
    reasons = []
    if (data["infeasible"] != "").any():
        reasons.append("no code is so dense")
    if not data["settled"].all():
        reasons.append("not run yet")
    name = " or ".join(reasons)
    return Line2D([], [], marker="s", ls="", ms=9, color=EMPTY, label=name)


def frontier(
    axes: Axes, places: tuple[Array, Array], holds: Array, asked: Array, style: Any
) -> None:
    """Draw the edges of cells in which a guarantee holds, towards those in which it does not."""
    across, up = map(edges, places)
    aside = asked[:, 1:] & asked[:, :-1] & (holds[:, 1:] != holds[:, :-1])
    above = asked[1:] & asked[:-1] & (holds[1:] != holds[:-1])
    rows, columns = np.nonzero(aside)
    upright = [
        ((across[c + 1], up[r]), (across[c + 1], up[r + 1]))
        for r, c in zip(rows, columns, strict=True)
    ]
    rows, columns = np.nonzero(above)
    level = [
        ((across[c], up[r + 1]), (across[c + 1], up[r + 1]))
        for r, c in zip(rows, columns, strict=True)
    ]
    lines = [*upright, *level]
    axes.add_collection(LineCollection(lines, color="white", lw=style["lw"] + 1.5, zorder=2))
    axes.add_collection(LineCollection(lines, zorder=3, **style))


def edges(places: Array) -> Array:
    """Return the ends of the cells around some places, which are half way on the axis as drawn."""
    if _is_logarithmic(places):
        return np.exp(_half_way(np.log(places)))
    return _half_way(places)


def _half_way(places: Array) -> Array:
    middles = (places[1:] + places[:-1]) / 2
    return np.array([2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]])


def dash(number: int) -> Any:
    """Return what tells lines apart beside their colour."""
    return ("-", (0, (5, 2)), (0, (1, 1.5)), "-.", (0, (3, 1, 1, 1, 1, 1)))[number % 5]


def scale(axes: Axes, which: str, places: Array, name: str | None, ticks: list[str] | None) -> None:
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
