"""Charts as SVG, written down directly: a page may have hundreds of small ones."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

import attrs
import numpy as np

from dcsc._arrays import Array

__all__ = ["Chart", "ticks"]

_STEPS = (1.0, 2.0, 2.5, 5.0)
_MOST_DIGITS = 4
_FONT = "font-family='sans-serif' font-size"
_MARKS = {
    "o": "m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
    "s": "m-2.2-2.2h4.4v4.4h-4.4z",
    "^": "m-2.5 2.2h5l-2.5-4.6z",
    "_": "m-3.5 0h7",
}


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
    """A chart with an axis to the left and one below.

    Parameters
    ----------
    x, y : (float, float)
        The ends of the axes.
    labels : (str, str)
        What they are.
    size : (float, float)
        Width and height, in points.
    margins : (float, float, float, float)
        What is left free to the left, to the right, above and below.
    parts : list of str
        What has been drawn.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    labels: tuple[str, str]
    size: tuple[float, float] = (245, 137)
    margins: tuple[float, float, float, float] = (42, 7, 6, 33)
    parts: list[str] = attrs.field(factory=list)

    def _at(self, x: float, y: float) -> tuple[str, str]:
        left, right, top, bottom = self.margins
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        width, height = self.size[0] - left - right, self.size[1] - top - bottom
        return _short(left + across * width), _short(top + (1 - up) * height)

    def bars(self, edges: Array, heights: Array, colour: str) -> None:
        """Draw bars from 0 up, side by side."""
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height:
                (x, y), (far, base) = self._at(left, height), self._at(right, 0)
                size = f"width='{float(far) - float(x):.2f}' height='{float(base) - float(y):.2f}'"
                self.parts.append(f"<rect x='{x}' y='{y}' {size} fill='{colour}'/>")

    def stems(
        self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float],
        colour: str, width: float,
    ) -> None:  # fmt: skip
        """Draw an upright line at each place."""
        ends = zip(xs, lows, highs, strict=True)
        path = "".join(
            "M{} {}V{}".format(*self._at(x, low), self._at(x, high)[1]) for x, low, high in ends
        )
        if path:
            self.parts.append(f"<path d='{path}' stroke='{colour}' stroke-width='{width:.3g}'/>")

    def line(
        self, xs: Sequence[float], ys: Sequence[float], colour: str, width: float, dashes: str = ""
    ) -> None:
        """Draw a line from point to point, with a gap where a number is missing (NaN)."""
        for run in _runs(xs, ys):
            points = " ".join("{},{}".format(*self._at(x, y)) for x, y in run)
            self._line(points, colour, width, dashes)

    def marks(self, xs: Sequence[float], ys: Sequence[float], colour: str, kind: str) -> None:
        """Draw a mark at each point that is known: a circle, a square, a triangle or a stroke."""
        points = (self._at(x, y) for run in _runs(xs, ys) for x, y in run)
        self._marks("".join(f"M{x} {y}{_MARKS[kind]}" for x, y in points), colour)

    def _marks(self, path: str, colour: str) -> None:
        if path:
            self.parts.append(f"<path d='{path}' fill='none' stroke='{colour}'/>")

    def _line(self, points: str, colour: str, width: float, dashes: str = "") -> None:
        dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
        self.parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' "
            f"stroke-width='{width:.3g}'{dashed}/>"
        )

    def write(self, x: float, y: float, text: str, size: float = 9, more: str = "") -> None:
        """Write at a place of the drawing, in points."""
        self.parts.append(
            f"<text x='{_short(x)}' y='{_short(y)}' {_FONT}='{size:g}'{more}>{escape(text)}</text>"
        )

    def note(self, x: float, y: float, text: str, colour: str, above: bool) -> None:
        """Write above a point, or below it."""
        across, up = map(float, self._at(x, y))
        more = f" text-anchor='middle' fill='{colour}'"
        self.write(across, up - 6 if above else up + 14, text, 8, more)

    def legend(self, entries: Sequence[tuple[str, str, float, str]]) -> None:
        """Name lines, each a text, a colour, a width and dashes, in the middle above."""
        for number, (text, colour, width, dashes) in enumerate(entries):
            y = self.margins[2] + 8 + 10 * number
            x = (self.size[0] + self.margins[0]) / 2 - 40
            self._line(f"{x},{y - 2.5} {x + 14},{y - 2.5}", colour, width, dashes)
            self.write(x + 19, y, text, 7)

    def key(
        self,
        entries: Sequence[tuple[str, str, str]],
        at: tuple[float, float] | None = None,
        step: float = 112,
    ) -> None:
        """Name the marks of the chart, each a text, a colour and a mark; two stand side by side.

        Parameters
        ----------
        entries : sequence of (str, str, str)
        at : (float, float), optional
            Where the first one stands, by default in the middle above the chart.
        step : float, default 112
            From one to the one beside it.
        """
        left, top = at or (self.size[0] / 2 - step, 0)
        for number, (text, colour, kind) in enumerate(entries):
            down, across = divmod(number, 2)
            x = left + step * across
            y = top + 9 + 10 * down
            self._marks(f"M{x + 8} {y - 2.5}{_MARKS[kind]}", colour)
            self.write(x + 20, y, text, 7)

    def axes(
        self,
        across: Sequence[float],
        up: Sequence[float],
        percent: bool = False,
        names: Sequence[str] = (),
        percent_up: bool = False,
    ) -> None:
        """Draw the axes, with numbers at some places of each, or with names below."""
        left, right, top, bottom = self.margins
        floor, middle = self.size[1] - bottom, " text-anchor='middle'"
        self._line(f"{left},{top} {left},{floor} {self.size[0] - right},{floor}", "black", 0.8)
        for text, place in zip(names or _numbers(across, percent), across, strict=True):
            x, _ = self._at(place, self.y[0])
            self._line(f"{x},{floor} {x},{floor + 3.5}", "black", 0.8)
            at = float(x)
            slanted = f" text-anchor='end' transform='rotate(-45 {at + 3:.2f} {floor + 11})'"
            slant = bool(names) and len(across) > 3
            self.write(at + 3 * slant, floor + 13 - 2 * slant, text, 9 - 1 * slant,
                       slanted if slant else middle)  # fmt: skip
        for text, place in zip(_numbers(up, percent_up), up, strict=True):
            _, y = self._at(self.x[0], place)
            self._line(f"{left - 3.5},{y} {left},{y}", "black", 0.8)
            self.write(left - 6, float(y) + 3, text, more=" text-anchor='end'")
        self.write((left + self.size[0] - right) / 2, self.size[1] - 6, self.labels[0], more=middle)
        half = (top + floor) / 2
        self.write(10, half, self.labels[1], more=f"{middle} transform='rotate(-90 10 {half:g})'")

    def text(self) -> str:
        """Return the drawing."""
        width, height = (f"{side:g}" for side in self.size)
        size = f"width='{width}pt' height='{height}pt' viewBox='0 0 {width} {height}'"
        return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(self.parts)}</svg>"


def _short(place: float) -> str:
    """Return a place to a hundredth of a point."""
    return f"{place:.2f}".rstrip("0").rstrip(".")


def _runs(xs: Sequence[float], ys: Sequence[float]) -> Iterator[list[tuple[float, float]]]:
    """Yield the points that follow on each other without a gap."""
    run: list[tuple[float, float]] = []
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


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
