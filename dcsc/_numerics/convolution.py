"""The numerical inner loops: arrays in, arrays out, no classes of dcsc.

Dense data are correlated tile by tile, sparse data, such as codes, entry by entry; the share of
non-zeros decides. Codes can also be given by their entries. This module lays the data out, and
`dcsc._numerics.loops` and `scattering` compute. Nothing is validated, except that the loops meet
NaN and infinity in passing and raise FloatingPointError.
"""

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, all_finite
from dcsc._numerics import loops, plain, scattering, vectors
from dcsc._numerics.grid import Grid
from dcsc._numerics.layout import Plan, run_array, with_axis
from dcsc._numerics.memory import empty
from dcsc._numerics.products import matmul
from dcsc._threads import OneBlasThread, share

_CACHE_BYTES = 2**19
_SCRATCH_BYTES = 2**20
_PIECE_BYTES = 2**24
_PARTS = 8
_WORTH_A_THREAD = 2**16
_WORTH_COUNTING = 2**20
_SAMPLES = 4093
# Correlations with one tap are products of matrices; BLAS is faster for those in between.
_FEWEST_TAPS, _MOST_TAPS, _FEWEST_PLACES = 128, 2**14, 32
# Shares of non-zeros up to which going entry by entry is faster, as measured by
# benchmarks/side_by_side.py --crossover. An analysis writes all its results however sparse the data
# are, and writing one costs as much as this many taps.
_SPARSE_CODES = 0.1
_SPARSE_SIGNALS = 0.1
_TAPS_OF_A_RESULT = 30


def correlate(signals: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Correlate ``(batch, c, *extent)`` with taps ``(n, c / groups, *kernel)``: the analysis.

    Each result is multiplied by its scale, of shape ``(n, *positions)``.
    """
    work = signals.size * filters.size // signals.shape[1] // math.prod(grid.stride)
    limit = _SPARSE_SIGNALS * (1 - _TAPS_OF_A_RESULT * len(filters) / filters.size)
    if work > _WORTH_COUNTING and _is_sparse(signals, limit, grid):
        return correlate_sparse(signals, filters, grid, scales)
    return correlate_dense(signals, filters, grid, scales)


def spread(codes: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Lay taps ``(n, c / groups, *kernel)`` by codes ``(batch, n, *positions)``: the synthesis.

    Each code is multiplied by its scale, of shape ``(n, *positions)``.
    """
    work = codes.size * filters.size // filters.shape[0]
    if work > _WORTH_COUNTING and _is_sparse(codes, _SPARSE_CODES, grid):
        return spread_sparse(codes, filters, grid, scales)
    return spread_dense(codes, filters, grid, scales)


def _is_sparse(data: Array, limit: float, grid: Grid) -> bool:
    """Estimate from a few thousand entries whether at most a share ``limit`` is not zero.

    Entry by entry, the gaps between dilated taps cost as much as taps.
    """
    if limit < 0 or len(grid.extent) > 2:
        return False
    limit *= math.prod(grid.kernel) / math.prod(grid.span)
    flat = data.reshape(-1)
    step = max(1, flat.size // _SAMPLES) | 1
    seen = flat[::step]
    return bool(np.count_nonzero(seen) <= limit * seen.size)


# ---- dense ---------------------------------------------------------------------------------------


_plan = lru_cache(maxsize=64)(Plan.of)


def correlate_dense(
    signals: Array, filters: Array, grid: Grid, scales: Array | None = None
) -> Array:
    """Correlate tile by tile: a few filters at a few neighbouring positions at a time."""
    out = empty((len(signals), len(filters), *grid.positions), signals.dtype)
    if scales is None and _is_product(filters, grid):
        return _multiply(signals, filters, out)
    if len(grid.extent) == 1:
        signals, filters, grid = signals[:, :, None], filters[:, :, None], with_axis(grid, 0)
    count, n, c = len(signals) * grid.groups, len(filters) // grid.groups, filters.shape[1]
    plan = _plan(grid, c, signals.itemsize, -(-_PARTS // count), _CACHE_BYTES)
    most = 1 if n == 1 else vectors.FILTERS
    tiles = -(-n // most)
    weights = np.zeros((grid.groups, tiles * most, c, *grid.kernel), signals.dtype)
    weights[:, :n] = filters.reshape(grid.groups, n, c, *grid.kernel)
    weights = weights.reshape(grid.groups * tiles, most, -1).transpose(0, 2, 1)
    weights = weights.ravel()
    data = _frozen(signals.reshape(count, c, -1, signals.shape[-1]))
    bits, exponent = _bits(data.reshape(count, -1))
    result = out.reshape(count, n, -1, grid.positions[-1])
    size, factors = math.prod(plan.slab), _flat(scales, signals)
    # A tile reads this far beyond the last place.
    beyond = vectors.LONGEST * vectors.VECTOR_BYTES // signals.itemsize

    def work(start: int, stop: int) -> None:
        slab = np.empty(size + beyond, dtype=signals.dtype)[:size].reshape(plan.slab)
        if not loops.correlate(
            data, bits, exponent, weights, grid.groups, plan.offsets, plan.padded, plan.runs,
            plan.bases, plan.blocks, slab, factors, result, start, stop,
        ):  # fmt: skip
            raise FloatingPointError

    items = count * len(plan.blocks)
    share(work, items, _least(2 * out.size * len(plan.offsets) // items))
    return out


def _is_product(filters: Array, grid: Grid) -> bool:
    """Return whether a correlation is a product of matrices, of a size that BLAS is faster for."""
    within = grid.groups == 1 and grid.positions == grid.extent and set(grid.kernel) == {1}
    size = filters.size if within and set(grid.stride) == {1} else 0
    return _FEWEST_TAPS <= size <= _MOST_TAPS and math.prod(grid.extent) >= _FEWEST_PLACES


def _multiply(signals: Array, filters: Array, out: Array) -> Array:
    matrix = filters.reshape(filters.shape[:2]).astype(signals.dtype, copy=False)
    columns, result = (x.reshape(*x.shape[:2], -1) for x in (signals, out))

    @OneBlasThread()
    def work(start: int, stop: int) -> None:
        if not np.isfinite(columns[start:stop]).all():
            raise FloatingPointError
        matmul(matrix, columns[start:stop], out=result[start:stop])

    share(work, len(signals), _least(2 * out.size * len(filters[0]) // max(len(signals), 1)))
    return out


def spread_dense(codes: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Correlate with the filters turned round, and fold what lies on padded places.

    Where each sample lies on one place, at stride 1, there is nothing to fold. Otherwise it goes
    some samples or rows at a time.
    """
    turned = grid.turned()
    if turned is not None and (scales is None or codes.nbytes <= _PIECE_BYTES):
        scaled = np.ascontiguousarray(codes if scales is None else codes * scales)
        out = correlate_dense(scaled, _turned(filters, grid.groups), turned)
        return out.astype(codes.dtype, copy=False)  # scales may be wider than codes
    out = empty((len(codes), grid.groups * filters.shape[1], *grid.extent), codes.dtype)
    out.fill(0)
    batch = max(1, _PIECE_BYTES // codes[:1].nbytes)
    rows = max(1, _PIECE_BYTES // codes[:1, :, :1].nbytes)
    for start in range(0, len(codes), batch):
        for first, last in grid.blocks(rows):
            part = codes[start : start + batch, :, first:last]
            part = np.ascontiguousarray(part) if scales is None else part * scales[:, first:last]
            lines = _lines(part, filters, grid)
            for inside, samples in grid.pieces(first, last):
                out[start : start + batch, :, *samples] += lines[:, :, *inside]
    return out


def _lines(codes: Array, filters: Array, grid: Grid) -> Array:
    """Return what lies on all padded places, ``(batch, c, *places)``.

    Let g be the greatest common divisor of stride s and dilation d. Every s/g-th tap from tap u on
    lies on places of one phase mod s: tap ``u + m·s/g`` of position p on place
    ``s·(p + lag + m·d/g) + phase``, where ``d·u = s·lag + phase``. So each u < s/g is one
    correlation, of dilation d/g, and no two of them meet.
    """
    positions, axes = codes.shape[2:], range(codes.ndim - 2)
    common = [math.gcd(s, d) for s, d in zip(grid.stride, grid.dilation, strict=True)]
    turns = [s // g for s, g in zip(grid.stride, common, strict=True)]
    steps = tuple(d // g for d, g in zip(grid.dilation, common, strict=True))
    places = ((p - 1) * s + k for p, s, k in zip(positions, grid.stride, grid.span, strict=True))
    c = filters.shape[1]
    out = np.zeros((len(codes), grid.groups * c, *places), dtype=codes.dtype)
    for first in itertools.product(*map(range, turns)):
        taps = filters[:, :, *(slice(u, None, t) for u, t in zip(first, turns, strict=True))]
        if 0 in taps.shape:
            continue
        kernel = taps.shape[2:]
        begin = [
            divmod(u * d, s) for u, d, s in zip(first, grid.dilation, grid.stride, strict=True)
        ]
        target = out[:, :, *(slice(begin[a][1], None, grid.stride[a]) for a in axes)]
        runs = tuple(((begin[a][0] + (kernel[a] - 1) * steps[a], 0, positions[a]),) for a in axes)
        inner = Grid(
            positions, target.shape[2:], kernel, (1,) * len(kernel), steps, runs, grid.groups
        )
        target[...] = correlate_dense(codes, _turned(taps, grid.groups), inner)
    return out


def _turned(taps: Array, groups: int) -> Array:
    """Return taps turned round, ``(groups · c, n / groups, *kernel)`` of ``(n, c, *kernel)``."""
    c, kernel = taps.shape[1], taps.shape[2:]
    turned = np.flip(taps, tuple(range(2, taps.ndim))).reshape(groups, -1, c, *kernel)
    return np.ascontiguousarray(turned.swapaxes(1, 2)).reshape(groups * c, -1, *kernel)


# ---- sparse --------------------------------------------------------------------------------------


def correlate_sparse(
    signals: Array, filters: Array, grid: Grid, scales: Array | None = None
) -> Array:
    """Correlate the non-zeros only, on one or two axes."""
    out = empty((len(signals), len(filters), *grid.positions), signals.dtype)
    filters, grid = _without_dilation(filters, grid)
    grid = with_axis(grid, 1) if len(grid.extent) == 1 else grid
    count, n, c = len(signals) * grid.groups, len(filters) // grid.groups, filters.shape[1]
    taps = _by_phase(filters.reshape(grid.groups, n, c, *grid.kernel), grid.stride)
    data = _frozen(signals.reshape(count, c, -1))
    bits, exponent = _bits(data)
    result = out.reshape(count, n, -1)
    (length, columns), runs = (grid.extent[1], grid.positions[1]), map(run_array, grid.runs)
    runs0, runs1 = runs
    blocks = _cut(0, grid.positions[0], 4 * columns * n * signals.itemsize, grid.kernel[0], count)
    rows, factors = int(blocks[0, 1]), _flat(scales, signals)

    def work(start: int, stop: int) -> None:
        scratch = np.empty((rows * columns, n), dtype=signals.dtype)
        if not loops.gather(
            data, bits, exponent, taps, grid.kernel, grid.stride, runs0, runs1, length, columns,
            blocks, scratch, factors, result, start, stop,
        ):  # fmt: skip
            raise FloatingPointError

    share(work, count * len(blocks))
    return out


def _without_dilation(filters: Array, grid: Grid) -> tuple[Array, Grid]:
    """Return taps with zeros for the gaps between them, and the grid on which those lie."""
    if grid.span == grid.kernel:
        return filters, grid
    wide = np.zeros((*filters.shape[:2], *grid.span), dtype=filters.dtype)
    wide[:, :, *(slice(None, None, d) for d in grid.dilation)] = filters
    return wide, attrs.evolve(grid, kernel=grid.span, dilation=(1,) * len(grid.span))


def _by_phase(filters: Array, stride: Shape) -> Array:
    """Return taps ``(groups, n, c, *kernel)`` by their phases, as `gather` has them."""
    turns = [-(-k // s) for k, s in zip(filters.shape[3:], stride, strict=True)]
    padded = np.zeros((*filters.shape[:3], *np.multiply(turns, stride)), dtype=filters.dtype)
    padded[..., : filters.shape[3], : filters.shape[4]] = filters
    split = padded.reshape(*filters.shape[:3], turns[0], stride[0], turns[1], stride[1])
    return np.ascontiguousarray(split[:, :, :, ::-1, :, ::-1].transpose(0, 2, 4, 3, 6, 5, 1))


def spread_sparse(codes: Array, filters: Array, grid: Grid, scales: Array | None = None) -> Array:
    """Lay the taps of the non-zeros down, on one or two axes."""
    if not grid.sees_all(0) and not all_finite(codes):
        raise FloatingPointError
    count, n = len(codes) * grid.groups, len(filters) // grid.groups
    data, columns = _frozen(codes.reshape(count, n, -1)), math.prod(grid.positions[1:])
    source = data, _flat(scales, codes), columns
    return _scattered(scattering.scatter, source, len(codes), filters, grid)


def spread_entries(
    starts: Array, places: Array, values: Array, filters: Array, grid: Grid
) -> Array:
    """Lay taps ``(n, c / groups, *kernel)`` by the entries of codes, in C order.

    Those of element b of the batch are ``[starts[b], starts[b + 1])``; ``places`` are their indices
    in ``(n, *positions)``, an axis in each row. They are finite.
    """
    if len(grid.extent) > 2:
        return plain.spread_entries(starts, places, values, filters, grid)
    batch, each = len(starts) - 1, starts
    if grid.groups > 1:
        group = places[0] // (len(filters) // grid.groups)
        items = np.repeat(np.arange(batch) * grid.groups, np.diff(starts)) + group
        each = np.searchsorted(items, np.arange(batch * grid.groups + 1))
    source = tuple(map(_frozen, (each, places, values)))
    return _scattered(scattering.scatter_entries, source, batch, filters, grid)


def _scattered(
    loop: Callable[..., bool], source: tuple[Any, ...], batch: int, filters: Array, grid: Grid
) -> Array:
    """Return the synthesis of a batch whose non-zeros a loop finds in its source."""
    covered = all(
        runs and runs[0][1:] == (0, e) for runs, e in zip(grid.runs, grid.extent, strict=True)
    )
    out = empty((batch, grid.groups * filters.shape[1], *grid.extent), filters.dtype)
    if not covered:
        out.fill(0)
    filters, grid = _without_dilation(filters, grid)
    grid = with_axis(grid, 1) if len(grid.extent) == 1 else grid
    count, c = batch * grid.groups, filters.shape[1]
    taps = np.ascontiguousarray(np.moveaxis(filters, 1, -1))
    taps = taps.reshape(len(filters), grid.kernel[0], -1)
    width = grid.places(1, 0, grid.positions[1])[1] * c
    result, runs = out.reshape(count, c, *grid.extent), run_array(grid.runs[1])

    def lay(first: bool, shift: int, blocks: Array) -> None:
        def work(start: int, stop: int) -> None:
            scratch = np.empty((blocks[0, 1] - blocks[0, 0], width), dtype=filters.dtype)
            if not loop(
                *source, taps, c, grid.stride, blocks, shift, runs, first, scratch, result,
                start, stop,
            ):  # fmt: skip
                raise FloatingPointError

        share(work, count * len(blocks))

    # Within one run each place is another sample; two runs may share samples.
    for number, (place, sample, length) in enumerate(grid.runs[0]):
        blocks = _cut(place, length, width * filters.itemsize, grid.kernel[0], count)
        lay(number == 0, sample - place, blocks)
    return out


# ---- thresholds ----------------------------------------------------------------------------------


def select(coefficients: Array, levels: Array, one_sided: bool, shrinkage: bool) -> Array:
    """Keep what exceeds its level, one for all or one per filter, of ``(batch, n, ...)``."""
    out = empty(coefficients.shape, coefficients.dtype)
    line = math.prod(coefficients.shape[2:]) if levels.ndim else coefficients.size
    data, kept, each = _frozen(coefficients.reshape(-1)), out.reshape(-1), levels.reshape(-1)

    def work(start: int, stop: int) -> None:
        loops.select(data, each, line, one_sided, shrinkage, kept, start, stop)

    share(work, len(data), _WORTH_A_THREAD)
    return out


# ---- small things --------------------------------------------------------------------------------


def _cut(start: int, length: int, row_bytes: int, kernel: int, items: int) -> Array:
    """Cut rows into blocks ``[first, last)`` that fit the cache, the first the largest.

    A small batch is cut further, so that every thread has a block, but never so far that most rows
    belong to two blocks.
    """
    fair = -(-length * items // _PARTS)
    rows = min(max(2 * kernel, _SCRATCH_BYTES // row_bytes), max(fair, 16 * kernel), length)
    starts = np.arange(start, start + length, rows)
    return np.stack([starts, np.minimum(starts + rows, start + length)], axis=1)


def _frozen(array: Array) -> Array:
    """Return a read-only view, so that a loop is compiled for one kind of array only."""
    view = array.view()
    view.flags.writeable = False
    return view


def _bits(array: Array) -> tuple[Array, Any]:
    """Return the bits of floating-point numbers, and those of the exponent of an infinity."""
    unsigned = np.uint64 if array.itemsize == 8 else np.uint32
    return array.view(unsigned), array.dtype.type(np.inf).view(unsigned)


def _flat(scales: Array | None, like: Array) -> Array:
    """Return the scales as one line of the dtype of the data, empty if there are none."""
    factors = np.empty(0) if scales is None else scales
    return _frozen(factors.astype(like.dtype, copy=False).reshape(-1))


def _least(flops: int) -> int:
    """Return how many pieces of work are worth a thread of their own."""
    return max(1, 2**21 // max(flops, 1))
