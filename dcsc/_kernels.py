"""The numerical inner loops: arrays in, arrays out, nothing validated, no classes of dcsc."""

import math
from typing import Any

import numpy as np

from dcsc._arrays import Array, Shape

_BLOCK_BYTES = 2**24


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
    forwards = ufunc.accumulate(cut, axis=-1).reshape((*line.shape[:-1], -1))
    backwards = ufunc.accumulate(cut[..., ::-1], axis=-1)[..., ::-1].reshape(forwards.shape)
    out = ufunc(backwards[..., :runs], forwards[..., length - 1 : length - 1 + runs])
    out[..., ::length] = backwards[..., :runs:length]
    return np.asarray(out)


def correlate(signals: Array, filters: Array, stride: Shape) -> Array:
    """Correlate ``(batch, c, *extent)`` with ``(n, c, *kernel)`` where the kernel fits."""
    n, c, *kernel = filters.shape
    axes = tuple(range(2, signals.ndim))
    view = np.lib.stride_tricks.sliding_window_view(signals, kernel, axes)
    view = view[:, :, *(slice(None, None, step) for step in stride)]
    positions = view.shape[2 : 2 + len(kernel)]
    patches = np.moveaxis(view, range(2, 2 + len(kernel)), range(-len(kernel), 0))
    taps, places = c * math.prod(kernel), math.prod(positions)
    matrix = filters.reshape(n, taps)
    out = np.empty((len(signals), n, places), dtype=signals.dtype)
    block = max(1, _BLOCK_BYTES // max(taps * places * signals.itemsize, 1))
    for start in range(0, len(signals), block):
        some = patches[start : start + block]
        np.matmul(matrix, some.reshape(len(some), taps, places), out=out[start : start + block])
    return out.reshape(len(signals), n, *positions)


def correlate_adjoint(codes: Array, filters: Array, stride: Shape, extent: Shape) -> Array:
    """Spread ``(batch, n, *positions)`` over ``(batch, c, *extent)``: correlate's transpose."""
    n, c, *kernel = filters.shape
    positions = codes.shape[2:]
    flat = codes.reshape(len(codes), n, -1)
    out = np.zeros((len(codes), c, *extent), dtype=codes.dtype)
    for tap in np.ndindex(*kernel):
        places: tuple[Any, ...] = tuple(
            slice(start, start + step * (count - 1) + 1, step)
            for start, step, count in zip(tap, stride, positions, strict=True)
        )
        matrix = np.ascontiguousarray(filters[:, :, *tap].T)
        out[:, :, *places] += np.matmul(matrix, flat).reshape(len(codes), c, *positions)
    return out
