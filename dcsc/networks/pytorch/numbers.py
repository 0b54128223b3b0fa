"""PyTorch's functions of numbers, entry by entry, as operations."""

import math
from collections.abc import Callable
from typing import Any

from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import OPSET, Call, Step, Translation, demand, foreign, plain

__all__ = ["NUMBERS", "elementwise"]


# ---- activations ---------------------------------------------------------------------------------


def _bounded(low: str, high: str) -> Translation:
    def translate(call: Call) -> Operation | Step:
        bounds = [call.get(low), call.get(high)]
        demand(call.keeps_dtype, "it makes other numbers of integers")
        if all(b is None or isinstance(b, int | float) for b in bounds):
            return ops.Clip(*(None if b is None else float(b) for b in bounds))
        step = call.data
        for function, bound in zip(("Max", "Min"), bounds, strict=True):
            if bound is not None:
                step = Step.of(ops.Elementwise(function), step, call.scalar(bound))
        return step

    return translate


def _elu(call: Call) -> Step:
    demand(call["input_scale"] == 1, "it scales what it sees")
    return _times(call, Step.of(ops.Elu(call["alpha"]), call.data), call["scale"])


def _gelu(call: Call) -> Operation:
    return ops.Gelu() if call["approximate"] == "none" else ops.TanhGelu()


def _softplus(call: Call) -> Step:
    # log(1 + exp(βz)) / β; above its threshold it is z itself, which differs by exp(−threshold).
    demand(call["threshold"] >= 20, "its threshold is seen")
    rate = call["beta"]
    return _times(call, Step.of(ops.Softplus(), _times(call, call.data, rate)), 1 / rate)


def _prelu(call: Call) -> Operation:
    slopes = call.weight("weight")
    assert slopes is not None
    return ops.PRelu(slopes.reshape(-1))


def _rrelu(call: Call) -> Operation:
    demand(not call["training"], "it is random")
    return ops.LeakyRelu((call["lower"] + call["upper"]) / 2)


def _along(operation: Callable[[int], Operation]) -> Translation:
    def translate(call: Call) -> Operation:
        (axis,) = call.axes("dim", len(call.shape))
        return operation(axis)

    return translate


# ---- functions -----------------------------------------------------------------------------------


def elementwise(*functions: str) -> Translation:
    """Return a translation to a function of all tensors, and to others of its result."""

    def translate(call: Call) -> Step:
        inputs = [call.scalar(call[name]) for name in call.arguments if name != "alpha"]
        if (factor := call.get("alpha", 1)) != 1:
            inputs[1] = _times(call, inputs[1], factor)
        return Step(tuple(map(ops.Elementwise, functions)), tuple(inputs))

    return translate


def _times(call: Call, value: Any, factor: float) -> Any:
    """Return a value times a number; times 1 it is itself."""
    if factor == 1:
        return value
    return Step.of(ops.Elementwise("Mul"), value, call.scalar(factor))


def _chain(*parts: str | tuple[str, float]) -> Translation:
    """Return a translation to functions one after the other, some with a second number."""

    def translate(call: Call) -> Step:
        demand(call.keeps_dtype, "it makes other numbers of integers")
        step = call.data
        for part in parts:
            function, *others = (part,) if isinstance(part, str) else part
            step = Step.of(ops.Elementwise(function), step, *map(call.scalar, others))
        return step

    return translate


def _on_bits(*functions: str) -> Translation:
    def translate(call: Call) -> Step:
        demand(call.dtype.kind == "b", "it acts on the bits of numbers")
        return elementwise(*functions)(call)  # type: ignore[return-value]

    return translate


def _divide(call: Call) -> Step:
    left, right = call.data, call.scalar(call["other"])
    mode = call.get("rounding_mode")
    if mode == "floor":
        return _floor_divide(call)
    floating = {v.meta["val"].dtype.is_floating_point for v in (left, right) if hasattr(v, "meta")}
    demand(call.dtype.kind != "f" or True in floating, "it divides whole numbers")
    share = Step.of(ops.Elementwise("Div"), left, right)
    return share if mode is None else _cut(share)


def _cut(value: Any) -> Step:
    """Return a value without its fraction."""
    size = Step((ops.Elementwise("Abs"), ops.Elementwise("Floor")), (value,))
    return Step.of(ops.Elementwise("Mul"), Step.of(ops.Elementwise("Sign"), value), size)


def _cut_remainder(call: Call) -> Step:
    """Return what is left of a division that rounds towards zero."""
    cut = ops.Foreign("Mod", OPSET, {"fmod": 1}, (0, 1))
    return Step.of(cut, call.data, call.scalar(call["other"]))


def _remainder(call: Call) -> Step:
    """Return what is left of a division that rounds down: it has the sign of the divisor."""
    rest, other = _cut_remainder(call), call.scalar(call["other"])
    zero = call.scalar(0)
    product = Step.of(ops.Elementwise("Mul"), rest, Step.of(ops.Elementwise("Sign"), other))
    below = Step.of(ops.Elementwise("Less"), product, zero)
    lifted = Step.of(ops.Elementwise("Add"), rest, other)
    return Step.of(ops.Elementwise("Where"), below, lifted, rest)


def _floor_divide(call: Call) -> Step:
    # A quotient that is rounded first may lie a whole number too high.
    whole = Step.of(ops.Elementwise("Sub"), call.data, _remainder(call))
    share = (ops.Elementwise("Div"), ops.Elementwise("Round"))
    return Step(share, (whole, call.scalar(call["other"])))


def _round(call: Call) -> Step:
    unit = 10.0 ** call.get("decimals", 0)
    rounded = Step.of(ops.Elementwise("Round"), _times(call, call.data, unit))
    return rounded if unit == 1 else Step.of(ops.Elementwise("Div"), rounded, call.scalar(unit))


def _square(call: Call) -> Step:
    return Step.of(ops.Elementwise("Mul"), call.data, call.data)


def _reversed_difference(call: Call) -> Step:
    taken = _times(call, call.data, call["alpha"])
    return Step.of(ops.Elementwise("Sub"), call.scalar(call["other"]), taken)


def _complement(call: Call) -> Step:
    return Step.of(
        ops.Elementwise("Sub"), call.scalar(1), Step.of(ops.Elementwise("Erf"), call.data)
    )


def _power_of_two(call: Call) -> Step:
    return Step.of(ops.Elementwise("Pow"), call.scalar(2), call.data)


NUMBERS: dict[str, Translation] = {
    "relu": plain(ops.Relu),
    "leaky_relu": plain(ops.LeakyRelu, slope="negative_slope"),
    "rrelu": _rrelu,
    "prelu": _prelu,
    "hardtanh": _bounded("min_val", "max_val"),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max"), _bounded("min", "max")),
    "elu": _elu,
    "gelu": _gelu,
    "silu": plain(ops.Silu),
    "sigmoid": plain(ops.Sigmoid),
    "hardsigmoid": lambda call: ops.HardSigmoid(1 / 6, 0.5),
    "hardswish": plain(ops.HardSwish),
    "tanh": plain(ops.Tanh),
    "softplus": _softplus,
    "softmax": _along(ops.Softmax),
    "log_softmax": _along(ops.LogSoftmax),
    "mish": foreign("Mish"),
    "celu": foreign("Celu", alpha="alpha"),
    **{
        name: elementwise(function)
        for name, function in {
            **{"add": "Add", "sub": "Sub", "mul": "Mul", "pow": "Pow", "neg": "Neg", "abs": "Abs"},
            **{"exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal"},
            **{"sin": "Sin", "cos": "Cos", "floor": "Floor", "ceil": "Ceil", "sign": "Sign"},
            **{"erf": "Erf", "maximum": "Max", "minimum": "Min", "eq": "Equal", "gt": "Greater"},
            **{"ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual", "where": "Where"},
            **{"logical_and": "And", "logical_or": "Or", "logical_not": "Not"},
        }.items()
    },
    **{
        name: foreign(name.capitalize())
        for name in ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "sinh", "tan")
    },
    "ne": elementwise("Equal", "Not"),
    "rsqrt": elementwise("Sqrt", "Reciprocal"),
    "bitwise_and": _on_bits("And"),
    "bitwise_or": _on_bits("Or"),
    "bitwise_xor": _on_bits("Equal", "Not"),
    "bitwise_not": _on_bits("Not"),
    "logical_xor": _on_bits("Equal", "Not"),
    # As PyTorch's exporter to ONNX writes them.
    "expm1": _chain("Exp", ("Sub", 1)),
    "log1p": _chain(("Add", 1), "Log"),
    "log2": _chain("Log", ("Div", math.log(2))),
    "log10": _chain("Log", ("Div", math.log(10))),
    "exp2": _power_of_two,
    "erfc": _complement,
    "isnan": foreign("IsNaN"),
    "isinf": foreign("IsInf"),
    "trunc": lambda call: _cut(call.data),
    "round": _round,
    "div": _divide,
    "fmod": _cut_remainder,
    "remainder": _remainder,
    "floor_divide": _floor_divide,
    "rsub": _reversed_difference,
    "square": _square,
}
