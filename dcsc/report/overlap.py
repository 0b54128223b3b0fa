"""How much pathways overlap, as one drawing: a matrix of classes per layer, and both means."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from dcsc._arrays import Array
from dcsc._colours import BLUE, RED
from dcsc._words import short, visible
from dcsc.overlap import PathwayOverlap
from dcsc.report.pictures import data_uri, shades_picture
from dcsc.report.svg import Chart, ticks

__all__ = ["overlap_drawing"]

_COLUMNS = 4
_PANEL, _SIDE, _LEFT, _TOP = 246, 168, 60, 24
_MOST_CLASSES, _MOST_NUMBERS = 20, 10
_NAME, _LAYER = 14, 28
_BAR = 60  # what the scale of the colours takes to the right
_FONT = "font-family='sans-serif' font-size"


def overlap_drawing(overlap: PathwayOverlap, names: Sequence[str]) -> str:
    """Return as SVG what `dcsc.plotting.pathway_overlap` draws, under the names of the layers."""
    depth = len(overlap.matrices)
    columns = min(depth + 1, _COLUMNS)
    rows = math.ceil((depth + 1) / columns)
    finite = overlap.matrices[np.isfinite(overlap.matrices)]
    top = float(finite.max(initial=0)) or 1.0
    parts = [_text(columns * _PANEL / 2, 14, f"overlap of the pathways of {overlap.counts.sum()} "
                   "samples", 10)]  # fmt: skip
    panels = [
        _matrix(overlap.classes, matrix, top, name)
        for matrix, name in zip(overlap.matrices, names, strict=True)
    ]
    for number, panel in enumerate([*panels, _curve(overlap)]):
        down, across = divmod(number, columns)
        place = f"translate({across * _PANEL} {_TOP + down * _PANEL})"
        parts.append(f"<g transform='{place}'>{panel}</g>")
    parts.append(_scale(top, columns * _PANEL))
    width, height = columns * _PANEL + _BAR, _TOP + rows * _PANEL
    size = f"width='{width}pt' height='{height}pt' viewBox='0 0 {width} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(parts)}</svg>"


def _matrix(classes: Array, matrix: Array, top: float, layer: str) -> str:
    count = len(classes)
    cell = _SIDE / count
    picture = _picture(matrix / top, _LEFT, _TOP, _SIDE, _SIDE)
    parts = [_text(_LEFT + _SIDE / 2, _TOP - 6, short(visible(layer), _LAYER), 10), picture]
    for at in range(0, count, math.ceil(count / _MOST_CLASSES)):
        name, middle = short(visible(str(classes[at])), _NAME), (at + 0.5) * cell
        parts.append(_text(_LEFT - 4, _TOP + middle + 3, name, 8, "end"))
        x, y = _LEFT + middle, _TOP + _SIDE + 6
        turned = f" transform='rotate(-45 {x:.2f} {y})'" if len(name) > 4 else ""
        parts.append(_text(x, y + 4, name, 8, "end" if turned else "middle", turned))
    for (row, column), value in np.ndenumerate(matrix) if count <= _MOST_NUMBERS else ():
        text = "–" if np.isnan(value) else f"{value:.2f}".removeprefix("0")
        x, y = _LEFT + (column + 0.5) * cell, _TOP + (row + 0.5) * cell + 2.5
        colour = " fill='white'" if value > 0.6 * top else ""
        parts.append(_text(x, y, text, 7, more=colour))
    return "".join(parts)


def _curve(overlap: PathwayOverlap) -> str:
    """Draw both means by layer."""
    numbers = range(1, len(overlap.within) + 1)
    both = np.concatenate([overlap.within, overlap.between])
    high = float(both[np.isfinite(both)].max(initial=0)) or 1.0
    ends = 0.5, len(numbers) + 0.5
    chart = Chart(ends, (0, 1.2 * high), ("layer", ""), (_PANEL, 225), (42, 7, _TOP, 33))
    for values, colour, kind in ((overlap.within, BLUE, "o"), (overlap.between, RED, "s")):
        chart.marks(numbers, values.tolist(), colour, kind)
        for number, value in zip(numbers, values.tolist(), strict=True):
            if math.isfinite(value):
                chart.note(number, value, f"{value:.2f}", colour, above=colour == BLUE)
    chart.write(_PANEL / 2, _TOP - 6, "mean overlap of two samples", 10, " text-anchor='middle'")
    names = [("within a class", BLUE, "o"), ("between classes", RED, "s")]
    chart.key(names, at=(chart.margins[0] + 14, _TOP), step=92)
    chart.axes(ticks(*ends, most=8, whole=True), ticks(*chart.y, most=6))
    return "".join(chart.parts)


def _scale(top: float, left: float) -> str:
    """Draw which colour stands for what."""
    ramp = _picture(np.linspace(1, 0, 64)[:, None], left, 2 * _TOP, 10, _SIDE)
    places = ticks(0, top, most=6)
    texts = [
        _text(left + 14, 2 * _TOP + _SIDE * (1 - place / top) + 3, f"{place:g}", 8, "start")
        for place in places
    ]
    x, y = left + 44, 2 * _TOP + _SIDE / 2
    name = _text(x, y, "mean Jaccard index", 9, more=f" transform='rotate(-90 {x} {y})'")
    return "".join([ramp, *texts, name])


def _picture(values: Array, x: float, y: float, width: float, height: float) -> str:
    """Draw numbers from 0 to 1, a cell each."""
    address = data_uri(shades_picture(values), "image/png")
    place = f"x='{x}' y='{y}' width='{width}' height='{height}' preserveAspectRatio='none'"
    return f"<image {place} style='image-rendering:pixelated' href='{address}'/>"


def _text(x: float, y: float, text: str, size: int, anchor: str = "middle", more: str = "") -> str:
    place = f"x='{x:.2f}' y='{y:.2f}' {_FONT}='{size}' text-anchor='{anchor}'{more}"
    return f"<text {place}>{escape(text)}</text>"
