"""The inner loops that numpy cannot express, compiled by numba on first use and cached.

Arrays are two-dimensional here: one axis is two of which the first has length one. Scratch space
is laid out with channels last, so that what one entry touches is contiguous.
"""

import numpy as np
from numba import njit

from dcsc._arrays import Array
from dcsc._grid import Grid, Run
from dcsc._threads import share

__all__ = ["gather", "scatter"]

_SCRATCH_BYTES = 2**20


def _flat_runs(grid: Grid) -> tuple[Array, Array]:
    runs: list[tuple[Run, ...]] = list(grid.runs)
    if len(runs) == 1:
        runs.insert(0, ((0, 0, 1),))
    first, second = (np.array(line, dtype=np.int64).reshape(-1, 3) for line in runs)
    return first, second


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def scatter(codes: Array, filters: Array, grid: Grid) -> Array:
    """Lay taps ``(n, c, *kernel)`` by the non-zeros of ``(batch, n, *positions)``."""
    n, c = filters.shape[:2]
    kernel, stride = _pair(grid.kernel), _pair(grid.stride)
    positions, extent = _pair(grid.positions), _pair(grid.extent)
    taps = np.ascontiguousarray(np.moveaxis(filters.reshape(n, c, *kernel), 1, -1))
    taps = taps.reshape(n, kernel[0], kernel[1] * c)
    out = np.zeros((len(codes), c, *extent), dtype=codes.dtype)
    width = ((positions[1] - 1) * stride[1] + kernel[1]) * c
    rows = max(1, _SCRATCH_BYTES // (width * codes.itemsize * stride[0]))
    runs = _flat_runs(grid)
    given = codes.reshape(len(codes), n, *positions)

    def work(start: int, stop: int) -> None:
        scratch = np.zeros(((rows - 1) * stride[0] + kernel[0], width), dtype=codes.dtype)
        _scatter(given[start:stop], taps, stride, rows, *runs, scratch, out[start:stop])

    share(work, len(codes))
    return out.reshape(len(codes), c, *grid.extent)


def gather(signals: Array, filters: Array, grid: Grid) -> Array:
    """Correlate the non-zeros of ``(batch, c, *extent)`` with taps ``(n, c, *kernel)``."""
    n, c = filters.shape[:2]
    kernel, stride = _pair(grid.kernel), _pair(grid.stride)
    positions, extent = _pair(grid.positions), _pair(grid.extent)
    taps = np.ascontiguousarray(np.moveaxis(filters.reshape(n, c, *kernel), 0, -1))
    out = np.empty((len(signals), n, *positions), dtype=signals.dtype)
    rows = max(1, _SCRATCH_BYTES // (positions[1] * n * signals.itemsize))
    runs = _flat_runs(grid)
    given = signals.reshape(len(signals), c, *extent)

    def work(start: int, stop: int) -> None:
        scratch = np.empty((rows, positions[1], n), dtype=signals.dtype)
        _gather(given[start:stop], taps, stride, rows, *runs, scratch, out[start:stop])

    share(work, len(signals))
    return out.reshape(len(signals), n, *grid.positions)


@njit(nogil=True, cache=True)
def _scatter(
    codes: Array,
    taps: Array,
    stride: tuple[int, int],
    rows: int,
    runs0: Array,
    runs1: Array,
    scratch: Array,
    out: Array,
) -> None:  # pragma: no cover  # compiled
    n, height, line = taps.shape
    c = out.shape[1]
    step = stride[1] * c
    for b in range(codes.shape[0]):
        for first in range(0, codes.shape[2], rows):
            last = min(first + rows, codes.shape[2])
            places = (last - first - 1) * stride[0] + height
            scratch[:places] = 0
            for i in range(n):
                for p0 in range(first, last):
                    for p1 in range(codes.shape[3]):
                        x = codes[b, i, p0, p1]
                        if x != 0:
                            for u in range(height):
                                row = scratch[(p0 - first) * stride[0] + u]
                                tap = taps[i, u]
                                base = p1 * step
                                for v in range(line):
                                    row[base + v] += x * tap[v]
            begin = first * stride[0]
            for k0 in range(runs0.shape[0]):
                low = max(runs0[k0, 0], begin)
                high = min(runs0[k0, 0] + runs0[k0, 2], begin + places)
                for place in range(low, high):
                    y = runs0[k0, 1] + place - runs0[k0, 0]
                    row = scratch[place - begin]
                    for k1 in range(runs1.shape[0]):
                        for ch in range(c):
                            target = out[b, ch, y]
                            for q in range(runs1[k1, 2]):
                                target[runs1[k1, 1] + q] += row[(runs1[k1, 0] + q) * c + ch]


@njit(nogil=True, cache=True)
def _gather(
    signals: Array,
    taps: Array,
    stride: tuple[int, int],
    rows: int,
    runs0: Array,
    runs1: Array,
    scratch: Array,
    out: Array,
) -> None:  # pragma: no cover  # compiled
    c, height, width, n = taps.shape
    columns = out.shape[3]
    for b in range(signals.shape[0]):
        for first in range(0, out.shape[2], rows):
            last = min(first + rows, out.shape[2])
            scratch[: last - first] = 0
            begin = first * stride[0]
            end = (last - 1) * stride[0] + height
            for k0 in range(runs0.shape[0]):
                low = max(runs0[k0, 0], begin)
                high = min(runs0[k0, 0] + runs0[k0, 2], end)
                for place0 in range(low, high):
                    y = runs0[k0, 1] + place0 - runs0[k0, 0]
                    from0 = max(first, -(-(place0 - height + 1) // stride[0]))
                    to0 = min(last - 1, place0 // stride[0])
                    for ch in range(c):
                        for k1 in range(runs1.shape[0]):
                            for q in range(runs1[k1, 2]):
                                x = signals[b, ch, y, runs1[k1, 1] + q]
                                if x == 0:
                                    continue
                                place1 = runs1[k1, 0] + q
                                from1 = max(0, -(-(place1 - width + 1) // stride[1]))
                                to1 = min(columns - 1, place1 // stride[1])
                                for p0 in range(from0, to0 + 1):
                                    for p1 in range(from1, to1 + 1):
                                        target = scratch[p0 - first, p1]
                                        tap = taps[
                                            ch, place0 - p0 * stride[0], place1 - p1 * stride[1]
                                        ]
                                        for i in range(n):
                                            target[i] += x * tap[i]
            for p0 in range(first, last):
                for i in range(n):
                    for p1 in range(columns):
                        out[b, i, p0, p1] = scratch[p0 - first, p1, i]
