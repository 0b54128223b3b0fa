"""ONNX operators, by name, as operations.

A new one is a function from a `Call` to an operation, or to an operation and the values it
reads, and a line in `TRANSLATIONS`. What is constant in the file may become a field.
"""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import FUNCTIONS, REDUCTIONS, Operation
from dcsc.networks.readers import onnx_arrangement as arrangement
from dcsc.networks.readers.later import Later
from dcsc.networks.readers.onnx_calls import Call, LaterError
from dcsc.networks.readers.onnx_windows import (
    average_pool,
    conv,
    conv_transpose,
    max_pool,
)

__all__ = ["TRANSLATIONS", "Call", "Step", "translated"]

Step = tuple[Operation, tuple[str, ...]]
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
Translation = Callable[[Call], Operation | Step]


def translated(call: Call, result: int = 0) -> Step:
    """Return the operation that makes a result of an operator, and the values that it reads.

    What no operation of dcsc does is left to `Foreign`, if it is on its list; what depends on
    numbers that other steps compute, to the moment when they are there. What takes attributes or
    inputs that the translation does not know is not run: it may mean something else.
    """
    every = tuple(name for name in call.inputs if name)
    reason = ""
    if call.kind in TRANSLATIONS or call.kind == "Split":
        call.asked.update(("consumed_inputs", *_WITHOUT_EFFECT.get(call.kind, ())))
        try:
            step = _own(call, result)
            operation, inputs = step if isinstance(step, tuple) else (step, every)
            for unheeded in call.unheeded(inputs):
                why = f"its {unheeded} is not known in version {call.opset} of the operators"
                return ops.Unread(call.kind, why), every
            return operation, inputs
        except LaterError:
            return Later(attrs.evolve(call, constants={}), result, translated), every
        except NotCoveredError as error:
            reason = str(error)
    places = tuple(place for place, name in enumerate(call.inputs) if name)
    try:
        return ops.Foreign(call.kind, call.opset, call.attributes, places, result), every
    except NotCoveredError as error:
        return ops.Unread(call.kind, reason or str(error)), every


def _own(call: Call, result: int) -> Operation | Step:
    """Return the operation of dcsc, alone if it reads all inputs."""
    if call.kind == "Split":
        return arrangement.split(call, result)
    if result > 0:
        raise NotCoveredError("only its first result is computed")
    return TRANSLATIONS[call.kind](call)


# ---- matrices and norms ----------------------------------------------------------------------


def _gemm(call: Call) -> Step:
    if call.get("transA", 0):
        raise NotCoveredError("its data are transposed")
    weight, bias = call.constant(1), call.optional(2)
    weight = weight if call.get("transB", 0) else weight.T
    factor = call.get("beta", 1.0)
    if bias is not None:
        if bias.ndim > 1 and bias.shape[-2] > 1:
            raise NotCoveredError("its bias is a matrix")
        bias = np.broadcast_to(bias * factor, (1, len(weight)))[0]
    return ops.Linear(weight * call.get("alpha", 1.0), bias), call.inputs[:1]


def _matmul(call: Call) -> Operation | Step:
    if call.runtime(1) or call.constant(1).ndim != 2 or not call.runtime(0):
        return ops.MatMul()
    return ops.Linear(call.constant(1).T), call.inputs[:1]


def _batch_norm(call: Call) -> Step:
    # Before version 7 an attribute told it, and until 14 the number of results.
    tests = call.get("is_test", 0) if call.opset < 7 else call.opset > 13 or len(call.outputs) == 1
    if call.get("training_mode", 0) or not tests:
        raise NotCoveredError("it is in training mode, where the batch decides")
    if not call.get("spatial", 1):
        raise NotCoveredError("it norms every entry by itself, not every channel")
    gain, offset, mean, variance = (call.constant(place) for place in (1, 2, 3, 4))
    epsilon = call.get("epsilon", 1e-5)
    return ops.BatchNorm.of(gain, offset, mean, variance, epsilon), call.inputs[:1]


def _instance_norm(call: Call) -> Step:
    gain, offset = call.constant(1), call.constant(2)
    return ops.InstanceNorm(gain, offset, call.get("epsilon", 1e-5)), call.inputs[:1]


def _dropout(call: Call) -> Step:
    # Before version 7 an attribute told whether it trains, since version 12 an input.
    call.asked.update(("ratio", 1))
    training = not call.get("is_test", 0) if call.opset < 7 else call.optional(2)
    if training and call.number("ratio", 1) != 0:
        raise NotCoveredError("it is in training mode, where chance decides")
    return ops.Identity(), call.inputs[:1]


def _group_norm(call: Call) -> Step:
    gain, offset, groups = call.constant(1), call.constant(2), call.required("num_groups")
    call.asked.add("stash_type")
    if call.opset < 21:
        raise NotCoveredError("before version 21 it scales groups, not channels")
    return ops.GroupNorm(gain, offset, groups, call.get("epsilon", 1e-5)), call.inputs[:1]


# ---- activations -----------------------------------------------------------------------------


def _prelu(call: Call) -> Step:
    slopes = call.constant(1)
    if call.opset < 7:  # one for each channel, whatever the number of axes
        return ops.PRelu(slopes.reshape(-1)), call.inputs[:1]
    shape = slopes.shape[1:] if slopes.shape[:1] == (1,) and slopes.ndim > 1 else slopes.shape
    if slopes.size not in (1, *shape[:1]):  # they differ from place to place
        raise NotCoveredError(f"its slopes have shape {slopes.shape}, not one per channel")
    rank = None if slopes.size == 1 else len(shape) + 1
    return ops.PRelu(slopes.reshape(-1), rank), call.inputs[:1]


def _clip(call: Call) -> Step:
    low, high = call.number("min", 1), call.number("max", 2)
    # The largest numbers of float32 are no bounds.
    low = None if low is not None and low <= -_LARGEST_FLOAT else low
    high = None if high is not None and high >= _LARGEST_FLOAT else high
    return ops.Clip(low, high), call.inputs[:1]


def _softmax(call: Call) -> Operation:
    kind = ops.Softmax if call.kind == "Softmax" else ops.LogSoftmax
    if call.opset < 13:
        return kind(call.get("axis", 1), onward=True)
    return kind(call.get("axis", -1))


def _gelu(call: Call) -> Operation:
    return ops.Gelu() if call.get("approximate", "none") == "none" else ops.TanhGelu()


# ---- whole numbers ---------------------------------------------------------------------------


def _quantize(call: Call) -> Operation:
    if call.get("block_size", 0) or call.get("output_dtype", 0) or call.get("precision", 0):
        raise NotCoveredError("it has units for blocks, or a dtype that no zero point gives")
    zero = call.optional(2)
    return ops.Quantize(call.get("axis", 1), np.uint8 if zero is None else zero.dtype)


def _dequantize(call: Call) -> Operation:
    if call.get("block_size", 0):
        raise NotCoveredError("it has units for blocks")
    return ops.Dequantize(call.get("axis", 1))


def _integers(call: Call) -> Operation:
    raise NotCoveredError("it computes with quantised numbers: give the file before quantisation")


def _cast(call: Call) -> Operation:
    dtype = call.get("to", None)
    if isinstance(dtype, str):
        raise NotCoveredError(f"it rounds to {dtype}")
    return ops.Cast(dtype)


# ---- entry by entry --------------------------------------------------------------------------


def _elementwise(call: Call) -> Operation:
    # Before version 7, axes may be matched from the left.
    if call.opset < 7 and call.get("broadcast", 0) and "axis" in call.attributes:
        return ops.Elementwise(call.kind, call.get("axis", 0))
    return ops.Elementwise(call.kind)


def _plain(operation: Callable[..., Operation], **names: tuple[str, Any]) -> Translation:
    """Return a translation that hands attributes on, ``field=(attribute, default)``."""
    return lambda call: operation(**{field: call.get(*name) for field, name in names.items()})


_QUANTISED = ("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul")

_WITHOUT_EFFECT: dict[str, tuple[str | int, ...]] = {
    **dict.fromkeys(FUNCTIONS, ("broadcast",)),
    "BatchNormalization": ("momentum",),
    **dict.fromkeys(("Cast", "QuantizeLinear"), ("saturate", "round_mode")),
    "Conv": ("kernel_shape",),
    "ConvTranspose": ("kernel_shape",),
    "Dropout": ("seed",),
    "Gemm": ("broadcast",),
    "MaxPool": ("storage_order",),
    "Resize": (
        *("antialias", "cubic_coeff_a", "exclude_outside", "extrapolation_value", 1),
        "keep_aspect_ratio_policy",
    ),
}
"""Attributes, and places of inputs, that change nothing in what is translated."""

TRANSLATIONS: dict[str, Translation] = {
    **dict.fromkeys(_QUANTISED, _integers),
    **dict.fromkeys(FUNCTIONS, _elementwise),
    **dict.fromkeys((f"Reduce{name}" for name in REDUCTIONS), arrangement.reduce),
    "ArgMax": arrangement.arg_max,
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _plain(ops.Concatenate, axis=("axis", 1)),
    "Constant": arrangement.constant,
    "ConstantOfShape": _plain(ops.Fill, value=("value", np.zeros(1, np.float32))),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DequantizeLinear": _dequantize,
    "Dropout": _dropout,
    "Elu": _plain(ops.Elu, slope=("alpha", 1.0)),
    "Expand": _plain(ops.Expand),
    "Flatten": _plain(ops.Flatten, axis=("axis", 1)),
    "Gather": _plain(ops.Gather, axis=("axis", 0)),
    "GatherElements": _plain(ops.GatherElements, axis=("axis", 0)),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _plain(ops.GlobalAveragePool),
    "GlobalMaxPool": _plain(ops.GlobalMaxPool),
    "GroupNormalization": _group_norm,
    "HardSigmoid": _plain(ops.HardSigmoid, slope=("alpha", 0.2), offset=("beta", 0.5)),
    "HardSwish": _plain(ops.HardSwish),
    "Identity": _plain(ops.Identity),
    "InstanceNormalization": _instance_norm,
    "LRN": _plain(
        ops.LocalResponseNorm,
        size=("size", None),
        alpha=("alpha", 1e-4),
        beta=("beta", 0.75),
        bias=("bias", 1.0),
    ),
    "LeakyRelu": _plain(ops.LeakyRelu, slope=("alpha", 0.01)),
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": max_pool,
    "PRelu": _prelu,
    "Pad": arrangement.pad,
    "QuantizeLinear": _quantize,
    "Range": _plain(ops.Range),
    "Relu": _plain(ops.Relu),
    "Reshape": arrangement.reshape,
    "Resize": arrangement.resize,
    "ScatterElements": arrangement.scatter,
    "Shape": _plain(ops.ShapeOf, start=("start", 0), stop=("end", None)),
    "Sigmoid": _plain(ops.Sigmoid),
    "Slice": arrangement.slice_,
    "Softmax": _softmax,
    "Softplus": _plain(ops.Softplus),
    "Squeeze": arrangement.squeeze,
    "Tanh": _plain(ops.Tanh),
    "TopK": arrangement.top_k,
    "Transpose": arrangement.transpose,
    "Unsqueeze": arrangement.unsqueeze,
    "Upsample": arrangement.upsample,
}
