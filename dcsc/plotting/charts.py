"""The charts of a network's page that are of all its layers, or of an input."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from dcsc._arrays import Array
from dcsc.networks.analysis import Coherence, Found, LayerAnalysis
from dcsc.plotting.style import BLUE, GREEN, RED, STYLE, name_layers

__all__ = [
    "coherence_chart",
    "found_chart",
    "range_chart",
    "signal_chart",
    "small",
    "undecided_chart",
]

_GREY = "0.45"
_STYLE: Any = {**STYLE, "font.family": "sans-serif", "font.size": 9.0}
_WIDTH = 3.4
_FIFTHS = np.linspace(0, 1, 6)  # the layout knows no others that would come later


def _drawn(draw: Callable[[Axes], None], height: float, width: float) -> Figure:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.subplots())
    return figure


def small(draw: Callable[[Axes], None], height: float = 1.9) -> Figure:
    """Draw a small chart; its margins are fixed, because a page may have hundreds of charts."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height))
        figure.subplots_adjust(0.17, 0.45 / height, 0.97, 0.96)
        draw(figure.subplots())
    return figure


# ---- all layers ------------------------------------------------------------------------------


def _wide(layers: Sequence[LayerAnalysis]) -> float:
    return min(max(_WIDTH, 0.34 * len(layers) + 1), 9.0)


def _line(axes: Axes, values: Sequence[float | None], label: str, style: str, colour: str) -> None:
    heights = [np.nan if value is None else value for value in values]
    axes.plot(heights, style, color=colour, label=label, ms=5, lw=1, mfc="none")


def _value(coherence: Coherence | None) -> float | None:
    return None if coherence is None else coherence.value


def _share(part: Found | None) -> float | None:
    return None if part is None else part.found


def coherence_chart(layers: Sequence[LayerAnalysis]) -> Figure:
    """Draw the coherence of the layers, beside random ones and what none can go below."""

    def draw(axes: Axes) -> None:
        facts = [layer.filters for layer in layers]
        _line(axes, [_value(x.own) for x in facts], "this network", "o-", BLUE)
        _line(axes, [_value(x.dense) for x in facts], "at stride 1", "^", GREEN)
        _line(axes, [x.random for x in facts], "random filters", "s--", _GREY)
        _line(axes, [x.floor for x in facts], "floor", "_", "black")
        axes.set_ylim(-0.03, 1.05)
        axes.set_ylabel("coherence")
        axes.set_yticks(_FIFTHS)
        name_layers(axes, [layer.name for layer in layers])
        axes.legend(
            frameon=False, fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.25)
        )

    return _drawn(draw, 2.7, _wide(layers))


def found_chart(layers: Sequence[LayerAnalysis]) -> Figure:
    """Draw which share of the active units is found again, by layers whose resynthesis is known."""

    def draw(axes: Axes) -> None:
        for number, (colour, signs) in enumerate(((RED, "random signs"), (BLUE, "no signs"))):
            facts = [x.resynthesis[number] for x in layers]
            alone = [_share(x.alone) for x in facts]
            whole = [_share(x.whole) for x in facts]
            _line(axes, alone, f"layer alone, {signs}", "o-", colour)
            _line(axes, whole, f"from below, {signs}", "s--", colour)
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_ylabel("active units found")
        axes.set_yticks(_FIFTHS)
        name_layers(axes, [layer.name for layer in layers])
        axes.legend(
            frameon=False, fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.25)
        )

    return _drawn(draw, 2.7, _wide(layers))


def range_chart(
    layers: Sequence[LayerAnalysis], values: Sequence[Sequence[float]], label: str
) -> Figure:
    """Draw between what some numbers of each layer lie, and their median.

    Parameters
    ----------
    layers : sequence of LayerAnalysis
    values : sequence of sequences of float
        One for each layer; an empty one where nothing is known.
    label : str
    """

    def draw(axes: Axes) -> None:
        ends = [(min(one), float(np.median(one)), max(one)) if len(one) else (np.nan,) * 3
                for one in values]  # fmt: skip
        low, middle, high = np.array(ends, dtype=float).T
        axes.vlines(np.arange(len(ends)), low, high, color=BLUE, lw=2, alpha=0.5)
        axes.plot(middle, "_", color=BLUE, ms=6)
        axes.set_ylabel(label)
        ticks = MaxNLocator(5).tick_values(
            np.nanmin(low, initial=0.0), np.nanmax(high, initial=0.0)
        )
        name_layers(axes, [layer.name for layer in layers])
        axes.set_yticks(ticks)  # the layout knows no others that would come later
        axes.set_ylim(ticks[0], ticks[-1])

    return _drawn(draw, 2.2, _wide(layers))


# ---- one input -------------------------------------------------------------------------------


def signal_chart(values: Array) -> Figure:
    """Draw a signal ``(channels, samples)``, a line for each of the first channels."""

    def draw(axes: Axes) -> None:
        step = max(1, values.shape[-1] // 800)
        axes.plot(np.arange(0, values.shape[-1], step), values[:6, ::step].T, lw=0.7)
        axes.set_xlabel("sample")

    return small(draw, 1.5)


def undecided_chart(values: Array, share: Array) -> Figure:
    """Draw the mean of a signal's channels in grey, and in red which share is undecided where."""

    def draw(axes: Axes) -> None:
        step = max(1, values.shape[-1] // 800)
        places = np.arange(0, values.shape[-1], step)
        mean = values.mean(axis=0)
        low, high = float(mean.min()), float(mean.max())
        top = max(float(share.max()), 0.01)
        # the signal from the bottom to the top of the chart
        axes.plot(places, (mean[::step] - low) / ((high - low) or 1.0) * top, color="0.7", lw=0.7)
        axes.plot(places, share[::step], color=RED, lw=1)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("sample")

    return small(draw, 1.5)
