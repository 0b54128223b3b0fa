"""The inner loops that numpy cannot express, compiled by numba on first use and cached.

Signals and codes are ``(batch, channels, rows, line)`` here: all axes but the last are flattened
into rows, and the groups of a grouped convolution are elements of the batch, one after another. The
loops check whether an entry is finite, and whether it is zero, while it is in the cache.
"""

from typing import Any

import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.compiling import inlined, inner, loop
from dcsc._numerics.vectors import (
    FILTERS,
    LONGEST,
    VECTOR_BYTES,
    WORD,
    add_scaled,
    alone2,
    alone6,
    first_set,
    flip,
    non_zeros,
    tile1,
    tile2,
    tile3,
)

__all__ = ["add_taps", "correlate", "gather", "select", "transpose", "word_at"]


@inner
def word_at(data: Array, place: int, left: int) -> Any:  # pragma: no cover  # compiled
    """Return which of the next WORD entries are not zero, of fewer if fewer are left."""
    if left >= WORD:
        return non_zeros(data, place)
    word = np.uint64(0)
    for j in range(left):
        if data[place + j] != 0:
            word |= np.uint64(1) << np.uint64(j)
    return word


@inner
def _finite(bits: Array, exponent: Any) -> bool:  # pragma: no cover  # compiled
    """Return whether all numbers with these bits are finite: their exponents are not all ones."""
    hit = False
    for k in range(len(bits)):
        hit |= (bits[k] & exponent) == exponent
    return not hit


@inner
def _scale(target: Array, scales: Array) -> None:  # pragma: no cover  # compiled
    for k in range(len(target)):
        target[k] *= scales[k]


@inner
def transpose(
    rows: Array, place: int, out: Array, target: int, step: int, count: int, channels: int
) -> None:  # pragma: no cover  # compiled
    """Set ``out[target + ch·step + i] = rows[place + i·channels + ch]``, square by square."""
    side = VECTOR_BYTES // rows.itemsize
    whole, square = count - count % side, channels - channels % side
    for i in range(0, whole, side):
        for ch in range(0, square, side):
            flip(rows, place + i * channels + ch, channels, out, target + ch * step + i, step)
    for ch in range(channels):
        for i in range(0 if ch >= square else whole, count):
            out[target + ch * step + i] = rows[place + i * channels + ch]


@inner
def _fill(
    slab: Array, sample: Array, rows: Array, runs: Array, first: int, last: int
) -> None:  # pragma: no cover  # compiled
    """Lay out places ``[first·step, last·step)`` of some padded rows by their phase mod step."""
    step = slab.shape[2]
    for ch in range(len(slab)):
        for r in range(len(rows)):
            line = slab[ch, r]
            line[:] = 0
            y = rows[r]
            if y < 0:
                continue
            for k in range(len(runs)):
                low = max(runs[k, 0], first * step)
                high = min(runs[k, 0] + runs[k, 2], last * step)
                shift = runs[k, 1] - runs[k, 0]
                if step == 1:
                    for place in range(low, high):
                        line[0, place - first] = sample[ch, y, place + shift]
                else:
                    for phase in range(step):
                        begin = low + (phase - low) % step
                        turn = begin // step - first
                        for place in range(begin, high, step):
                            line[phase, turn] = sample[ch, y, place + shift]
                            turn += 1


@inlined
def add_taps(
    weights: Array,
    weight: int,
    offsets: Array,
    first: int,
    taps: int,
    slab: Array,
    base: int,
    out: Array,
    place: int,
    step: int,
    filters: int,
    n: int,
    count: int,
) -> None:  # pragma: no cover  # compiled
    """Set a few filters of ``n`` at ``count`` neighbours: the sums over all taps, tile by tile.

    The arguments are those of a tile in `vectors`.
    """
    lanes = VECTOR_BYTES // out.itemsize
    p = 0
    while p < count:
        here, target, left = base + p, place + p, count - p
        if n == 1 and left > 2 * lanes:
            alone6(
                weights, weight, offsets, first, taps, slab, here, out, target, step, filters, left
            )
            p += LONGEST * lanes
        elif n == 1:
            alone2(
                weights, weight, offsets, first, taps, slab, here, out, target, step, filters, left
            )
            p += 2 * lanes
        elif left > 2 * lanes:
            tile3(
                weights, weight, offsets, first, taps, slab, here, out, target, step, filters, left
            )
            p += 3 * lanes
        elif left > lanes:
            tile2(
                weights, weight, offsets, first, taps, slab, here, out, target, step, filters, left
            )
            p += 2 * lanes
        else:
            tile1(
                weights, weight, offsets, first, taps, slab, here, out, target, step, filters, left
            )
            p += lanes


@loop
def correlate(
    signals: Array,
    bits: Array,
    exponent: Any,
    weights: Array,
    groups: int,
    offsets: Array,
    padded: Array,
    runs: Array,
    bases: Array,
    blocks: Array,
    slab: Array,
    scales: Array,
    out: Array,
    start: int,
    stop: int,
) -> bool:  # pragma: no cover  # compiled
    """Correlate blocks ``[start, stop)``, numbered through the batch; False if not all is finite.

    A block is ``(first row of positions, rows, first padded row, padded rows, first position on
    the line, positions, positions whose places are seen)``.
    """
    n, line = out.shape[1], out.shape[3]
    most = 1 if n == 1 else FILTERS
    tiles = len(weights) // (groups * len(offsets) * most)
    area = out.shape[2] * line
    flat, seen = out.reshape(-1), slab.reshape(-1)
    for item in range(start, stop):
        b, number = item // len(blocks), item % len(blocks)
        row0, rows, place0, places, first, count, width = blocks[number]
        if (item == start or number == 0) and not _finite(bits[b], exponent):
            return False
        # Lay the padded rows that the block sees out in the cache.
        lines = padded[place0 : place0 + places]
        _fill(slab, signals[b], lines, runs, first, first + width)
        # Tile by tile, a few filters at a few positions: Σ over all taps of weight times sample.
        group = b % groups
        for t in range(tiles):
            filters = min(FILTERS, n - t * FILTERS)
            weight = (group * tiles + t) * len(offsets) * most
            for r in range(rows):
                from_first = t * FILTERS * area + (row0 + r) * line + first
                to, scale0 = b * n * area + from_first, group * n * area + from_first
                add_taps(
                    weights, weight, offsets, 0, len(offsets), seen, bases[r], flat, to, area,
                    filters, n, count,
                )  # fmt: skip
                # Multiply by the signs while the row is in the cache.
                if len(scales):
                    for f in range(filters):
                        here, mine = to + f * area, scale0 + f * area
                        _scale(flat[here : here + count], scales[mine : mine + count])
    return True


@loop
def gather(
    signals: Array,
    bits: Array,
    exponent: Any,
    taps: Array,
    kernel: Shape,
    stride: Shape,
    runs0: Array,
    runs1: Array,
    length: int,
    columns: int,
    blocks: Array,
    scratch: Array,
    scales: Array,
    out: Array,
    start: int,
    stop: int,
) -> bool:  # pragma: no cover  # compiled
    """Correlate the non-zeros, for blocks of rows of positions; False if one is not finite.

    Signals are ``(batch, c, rows · length)``, the scratch holds the positions of a block with
    filters last. Taps are ``(groups, c, phase, turns, phase, turns, n)``, so that what a sample
    adds to neighbouring positions is contiguous: on each axis tap ``phase + stride·m`` is in turn
    −1 − m.
    """
    groups, c, _, turns0, _, turns1, n = taps.shape
    line = stride[1] * turns1 * n
    area, size = out.shape[2], signals.shape[2]
    height, width = kernel[0], kernel[1]
    data, tap = signals.reshape(-1), taps.reshape(-1)
    flat, sums = out.reshape(-1), scratch.reshape(-1)
    for item in range(start, stop):
        b, number = item // len(blocks), item % len(blocks)
        first, last = blocks[number]
        if (item == start or number == 0) and not _finite(bits[b].reshape(-1), exponent):
            return False
        scratch[: (last - first) * columns] = 0
        # The padded rows that the block's positions see, and the samples that lie on them.
        begin, end = first * stride[0], (last - 1) * stride[0] + height
        group = b % groups
        for k0 in range(len(runs0)):
            shift = runs0[k0, 1] - runs0[k0, 0]
            low = (max(runs0[k0, 0], begin) + shift) * length
            high = (min(runs0[k0, 0] + runs0[k0, 2], end) + shift) * length
            for ch in range(c):
                source = (b * c + ch) * size
                for chunk in range(low, high, WORD):
                    word = word_at(data, source + chunk, high - chunk)
                    while word:
                        k = chunk + first_set(word)
                        word &= word - np.uint64(1)
                        x = data[source + k]
                        # Rows: sample x lies on padded row place0, which positions from0 to to0
                        # see, each by another tap, place0 − stride·p.
                        y = k // length
                        place0 = y - shift
                        from0 = max(first, -((height - 1 - place0) // stride[0]))
                        to0 = min(last - 1, place0 // stride[0])
                        # Columns: the same for each run that the sample is in.
                        for k1 in range(len(runs1)):
                            q = k - y * length - runs1[k1, 1]
                            if q < 0 or q >= runs1[k1, 2]:
                                continue
                            place1 = runs1[k1, 0] + q
                            from1 = max(0, -((width - 1 - place1) // stride[1]))
                            to1 = min(columns - 1, place1 // stride[1])
                            # The taps of those positions all have the phase place mod stride,
                            # and position p takes turn ``turns − 1 − place // stride + p``: they
                            # stand in the order of the positions.
                            turn = (group * c + ch) * stride[0] + place0 % stride[0]
                            block = turn * turns0 * line
                            turn0 = turns0 - 1 - place0 // stride[0]
                            turn1 = turns1 - 1 - place1 // stride[1]
                            # Add x times those taps, all filters of all positions of a row at once.
                            if columns == 1 and line == n:
                                many = (to0 - from0 + 1) * n
                                here, tap0 = (from0 - first) * n, block + (turn0 + from0) * n
                                add_scaled(sums, here, x, tap, tap0, many)
                                continue
                            many = max(0, (to1 - from1 + 1) * n)
                            phase = place1 % stride[1] * turns1
                            for p0 in range(from0, to0 + 1):
                                here = ((p0 - first) * columns + from1) * n
                                tap0 = (turn0 + p0) * line + (phase + turn1 + from1) * n
                                add_scaled(sums, here, x, tap, block + tap0, many)
        # Turn filters from last to first, and multiply by the signs.
        position0, count = first * columns, (last - first) * columns
        transpose(sums, 0, flat, b * n * area + position0, area, count, n)
        if len(scales):
            for i in range(n):
                here, mine = (b * n + i) * area + position0, (group * n + i) * area + position0
                _scale(flat[here : here + count], scales[mine : mine + count])
    return True


@loop
def select(
    coefficients: Array,
    levels: Array,
    line: int,
    one_sided: bool,
    shrinkage: bool,
    out: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    """Keep what exceeds its level; levels take turns, one for every ``line`` entries."""
    zero = coefficients.dtype.type(0)
    place = start
    while place < stop:
        number = place // line
        beyond = min(stop, (number + 1) * line)
        level = levels[number % len(levels)]
        part, kept = coefficients[place:beyond], out[place:beyond]
        if one_sided and shrinkage:
            for k in range(len(part)):
                kept[k] = part[k] - level if part[k] > level else zero
        elif one_sided:
            for k in range(len(part)):
                kept[k] = part[k] if part[k] > level else zero
        elif shrinkage:
            for k in range(len(part)):
                shrunk = part[k] - np.copysign(level, part[k])
                kept[k] = shrunk if abs(part[k]) > level else zero
        else:
            for k in range(len(part)):
                kept[k] = part[k] if abs(part[k]) > level else zero
        place = beyond
