"""ONNX operators with sliding windows: convolutions and pooling."""

from collections.abc import Mapping, Sequence
from typing import Any

from dcsc._arrays import Array, Shape
from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.operations.sliding import reach
from dcsc.networks.readers.onnx_calls import Call

__all__ = ["average_pool", "conv", "conv_transpose", "max_pool", "pairs"]

Step = tuple[Operation, tuple[str, ...]]


def pairs(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return ONNX' list of all numbers before and then all after as pairs."""
    half = len(numbers) // 2
    return tuple(zip(numbers[:half], numbers[half:], strict=True))


_AUTO: dict[str, Any] = {
    "SAME_UPPER": "same_upper",
    "SAME_LOWER": "same_lower",
    "VALID": (),
}


def _sliding(call: Call) -> dict[str, Any]:
    """Return stride, padding and dilation, as far as they are given."""
    auto = str(call.get("auto_pad", "NOTSET"))
    geometry: dict[str, Any] = {
        "stride": tuple(call.get("strides", ())),
        "dilation": tuple(call.get("dilations", ())),
        "padding": pairs(call.get("pads", ())),
    }
    if auto in _AUTO:
        geometry["padding"] = _AUTO[auto]
    return {key: value for key, value in geometry.items() if value}


def _axes(weight: Array) -> None:
    if weight.ndim not in (3, 4):
        raise NotCoveredError(f"its filters have {weight.ndim - 2} spatial axes, not one or two")


def conv(call: Call) -> Step:
    """Return the convolution that an operator Conv is."""
    weight, bias = call.constant(1), call.optional(2)
    _axes(weight)
    operation = ops.Convolve(weight, bias, groups=call.get("group", 1), **_sliding(call))
    return operation, call.inputs[:1]


def conv_transpose(call: Call) -> Step:
    """Return the synthesis that an operator ConvTranspose is."""
    weight, bias = call.constant(1), call.optional(2)
    _axes(weight)
    if call.get("output_shape", None):
        raise NotCoveredError("its padding follows from an output shape")
    extra = tuple(call.get("output_padding", ())) or (0,) * (weight.ndim - 2)
    geometry = _sliding(call)
    if isinstance(geometry.get("padding"), str):
        geometry["padding"] = _times_stride(weight.shape[2:], extra, geometry)
    more = {"groups": call.get("group", 1), "extra": extra}
    return ops.ConvolveTransposed(weight, bias, **more, **geometry), call.inputs[:1]


def _times_stride(
    kernel: Shape, extra: Shape, geometry: Mapping[str, Any]
) -> tuple[tuple[int, int], ...]:
    """Return the padding that leaves stride times as many samples as there are positions."""
    ones = (1,) * len(kernel)
    spans = reach(kernel, geometry.get("dilation", ones))
    steps = zip(spans, geometry.get("stride", ones), extra, strict=True)
    totals = [span - step + more for span, step, more in steps]
    if min(totals) < 0:
        raise NotCoveredError("its kernel is shorter than its stride")
    halves = [(total // 2, total - total // 2) for total in totals]
    upper = geometry["padding"] == "same_upper"
    return tuple((first, last) if upper else (last, first) for first, last in halves)


def max_pool(call: Call) -> Operation:
    """Return the pooling that an operator MaxPool is."""
    ceil = bool(call.get("ceil_mode", 0))
    return ops.MaxPool(tuple(call.required("kernel_shape")), ceil=ceil, **_sliding(call))


def average_pool(call: Call) -> Operation:
    """Return the pooling that an operator AveragePool is."""
    ceil, count = bool(call.get("ceil_mode", 0)), bool(call.get("count_include_pad", 0))
    kernel = tuple(call.required("kernel_shape"))
    return ops.AveragePool(kernel, ceil=ceil, count_padding=count, **_sliding(call))
