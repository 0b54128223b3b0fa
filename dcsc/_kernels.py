"""The numerical inner loops: arrays in, arrays out, nothing validated, no classes of dcsc.

Dense data go through matrix products on blocks that stay in the cache. Sparse data, which codes
are by nature, go through `dcsc._compiled`, entry by entry; what the data is decides.
"""

import math

import numpy as np

from dcsc._arrays import Array
from dcsc._grid import Grid
from dcsc._threads import share

_CACHE_BYTES = 2**19
_WORTH_COMPILING = 2**24
_SAMPLES = 4093
# Shares of non-zeros up to which going entry by entry is faster: measured, the break-even lies
# between 3 % (few taps) and over 10 % (many), see benchmarks/side_by_side.py --crossover.
_SPARSE_CODES = 0.05
_SPARSE_SIGNALS = 0.08


def correlate(signals: Array, filters: Array, grid: Grid) -> Array:
    """Correlate ``(batch, c, *extent)`` with taps ``(n, c, *kernel)``: the analysis."""
    work = signals.size * filters.size // filters.shape[1] // math.prod(grid.stride)
    if work > _WORTH_COMPILING and _is_sparse(signals, _SPARSE_SIGNALS, grid):
        from dcsc import _compiled  # noqa: PLC0415  # compiling is left until it pays

        return _compiled.gather(signals, filters, grid)
    return correlate_dense(signals, filters, grid)


def spread(codes: Array, filters: Array, grid: Grid) -> Array:
    """Lay taps ``(n, c, *kernel)`` by codes ``(batch, n, *positions)``: the synthesis."""
    work = codes.size * filters.size // filters.shape[0]
    if work > _WORTH_COMPILING and _is_sparse(codes, _SPARSE_CODES, grid):
        from dcsc import _compiled  # noqa: PLC0415  # compiling is left until it pays

        return _compiled.scatter(codes, filters, grid)
    return spread_dense(codes, filters, grid)


def _is_sparse(data: Array, limit: float, grid: Grid) -> bool:
    """Estimate from a few thousand entries whether at most a share ``limit`` is not zero."""
    flat = data.reshape(-1)
    step = max(1, flat.size // _SAMPLES) | 1
    seen = flat[::step]
    return len(grid.extent) <= 2 and bool(np.count_nonzero(seen) <= limit * seen.size)


def correlate_dense(signals: Array, filters: Array, grid: Grid) -> Array:
    """Multiply the filters with patch matrices, block by block of positions."""
    n, c, *kernel = filters.shape
    taps, inner = c * math.prod(kernel), math.prod(grid.positions[1:])
    matrix = filters.reshape(n, taps)
    out = np.empty((len(signals), n, math.prod(grid.positions)), dtype=signals.dtype)
    zeros = any(grid.has_gaps(axis) for axis in range(len(kernel)))
    blocks = list(grid.blocks(_rows(taps * inner * signals.itemsize)))

    def work(start: int, stop: int) -> None:
        buffer = np.empty(taps * inner * max(b - a for a, b in blocks), dtype=signals.dtype)
        for sample, result in zip(signals[start:stop], out[start:stop], strict=True):
            for first, last in blocks:
                slab = _slab(sample, grid, first, last, zeros)
                columns = inner * (last - first)
                patches = buffer[: taps * columns].reshape(taps, columns)
                view = _patch_view(slab, grid, last - first)
                np.copyto(patches.reshape(view.shape), view)
                np.matmul(matrix, patches, out=result[:, first * inner : last * inner])

    share(work, len(signals), _least_samples(2 * out[:1].size * taps))
    return out.reshape(len(signals), n, *grid.positions)


def spread_dense(codes: Array, filters: Array, grid: Grid) -> Array:
    """Multiply the codes with the filters' taps and add up what they lay on each sample."""
    n, c, *kernel = filters.shape
    taps, inner = c * math.prod(kernel), math.prod(grid.positions[1:])
    matrix = filters.reshape(n, taps).T
    out = np.zeros((len(codes), c, *grid.extent), dtype=codes.dtype)
    blocks = list(grid.blocks(_rows(taps * inner * codes.itemsize)))
    flat = codes.reshape(len(codes), n, -1)

    def work(start: int, stop: int) -> None:
        for code, result in zip(flat[start:stop], out[start:stop], strict=True):
            for first, last in blocks:
                slab = np.zeros((c, *grid.slab_shape(first, last)), dtype=codes.dtype)
                laid = matrix @ code[:, first * inner : last * inner]
                view = _patch_view(slab, grid, last - first)
                laid = laid.reshape(view.shape)
                for tap in np.ndindex(*kernel):
                    view[:, *tap] += laid[:, *tap]
                for inside, samples in grid.pieces(first, last):
                    result[:, *samples] += slab[:, *inside]

    share(work, len(codes), _least_samples(2 * flat[:1].size * taps))
    return out


def _rows(row_bytes: int) -> int:
    """Return how many rows of patches fit the cache."""
    return max(1, _CACHE_BYTES // max(row_bytes, 1))


def _least_samples(flops: int) -> int:
    """Return how many samples are worth a thread of their own."""
    return max(1, 2**20 // max(flops, 1))


def _slab(sample: Array, grid: Grid, first: int, last: int, zeros: bool) -> Array:
    """Return the padded rows that positions ``[first, last)`` see."""
    make = np.zeros if zeros else np.empty
    slab = make((len(sample), *grid.slab_shape(first, last)), dtype=sample.dtype)
    for inside, samples in grid.pieces(first, last):
        slab[:, *inside] = sample[:, *samples]
    return slab


def _patch_view(slab: Array, grid: Grid, rows: int) -> Array:
    """Return a view ``(c, *kernel, rows, *positions[1:])`` of what each tap sees."""
    channel, *steps = slab.strides
    strides = (
        channel,
        *steps,
        *(step * stride for step, stride in zip(steps, grid.stride, strict=True)),
    )
    shape = (len(slab), *grid.kernel, rows, *grid.positions[1:])
    return np.lib.stride_tricks.as_strided(slab, shape, strides)


def sliding_reduce(line: Array, length: int, ufunc: np.ufunc) -> Array:
    """Reduce every run of ``length`` entries of the last axis.

    Running reductions forwards and backwards inside blocks of ``length`` are joined in pairs
    (van Herk 1992, Gil and Werman 1993): linear in the array, whatever the length, and without
    the cancellation of a difference of running sums.
    """
    runs = line.shape[-1] - length + 1
    if length == 1:
        return line
    blocks = math.ceil(line.shape[-1] / length)
    filler = np.zeros((*line.shape[:-1], blocks * length - line.shape[-1]), dtype=line.dtype)
    cut = np.concatenate([line, filler], axis=-1).reshape((*line.shape[:-1], blocks, length))
    joined = (*line.shape[:-1], blocks * length)
    forwards = ufunc.accumulate(cut, axis=-1).reshape(joined)
    backwards = ufunc.accumulate(cut[..., ::-1], axis=-1)[..., ::-1].reshape(joined)
    out = ufunc(backwards[..., :runs], forwards[..., length - 1 : length - 1 + runs])
    out[..., ::length] = backwards[..., :runs:length]
    return np.asarray(out)
