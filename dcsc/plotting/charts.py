"""The charts of a network's page: small figures of the facts about its layers."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from dcsc._arrays import Array
from dcsc._words import short, without_common
from dcsc.bounds.family import CLASS_BOUNDS
from dcsc.networks.analysis import Coherence, Found, LayerAnalysis, TheoremFacts
from dcsc.plotting.style import BLUE, GREEN, ORANGE, RED, STYLE, plain

__all__ = [
    "coherence_chart",
    "density_chart",
    "found_chart",
    "signal_chart",
    "small",
    "sparsity_chart",
    "threshold_chart",
]

_GREY = "0.45"
_STYLE: Any = {**STYLE, "font.family": "sans-serif", "font.size": 9.0}
_WIDTH = 3.4
_MOST_TICKS = 16
_NAME = 14


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


def _name_layers(axes: Axes, layers: Sequence[LayerAnalysis]) -> None:
    every = -(-len(layers) // _MOST_TICKS)
    places = range(0, len(layers), every)
    names = without_common([layer.name for layer in layers])
    ends = [short(names[at], _NAME) for at in places]
    slanted: Any = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(list(places), map(plain, ends), **(slanted if len(layers) > 3 else {}))
    axes.set_yticks(np.linspace(0, 1, 6))  # the layout knows no others that would come later
    axes.set_xlim(-0.5, len(layers) - 0.5)


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
        _name_layers(axes, layers)
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
        _name_layers(axes, layers)
        axes.legend(
            frameon=False, fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.25)
        )

    return _drawn(draw, 2.7, _wide(layers))


# ---- one layer -------------------------------------------------------------------------------


def density_chart(density: Sequence[float]) -> Figure:
    """Draw how many inputs switch on which share of the units."""

    def draw(axes: Axes) -> None:
        axes.hist(density, bins=_bins(len(density)), range=(0, max(*density, 0.01)), color=BLUE)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("units that are on")
        _count_inputs(axes)

    return small(draw)


def sparsity_chart(
    sparsity: Sequence[int], stripe_size: int, theorems: Sequence[TheoremFacts]
) -> Figure:
    """Draw how many inputs have which stripe sparsity, and up to where theorems hold."""

    def draw(axes: Axes) -> None:
        axes.hist(sparsity, bins=_bins(len(sparsity)), range=(0, max(*sparsity, 1)), color=BLUE)
        labels = [kind.label for kind in CLASS_BOUNDS]
        colours = dict(zip(labels, (RED, ORANGE, GREEN), strict=True))
        # Later lines are thinner, so that those below remain visible where they agree.
        width = 3.6
        for theorem in theorems:
            if theorem.name in colours and theorem.of:
                at = 0 if theorem.allowed is None else theorem.allowed
                limit = "none" if theorem.allowed is None else f"S ≤ {at}"
                style: Any = {"color": colours[theorem.name], "ls": "--", "lw": width}
                axes.axvline(at, **style)
                axes.plot([], [], label=f"{theorem.name}: {limit}", **style)
                width -= 1.2
        axes.set_xlabel(f"stripe sparsity S, of {stripe_size}")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        _count_inputs(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=7, loc="upper center")

    return small(draw)


def threshold_chart(threshold: Sequence[float]) -> Figure:
    """Draw the thresholds of the filters, in order; the negative ones in another colour."""

    def draw(axes: Axes) -> None:
        values = np.sort(np.asarray(threshold))
        colours = [RED if value < 0 else BLUE for value in values]
        axes.vlines(
            np.arange(len(values)), 0, values, colors=colours, lw=max(0.6, 60 / len(values))
        )
        axes.axhline(0, color="black", lw=0.8)
        axes.set_xlabel("filters, by threshold")
        axes.set_ylabel("threshold β")
        axes.set_xticks([])

    return small(draw)


def signal_chart(values: Array) -> Figure:
    """Draw a signal ``(channels, samples)``, a line for each of the first channels."""

    def draw(axes: Axes) -> None:
        step = max(1, values.shape[-1] // 800)
        axes.plot(np.arange(0, values.shape[-1], step), values[:6, ::step].T, lw=0.7)
        axes.set_xlabel("sample")

    return small(draw, 1.5)


def _bins(count: int) -> int:
    return int(np.clip(count // 6, 5, 20))


def _count_inputs(axes: Axes) -> None:
    axes.set_ylabel("inputs")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
