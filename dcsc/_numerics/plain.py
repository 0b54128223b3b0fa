"""The plain way: what the compiled loops compute, to rounding, in numpy.

It is slower, but it needs no compiler, and tests compare the compiled loops with it. It does not
multiply by BLAS, so that the number of threads changes no digit.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from dcsc._arrays import Array, Shape, all_finite
from dcsc._numerics.grid import Grid
from dcsc._numerics.plain_sums import (
    best_moments,
    best_moments_of_terms,
    lay_rows,
    lay_terms,
    selberg_sums,
    sum_terms,
)

__all__ = [
    "best_moments",
    "best_moments_of_terms",
    "correlate",
    "count_wrong",
    "lay_rows",
    "lay_terms",
    "random_words",
    "selberg_sums",
    "select",
    "spread",
    "spread_entries",
    "stripe_top",
    "sum_terms",
]

_PIECE_BYTES = 2**22


# ---- convolutions --------------------------------------------------------------------------------


@np.errstate(all="ignore")
def correlate(signals: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Correlate ``(batch, c, *extent)`` with taps ``(n, c / groups, *kernel)``: the analysis.

    Each result is multiplied by its scale, of shape ``(n, *positions)``.
    """
    _refuse_infinity(signals)
    taps = filters.reshape(grid.groups, -1, *filters.shape[1:])
    out = np.zeros((len(signals), len(filters), *grid.positions), signals.dtype)
    for batch, first, last in _pieces(signals, len(filters), grid):
        # Lay the signals on their padded lines: whatever is in no run is zero.
        data = signals[batch]
        slab = np.zeros((*data.shape[:2], *grid.slab_shape(first, last)), data.dtype)
        for inside, samples in grid.pieces(first, last):
            slab[:, :, *inside] = data[:, :, *samples]
        grouped = slab.reshape(len(data), grid.groups, -1, *slab.shape[2:])
        # Tap by tap, add what all positions see of it.
        part = out[batch, :, first:last]
        for tap in np.ndindex(grid.kernel):
            seen = grouped[:, :, :, *_seen(tap, part.shape[2:], grid)]
            added = np.einsum("gnc,bgc...->bgn...", taps[:, :, :, *tap], seen)
            part += added.reshape(part.shape)
    if scales is not None:
        out *= scales.astype(out.dtype, copy=False)
    return out


@np.errstate(all="ignore")
def spread(codes: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Lay taps ``(n, c / groups, *kernel)`` by codes ``(batch, n, *positions)``: the synthesis.

    Each code is multiplied by its scale, of shape ``(n, *positions)``.
    """
    _refuse_infinity(codes)
    taps = filters.reshape(grid.groups, -1, *filters.shape[1:])
    channels = grid.groups * filters.shape[1]
    out = np.zeros((len(codes), channels, *grid.extent), codes.dtype)
    for batch, first, last in _pieces(codes, channels, grid):
        data = codes[batch, :, first:last]
        if scales is not None:
            data = data * scales[:, first:last].astype(data.dtype, copy=False)
        grouped = data.reshape(len(data), grid.groups, -1, *data.shape[2:])
        # Tap by tap, add what all positions lay on their places.
        slab = np.zeros((len(data), channels, *grid.slab_shape(first, last)), data.dtype)
        for tap in np.ndindex(grid.kernel):
            laid = slab[:, :, *_seen(tap, data.shape[2:], grid)]
            added = np.einsum("gnc,bgn...->bgc...", taps[:, :, :, *tap], grouped)
            laid += added.reshape(laid.shape)
        # Fold the padded lines: a sample gets what lies on each of its places.
        for inside, samples in grid.pieces(first, last):
            out[batch, :, *samples] += slab[:, :, *inside]
    return out


@np.errstate(all="ignore")
def spread_entries(
    starts: Array, places: Array, values: Array, filters: Array, grid: Grid
) -> Array:
    """Lay taps ``(n, c / groups, *kernel)`` by the entries of codes, in C order.

    Those of element b of the batch are ``[starts[b], starts[b + 1])``; ``places`` are their indices
    in ``(n, *positions)``, an axis in each row. They are finite.
    """
    batch, c = len(starts) - 1, filters.shape[1]
    out = np.zeros((batch, grid.groups * c, *grid.extent), values.dtype)
    elements = np.repeat(np.arange(batch), np.diff(starts))
    first_channels = places[0] // (len(filters) // grid.groups) * c
    piece = max(1, _PIECE_BYTES // (c * values.itemsize))
    for first in range(0, len(values), piece):
        part = slice(first, first + piece)
        for tap in np.ndindex(grid.kernel):
            added = values[part, None] * filters[places[0, part], :, *tap]
            axes = zip(places[1:, part], grid.stride, tap, grid.dilation, strict=True)
            lines = [p * s + u * d for p, s, u, d in axes]
            # A place is a sample for each of the runs that it is in.
            for runs in itertools.product(*grid.runs):
                seen = np.ones(len(added), dtype=bool)
                for line, (place, _, length) in zip(lines, runs, strict=True):
                    seen &= (line >= place) & (line < place + length)
                pairs = zip(lines, runs, strict=True)
                samples = [line[seen, None] - place + sample for line, (place, sample, _) in pairs]
                channels = first_channels[part][seen, None] + np.arange(c)
                target = elements[part][seen, None], channels, *samples
                np.add.at(out, target, added[seen])
    return out


def _refuse_infinity(data: Array) -> None:
    if not all_finite(data):
        raise FloatingPointError


def _pieces(data: Array, channels: int, grid: Grid) -> Iterator[tuple[slice, int, int]]:
    """Yield parts of the batch, and of the rows of positions, that need little memory each."""
    area = math.prod(grid.slab_shape(0, 1))
    row_bytes = max(data.shape[1], channels) * area * data.itemsize
    rows = max(1, _PIECE_BYTES // row_bytes)
    batch = max(1, _PIECE_BYTES // (row_bytes * grid.positions[0]))
    for start in range(0, len(data), batch):
        for first, last in grid.blocks(rows):
            yield slice(start, start + batch), first, last


def _seen(tap: Shape, positions: Shape, grid: Grid) -> tuple[slice, ...]:
    """Return the places that one tap sees from all positions."""
    axes = zip(tap, positions, grid.stride, grid.dilation, strict=True)
    return tuple(slice(u * d, u * d + (many - 1) * s + 1, s) for u, many, s, d in axes)


# ---- thresholds and stripes ----------------------------------------------------------------------


def select(coefficients: Array, levels: Array, one_sided: bool, shrinkage: bool) -> Array:
    """Keep what exceeds its level, one for all or one per filter, of ``(batch, n, ...)``."""
    level = levels.reshape(-1, *(1,) * (coefficients.ndim - 2)) if levels.ndim else levels
    kept = (coefficients if one_sided else np.abs(coefficients)) > level
    if not shrinkage:
        return np.where(kept, coefficients, coefficients.dtype.type(0))
    less = coefficients - (level if one_sided else np.copysign(level, coefficients))
    return np.where(kept, less, coefficients.dtype.type(0))


def stripe_top(
    order: Array,
    shape: tuple[int, int, int],
    sparsity: int,
    first_member: Array,
    members: Array,
    begin: Array,
    end: Array,
) -> Array:
    """Return flat indices of what is among the S largest of every stripe that holds it.

    Parameters
    ----------
    order : array of int, shape (non-zeros,)
        Flat indices of the non-zeros, from the largest to the smallest.
    shape : tuple of int
        Filters, rows and columns of the code.
    first_member, members : arrays of int
        The stripes along the rows: number v holds ``members[first_member[v]:first_member[v + 1]]``.
    begin, end : arrays of int
        The stripes along the columns: ``[begin, end)``, modulo the columns; both only rise.
    """
    _, rows, columns = shape
    ranks = np.full(math.prod(shape), len(order))
    ranks[order] = np.arange(len(order))
    ranks = ranks.reshape(shape)
    allowed = np.full((rows, columns), len(order))
    for low, high in itertools.pairwise(first_member):
        held = members[low:high]
        for left, right in zip(begin, end, strict=True):
            row, column = np.ix_(held, np.arange(left, right) % columns)
            entries = ranks[:, row, column].ravel()
            if entries.size >= sparsity:
                last = np.partition(entries, sparsity - 1)[sparsity - 1]
                allowed[row, column] = np.minimum(allowed[row, column], last)
    return order[np.arange(len(order)) <= allowed.ravel()[order % (rows * columns)]]


# ---- random words --------------------------------------------------------------------------------


@np.errstate(over="ignore")
def random_words(key: Array, atoms: Array, count: int) -> Array:
    """Return words ``(len(atoms), count)``, uint64, for a key of two words.

    As in `dcsc._numerics.philox`: a counter for every atom and every four words goes through ten
    rounds of multiplying and mixing, with a key that moves on from round to round.
    """
    word, half = np.uint64, np.uint64(32)
    low = word(0xFFFFFFFF)

    def product(a: np.uint64, b: Array) -> tuple[Array, Array]:
        a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
        cross = (a0 * b0 >> half) + (a1 * b0 & low) + a0 * b1
        return (cross >> half) + (a1 * b0 >> half) + a1 * b1, a * b

    groups = np.arange(-(-count // 4), dtype=word)
    c0, c1 = np.broadcast_arrays(atoms.astype(word)[:, None] + word(1), groups)
    c2 = c3 = np.zeros_like(c0)
    k0, k1 = key[:1], key[1:]
    for _ in range(10):
        high0, low0 = product(word(0xD2E7470EE14C6C93), c0)
        high1, low1 = product(word(0xCA5A826395121157), c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + word(0x9E3779B97F4A7C15), k1 + word(0xBB67AE8584CAA73B)
    return (
        np.stack([c0, c1, c2, c3], axis=-1).reshape(len(atoms), 4 * len(groups))[:, :count].copy()
    )


# ---- drawn signs ---------------------------------------------------------------------------------


def count_wrong(codes: Array, signs: Array, filters: Array, grid: Grid, levels: Array) -> Array:
    """Return how many units are missed, and how many are on besides, (patterns, 2, batch).

    The arguments are those of `drawn.count_wrong`.
    """
    return count_by_maps(spread, correlate, codes, signs, filters, grid, levels)


def count_by_maps(
    down: Callable[..., Array],
    up: Callable[..., Array],
    codes: Array,
    signs: Array,
    filters: Array,
    grid: Grid,
    levels: Array,
) -> Array:
    """Return what `count_wrong` does, by a synthesis and an analysis, one pattern at a time."""
    active, level = codes != 0, levels.reshape(-1, *[1] * len(grid.positions))
    inside = tuple(range(1, codes.ndim))
    counts = np.empty((len(signs), 2, len(codes)), np.int64)
    for pattern, count in zip(signs, counts, strict=True):
        on = up(down(codes, filters, grid, pattern), filters, grid, pattern) > level
        count[0], count[1] = (active & ~on).sum(axis=inside), (on & ~active).sum(axis=inside)
    return counts
