"""How dense data are laid out in the cache, and small changes of a grid."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.grid import Grid, Run
from dcsc._numerics.vectors import VECTOR_BYTES

__all__ = ["Plan", "run_array", "with_axis"]


@attrs.frozen(eq=False)
class Plan:
    """How a dense correlation is cut into blocks whose padded signals stay in the cache.

    A block's slab is ``(c, padded rows, phases, width)``: places along the last axis are sorted by
    their phase modulo its stride, so that what one tap sees at neighbouring positions is
    contiguous. All axes but the last are flattened into rows.

    Parameters
    ----------
    slab : tuple of int
    offsets : array of int, shape (taps,)
        Where in the slab a tap lies, seen from its position.
    bases : array of int
        Where in the slab the rows of positions of a block begin.
    padded : array of int
        Which row of the signal a padded row is, or −1.
    runs : array of int, shape (runs, 3)
        Those of the last axis.
    blocks : array of int, shape (blocks, 7)
        As `dcsc._numerics.loops.correlate` takes them.
    """

    slab: Shape
    offsets: Array
    bases: Array
    padded: Array
    runs: Array
    blocks: Array

    @classmethod
    def of(cls, grid: Grid, channels: int, itemsize: int, parts: int, cache: int) -> "Plan":
        """Plan for a grid of two or more axes, with at least so many blocks if there is room."""
        # Places above the last axis; on the last, a line has one phase per step of the stride.
        (*above, last), steps = range(len(grid.extent)), grid.stride
        places = [grid.places(axis, 0, grid.positions[axis])[1] for axis in above]
        inner_places, inner = math.prod(places[1:]), math.prod(grid.positions[1:last])
        reach, length = -(-grid.span[last] // steps[last]), grid.positions[last]
        tile = 3 * VECTOR_BYTES // itemsize
        row_bytes = channels * inner_places * steps[last] * itemsize
        # Positions along the line: all, or as many tiles as fit into the cache with one row.
        room = cache // (row_bytes * grid.span[0]) - reach
        if grid.positions[0] == 1:
            room = min(room, max(-(-length // parts), 16 * reach))
        count = length if room >= length else max(tile, room // tile * tile)
        width = count - 1 + reach
        # Rows of positions: what fits, but no more than each thread's share.
        fitting = (cache // (row_bytes * width) - grid.span[0]) // steps[0] + 1
        fair = max(-(-grid.positions[0] // parts), 4 * grid.span[0])
        rows = max(1, min(fitting, fair, grid.positions[0]))
        # The slab that a block reads, and the blocks, of rows first and of the line then.
        slab = (channels, grid.places(0, 0, rows)[1] * inner_places, steps[last], width)
        blocks = [
            (
                first * inner,
                (beyond - first) * inner,
                first * steps[0] * inner_places,
                grid.places(0, 0, beyond - first)[1] * inner_places,
                begin,
                min(count, length - begin),
                min(count, length - begin) - 1 + reach,
            )
            for first, beyond in grid.blocks(rows)
            for begin in range(0, length, count)
        ]
        return cls(
            slab,
            _offsets(grid, slab, places),
            _bases(grid, slab, places, rows),
            _padded_rows(grid, places),
            run_array(grid.runs[last]),
            np.array(blocks, dtype=np.int64),
        )


def _offsets(grid: Grid, slab: Shape, places: list[int]) -> Array:
    """Return where the taps lie in the slab, seen from their position, C order (c, *kernel)."""
    channel, *taps = np.indices((slab[0], *grid.kernel)).reshape(1 + len(grid.kernel), -1)
    *above, last = (tap * step for tap, step in zip(taps, grid.dilation, strict=True))
    row = np.zeros_like(last)
    for index, many in zip(above, places, strict=True):
        row = row * many + index
    line = (last % slab[2]) * slab[3] + last // slab[2]
    return np.asarray((channel * slab[1] + row) * slab[2] * slab[3] + line)


def _bases(grid: Grid, slab: Shape, places: list[int], rows: int) -> Array:
    """Return where the rows of positions of a block begin in the slab."""
    shape = (rows, *grid.positions[1:-1])
    row = np.zeros(math.prod(shape), dtype=np.int64)
    for index, step, many in zip(
        np.indices(shape).reshape(len(shape), -1), grid.stride, places, strict=False
    ):
        row = row * many + index * step
    return np.asarray(row * slab[2] * slab[3])


def _padded_rows(grid: Grid, places: list[int]) -> Array:
    """Return which flattened row of the signal each flattened padded row is, −1 if none."""
    row = np.zeros(1, dtype=np.int64)
    for runs, many, extent in zip(grid.runs, places, grid.extent, strict=False):
        line = np.full(many, -1)
        for place, sample, length in runs:
            line[place : place + length] = np.arange(sample, sample + length)
        inside = (row[:, None] >= 0) & (line >= 0)
        row = np.where(inside, row[:, None] * extent + line, -1).ravel()
    return row


def with_axis(grid: Grid, at: int) -> Grid:
    """Return the grid with an axis of length one inserted."""

    def insert(values: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return (*values[:at], value, *values[at:])

    return Grid(
        insert(grid.extent, 1),
        insert(grid.positions, 1),
        insert(grid.kernel, 1),
        insert(grid.stride, 1),
        insert(grid.dilation, 1),
        insert(grid.runs, ((0, 0, 1),)),
        grid.groups,
    )


def run_array(runs: tuple[Run, ...]) -> Array:
    """Return runs as rows of three numbers."""
    return np.array(runs, dtype=np.int64).reshape(-1, 3)
