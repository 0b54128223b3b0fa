"""The recovery of one pathway."""

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dcsc._arrays import Array, instance
from dcsc.experiments.studies.recover import RecoveryReport
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BLUE, ORANGE, RED, STYLE, plain

__all__ = ["recovery_figure"]

_HIT, _MISSED, _FALSE = BLUE, RED, ORANGE


def recovery_figure(report: RecoveryReport, figure: Canvas | None = None) -> Canvas:
    """Draw the input, what its pathway keeps, one new synthesis, and each layer's codes.

    Parameters
    ----------
    report : RecoveryReport
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.
    """
    instance(report, RecoveryReport, "recovery_figure: report")
    with matplotlib.rc_context(STYLE):
        figure = canvas(figure, (13, 9), "recovery_figure")
        signals, maps = figure.subplots(2, 3)
        _signal(signals[0], report.signal, f"input: {plain(report.name)}")
        _signal(
            signals[1], report.kept, f"what the pathway keeps: {report.energy:.0%} of the energy"
        )
        _signal(
            signals[2],
            report.resynthesised,
            f"the same codes with random signs, {report.noise:.0%} noise",
        )
        for number, axes in enumerate(maps, start=1):
            _code_map(axes, report, number)
        handles = [
            Line2D([], [], marker="o", ls="", color=_HIT, label="found"),
            Line2D([], [], marker="x", ls="", color=_MISSED, label="missed"),
            Line2D([], [], marker="^", ls="", color=_FALSE, label="false alarm"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
        low, best, high = report.exact
        figure.suptitle(
            f"Whole pathway exact in {best:.0%} of {report.draws} draws "
            f"(95 %: {low:.0%} to {high:.0%}); below: the codes of the first draw"
        )
    return figure


def _signal(axes: Axes, signal: Array, title: str) -> None:
    axes.set_title(title, fontsize=10)
    if signal.ndim == 2:
        axes.imshow(signal, cmap="gray")
        axes.set_axis_off()
    else:
        axes.plot(signal, lw=0.6, color="black")
        axes.set_xlabel("sample")
        axes.set_ylabel("value")


def _code_map(axes: Axes, report: RecoveryReport, number: int) -> None:
    true, guess = report.truth[number] != 0, report.guess[number] != 0
    drawn: tuple[tuple[Array, dict[str, Any]], ...] = (
        (true & guess, {"marker": ".", "color": _HIT, "s": 4}),
        (true & ~guess, {"marker": "x", "color": _MISSED, "s": 18, "lw": 1}),
        (~true & guess, {"marker": "^", "color": _FALSE, "s": 14}),
    )
    for entries, style in drawn:
        rows, columns = np.nonzero(entries.reshape(len(entries), -1))
        axes.scatter(columns, rows, **style)
    layer = report.layers[number - 1]
    axes.set_xlim(-1, math.prod(true.shape[1:]))
    filters = np.flatnonzero((true | guess).reshape(len(true), -1).any(axis=1))
    axes.set_ylim(-1, filters.max(initial=0) + 1)
    axes.set_xlabel("position")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"filter (of {len(true)})")
    axes.set_title(
        f"layer {number}: {layer.active:.0f} active of {true.size}, S = {layer.stripe_sparsity}\n"
        f"a draw misses {layer.missed:.1f}, false alarms {layer.false_alarms:.1f}",
        fontsize=10,
    )
