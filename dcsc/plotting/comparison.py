"""Two networks, or two checkpoints of one, side by side."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from dcsc._arrays import Array, instance
from dcsc.networks.analysis import Comparison
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BLUE, GREEN, ORANGE, PINK, STYLE, name_layers, plain

__all__ = ["comparison_figure"]

_LOOKS = ((BLUE, "o", -0.13), (ORANGE, "s", 0.13))


def comparison_figure(comparison: Comparison, figure: Canvas | None = None) -> Canvas:
    """Draw two analyses beside each other, layer by layer.

    On the left the coherence of the filters, and what no filters of that shape can go below. In the
    middle how much of a code random signs let a layer find again: what is proved of the mean as a
    bar, what was measured as a mark. Then, where perturbations were asked for, which share of the
    units provably cannot switch. On the right how much the two agree, where their inputs are the
    same: in the units that are on, and in their filters.

    Parameters
    ----------
    comparison : Comparison
        What `dcsc.networks.analysis.compare` returned.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.
    """
    instance(comparison, Comparison, "comparison_figure: comparison")
    layers = comparison.layers
    with matplotlib.rc_context(STYLE):
        width = min(max(4.2, 1.5 + 0.4 * len(layers)), 9.0)
        perturbed = any(one is not None for x in layers for one in x.measured("decided"))
        panels = (_coherence, _found, *((_decided,) if perturbed else ()), _alike)
        figure = canvas(figure, (len(panels) * width, 4.4), "comparison_figure")
        parts = figure.subfigures(1, len(panels), squeeze=False)[0]
        for part, draw in zip(parts, panels, strict=True):
            axes = part.subplots()
            draw(axes, comparison)
            name_layers(axes, [pair.name for pair in layers])
            axes.set_xlabel("layer")
            part.legend(loc="outside lower center", frameon=False, fontsize=9)
    return figure


def _values(comparison: Comparison, name: str) -> tuple[Array, Array]:
    """Return a measure of both networks, NaN where it is not known."""
    pairs = [pair.measured(name) for pair in comparison.layers]
    return _numbers([one for one, _ in pairs]), _numbers([other for _, other in pairs])


def _numbers(values: Sequence[Any]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _coherence(axes: Axes, comparison: Comparison) -> None:
    places = np.arange(len(comparison.layers))
    values, floors = (_values(comparison, name) for name in ("coherence", "coherence_floor"))
    for name, heights, floor, (colour, mark, aside) in zip(
        comparison.names, values, floors, _LOOKS, strict=True
    ):
        axes.plot(places + aside, heights, mark, color=colour, label=plain(name))
        axes.plot(places + aside, floor, "_", color="black", ms=12)
    axes.plot([], [], "_", color="black", ms=12, label="no filters go below")
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel("coherence of the filters")
    axes.set_title("How alike are the filters of a layer?", fontsize=10, loc="left")


def _found(axes: Axes, comparison: Comparison) -> None:
    places = np.arange(len(comparison.layers))
    lows, highs, found = (
        _values(comparison, name) for name in ("proved_low", "proved_high", "found")
    )
    for name, low, high, measured, (colour, mark, aside) in zip(
        comparison.names, lows, highs, found, _LOOKS, strict=True
    ):
        middle, half = (low + high) / 2, (high - low) / 2
        # Ends that coincide are still seen by their caps.
        options: Any = {"elinewidth": 7, "capsize": 6, "capthick": 2, "alpha": 0.4}
        axes.errorbar(places + aside, middle, half, fmt="none", ecolor=colour, **options)
        axes.plot(places + aside, measured, mark, color=colour, label=f"{plain(name)}, measured")
    axes.plot([], [], "-", color="0.6", lw=7, label="proved of the mean")
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("active units found, random signs")
    axes.set_title("How much of a code is found again?", fontsize=10, loc="left")


def _decided(axes: Axes, comparison: Comparison) -> None:
    places = np.arange(len(comparison.layers))
    for name, values, (colour, mark, aside) in zip(
        comparison.names, _values(comparison, "decided"), _LOOKS, strict=True
    ):
        axes.plot(places + aside, values, mark, color=colour, label=f"{plain(name)}, proved")
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("units decided, at least")
    axes.set_title("How many units can no perturbation switch?", fontsize=10, loc="left")


def _alike(axes: Axes, comparison: Comparison) -> None:
    for name, label, colour, style in (
        ("pathways_alike", "units that are on, in common", GREEN, "o"),
        ("filters_alike", "cosine of their filters (a median)", PINK, "s"),
    ):
        values = _numbers([getattr(pair, name) for pair in comparison.layers])
        known = "" if np.isfinite(values).any() else ": not known"
        axes.plot(values, style, color=colour, label=label + known)
    axes.axhline(0, color="0.85", lw=0.8, zorder=0)
    axes.set_ylim(min(-0.03, axes.get_ylim()[0]), 1.05)
    axes.set_ylabel("agreement of the two")
    axes.set_title("How alike are the two?", fontsize=10, loc="left")
