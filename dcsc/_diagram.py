"""A chain of layers as a small drawing, in the colour and the font of the page it stands on."""

import html
import math
import textwrap
from collections.abc import Sequence

import attrs

from dcsc._words import readable, short

__all__ = ["Station", "diagram"]

_WIDTH, _MIDDLE = 640, 150
_BAR, _GAP = 24, 38
_NARROWEST, _WIDEST = 84, 280
_MOST = 12
_IN_BAR, _BESIDE = 36, 70  # characters that have room
_CHARACTER, _LINE = 7, 14  # how wide one is at most, in the mean, and how high


@attrs.frozen
class Station:
    """What goes in, or what comes out of a layer.

    Parameters
    ----------
    text : str
        What it is, and its shape.
    entries : int
        How many numbers it has: the bar is as wide as their logarithm.
    way : str, default ""
        What leads to it.
    follows : bool, default True
        Whether it comes from the station before: an arrow is drawn from there.
    """

    text: str
    entries: int
    way: str = ""
    follows: bool = True


def diagram(stations: Sequence[Station]) -> str:
    """Return an SVG element without any style; of many stations the middle is left out."""
    shown = list(stations)
    if len(shown) > _MOST:
        half = _MOST // 2
        left_out = len(shown) - 2 * half
        shown[half:-half] = [Station(f"… {left_out} more", 1)]
    widest = max((math.log2(1 + one.entries) for one in shown), default=1.0)
    parts, top = list[str](), 1
    for number, one in enumerate(shown):
        if number:
            parts += _way(top, one)
            top += _GAP
        share = math.log2(1 + one.entries) / widest
        text = short(one.text, _IN_BAR)
        width = round(_NARROWEST + share * (_WIDEST - _NARROWEST))
        width = max(width, _CHARACTER * (len(text) + 2))
        parts += [
            f'<rect x="{_MIDDLE - width // 2}" y="{top}" width="{width}" height="{_BAR}" rx="4" '
            'fill="currentColor" fill-opacity="0.08" stroke="currentColor"></rect>',
            _text(_MIDDLE, top + 16, text, "middle"),
        ]
        top += _BAR
    words = [(" → " if one.follows else "; ") + readable(one.text) for one in shown]
    label = html.escape("".join(words).removeprefix(" → "))
    size = f'width="{_WIDTH}" height="{top + 1}" viewBox="0 0 {_WIDTH} {top + 1}"'
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(parts)}</svg>'


def _way(top: int, station: Station) -> list[str]:
    """Return an arrow down, if there is one, and what stands beside it, in a line or two.

    The arrow in words is drawn nowhere: it is there for readers of notebooks who are shown the text
    of the elements alone, as it is where nobody has said that the notebook is trusted.
    """
    first, *rest = textwrap.wrap(station.way, _BESIDE) or [""]
    lines = [first, *([short(" ".join(rest), _BESIDE)] if rest else [])]
    middle = top + _GAP // 2 + 4 - _LINE * (len(lines) - 1) // 2
    parts = [
        _text(_MIDDLE + 14, middle + _LINE * number, line, "start")
        for number, line in enumerate(lines)
    ]
    if not station.follows:
        return ["; ", *parts, " → "]
    arrow = f"M{_MIDDLE} {top + 2}V{top + _GAP - 2}m-4 -6l4 6l4 -6"
    return [
        " → ",
        f'<path d="{arrow}" fill="none" stroke="currentColor"></path>',
        *parts,
        " → " if station.way else "",
    ]


def _text(x: int, y: int, text: str, anchor: str) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="12" text-anchor="{anchor}" fill="currentColor">'
        f"{html.escape(readable(text))}</text>"
    )
