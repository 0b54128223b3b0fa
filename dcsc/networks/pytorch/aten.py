"""PyTorch's operators, by name, as operations.

A new one is a function from a `Call` to an operation on its first argument, or to a `Step`, and a
line in `TRANSLATIONS`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import Call, Step, demand, reshaped, static
from dcsc.networks.pytorch.layers import LAYERS, Translation

__all__ = ["translated"]

_OPSET = 18  # of the operators that the package onnx runs
# Arguments that the shape or the dtype of the result tells too, and what only training asks for.
_DECIDED = {
    **{"view": ("size",), "reshape": ("shape",), "_unsafe_view": ("size",)},
    **{"flatten": ("start_dim", "end_dim"), "unflatten": ("dim", "sizes")},
    **dict.fromkeys(("squeeze", "unsqueeze"), ("dim",)),
    **dict.fromkeys(("_to_copy", "to"), ("dtype", "other")),
    **dict.fromkeys(("zeros", "ones", "full"), ("dtype",)),
    **dict.fromkeys(
        ("upsample_nearest1d", "upsample_nearest2d"),
        ("output_size", "scale_factors", "scales", "scales_h", "scales_w"),
    ),
    "embedding": ("padding_idx",),
    "instance_norm": ("running_mean", "running_var"),
}


def translated(call: Call) -> Step:
    """Return the step that a call is.

    Raises
    ------
    NotCoveredError
        If no operation does this.
    """
    name = call.node.target.overloadpacket.__name__
    if name not in TRANSLATIONS:
        raise NotCoveredError("no operation of dcsc does this")
    call.asked.update(_DECIDED.get(name, ()))
    made = TRANSLATIONS[name](call)
    for argument in call.unheeded():
        raise NotCoveredError(f"its {argument} is not known")
    return made if isinstance(made, Step) else Step.of(made, call.data)


# ---- number by number ----------------------------------------------------------------------------


def _bounded(low: str, high: str) -> Translation:
    def translate(call: Call) -> Operation:
        bounds = [call.get(low), call.get(high)]
        demand(all(b is None or isinstance(b, int | float) for b in bounds), "its bounds are data")
        demand(call.keeps_dtype, "it makes other numbers of integers")
        return ops.Clip(*(None if b is None else float(b) for b in bounds))

    return translate


def _elu(call: Call) -> Operation:
    demand(call["scale"] == 1 and call["input_scale"] == 1, "it scales what it sees")
    return ops.Elu(call["alpha"])


def _gelu(call: Call) -> Operation:
    return ops.Gelu() if call["approximate"] == "none" else ops.TanhGelu()


def _softplus(call: Call) -> Operation:
    # Above its threshold it is z itself, which differs by exp(−threshold).
    demand(call["beta"] == 1 and call["threshold"] >= 20, "it scales what it sees")
    return ops.Softplus()


def _along(operation: Callable[[int], Operation]) -> Translation:
    def translate(call: Call) -> Operation:
        (axis,) = call.axes("dim", len(call.shape))
        return operation(axis)

    return translate


def _prelu(call: Call) -> Operation:
    slopes = call.weight("weight")
    assert slopes is not None
    return ops.PRelu(slopes.reshape(-1))


def _foreign(kind: str, **attributes: str) -> Translation:
    """Return a translation to an operator that the package onnx runs, by its attributes."""

    def translate(call: Call) -> Operation:
        return ops.Foreign(kind, _OPSET, {key: call[name] for key, name in attributes.items()})

    return translate


def _elementwise(*functions: str) -> Translation:
    """Return a translation to a function of all tensors, and to others of its result."""

    def translate(call: Call) -> Step:
        demand(call.get("alpha", 1) == 1, "it scales what it adds")
        demand(not call.get("rounding_mode") and not call.get("decimals"), "it rounds")
        names = [n for n in call.arguments if n not in ("alpha", "rounding_mode", "decimals")]
        inputs = tuple(call.scalar(call[name]) for name in names)
        whole = call.dtype.kind == "f" and functions[0] == "Div"
        kinds = {v.meta["val"].dtype.is_floating_point for v in inputs if hasattr(v, "meta")}
        demand(not whole or True in kinds, "it divides whole numbers")
        return Step(tuple(map(ops.Elementwise, functions)), inputs)

    return translate


def _square(call: Call) -> Step:
    return Step.of(ops.Elementwise("Mul"), call.data, call.data)


def _reversed_difference(call: Call) -> Step:
    demand(call["alpha"] == 1, "it scales what it subtracts")
    return Step.of(ops.Elementwise("Sub"), call.scalar(call["other"]), call.data)


# ---- arrangement ---------------------------------------------------------------------------------


def _transpose(call: Call) -> Operation:
    order = list(range(len(call.shape)))
    (first,), (second,) = call.axes("dim0", len(order)), call.axes("dim1", len(order))
    order[first], order[second] = second, first
    return ops.Transpose(tuple(order))


def _select(call: Call) -> Step:
    (axis,), index = call.axes("dim", len(call.incoming())), call["index"]
    demand(isinstance(index, int), "its index is computed from the inputs")
    cut = ops.Slice(((index,), (index + 1 or torch.iinfo(torch.int64).max,), (axis,)))
    return Step((cut, ops.Squeeze((axis,))), (call.data,))


def _slice(call: Call) -> Operation:
    start, stop = call["start"] or 0, call["end"]
    stop = torch.iinfo(torch.int64).max if stop is None else stop
    demand(all(isinstance(n, int) for n in (start, stop)), "the batch decides where it ends")
    return ops.Slice(((start,), (stop,), call.axes("dim", len(call.shape)), (call["step"],)))


def _sizes(call: Call, name: str) -> Any:
    """Return a shape that an operator is told: an array, or a step where the batch decides."""
    sizes = list(call[name])
    if all(isinstance(size, int) for size in sizes):
        return np.array(sizes, np.int64)
    parts: list[Any] = []
    for size in sizes:
        known = isinstance(size, int)
        read = known or size.target is torch.ops.aten.sym_size.int
        demand(read, "the batch decides its shape")
        parts.append(
            np.array([size], np.int64)
            if known
            else Step.of(ops.ShapeOf(size.args[1], size.args[1] + 1), size.args[0])
        )
    return Step.of(ops.Concatenate(0), *parts)


def _expand(call: Call) -> Step:
    before = call.incoming()
    sizes = [1 if size == -1 else size for size in call["size"]]  # as it was
    demand(len(before) <= len(sizes), "it has fewer axes than its data")
    call.arguments["size"] = sizes
    return Step.of(ops.Expand(), call.data, _sizes(call, "size"))


def _filled(name: str, value: float | None = None) -> Translation:
    def translate(call: Call) -> Step:
        number = call["fill_value"] if value is None else value
        return Step.of(ops.Fill(np.array(number, call.dtype)), _sizes(call, name))

    return translate


def _cat(call: Call) -> Step:
    return Step.of(ops.Concatenate(*call.axes("dim", len(call.shape))), *call["tensors"])


def _stack(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.shape))
    put = ops.Unsqueeze((axis,))
    return Step.of(ops.Concatenate(axis), *(Step.of(put, one) for one in call["tensors"]))


def _cast(call: Call) -> Operation:
    return ops.Cast(call.dtype)


def _pixel_shuffle(call: Call) -> Step:
    *_, height, width = call.incoming()
    (batch, channels, *_), factor = static(call.shape), call["upscale_factor"]
    apart = ops.Reshape((batch, channels, factor, factor, height, width))
    return Step((apart, ops.Transpose((0, 1, 4, 2, 5, 3)), reshaped(call)), (call.data,))


def _largest_or(function: str) -> Translation:
    """Return a translation to the largest entry of one tensor, or of two, number by number."""
    one, two = _reduce(function), _elementwise(function)
    return lambda call: (two if "other" in call.arguments else one)(call)


def _reduce(function: str, everything: Operation | None = None) -> Translation:
    def translate(call: Call) -> Operation:
        rank = len(call.incoming())
        axes = call.axes("dim", rank) if "dim" in call.arguments else tuple(range(rank))
        keep = bool(call.get("keepdim", False))
        if everything is not None and keep and rank > 2 and sorted(axes) == list(range(2, rank)):
            return everything
        return ops.Reduce(function, axes, keep)

    return translate


def _arg_max(call: Call) -> Operation:
    demand(call["dim"] is not None, "it looks at all entries")
    (axis,) = call.axes("dim", len(call.incoming()))
    return ops.ArgMax(axis, bool(call["keepdim"]))


def _gather(axis: str, indices: str, operation: Callable[[int], Operation]) -> Translation:
    def translate(call: Call) -> Step:
        place = call.axes(axis, len(call.incoming()))[0] if axis else 0
        return Step.of(operation(place), call.data, call[indices])

    return translate


def _plain(operation: Callable[..., Operation], **names: str) -> Translation:
    """Return a translation that hands arguments on, ``field=argument``."""
    return lambda call: operation(**{field: call[name] for field, name in names.items()})


TRANSLATIONS: dict[str, Translation] = {
    **LAYERS,
    "relu": _plain(ops.Relu),
    "leaky_relu": _plain(ops.LeakyRelu, slope="negative_slope"),
    "hardtanh": _bounded("min_val", "max_val"),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max"), _bounded("min", "max")),
    "elu": _elu,
    "gelu": _gelu,
    "silu": _plain(ops.Silu),
    "sigmoid": _plain(ops.Sigmoid),
    "hardsigmoid": lambda call: ops.HardSigmoid(1 / 6, 0.5),
    "hardswish": _plain(ops.HardSwish),
    "tanh": _plain(ops.Tanh),
    "softplus": _softplus,
    "softmax": _along(ops.Softmax),
    "log_softmax": _along(ops.LogSoftmax),
    "mish": _foreign("Mish"),
    "selu": _foreign("Selu"),
    "celu": _foreign("Celu", alpha="alpha"),
    "prelu": _prelu,
    **{
        name: _elementwise(function)
        for name, function in {
            **{"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "neg": "Neg"},
            **{
                "abs": "Abs",
                "exp": "Exp",
                "log": "Log",
                "sqrt": "Sqrt",
                "reciprocal": "Reciprocal",
            },
            **{"sin": "Sin", "cos": "Cos", "floor": "Floor", "ceil": "Ceil", "sign": "Sign"},
            **{"erf": "Erf", "maximum": "Max", "minimum": "Min", "eq": "Equal", "gt": "Greater"},
            **{"ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual", "where": "Where"},
            **{"logical_and": "And", "logical_or": "Or", "logical_not": "Not", "round": "Round"},
        }.items()
    },
    "rsqrt": _elementwise("Sqrt", "Reciprocal"),
    "rsub": _reversed_difference,
    "square": _square,
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "flatten", "unflatten"), reshaped),
    **dict.fromkeys(("squeeze", "unsqueeze"), reshaped),
    "permute": lambda call: ops.Transpose(call.axes("dims", len(call.shape))),
    "transpose": _transpose,
    "t": _plain(ops.Transpose),
    **dict.fromkeys(
        ("clone", "detach", "alias", "contiguous", "lift_fresh_copy"), _plain(ops.Identity)
    ),
    **dict.fromkeys(("_to_copy", "to"), _cast),
    "select": _select,
    "slice": _slice,
    "expand": _expand,
    "zeros": _filled("size", 0),
    "ones": _filled("size", 1),
    "full": _filled("size"),
    "cat": _cat,
    "stack": _stack,
    "pixel_shuffle": _pixel_shuffle,
    "mean": _reduce("Mean", ops.GlobalAveragePool()),
    "sum": _reduce("Sum"),
    "amax": _reduce("Max", ops.GlobalMaxPool()),
    "amin": _reduce("Min"),
    "max": _largest_or("Max"),
    "min": _largest_or("Min"),
    "argmax": _arg_max,
    "gather": _gather("dim", "index", ops.GatherElements),
    "index_select": _gather("dim", "index", ops.Gather),
    "embedding": _gather("", "indices", ops.Gather),
}
