"""The small charts of one layer on a network's page."""

import math
from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array
from dcsc._colours import BLUE, GREEN, ORANGE, RED
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.networks.analysis import TheoremFacts
from dcsc.report.svg import Chart, ticks

__all__ = ["counts_chart", "density_chart", "sparsity_chart", "threshold_chart"]

_MARGIN = 0.05


def density_chart(density: Sequence[float]) -> str:
    """Draw how many inputs switch on which share of the units."""
    return _counts(density, max(*density, 0.01), "units that are on", percent=True).text()


def sparsity_chart(
    sparsity: Sequence[int], stripe_size: int, theorems: Sequence[TheoremFacts]
) -> str:
    """Draw how many inputs have which stripe sparsity, and up to where theorems hold."""
    colours = dict(zip((kind.label for kind in CLASS_BOUNDS), (RED, ORANGE, GREEN), strict=True))
    told = [one for one in theorems if one.name in colours and one.of]
    last = max(1, *sparsity, *(one.allowed or 0 for one in told))
    label = f"stripe sparsity S, of {stripe_size}"
    chart = _counts(sparsity, max(*sparsity, 1), label, last=last)
    # Theorems that end at the same S are one line. Later lines are thinner, so that those below
    # remain visible where they meet.
    limits: dict[str, list[TheoremFacts]] = {}
    for theorem in told:
        limit = "none" if theorem.allowed is None else f"S ≤ {theorem.allowed}"
        limits.setdefault(limit, []).append(theorem)
    legend = []
    for number, (limit, alike) in enumerate(limits.items()):
        at = alike[0].allowed or 0
        line = colours[alike[0].name], 3.6 - 1.2 * number, "8 4"
        chart.line((at, at), chart.y, *line)
        legend.append((f"{', '.join(one.name for one in alike)}: {limit}", *line))
    chart.legend(legend)
    return chart.text()


def counts_chart(values: Array, times: Array, label: str, percent: bool = False) -> str:
    """Draw how often each of some numbers came up."""
    top = max(float(values.max(initial=0)), 0.01 if percent else 1)
    return _counts(values, top, label, percent=percent, times=times).text()


def threshold_chart(threshold: Sequence[float]) -> str:
    """Draw the thresholds of the filters, in order; the negative ones in another colour."""
    values = np.sort(np.asarray(threshold, dtype=np.float64))
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    room = _MARGIN * (high - low) or 1.0
    end = len(values) - 1
    labels = "filters, by threshold", "threshold β"
    chart = Chart(
        (-0.5 - _MARGIN * end, end + 0.5 + _MARGIN * end), (low - room, high + room), labels
    )
    below = int(np.count_nonzero(values < 0))
    width = max(0.6, 60 / len(values))
    for part, colour in ((slice(below), RED), (slice(below, None), BLUE)):
        places, heights = range(len(values))[part], values[part].tolist()
        chart.stems(places, [0.0] * len(places), heights, colour, width)
    chart.line(chart.x, (0, 0), "black", 0.8)
    chart.axes((), ticks(*chart.y, most=6))
    return chart.text()


def _counts(
    values: Sequence[float] | Array,
    top: float,
    label: str,
    last: float = 0.0,
    percent: bool = False,
    times: Array | None = None,
) -> Chart:
    """Draw how many inputs have which value from 0 to some number."""
    total = len(values) if times is None else int(times.sum())
    bins = int(np.clip(total // 6, 5, 20))
    # whole numbers lie in the middle of bars that are as many of them wide
    step = max(1, math.ceil((top + 1) / bins))
    ends = np.linspace(0, top, bins + 1) if percent else np.arange(0, top + 1 + step, step) - 0.5
    counts, edges = np.histogram(values, ends, weights=times)
    end = max(top, last)
    room = _MARGIN * end
    chart = Chart((-room, end + room), (0, float(counts.max()) * (1 + _MARGIN)), (label, "inputs"))
    chart.bars(edges, counts, BLUE)
    chart.axes(
        ticks(0, end, most=6, whole=not percent),
        ticks(*chart.y, most=5, whole=True),
        percent,
    )
    return chart
