"""Where sliding windows lie: kernels, strides, dilations and paddings, one per axis."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dcsc._arguments import items
from dcsc._arrays import Shape, per_axis, shape_tuple
from dcsc._fields import named_field
from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = ["Padding", "Pairs", "padding_field", "pads", "positions", "reach", "steps_field"]

Pairs = tuple[tuple[int, int], ...]
Padding = Pairs | str
SAME = ("same_upper", "same_lower")


def as_padding(value: Any, axes: int, where: str) -> Padding:
    """Return a padding as one pair ``(before, after)`` per axis, or as the word it is.

    ``"same_upper"`` and ``"same_lower"`` pad to ⌈extent / stride⌉ positions, with the odd sample
    after or before.
    """
    if isinstance(value, str):
        if value not in SAME:
            raise DcscError(f"{where}: expected numbers or one of {SAME}, got {quoted(value)}")
        return value
    sides = items(value, where) if np.iterable(value) else (value,) * axes
    if len(sides) != axes:
        raise DcscError(
            f"{where}: expected an int, or an int or a pair per axis, got {quoted(value)}"
        )
    pairs = [
        shape_tuple(items(item, where) if np.iterable(item) else (item, item), where)
        for item in sides
    ]
    if any(len(pair) != 2 for pair in pairs):
        raise DcscError(f"{where}: expected a pair (before, after) per axis, got {quoted(value)}")
    return tuple((before, after) for before, after in pairs)


def pads(padding: Padding, extent: Shape, kernel: Shape, stride: Shape) -> Pairs:
    """Return the pairs ``(before, after)`` at an extent; ``kernel`` is the reach of the taps."""
    if not isinstance(padding, str):
        return padding
    totals = [
        max((-(-e // s) - 1) * s + f - e, 0) for e, f, s in zip(extent, kernel, stride, strict=True)
    ]
    halves = tuple((total // 2, total - total // 2) for total in totals)
    return halves if padding == "same_upper" else tuple((b, a) for a, b in halves)


def positions(
    extent: Shape, kernel: Shape, stride: Shape, padding: Pairs, ceil: bool, where: str
) -> Shape:
    """Return the number of windows per axis; with ``ceil`` the last may reach beyond the padding.

    It still begins on the extent or the padding before it.
    """
    room = tuple(e + before + after for e, (before, after) in zip(extent, padding, strict=True))
    counts = []
    for r, f, s, (_, after) in zip(room, kernel, stride, padding, strict=True):
        count = -(-(r - f) // s) + 1 if ceil else (r - f) // s + 1
        counts.append(count - (ceil and (count - 1) * s >= r - after))
    if any(count < 1 for count in counts):
        raise DcscError(
            f"{where}: expected kernels that reach over at most the padded extent {quoted(room)}, "
            f"got {quoted(kernel)}"
        )
    return tuple(counts)


def reach(kernel: Shape, dilation: Shape) -> Shape:
    """Return how many samples the taps of a kernel reach over, per axis."""
    return tuple((f - 1) * d + 1 for f, d in zip(kernel, dilation, strict=True))


def padding_field(axes: Callable[[Any], int]) -> Any:
    """Declare the field ``padding``; ``axes`` tells the number of axes of the record."""
    return named_field(
        lambda value, record, where: as_padding(value, axes(record), where),
        default=0,
        kw_only=True,
    )


def steps_field(axes: Callable[[Any], int]) -> Any:
    """Declare the field ``stride`` or ``dilation``."""
    return named_field(
        lambda value, record, where: per_axis(value, axes(record), where, minimum=1),
        default=1,
        kw_only=True,
    )
