"""ONNX operators, by name, as operations.

A new one is a function from a `Call` to an operation, or to an operation and the values it
reads, and a line in `TRANSLATIONS`. What is constant in the file may become a field.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import FUNCTIONS, REDUCTIONS, Operation

__all__ = ["TRANSLATIONS", "Call", "Step", "translated"]

Step = tuple[Operation, tuple[str, ...]]


@attrs.frozen
class Call:
    """An ONNX operator where it is used.

    Parameters
    ----------
    kind : str
    inputs, outputs : tuple of str
        Names of values; an optional input that is left out is empty.
    attributes : mapping
        Numbers, lists of them, strings, and arrays where ONNX has tensors.
    constants : mapping of str to array
        The values that are known from the file.
    opset : int
        The version of ONNX' operators.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    constants: Mapping[str, Array]
    opset: int

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or the default."""
        return self.attributes.get(name, default)

    def optional(self, place: int) -> Array | None:
        """Return an input that has to be known from the file, or None if it is left out."""
        name = self.inputs[place] if place < len(self.inputs) else ""
        if name and name not in self.constants:
            raise NotCoveredError(f"its input {quoted(name)} is computed at run time")
        return self.constants[name] if name else None

    def constant(self, place: int) -> Array:
        """Return an input that has to be there and known from the file."""
        value = self.optional(place)
        if value is None:
            raise DcscError(f"expected more than {place} inputs, got {len(self.inputs)}")
        return value

    def listed(self, name: str, place: int) -> tuple[int, ...] | None:
        """Return integers that are an attribute or, in later versions, an input."""
        if name in self.attributes:
            return tuple(self.attributes[name])
        value = self.optional(place)
        return None if value is None else tuple(int(n) for n in value.reshape(-1))

    def number(self, name: str, place: int) -> float | None:
        """Return a number that is an attribute or, in later versions, an input."""
        if name in self.attributes:
            return float(self.attributes[name])
        value = self.optional(place)
        return None if value is None else float(value.reshape(()))


Translation = Callable[[Call], Operation | Step]


def translated(call: Call) -> Step:
    """Return the operation that an operator is, and the values that it reads.

    What no operation of dcsc does is left to `Foreign`, if it is on its list.
    """
    every = tuple(name for name in call.inputs if name)
    reason = ""
    if call.kind in TRANSLATIONS:
        try:
            step = TRANSLATIONS[call.kind](call)
        except NotCoveredError as error:
            reason = str(error)
        else:
            return step if isinstance(step, tuple) else (step, every)
    places = tuple(place for place, name in enumerate(call.inputs) if name)
    try:
        return ops.Foreign(call.kind, call.opset, call.attributes, places), every
    except NotCoveredError as error:
        return ops.Unread(call.kind, reason or str(error)), every


# ---- windows ---------------------------------------------------------------------------------


def _pairs(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return ONNX' list of all numbers before and then all after as pairs."""
    half = len(numbers) // 2
    return tuple(zip(numbers[:half], numbers[half:], strict=True))


def _sliding(call: Call) -> dict[str, Any]:
    """Return stride, padding and dilation, as far as they are given."""
    auto = call.get("auto_pad", "NOTSET")
    geometry: dict[str, Any] = {
        "stride": tuple(call.get("strides", ())),
        "dilation": tuple(call.get("dilations", ())),
        "padding": _pairs(call.get("pads", ())),
    }
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        geometry["padding"] = auto.lower()
    return {key: value for key, value in geometry.items() if value}


def _axes(weight: Array) -> None:
    if weight.ndim not in (3, 4):
        raise NotCoveredError(f"its filters have {weight.ndim - 2} spatial axes, not one or two")


def _conv(call: Call) -> Step:
    weight, bias = call.constant(1), call.optional(2)
    _axes(weight)
    operation = ops.Convolve(weight, bias, groups=call.get("group", 1), **_sliding(call))
    return operation, call.inputs[:1]


def _conv_transpose(call: Call) -> Step:
    weight, bias = call.constant(1), call.optional(2)
    _axes(weight)
    if "output_shape" in call.attributes or call.get("auto_pad", "NOTSET") != "NOTSET":
        raise NotCoveredError("its padding follows from an output shape")
    extra = tuple(call.get("output_padding", ())) or 0
    more = {"groups": call.get("group", 1), "extra": extra}
    return ops.ConvolveTransposed(weight, bias, **more, **_sliding(call)), call.inputs[:1]


def _max_pool(call: Call) -> Operation:
    ceil = bool(call.get("ceil_mode", 0))
    return ops.MaxPool(tuple(call.attributes["kernel_shape"]), ceil=ceil, **_sliding(call))


def _average_pool(call: Call) -> Operation:
    ceil, count = bool(call.get("ceil_mode", 0)), bool(call.get("count_include_pad", 0))
    kernel = tuple(call.attributes["kernel_shape"])
    return ops.AveragePool(kernel, ceil=ceil, count_padding=count, **_sliding(call))


# ---- matrices and norms ----------------------------------------------------------------------


def _gemm(call: Call) -> Step:
    if call.get("transA", 0):
        raise NotCoveredError("its data are transposed")
    weight, bias = call.constant(1), call.optional(2)
    weight = weight if call.get("transB", 0) else weight.T
    if bias is not None:
        bias = np.broadcast_to(bias * call.get("beta", 1.0), (1, len(weight)))[0]
    return ops.Linear(weight * call.get("alpha", 1.0), bias), call.inputs[:1]


def _matmul(call: Call) -> Operation | Step:
    right = call.constants.get(call.inputs[1])
    if right is None or right.ndim != 2 or call.inputs[0] in call.constants:
        return ops.MatMul()
    return ops.Linear(right.T), call.inputs[:1]


def _batch_norm(call: Call) -> Step:
    if call.get("training_mode", 0):
        raise NotCoveredError("it is in training mode, where the batch decides")
    gain, offset, mean, variance = (call.constant(place) for place in (1, 2, 3, 4))
    epsilon = call.get("epsilon", 1e-5)
    return ops.BatchNorm.of(gain, offset, mean, variance, epsilon), call.inputs[:1]


def _instance_norm(call: Call) -> Step:
    gain, offset = call.constant(1), call.constant(2)
    return ops.InstanceNorm(gain, offset, call.get("epsilon", 1e-5)), call.inputs[:1]


# ---- activations -----------------------------------------------------------------------------


def _prelu(call: Call) -> Step:
    slopes = call.constant(1)
    shape = slopes.shape[1:] if slopes.shape[:1] == (1,) and slopes.ndim > 1 else slopes.shape
    if slopes.size not in (1, *shape[:1]):
        raise NotCoveredError(f"its slopes have shape {slopes.shape}, not one per channel")
    rank = None if slopes.size == 1 else len(shape) + 1
    return ops.PRelu(slopes.reshape(-1), rank), call.inputs[:1]


def _clip(call: Call) -> Step:
    return ops.Clip(call.number("min", 1), call.number("max", 2)), call.inputs[:1]


def _softmax(call: Call) -> Operation:
    if call.opset < 13:
        return ops.Softmax(call.get("axis", 1), onward=True)
    return ops.Softmax(call.get("axis", -1))


def _gelu(call: Call) -> Operation:
    if call.get("approximate", "none") != "none":
        raise NotCoveredError("it is the approximation by a hyperbolic tangent")
    return ops.Gelu()


# Where the nearest sample to a place is the one that was repeated there.
_REPEATING = (
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
)

# ---- arrangement -----------------------------------------------------------------------------


def _constant(call: Call) -> Step:
    ((kind, value),) = call.attributes.items()
    if kind not in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        raise NotCoveredError(f"it holds a {kind}")
    dtypes = {"value_float": np.float32, "value_floats": np.float32}
    return ops.Constant(np.asarray(value, dtypes.get(kind))), ()


def _slice(call: Call) -> Operation:
    lists = (call.attributes.get(name) for name in ("starts", "ends", "axes"))
    return ops.Slice(tuple(tuple(bounds) for bounds in lists if bounds is not None))


def _pad(call: Call) -> Step:
    if call.listed("axes", 3) is not None:
        raise NotCoveredError("it pads chosen axes")
    value, mode = call.number("value", 2) or 0.0, call.get("mode", "constant")
    if "pads" not in call.attributes and call.inputs[1] not in call.constants:
        return ops.Pad(None, mode, value), call.inputs[:2]
    return ops.Pad(_pairs(call.listed("pads", 1) or ()), mode, value), call.inputs[:1]


def _squeeze(call: Call) -> Step:
    return ops.Squeeze(call.listed("axes", 1)), call.inputs[:1]


def _unsqueeze(call: Call) -> Step:
    return ops.Unsqueeze(call.listed("axes", 1) or ()), call.inputs[:1]


def _transpose(call: Call) -> Operation:
    order = call.get("perm", None)
    return ops.Transpose(None if order is None else tuple(order))


def _resize(call: Call) -> Step:
    scales = call.optional(1 if call.opset < 11 else 2)
    if scales is None or not scales.size:
        raise NotCoveredError("it is told a size, not by how much it enlarges")
    if call.get("mode", "nearest") != "nearest" or np.any(scales % 1) or np.any(scales < 1):
        raise NotCoveredError("it does not repeat samples a whole number of times")
    places = call.get("coordinate_transformation_mode", "half_pixel")
    rounding = call.get("nearest_mode", "round_prefer_floor")
    if (places, rounding) not in _REPEATING and call.opset > 10:
        raise NotCoveredError(f"it rounds the places {quoted(places)} by {quoted(rounding)}")
    return ops.Repeat(tuple(int(scale) for scale in scales)), call.inputs[:1]


def _reduce(call: Call) -> Step:
    axes, keep = call.listed("axes", 1), bool(call.get("keepdims", 1))
    if not axes and call.get("noop_with_empty_axes", 0):
        return ops.Identity(), call.inputs[:1]
    return ops.Reduce(call.kind.removeprefix("Reduce"), axes or None, keep), call.inputs[:1]


def _arg_max(call: Call) -> Operation:
    if call.get("select_last_index", 0):
        raise NotCoveredError("it takes the last of several")
    return ops.ArgMax(call.get("axis", 0), bool(call.get("keepdims", 1)))


def _top_k(call: Call) -> Operation:
    if call.opset < 10:
        raise NotCoveredError("it is of an operator set before 10")
    return ops.Largest(call.get("axis", -1), not call.get("largest", 1))


def _scatter(call: Call) -> Operation:
    if call.get("reduction", "none") != "none":
        raise NotCoveredError("it combines entries")
    return ops.ScatterElements(call.get("axis", 0))


def _plain(operation: Callable[..., Operation], **names: tuple[str, Any]) -> Translation:
    """Return a translation that hands attributes on, ``field=(attribute, default)``."""
    return lambda call: operation(**{field: call.get(*name) for field, name in names.items()})


TRANSLATIONS: dict[str, Translation] = {
    **dict.fromkeys(FUNCTIONS, lambda call: ops.Elementwise(call.kind)),
    **dict.fromkeys((f"Reduce{name}" for name in REDUCTIONS), _reduce),
    "ArgMax": _arg_max,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _plain(ops.Cast, dtype=("to", None)),
    "Clip": _clip,
    "Concat": _plain(ops.Concatenate, axis=("axis", 1)),
    "Constant": _constant,
    "ConstantOfShape": _plain(ops.Fill, value=("value", np.zeros(1, np.float32))),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dropout": lambda call: (ops.Identity(), call.inputs[:1]),
    "Elu": _plain(ops.Elu, slope=("alpha", 1.0)),
    "Expand": _plain(ops.Expand),
    "Flatten": _plain(ops.Flatten, axis=("axis", 1)),
    "Gather": _plain(ops.Gather, axis=("axis", 0)),
    "GatherElements": _plain(ops.GatherElements, axis=("axis", 0)),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _plain(ops.GlobalAveragePool),
    "GlobalMaxPool": _plain(ops.GlobalMaxPool),
    "HardSigmoid": _plain(ops.HardSigmoid, slope=("alpha", 0.2), offset=("beta", 0.5)),
    "HardSwish": _plain(ops.HardSwish),
    "Identity": _plain(ops.Identity),
    "InstanceNormalization": _instance_norm,
    "LeakyRelu": _plain(ops.LeakyRelu, slope=("alpha", 0.01)),
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "PRelu": _prelu,
    "Pad": _pad,
    "Range": _plain(ops.Range),
    "Relu": _plain(ops.Relu),
    "Reshape": _plain(ops.Reshape, keep_zeros=("allowzero", 0)),
    "Resize": _resize,
    "ScatterElements": _scatter,
    "Shape": _plain(ops.ShapeOf, start=("start", 0), stop=("end", None)),
    "Sigmoid": _plain(ops.Sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _plain(ops.Softplus),
    "Squeeze": _squeeze,
    "Tanh": _plain(ops.Tanh),
    "TopK": _top_k,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
