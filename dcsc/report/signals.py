"""Inputs of one axis as charts."""

import numpy as np

from dcsc._arrays import Array
from dcsc._colours import BLUE, GREEN, ORANGE, PINK, RED, SKY
from dcsc.report.svg import Chart, ticks

__all__ = ["signal_chart", "undecided_chart"]

_SIZE, _MARGINS = (245, 108), (42, 7, 6, 33)
_LINES = (BLUE, ORANGE, GREEN, RED, PINK, SKY)
_MOST_SAMPLES = 800


def signal_chart(values: Array) -> str:
    """Draw a signal ``(channels, samples)``, a line for each of the first channels."""
    shown = values[: len(_LINES)]
    chart = _chart(values.shape[-1], float(shown.min()), float(shown.max()))
    for channel, colour in zip(shown, _LINES, strict=False):
        _draw(chart, channel, colour, 0.7)
    chart.axes(ticks(*chart.x, most=6, whole=True), ticks(*chart.y, most=5))
    return chart.text()


def undecided_chart(values: Array, share: Array) -> str:
    """Draw the mean of a signal's channels in grey, and in red which share is undecided where."""
    mean = values.mean(axis=0)
    low, high = float(mean.min()), float(mean.max())
    top = max(float(share.max()), 0.01)
    chart = _chart(values.shape[-1], 0.0, top)
    # the signal from the bottom to the top of the chart
    _draw(chart, (mean - low) / ((high - low) or 1.0) * top, "#B3B3B3", 0.7)
    _draw(chart, share, RED, 1)
    chart.axes(ticks(*chart.x, most=6, whole=True), ticks(*chart.y, most=5), percent_up=True)
    return chart.text()


def _chart(samples: int, low: float, high: float) -> Chart:
    room = 0.05 * (high - low) or 1.0
    return Chart(
        (0, max(samples - 1, 1)), (low - room, high + room), ("sample", ""), _SIZE, _MARGINS
    )


def _draw(chart: Chart, values: Array, colour: str, width: float) -> None:
    """Draw a line through every so many samples."""
    places = np.arange(0, len(values), max(1, len(values) // _MOST_SAMPLES))
    chart.line(places.tolist(), values[places].tolist(), colour, width)
