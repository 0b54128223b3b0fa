"""ONNX operators that move numbers about, or make one of several."""

import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.readers.onnx_calls import Call
from dcsc.networks.readers.onnx_windows import pairs

__all__ = [
    "arg_max",
    "constant",
    "pad",
    "reduce",
    "reshape",
    "resize",
    "scatter",
    "slice_",
    "split",
    "squeeze",
    "top_k",
    "transpose",
    "unsqueeze",
    "upsample",
]

Step = tuple[Operation, tuple[str, ...]]

# Where the nearest sample to a place is the one that was repeated there.
_REPEATING = (
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
)


def constant(call: Call) -> Step:
    """Return the array that an operator Constant holds."""
    (kind,) = call.attributes
    value = call.get(kind, None)
    if kind not in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        raise NotCoveredError(f"it holds a {kind}")
    dtypes = {"value_float": np.float32, "value_floats": np.float32}
    return ops.Constant(np.asarray(value, dtypes.get(kind))), ()


def slice_(call: Call) -> Operation:
    """Return the stretch that an operator Slice takes."""
    lists = [call.get(name, None) for name in ("starts", "ends", "axes")]
    return ops.Slice(tuple(tuple(bounds) for bounds in lists if bounds is not None))


def pad(call: Call) -> Step:
    """Return the padding that an operator Pad is."""
    if call.listed("axes", 3) is not None:
        raise NotCoveredError("it pads chosen axes")
    value, mode = call.number("value", 2) or 0.0, call.get("mode", "constant")
    if call.runtime(1):
        return ops.Pad(None, mode, value), call.inputs[:2]
    widths = call.listed("pads" if call.opset > 1 else "paddings", 1)
    return ops.Pad(pairs(widths or ()), mode, value), call.inputs[:1]


def reshape(call: Call) -> Operation:
    """Return the new shape that an operator Reshape gives."""
    shape = call.get("shape", None)  # an attribute before version 5
    return ops.Reshape(None if shape is None else tuple(shape), bool(call.get("allowzero", 0)))


def squeeze(call: Call) -> Step:
    """Return what an operator Squeeze leaves out."""
    return ops.Squeeze(call.listed("axes", 1)), call.inputs[:1]


def unsqueeze(call: Call) -> Step:
    """Return what an operator Unsqueeze puts in."""
    return ops.Unsqueeze(call.listed("axes", 1) or ()), call.inputs[:1]


def transpose(call: Call) -> Operation:
    """Return the order that an operator Transpose makes."""
    order = call.get("perm", None)
    return ops.Transpose(None if order is None else tuple(order))


def resize(call: Call) -> Step:
    """Return the repetition that an operator Resize may be."""
    scales = call.optional(1 if call.opset < 11 else 2)
    if scales is None or not scales.size:
        raise NotCoveredError("it is told a size, not by how much it enlarges")
    step = _repeat(call, scales)
    places = call.get("coordinate_transformation_mode", "half_pixel")
    rounding = call.get("nearest_mode", "round_prefer_floor")
    if (places, rounding) not in _REPEATING and call.opset > 10:
        raise NotCoveredError(f"it rounds the places {quoted(places)} by {quoted(rounding)}")
    return step


def upsample(call: Call) -> Step:
    """Return the repetition that an operator Upsample may be."""
    named = [float(call.get(f"{side}_scale", 1)) for side in ("height", "width")]  # version 1
    scales = call.get("scales", None) or (call.optional(1) if call.opset > 8 else [1, 1, *named])
    return _repeat(call, np.asarray(scales))


def _repeat(call: Call, scales: Array) -> Step:
    """Return the repetition of samples that an enlargement is."""
    mode, axes = call.get("mode", "nearest"), call.get("axes", None)
    if mode in ("linear", "bilinear") and len(call.inputs) == 2:  # before version 11
        how = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
        return ops.Foreign("Resize", 11, how, (0, 2)), call.inputs
    if mode != "nearest" or np.any(scales % 1) or np.any(scales < 1):
        raise NotCoveredError("it does not repeat samples a whole number of times")
    counts = tuple(int(scale) for scale in scales)
    return ops.Repeat(counts, None if axes is None else tuple(axes)), call.inputs[:1]


def reduce(call: Call) -> Step:
    """Return the reduction that an operator is."""
    axes, keep = call.listed("axes", 1), bool(call.get("keepdims", 1))
    if call.get("noop_with_empty_axes", 0) and not axes:  # of every entry by itself
        alone = ops.Elementwise("Abs") if call.kind == "ReduceL2" else ops.Identity()
        return alone, call.inputs[:1]
    return ops.Reduce(call.kind.removeprefix("Reduce"), axes or None, keep), call.inputs[:1]


def arg_max(call: Call) -> Operation:
    """Return the place that an operator ArgMax finds."""
    if call.get("select_last_index", 0):
        raise NotCoveredError("it takes the last of several")
    return ops.ArgMax(call.get("axis", 0), bool(call.get("keepdims", 1)))


def top_k(call: Call) -> Operation:
    """Return the largest entries that an operator TopK finds."""
    if call.opset < 10:
        raise NotCoveredError("it is of an operator set before 10")
    call.get("sorted", 1)  # without it any order will do, the falling one too
    return ops.Largest(call.get("axis", -1), not call.get("largest", 1))


def scatter(call: Call) -> Operation:
    """Return the entries that an operator ScatterElements puts in."""
    if call.get("reduction", "none") != "none":
        raise NotCoveredError("it combines entries")
    return ops.ScatterElements(call.get("axis", 0))


def split(call: Call, result: int) -> Step:
    """Return one stretch of those that a Split makes; those of equal parts need not be given."""
    axis, sizes = call.get("axis", 0), call.listed("split", 1)
    call.get("num_outputs", 0)
    if sizes is None:
        return ops.Part(result, len(call.outputs), axis), call.inputs[:1]
    start, stop = (sum(sizes[:end]) for end in (result, result + 1))
    return ops.Slice(((start,), (stop,), (axis,))), call.inputs[:1]
