"""PyTorch's layers as operations: what has windows, weights or statistics."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dcsc._arrays import Shape
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import (
    OPSET,
    Call,
    Step,
    Translation,
    batched,
    demand,
    reshaped,
    static,
)

__all__ = ["LAYERS"]


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


def _conv(call: Call) -> Operation | Step:
    weight = call.weight("weight")
    assert weight is not None
    axes = weight.ndim - 2
    batched(call, weight.ndim)
    geometry = _sliding(call, axes)
    if call["padding"] == "same":
        spans = [(n - 1) * d for n, d in zip(weight.shape[2:], geometry["dilation"], strict=True)]
        geometry["padding"] = tuple((span // 2, span - span // 2) for span in spans)
    if axes < 3:
        return ops.Convolve(weight, call.weight("bias"), groups=call["groups"], **geometry)
    demand(not isinstance(call["padding"], str), "it pads so that sizes stay, over three axes")
    how = {"group": call["groups"], "pads": geometry["padding"] * 2}
    how |= {"strides": geometry["stride"], "dilations": geometry["dilation"]}
    inputs = [call[name] for name in ("input", "weight", "bias") if call[name] is not None]
    return Step.of(ops.Foreign("Conv", OPSET, how, tuple(range(len(inputs)))), *inputs)


def _conv_transpose(call: Call) -> Operation:
    weight = call.weight("weight")
    assert weight is not None
    axes = weight.ndim - 2
    demand(axes in (1, 2), f"its filters have {axes} spatial axes, not one or two")
    batched(call, weight.ndim)
    extra = _per_axis(call["output_padding"], axes)
    more = {"groups": call["groups"], "extra": extra}
    return ops.ConvolveTransposed(weight, call.weight("bias"), **more, **_sliding(call, axes))


def _pool(kind: Callable[..., Operation]) -> Translation:
    def translate(call: Call) -> Operation | Step:
        axes = int(call.node.target.overloadpacket.__name__.split("pool")[1][0])
        batched(call, axes + 2)
        kernel = _per_axis(call["kernel_size"], axes)
        geometry = {"stride": kernel} | {k: v for k, v in _sliding(call, axes).items() if v}
        if axes == 3:
            return _along_depth(call, kind, kernel, geometry)
        if "count_include_pad" in call.arguments:
            geometry["count_padding"] = call["count_include_pad"]
        if (divisor := call.get("divisor_override")) is None:
            return kind(kernel, ceil=call["ceil_mode"], **geometry)
        demand(not call["ceil_mode"], "it divides by a number of its own")
        sums = kind(kernel, **geometry | {"count_padding": True})
        factor = np.array(math.prod(kernel) / divisor, call.dtype)
        return Step.of(ops.Elementwise("Mul"), Step.of(sums, call.data), factor)

    return translate


def _along_depth(
    call: Call, kind: Callable[..., Operation], kernel: Shape, geometry: dict[str, Any]
) -> Step:
    """Return a pooling over three axes that has windows along the first alone."""
    padding = _per_axis(geometry.get("padding", 0), 3)
    flat = {kernel[1:], geometry["stride"][1:], _per_axis(geometry.get("dilation", 1), 3)[1:]}
    demand(flat == {(1, 1)} and not any(padding[1:]), "it has 3 spatial axes, not one or two")
    demand(not any(call.get(name) for name in ("divisor_override", "ceil_mode")), "it has 3 axes")
    batch, channels, depth, *extent = static(call.incoming())
    together = ops.Reshape((batch, channels, depth, math.prod(extent)))
    along = {"stride": (geometry["stride"][0], 1), "padding": (padding[0], 0)}
    if "count_include_pad" in call.arguments:
        along["count_padding"] = call["count_include_pad"]
    pool = kind((kernel[0], 1), **along)
    return Step((together, pool, reshaped(call)), (call.data,))


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
