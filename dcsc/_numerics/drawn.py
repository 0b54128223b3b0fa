"""What becomes of the units of codes under drawn signs, compiled by numba on first use.

The draws are neighbours in memory, so that one tap goes into many of them at once, however short
the lines of a signal are. What one group makes of a code, its signal and its coefficients, stays in
the cache for some draws at a time.
"""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics import convolution, plain
from dcsc._numerics.compiling import inner, loop
from dcsc._numerics.grid import Grid
from dcsc._numerics.loops import add_taps
from dcsc._numerics.meetings import Meetings
from dcsc._numerics.vectors import FILTERS, LONGEST, VECTOR_BYTES
from dcsc._threads import OneBlasThread, share

__all__ = ["count_wrong"]

_SCRATCH_BYTES, _MOST_BYTES = 2**20, 2**25
_TOGETHER = 8  # positions that meet no others, side by side
_WORTH_A_THREAD = 2**21


@attrs.frozen(eq=False)
class _Sums:
    """Sums over what places meet, as `_sum` takes them: the weights of each kind, packed in tiles.

    Parameters
    ----------
    weights : array
    first : array of int, shape (kinds,)
        Where those of a kind, and of group 0, begin.
    rows : array of int
        Which rows are multiplied by them, seen from the base of a place.
    ends : array of int, shape (kinds + 1,)
        Which of the rows are of a kind.
    kinds, bases : array of int, shape (places,)
    """

    weights: Array
    first: Array
    rows: Array
    ends: Array
    kinds: Array
    bases: Array

    @classmethod
    def of(cls, taps: Array, meetings: Meetings, columns: int) -> "_Sums":
        """Return the sums of taps ``(groups, taps, in, out)``, with so many columns in a row."""
        groups, _, inward, outward = taps.shape
        most = 1 if outward == 1 else FILTERS
        tiles = -(-outward // most)
        padded = np.zeros((*taps.shape[:3], tiles * most), taps.dtype)
        padded[..., :outward] = taps
        packed = [
            padded[:, chosen].reshape(groups, -1, tiles, most).swapaxes(1, 2).ravel()
            for chosen in meetings.taps
        ]
        rows = [np.add.outer(far * inward, np.arange(inward)).ravel() for far in meetings.others]
        return cls(
            np.concatenate(packed),
            np.cumsum([0, *map(len, packed[:-1])]),
            np.concatenate(rows) * columns,
            np.cumsum([0, *map(len, rows)]),
            meetings.kinds,
            meetings.bases * inward * columns,
        )


def count_wrong(codes: Array, signs: Array, filters: Array, grid: Grid, levels: Array) -> Array:
    """Return how many units are missed, and how many are on besides, (patterns, 2, batch).

    Codes with signs are synthesised and analysed again; a unit is on where its coefficient times
    its sign exceeds a level.

    Parameters
    ----------
    codes : array of shape (batch, n, *positions)
    signs : array of int8, shape (patterns, n, *positions)
    filters : array of shape (n, channels / groups, *kernel)
    grid : Grid
    levels : array of shape (n,)
    """
    count, n, patterns = len(codes), len(filters), len(signs)
    positions, lone = math.prod(grid.positions), _meet_no_others(grid)
    step = min(positions, _TOGETHER) if lone else positions
    samples = step if lone else math.prod(grid.extent)
    m, c = n // grid.groups, filters.shape[1]
    taps = np.moveaxis(filters.reshape(grid.groups, m, c, -1), 3, 1)
    # Where atoms meet others of their position only, coefficients may come from inner products in
    # place of a signal: m²c multiplications for all of these, and then m² for 2mc in every pass.
    passes = count * patterns * positions
    direct = lone and m * (c + passes) < 2 * c * passes
    made = m if direct else c  # coefficients or channels that a pass makes of codes
    if direct:
        with OneBlasThread():
            taps = taps @ taps.swapaxes(2, 3)
    # As many patterns side by side as the cache holds the codes and signals of.
    lanes = VECTOR_BYTES // codes.itemsize
    row = (step * m + samples * made) * VECTOR_BYTES
    if row > _MOST_BYTES:
        maps = convolution.spread, convolution.correlate
        return plain.count_by_maps(*maps, codes, signs, filters, grid, levels)
    meetings = Meetings.of(_line(step, grid.groups) if lone else grid)
    parts = -(-patterns // (lanes * max(3, _SCRATCH_BYTES // row)))
    columns = -(-patterns // (parts * lanes)) * lanes
    down = _Sums.of(taps, meetings[0], columns)
    up = down if direct else _Sums.of(taps.swapaxes(2, 3), meetings[1], columns)
    sums = attrs.astuple(down, recurse=False), attrs.astuple(up, recurse=False)
    flat, drawn = codes.reshape(count, n, positions), signs.reshape(patterns, n, positions)
    beyond = LONGEST * lanes
    counts = []

    def work(start: int, stop: int) -> None:
        # Tiles go on beyond the last pattern: numbers that happen to lie there may be slow ones.
        rows = np.zeros(step * m * columns + beyond, codes.dtype)
        signal = np.zeros(samples * made * columns + beyond, codes.dtype)
        wrong = np.zeros((2, count, patterns), np.int64)
        _count(
            flat, drawn, levels, *sums, direct, grid.groups, made, step, columns, rows, signal,
            wrong, start, stop,
        )  # fmt: skip
        counts.append(wrong)

    items = count * grid.groups * -(-positions // step)
    share(work, items, 1 + _WORTH_A_THREAD // max(1, taps.size * patterns))
    return np.sum(counts, axis=0).transpose(2, 0, 1)


def _meet_no_others(grid: Grid) -> bool:
    """Return whether each position sees one sample, that of its own place."""
    own = (((0, 0, size),) for size in grid.extent)
    return {*grid.kernel, *grid.stride} == {1} and grid.runs == tuple(own)


def _line(length: int, groups: int) -> Grid:
    """Return the grid of positions on a line that see the sample of their own place."""
    return Grid((length,), (length,), (1,), (1,), (1,), (((0, 0, length),),), groups)


@inner
def _sum(
    sums: tuple[Array, ...],
    group: int,
    source: Array,
    target: Array,
    outward: int,
    columns: int,
    count: int,
) -> None:  # pragma: no cover  # compiled
    """Set the rows of all places, ``outward`` of each: the sums over all that it meets."""
    weights, first, rows, ends, kinds, bases = sums
    most = 1 if outward == 1 else FILTERS
    tiles = -(-outward // most)
    for place in range(len(kinds)):
        kind = kinds[place]
        taps = ends[kind + 1] - ends[kind]
        if taps == 0:
            target[place * outward * columns : (place + 1) * outward * columns] = 0
            continue
        for t in range(tiles):
            weight = first[kind] + (group * tiles + t) * taps * most
            to, filters = (place * outward + t * most) * columns, min(most, outward - t * most)
            add_taps(
                weights, weight, rows, ends[kind], taps, source, bases[place], target, to, columns,
                filters, outward, count,
            )  # fmt: skip


@loop
def _count(
    codes: Array,
    signs: Array,
    levels: Array,
    down: tuple[Array, ...],
    up: tuple[Array, ...],
    direct: bool,
    groups: int,
    c: int,
    step: int,
    columns: int,
    drawn: Array,
    signal: Array,
    wrong: Array,
    start: int,
    stop: int,
) -> None:  # pragma: no cover  # compiled
    (batch, n, positions), patterns = codes.shape, len(signs)
    m, blocks = n // groups, -(-positions // step)
    parts = -(-patterns // columns)
    turned = np.zeros((parts, step * m, columns), np.int8)
    counts = np.empty((2, columns), np.int64)
    lines = drawn[: step * m * columns].reshape(step * m, columns)
    made = (signal if direct else drawn)[: step * m * columns].reshape(step * m, columns)
    for item in range(start, stop):
        b, block, group = item % batch, item // batch % blocks, item // (batch * blocks)
        first = block * step
        here = min(step, positions - first)
        if item == start or b == 0:
            for part in range(parts):
                for f in range(m):
                    for p in range(here):
                        for k in range(min(columns, patterns - part * columns)):
                            sign = signs[part * columns + k, group * m + f, first + p]
                            turned[part, p * m + f, k] = sign
        for part in range(parts):
            count = min(columns, patterns - part * columns)
            # The codes with their signs, and the signal of each pattern.
            for row in range(here * m):
                x = codes[b, group * m + row % m, first + row // m]
                for k in range(count):
                    lines[row, k] = x * turned[part, row, k]
            _sum(down, group, drawn, signal, c, columns, count)
            # Their coefficients take the place of the codes, or come in place of the signal.
            if not direct:
                _sum(up, group, signal, drawn, m, columns, count)
            counts[:] = 0
            for row in range(here * m):
                i, p = group * m + row % m, row // m
                level, active = levels[i], codes[b, i, first + p] != 0
                which = 0 if active else 1
                for k in range(count):
                    on = made[row, k] * turned[part, row, k] > level
                    counts[which, k] += on != active
            for k in range(count):
                wrong[0, b, part * columns + k] += counts[0, k]
                wrong[1, b, part * columns + k] += counts[1, k]
