"""PyTorch's samples on other grids as operations: interpolation, and pooling to a size."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch

from dcsc._arrays import Array
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import Call, Step, Translation, batched, demand

__all__ = ["GRIDS"]


def _matrices(call: Call, matrices: list[Array]) -> Step:
    """Return the product of each spatial axis and a matrix."""
    rank = len(matrices) + 2
    steps: list[Operation] = []
    for axis, matrix in enumerate(matrices, start=2):
        order = list(range(rank))
        order[axis], order[-1] = order[-1], order[axis]
        turn = ops.Transpose(tuple(order))
        steps += [turn, ops.Linear(matrix.astype(call.dtype)), turn]
    return Step(tuple(steps), (call.data,))


# ---- pooling to a size ---------------------------------------------------------------------------


def _windows(n: int, size: int) -> list[slice]:
    """Return the windows of a pooling to a size: i is from ⌊i n / m⌋ up to ⌈(i + 1) n / m⌉."""
    return [slice(i * n // size, -(-(i + 1) * n // size)) for i in range(size)]


def _adaptive(
    pool: Callable[..., Operation],
    everything: Operation,
    uneven: Callable[[Call, list[list[slice]]], Step],
) -> Translation:
    def translate(call: Call) -> Operation | Step:
        sizes = call["output_size"]
        batched(call, len(sizes) + 2)
        demand(len(sizes) < 3, "it has 3 spatial axes, not one or two")
        extent = call.incoming()[2:]
        if set(sizes) == {1}:
            return everything
        if any(n % size for n, size in zip(extent, sizes, strict=True)):
            return uneven(call, list(itertools.starmap(_windows, zip(extent, sizes, strict=True))))
        kernel = tuple(n // size for n, size in zip(extent, sizes, strict=True))
        return pool(kernel, stride=kernel)

    return translate


def _means(call: Call, windows: list[list[slice]]) -> Step:
    matrices = []
    for n, line in zip(call.incoming()[2:], windows, strict=True):
        matrix = np.zeros((len(line), n))
        for row, window in zip(matrix, line, strict=True):
            row[window] = 1 / (window.stop - window.start)
        matrices.append(matrix)
    return _matrices(call, matrices)


def _largest(call: Call, windows: list[list[slice]]) -> Step:
    step = call.data
    for axis, line in enumerate(windows, start=2):
        largest = ops.Reduce("Max", (axis,))
        cuts = [ops.Slice(((w.start,), (w.stop,), (axis,), (1,))) for w in line]
        step = Step.of(ops.Concatenate(axis), *(Step((cut, largest), (step,)) for cut in cuts))
    return step


# ---- interpolation -------------------------------------------------------------------------------


def _nearest(call: Call) -> Operation | Step:
    before, after = call.incoming()[2:], call.shape[2:]
    if not any(m % n for n, m in zip(before, after, strict=True)) and not _scaled(call):
        return ops.Repeat((1, 1, *(m // n for n, m in zip(before, after, strict=True))))
    step = call.data
    for axis, matrix in enumerate(_weights(call), start=2):
        step = Step.of(ops.Gather(axis), step, matrix.argmax(axis=1))
    return step


def _scaled(call: Call) -> bool:
    """Return whether a scale is told that the sizes do not tell."""
    sizes = zip(call.incoming()[2:], call.shape[2:], strict=True)
    scales = zip(_scales(call), sizes, strict=True)
    return any(scale is not None and scale * n != m for scale, (n, m) in scales)


def _interpolated(call: Call) -> Step:
    return _matrices(call, list(_weights(call)))


def _scales(call: Call) -> tuple[float | None, ...]:
    axes = len(call.incoming()) - 2
    listed = call.get("scale_factors")
    if listed is None and axes == 1:
        return (call.get("scales"),)
    return tuple(listed) if listed else (call.get("scales_h"), call.get("scales_w"))[:axes]


def _weights(call: Call) -> Iterator[Array]:
    """Yield for each axis the matrix of an interpolation: what PyTorch makes of unit vectors."""
    before, after = call.incoming()[2:], call.shape[2:]
    demand(all(isinstance(n, int) for n in (*before, *after)), "its sizes are computed")
    call.asked.add("output_size")
    more = [call["align_corners"]] if "align_corners" in call.arguments else []
    scales, axes = _scales(call), len(before)
    for axis, (n, m) in enumerate(zip(before, after, strict=True)):
        # Along the other axis all is alike. It has two entries: with one, PyTorch 2.13 repeats the
        # first row of what it makes against aliasing.
        here = tuple(axis == other for other in range(axes))
        units = torch.eye(n, dtype=torch.float64).reshape(1, n, *(n if h else 1 for h in here))
        units = units.expand(1, n, *(n if h else 2 for h in here)).contiguous()
        size = [m if h else 2 for h in here]
        told = [scale if h else None for scale, h in zip(scales, here, strict=True)]
        made = call.node.target.overloadpacket.default(units, size, *more, *told)[0].numpy()
        yield np.moveaxis(made, axis + 1, 1).reshape(n, m, -1)[:, :, 0].T


_NEAREST = ("upsample_nearest", "_upsample_nearest_exact")
_SMOOTH = (
    *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d"),
    *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
)

GRIDS: dict[str, Translation] = {
    **{
        f"adaptive_avg_pool{n}d": _adaptive(ops.AveragePool, ops.GlobalAveragePool(), _means)
        for n in (1, 2)
    },
    **{
        f"adaptive_max_pool{n}d": _adaptive(ops.MaxPool, ops.GlobalMaxPool(), _largest)
        for n in (1, 2)
    },
    **{f"{kind}{n}d": _nearest for kind in _NEAREST for n in (1, 2)},
    **dict.fromkeys(_SMOOTH, _interpolated),
}
