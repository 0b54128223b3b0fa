"""The charts of a network's page that are of all its layers."""

from collections.abc import Sequence

import numpy as np

from dcsc._colours import BLUE, GREEN, GREY, RED
from dcsc._words import as_layer, short, visible, without_common
from dcsc.networks.analysis import Coherence, Found, LayerAnalysis
from dcsc.report.svg import Chart, ticks

__all__ = ["coherence_chart", "found_chart", "range_chart"]

_WIDTH, _STEP, _WIDEST = 245, 24.5, 648
_HEIGHT, _LOW = 194, 158
_KEY, _NAMES = 30, 22  # what is left free for the key above, and for short names below
_MOST_TICKS = 16
_NAME = 14
_SHARES = (-0.03, 1.05)

Values = Sequence[float | None]


def coherence_chart(layers: Sequence[LayerAnalysis]) -> str:
    """Draw the coherence of the layers, beside random ones and what none can go below."""
    facts = [layer.filters for layer in layers]
    return _points(
        layers,
        "coherence",
        (
            ("this network", [_value(x.own) for x in facts], BLUE, "o"),
            ("at stride 1", [_value(x.dense) for x in facts], GREEN, "^"),
            ("random filters", [x.random for x in facts], GREY, "s"),
            ("floor", [x.floor for x in facts], "black", "_"),
        ),
    )


def found_chart(layers: Sequence[LayerAnalysis]) -> str:
    """Draw which share of the active units is found again, by layers whose resynthesis is known."""
    points = []
    for number, (colour, signs) in enumerate(((RED, "random signs"), (BLUE, "no signs"))):
        facts = [x.resynthesis[number] for x in layers]
        points += [
            (f"layer alone, {signs}", [_share(x.alone) for x in facts], colour, "o"),
            (f"from below, {signs}", [_share(x.whole) for x in facts], colour, "s"),
        ]
    return _points(layers, "active units found", points, percent=True)


def range_chart(
    layers: Sequence[LayerAnalysis], values: Sequence[Sequence[float]], label: str
) -> str:
    """Draw between what some numbers of each layer lie, and their median.

    Parameters
    ----------
    layers : sequence of LayerAnalysis
    values : sequence of sequences of float
        One for each layer; an empty one where nothing is known.
    label : str
    """
    known = [(at, one) for at, one in enumerate(values) if len(one)]
    places, sets = [at for at, _ in known], [one for _, one in known]
    low, high = list(map(min, sets)), list(map(max, sets))
    ends = min([0.0, *low]), max([0.0, *high])
    room = 0.03 * (ends[1] - ends[0]) or 1.0
    chart = _chart(layers, label, _LOW, 8, (ends[0] - room * (ends[0] < 0), ends[1] + room))
    chart.stems(places, low, high, f"{BLUE}80", 2)
    chart.marks(places, [float(np.median(one)) for one in sets], BLUE, "_")
    _name(chart, layers, ticks(*chart.y, most=6))
    return chart.text()


def _points(
    layers: Sequence[LayerAnalysis],
    label: str,
    points: Sequence[tuple[str, Values, str, str]],
    percent: bool = False,
) -> str:
    """Draw shares of the layers, each a name, values, a colour and a mark.

    No line joins them: between two layers there is nothing.
    """
    chart = _chart(layers, label, _HEIGHT, _KEY, _SHARES)
    for _, values, colour, kind in points:
        heights = [np.nan if value is None else value for value in values]
        chart.marks(range(len(layers)), heights, colour, kind)
    chart.key([(name, colour, kind) for name, _, colour, kind in points])
    _name(chart, layers, [0, 0.2, 0.4, 0.6, 0.8, 1], percent)
    return chart.text()


def _chart(
    layers: Sequence[LayerAnalysis], label: str, height: float, top: float, y: tuple[float, float]
) -> Chart:
    """Return an empty chart with room for the names of the layers below."""
    _, names = _ends(layers)
    slanted = len(names) > 3
    room = 10 + 3.6 * max(map(len, names)) if slanted else _NAMES
    width = min(max(_WIDTH, _STEP * len(layers) + 72), _WIDEST)
    ends = -0.5, len(layers) - 0.5
    return Chart(ends, y, ("", label), (width, height), (48, 7, top, max(room, _NAMES)))


def _ends(layers: Sequence[LayerAnalysis]) -> tuple[Sequence[int], list[str]]:
    """Return which layers are named, and their names without what they share."""
    places = range(0, len(layers), -(-len(layers) // _MOST_TICKS))
    names = without_common([layer.name for layer in layers])
    return places, [short(visible(as_layer(names[at])), _NAME) for at in places]


def _name(
    chart: Chart, layers: Sequence[LayerAnalysis], up: Sequence[float], percent: bool = False
) -> None:
    places, names = _ends(layers)
    chart.axes(places, up, names=names, percent_up=percent)


def _value(coherence: Coherence | None) -> float | None:
    return None if coherence is None else coherence.value


def _share(part: Found | None) -> float | None:
    return None if part is None else part.found
