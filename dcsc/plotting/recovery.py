"""The recovery of one pathway."""

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dcsc._arrays import Array, instance
from dcsc._display import at_least, at_most, digits, percent
from dcsc.experiments.studies.recover import RecoveryReport
from dcsc.intervals import Estimate
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
            signals[1],
            report.kept,
            f"what the pathway keeps: {percent(report.energy)} of the energy",
        )
        _signal(
            signals[2],
            report.resynthesised,
            f"the same codes with random signs, {percent(report.noise)} noise",
        )
        for number, axes in enumerate(maps, start=1):
            _code_map(axes, report, number)
        handles = [
            Line2D([], [], marker="o", ls="", color=_HIT, label="found"),
            Line2D([], [], marker="x", ls="", color=_MISSED, label="missed"),
            Line2D([], [], marker="^", ls="", color=_FALSE, label="false alarm"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
        figure.suptitle(
            f"Whole pathway exact in {_rate(report.exact, report.draws)}; below: the codes of the "
            "first draw"
        )
    return figure


def _rate(exact: Estimate[float], draws: int) -> str:
    """Return in how many draws something was so, as a rate with its interval."""
    low, best, high = exact
    return (
        f"{round(best * draws)} of {draws} draws (rate {digits(best)}, 95% interval "
        f"{at_least(low, 2)} to {at_most(high, 2)})"
    )


def _mean(number: float) -> str:
    """Return a mean to one place; what is above none is not none."""
    return f"{number:.1f}" if number >= 0.05 or not number else f"{number:.1g}"


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
        f"in the mean a draw misses {_mean(layer.missed)}, false alarms "
        f"{_mean(layer.false_alarms)}\nexact in {_rate(layer.exact, report.draws)}",
        fontsize=10,
    )
