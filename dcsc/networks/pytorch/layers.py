"""PyTorch's layers as operations: what has windows, weights or statistics."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import Call, Step, demand

__all__ = ["LAYERS", "Translation"]

Translation = Callable[[Call], Operation | Step]


# ---- windows -------------------------------------------------------------------------------------


def _per_axis(value: Any, axes: int) -> tuple[int, ...]:
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return numbers * axes if len(numbers) == 1 else numbers


def _sliding(call: Call, axes: int) -> dict[str, Any]:
    return {
        key: _per_axis(call[key], axes)
        for key in ("stride", "padding", "dilation")
        if not isinstance(call.get(key, "valid"), str)
    }


def _batched(call: Call, rank: int) -> None:
    shape = call.incoming()
    demand(len(shape) == rank, f"its data have {len(shape)} axes, not {rank}: give a batch")


def _conv(call: Call) -> Operation:
    weight = call.weight("weight")
    assert weight is not None
    axes = weight.ndim - 2
    demand(axes in (1, 2), f"its filters have {axes} spatial axes, not one or two")
    _batched(call, weight.ndim)
    geometry = _sliding(call, axes)
    if call["padding"] == "same":
        spans = [(n - 1) * d for n, d in zip(weight.shape[2:], geometry["dilation"], strict=True)]
        geometry["padding"] = tuple((span // 2, span - span // 2) for span in spans)
    return ops.Convolve(weight, call.weight("bias"), groups=call["groups"], **geometry)


def _conv_transpose(call: Call) -> Operation:
    weight = call.weight("weight")
    assert weight is not None
    axes = weight.ndim - 2
    demand(axes in (1, 2), f"its filters have {axes} spatial axes, not one or two")
    _batched(call, weight.ndim)
    extra = _per_axis(call["output_padding"], axes)
    more = {"groups": call["groups"], "extra": extra}
    return ops.ConvolveTransposed(weight, call.weight("bias"), **more, **_sliding(call, axes))


def _pool(kind: Callable[..., Operation]) -> Translation:
    def translate(call: Call) -> Operation:
        axes = int(call.node.target.overloadpacket.__name__.split("pool")[1][0])
        demand(axes < 3, "it has 3 spatial axes, not one or two")
        _batched(call, axes + 2)
        demand(call.get("divisor_override") is None, "it divides by a number of its own")
        kernel = _per_axis(call["kernel_size"], axes)
        geometry = {"stride": kernel} | {k: v for k, v in _sliding(call, axes).items() if v}
        if "count_include_pad" in call.arguments:
            geometry["count_padding"] = call["count_include_pad"]
        return kind(kernel, ceil=call["ceil_mode"], **geometry)

    return translate


def _adaptive(pool: Callable[..., Operation], everything: Operation) -> Translation:
    def translate(call: Call) -> Operation | Step:
        sizes = call["output_size"]
        _batched(call, len(sizes) + 2)
        demand(len(sizes) < 3, "it has 3 spatial axes, not one or two")
        extent = call.incoming()[2:]
        if set(sizes) == {1}:
            return everything
        if any(n % size for n, size in zip(extent, sizes, strict=True)):
            demand(pool is ops.AveragePool, "its windows are not of one size")
            return _uneven_means(call, extent, sizes)
        kernel = tuple(n // size for n, size in zip(extent, sizes, strict=True))
        return pool(kernel, stride=kernel)

    return translate


def _uneven_means(call: Call, extent: tuple[int, ...], sizes: tuple[int, ...]) -> Step:
    """Return means over windows of several sizes, axis by axis, each a matrix."""
    rank = len(sizes) + 2
    steps: list[Operation] = []
    for axis, (n, size) in enumerate(zip(extent, sizes, strict=True), start=2):
        # Window i is from ⌊i n / m⌋ up to ⌈(i + 1) n / m⌉.
        matrix = np.zeros((size, n), call.dtype)
        for i in range(size):
            window = slice(i * n // size, -(-(i + 1) * n // size))
            matrix[i, window] = 1 / (window.stop - window.start)
        order = list(range(rank))
        order[axis], order[-1] = order[-1], order[axis]
        turn = ops.Transpose(tuple(order))
        steps += [turn, ops.Linear(matrix), turn]
    return Step(tuple(steps), (call.data,))


def _nearest(call: Call) -> Operation:
    before, after = call.incoming(), call.shape
    counts = [m // n for n, m in zip(before[2:], after[2:], strict=True)]
    whole = all(n * c == m for n, c, m in zip(before[2:], counts, after[2:], strict=True))
    demand(whole, "it does not repeat samples a whole number of times")
    return ops.Repeat((1, 1, *counts))


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(call: Call) -> Operation:
    flat, rank = call["pad"], len(call.shape)
    pairs = [
        (int(b), int(a)) for b, a in zip(flat[::2], flat[1::2], strict=True)
    ]  # last axis first
    widths = [(0, 0)] * (rank - len(pairs)) + pairs[::-1]
    return ops.Pad(tuple(widths), _MODES[call.get("mode", "constant")], float(call["value"] or 0))


# ---- matrices and norms --------------------------------------------------------------------------


def _linear(call: Call) -> Operation:
    weight = call.weight("weight")
    assert weight is not None
    return ops.Linear(weight, call.weight("bias"))


def _addmm(call: Call) -> Step:
    demand(call["beta"] == 1 and call["alpha"] == 1, "it scales what it adds")
    product = Step.of(ops.MatMul(), call["mat1"], call["mat2"])
    return Step.of(ops.Elementwise("Add"), product, call["self"])


def _batch_norm(call: Call) -> Operation:
    mean, variance = call.weight("running_mean"), call.weight("running_var")
    assert mean is not None
    return _shifted(call, mean, variance)


def _shifted(call: Call, mean: Any, variance: Any) -> Operation:
    gain, offset = call.weight("weight"), call.weight("bias")
    gain = np.ones_like(mean) if gain is None else gain
    offset = np.zeros_like(mean) if offset is None else offset
    return ops.BatchNorm.of(gain, offset, mean, variance, call["eps"])


def _instance_norm(call: Call) -> Operation:
    if not call["use_input_stats"]:
        return _batch_norm(call)
    gain, offset = call.weight("weight"), call.weight("bias")
    ones = np.ones(call.shape[1], call.dtype)
    gain, offset = ones if gain is None else gain, 0 * ones if offset is None else offset
    return ops.InstanceNorm(gain, offset, call["eps"])


def _group_norm(call: Call) -> Operation:
    gain, offset = call.weight("weight"), call.weight("bias")
    ones = np.ones(call.shape[1], call.dtype)
    gain, offset = ones if gain is None else gain, 0 * ones if offset is None else offset
    return ops.GroupNorm(gain, offset, call["num_groups"], call["eps"])


def _layer_norm(call: Call) -> Step:
    rank, over = len(call.shape), len(call["normalized_shape"])
    mean = ops.Reduce("Mean", tuple(range(rank - over, rank)))
    centred = Step.of(ops.Elementwise("Sub"), call.data, Step.of(mean, call.data))
    square = Step((ops.Elementwise("Mul"), mean), (centred, centred))
    variance = Step.of(ops.Elementwise("Add"), square, call.scalar(float(call["eps"])))
    spread = Step.of(ops.Elementwise("Sqrt"), variance)
    step = Step.of(ops.Elementwise("Div"), centred, spread)
    for function, name in (("Mul", "weight"), ("Add", "bias")):
        if call[name] is not None:
            step = Step.of(ops.Elementwise(function), step, call[name])
    return step


_MAX = _pool(ops.MaxPool)
_AVERAGE = _pool(ops.AveragePool)

LAYERS: dict[str, Translation] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _conv_transpose),
    **{f"max_pool{n}d": _MAX for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _MAX for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _AVERAGE for n in (1, 2, 3)},
    **{
        f"adaptive_avg_pool{n}d": _adaptive(ops.AveragePool, ops.GlobalAveragePool())
        for n in (1, 2)
    },
    **{f"adaptive_max_pool{n}d": _adaptive(ops.MaxPool, ops.GlobalMaxPool()) for n in (1, 2)},
    **{f"upsample_nearest{n}d": _nearest for n in (1, 2)},
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    "linear": _linear,
    "addmm": _addmm,
    "matmul": lambda call: Step.of(ops.MatMul(), call.data, call["other"]),
    **dict.fromkeys(("mm", "bmm"), lambda call: Step.of(ops.MatMul(), call.data, call["mat2"])),
    "_native_batch_norm_legit_no_training": _batch_norm,
    "instance_norm": _instance_norm,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
}
