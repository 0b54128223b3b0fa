"""Synthesis from non-zero to non-zero, compiled: of codes as arrays, and of codes by their entries.

Codes and signals are flattened as in `dcsc._numerics.loops`. Both loops lay the taps of the
non-zeros on a scratch, a line per padded row with channels last, filter by filter and position by
position, so that they give the same bits.
"""

import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.compiling import inner, loop
from dcsc._numerics.loops import transpose, word_at
from dcsc._numerics.vectors import WORD, add_scaled, first_set

__all__ = ["scatter", "scatter_entries"]


@inner
def _lay(
    laid: Array,
    width: int,
    rows: int,
    top: int,
    column: int,
    x: float,
    tap: Array,
    number: int,
    height: int,
    line: int,
) -> None:  # pragma: no cover  # compiled
    """Add x times the rows of a filter that lie in a block of padded rows, from row ``top``."""
    first, beyond = max(0, -top), min(height, rows - top)
    if width == line:
        here, many = (top + first) * line, (beyond - first) * line
        add_scaled(laid, here, x, tap, (number * height + first) * line, many)
    else:
        for u in range(first, beyond):
            base = (top + u) * width + column
            add_scaled(laid, base, x, tap, (number * height + u) * line, line)


@inner
def _fold(
    laid: Array,
    width: int,
    rows: int,
    channels: int,
    runs: Array,
    fresh: bool,
    out: Array,
    item: int,
    row: int,
) -> None:  # pragma: no cover  # compiled
    """Fold padded places onto samples, run by run, and turn channels from last to first.

    The padded rows of the block are rows of element ``item`` of the output, from ``row`` on.
    """
    length = out.shape[3]
    area = out.shape[2] * length
    flat, origin = out.reshape(-1), item * out.shape[1] * area
    if fresh and width == channels and length == len(runs) == 1:
        transpose(laid, 0, flat, origin + row, area, rows, channels)
        return
    for place in range(rows):
        for k in range(len(runs)):
            to = origin + (row + place) * length + runs[k, 1]
            base = place * width + runs[k, 0] * channels
            if fresh and k == 0:
                transpose(laid, base, flat, to, area, runs[k, 2], channels)
            else:
                for ch in range(channels):
                    for q in range(runs[k, 2]):
                        flat[to + ch * area + q] += laid[base + q * channels + ch]


@loop
def scatter(
    codes: Array,
    scales: Array,
    columns: int,
    taps: Array,
    channels: int,
    stride: Shape,
    blocks: Array,
    shift: int,
    runs: Array,
    fresh: bool,
    scratch: Array,
    out: Array,
    start: int,
    stop: int,
) -> bool:  # pragma: no cover  # compiled
    """Lay taps by the non-zeros, on blocks of padded rows; False if one is not finite.

    Codes are ``(batch, n, rows · columns)``, taps ``(groups · n, height, width · channels)``.
    Padded row k of a block is row ``k + shift`` of the output, which is written if ``fresh`` and
    else added to.
    """
    _, height, line = taps.shape
    width = scratch.shape[1]
    n, count = codes.shape[1], codes.shape[2]
    groups = len(taps) // n
    data, laid, tap = codes.reshape(-1), scratch.reshape(-1), taps.reshape(-1)
    for item in range(start, stop):
        b = item // len(blocks)
        begin, end = blocks[item % len(blocks)]
        scratch[: end - begin] = 0
        # The codes whose atoms reach the padded rows of the block, by flat index.
        low = max(0, -((height - 1 - begin) // stride[0])) * columns
        high = min(count, ((end - 1) // stride[0] + 1) * columns)
        for number in range(n):
            source = (b * n + number) * count
            i = b % groups * n + number
            for chunk in range(low, high, WORD):
                word = word_at(data, source + chunk, high - chunk)
                while word:
                    k = chunk + first_set(word)
                    word &= word - np.uint64(1)
                    x = data[source + k]
                    if x - x != 0:
                        return False
                    if len(scales):
                        x *= scales[i * count + k]
                    p = k // columns if columns > 1 else k  # a division costs as much as the rest
                    column = (k - p * columns) * stride[1] * channels
                    top = p * stride[0] - begin
                    _lay(laid, width, end - begin, top, column, x, tap, i, height, line)
        _fold(laid, width, end - begin, channels, runs, fresh, out, b, begin + shift)
    return True


@inner
def _following(
    places: Array, start: int, stop: int, number: int, row: int
) -> int:  # pragma: no cover  # compiled
    """Return the first of the entries ``[start, stop)`` of filter and row, or of later ones."""
    while start < stop:
        middle = (start + stop) // 2
        i = places[0, middle]
        if i < number or (i == number and places[1, middle] < row):
            start = middle + 1
        else:
            stop = middle
    return start


@loop
def scatter_entries(
    starts: Array,
    places: Array,
    values: Array,
    taps: Array,
    channels: int,
    stride: Shape,
    blocks: Array,
    shift: int,
    runs: Array,
    fresh: bool,
    scratch: Array,
    out: Array,
    start: int,
    stop: int,
) -> bool:  # pragma: no cover  # compiled
    """Lay taps by entries in C order, on the same terms as `scatter`; always True.

    The entries of item b of the batch are ``[starts[b], starts[b + 1])``. Rows of ``places`` are
    their filters, counted through all groups, their rows and, on two axes, their columns.
    """
    _, height, line = taps.shape
    width = scratch.shape[1]
    laid, tap = scratch.reshape(-1), taps.reshape(-1)
    for item in range(start, stop):
        b = item // len(blocks)
        begin, end = blocks[item % len(blocks)]
        scratch[: end - begin] = 0
        # The rows of positions whose atoms reach the padded rows of the block.
        low = max(0, -((height - 1 - begin) // stride[0]))
        high = (end - 1) // stride[0] + 1
        e, last = starts[b], starts[b + 1]
        while e < last:
            i, p = places[0, e], places[1, e]
            if p < low:
                e = _following(places, e, last, i, low)
            elif p >= high:
                e = _following(places, e, last, i + 1, low)
            else:
                column = places[2, e] * stride[1] * channels if len(places) == 3 else 0
                top, x = p * stride[0] - begin, values[e]
                _lay(laid, width, end - begin, top, column, x, tap, i, height, line)
                e += 1
        _fold(laid, width, end - begin, channels, runs, fresh, out, b, begin + shift)
    return True
