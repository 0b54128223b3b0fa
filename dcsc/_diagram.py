"""A chain of layers as a small drawing, in the colour and the font of the page it stands on."""

import html
import math
from collections.abc import Sequence

import attrs

from dcsc._words import readable, short

__all__ = ["Station", "diagram"]

_WIDTH, _MIDDLE = 640, 150
_BAR, _GAP = 24, 38
_NARROWEST, _WIDEST = 84, 280
_MOST = 12
_IN_BAR, _BESIDE = 36, 72  # characters that have room


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
        What leads to it from the station before.
    """

    text: str
    entries: int
    way: str = ""


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
            parts += _way(top, one.way)
            top += _GAP
        share = math.log2(1 + one.entries) / widest
        width = round(_NARROWEST + share * (_WIDEST - _NARROWEST))
        parts += [
            f'<rect x="{_MIDDLE - width // 2}" y="{top}" width="{width}" height="{_BAR}" rx="4" '
            'fill="currentColor" fill-opacity="0.08" stroke="currentColor"></rect>',
            _text(_MIDDLE, top + 16, short(one.text, _IN_BAR), "middle"),
        ]
        top += _BAR
    label = html.escape(" → ".join(readable(one.text) for one in shown))
    size = f'width="{_WIDTH}" height="{top + 1}" viewBox="0 0 {_WIDTH} {top + 1}"'
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(parts)}</svg>'


def _way(top: int, text: str) -> list[str]:
    """Return an arrow down, and what stands beside it.

    The arrow in words is drawn nowhere: it is there for readers of notebooks who are shown the text
    of the elements alone, as it is where nobody has said that the notebook is trusted.
    """
    end = top + _GAP - 2
    return [
        " → ",
        f'<path d="M{_MIDDLE} {top + 2}V{end}m-4 -6l4 6l4 -6" fill="none" '
        'stroke="currentColor"></path>',
        _text(_MIDDLE + 14, top + _GAP // 2 + 4, short(text, _BESIDE), "start"),
        " → " if text else "",
    ]


def _text(x: int, y: int, text: str, anchor: str) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="12" text-anchor="{anchor}" fill="currentColor">'
        f"{html.escape(readable(text))}</text>"
    )
