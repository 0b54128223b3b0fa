"""Charts as SVG, written down directly: a page may have hundreds of small ones."""

import math
from collections.abc import Callable, Sequence
from html import escape

import attrs
import numpy as np

from dcsc._arrays import Array

__all__ = ["Chart", "ticks"]

_WIDTH, _HEIGHT = 245, 137
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 7, 6, 33
_STEPS = (1.0, 2.0, 2.5, 5.0)
_MOST_DIGITS = 4
_FONT = "font-family='sans-serif' font-size"


def ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return at most so many places from low to high that are multiples of a round number."""
    reach = max(high - low, 1e-300)
    power = math.floor(math.log10(reach / most))
    steps = (step * 10.0 ** (power + up) for up in (0, 1, 2) for step in _STEPS)
    for step in steps:
        if whole and step != int(step):
            continue
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)]
    return []


@attrs.frozen
class Chart:
    """A chart with an axis to the left and one below, and a margin of a twentieth beside the data.

    Parameters
    ----------
    x, y : (float, float)
        The ends of the axes.
    labels : (str, str)
        What they are.
    parts : list of str
        What has been drawn.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    labels: tuple[str, str]
    parts: list[str] = attrs.field(factory=list)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return round(_LEFT + across * width, 2), round(_TOP + (1 - up) * height, 2)

    def bars(self, edges: Array, heights: Array, colour: str) -> None:
        """Draw bars from 0 up, side by side."""
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height:
                (x, y), (far, base) = self._at(left, height), self._at(right, 0)
                size = f"width='{far - x:.2f}' height='{base - y:.2f}'"
                self.parts.append(f"<rect x='{x}' y='{y}' {size} fill='{colour}'/>")

    def line(
        self, xs: Sequence[float], ys: Sequence[float], colour: str, width: float, dashes: str = ""
    ) -> None:
        """Draw a line from point to point."""
        points = " ".join("{},{}".format(*self._at(x, y)) for x, y in zip(xs, ys, strict=True))
        self._line(points, colour, width, dashes)

    def _line(self, points: str, colour: str, width: float, dashes: str = "") -> None:
        dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
        self.parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' "
            f"stroke-width='{width:.3g}'{dashed}/>"
        )

    def _text(self, x: float, y: float, text: str, size: float = 9, more: str = "") -> None:
        self.parts.append(
            f"<text x='{x:.2f}' y='{y:.2f}' {_FONT}='{size}'{more}>{escape(text)}</text>"
        )

    def legend(self, entries: Sequence[tuple[str, str, float, str]]) -> None:
        """Name lines, each a text, a colour, a width and dashes, in the middle above."""
        for number, (text, colour, width, dashes) in enumerate(entries):
            y = _TOP + 8 + 10 * number
            x = (_WIDTH + _LEFT) / 2 - 40
            self._line(f"{x},{y - 2.5} {x + 14},{y - 2.5}", colour, width, dashes)
            self._text(x + 19, y, text, 7)

    def axes(self, across: Sequence[float], up: Sequence[float], percent: bool = False) -> None:
        """Draw the axes, with numbers at some places of each."""
        floor, middle = _HEIGHT - _BOTTOM, " text-anchor='middle'"
        self._line(f"{_LEFT},{_TOP} {_LEFT},{floor} {_WIDTH - _RIGHT},{floor}", "black", 0.8)
        for text, place in zip(_numbers(across, percent), across, strict=True):
            x, _ = self._at(place, self.y[0])
            self._line(f"{x},{floor} {x},{floor + 3.5}", "black", 0.8)
            self._text(x, floor + 13, text, more=middle)
        for text, place in zip(_numbers(up), up, strict=True):
            _, y = self._at(self.x[0], place)
            self._line(f"{_LEFT - 3.5},{y} {_LEFT},{y}", "black", 0.8)
            self._text(_LEFT - 6, y + 3, text, more=" text-anchor='end'")
        self._text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, self.labels[0], more=middle)
        x, y = 10, (_TOP + floor) / 2
        self._text(x, y, self.labels[1], more=f"{middle} transform='rotate(-90 {x} {y})'")

    def text(self) -> str:
        """Return the drawing."""
        size = f"width='{_WIDTH}pt' height='{_HEIGHT}pt' viewBox='0 0 {_WIDTH} {_HEIGHT}'"
        return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(self.parts)}</svg>"


def _numbers(places: Sequence[float], percent: bool = False) -> list[str]:
    """Return numbers with as many digits as tell them apart."""
    scaled = np.asarray(places) * (100 if percent else 1)
    step = float(np.diff(scaled).min(initial=1.0)) if len(scaled) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    write: Callable[[float], str] = f"{{:.{digits}f}}".format
    if any(abs(float(write(x)) - x) > step / 100 for x in scaled):
        write = f"{{:.{digits + 1}f}}".format
    if digits > _MOST_DIGITS:
        write = "{:.2g}".format
    texts = [write(x + 0.0) for x in scaled]
    return [text.replace("-", "−") + "%" * percent for text in texts]
