"""PyTorch's changes of shape and order, and new arrays, as operations."""

from typing import Any

import numpy as np
import torch

from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import (
    OPSET,
    Call,
    Step,
    Translation,
    demand,
    plain,
    reshaped,
    static,
)

__all__ = ["ARRANGEMENT"]

_END = torch.iinfo(torch.int64).max


# ---- order ---------------------------------------------------------------------------------------


def _transpose(call: Call) -> Operation:
    order = list(range(len(call.shape)))
    (first,), (second,) = call.axes("dim0", len(order)), call.axes("dim1", len(order))
    order[first], order[second] = second, first
    return ops.Transpose(tuple(order))


def _flip(call: Call) -> Operation:
    axes = call.axes("dims", len(call.shape))
    backward = (-1,) * len(axes)
    return ops.Slice((backward, (-_END,) * len(axes), axes, backward))


def _pixel_shuffle(call: Call) -> Step:
    *_, height, width = call.incoming()
    (batch, channels, *_), factor = static(call.shape), call["upscale_factor"]
    apart = ops.Reshape((batch, channels, factor, factor, height, width))
    return Step((apart, ops.Transpose((0, 1, 4, 2, 5, 3)), reshaped(call)), (call.data,))


# ---- parts ---------------------------------------------------------------------------------------


def _cut(axis: int, start: int, stop: int, step: int = 1) -> Operation:
    return ops.Slice(((start,), (stop,), (axis,), (step,)))


def _select(call: Call) -> Step:
    (axis,), index = call.axes("dim", len(call.incoming())), call["index"]
    demand(isinstance(index, int), "its index is computed from the inputs")
    return Step((_cut(axis, index, index + 1 or _END), ops.Squeeze((axis,))), (call.data,))


def _stretch(call: Call) -> tuple[int, int]:
    start, stop = call["start"] or 0, call["end"]
    stop = _END if stop is None else stop
    demand(all(isinstance(n, int) for n in (start, stop)), "the batch decides where it ends")
    return start, stop


def _slice(call: Call) -> Operation:
    (axis,) = call.axes("dim", len(call.shape))
    return _cut(axis, *_stretch(call), call["step"])


def _slice_scatter(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.shape))
    start, stop = _stretch(call)
    if (start, stop, call["step"]) == (0, _END, 1):
        return Step.of(ops.Identity(), call["src"])
    length = call.shape[axis]
    whole = isinstance(length, int) and call["step"] == 1
    demand(whole, "it writes to more than one stretch of entries")
    start, stop, _ = slice(start, stop).indices(length)
    return _written(call, axis, start, max(start, stop), call["src"])


def _select_scatter(call: Call) -> Step:
    (axis,), index = call.axes("dim", len(call.shape)), call["index"]
    demand(isinstance(index, int), "its index is computed from the inputs")
    length = call.shape[axis]
    demand(isinstance(length, int), "the batch decides where it writes")
    index %= length
    return _written(call, axis, index, index + 1, Step.of(ops.Unsqueeze((axis,)), call["src"]))


def _written(call: Call, axis: int, start: int, stop: int, value: Any) -> Step:
    """Return the data with a value in place of a stretch of an axis."""
    before = Step.of(_cut(axis, 0, start), call.data)
    after = Step.of(_cut(axis, stop, _END), call.data)
    return Step.of(ops.Concatenate(axis), before, value, after)


def _cat(call: Call) -> Step:
    return Step.of(ops.Concatenate(*call.axes("dim", len(call.shape))), *call["tensors"])


def _stack(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.shape))
    put = ops.Unsqueeze((axis,))
    return Step.of(ops.Concatenate(axis), *(Step.of(put, one) for one in call["tensors"]))


# ---- shapes --------------------------------------------------------------------------------------


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


def _repeat(call: Call) -> Step:
    counts = call["repeats"]
    demand(all(isinstance(count, int) for count in counts), "the batch decides how often")
    wider = ops.Unsqueeze(tuple(range(len(counts) - len(call.incoming()))))
    data = Step.of(wider, call.data) if wider.axes else call.data
    return Step.of(ops.Foreign("Tile", OPSET, {}, (0, 1)), data, np.array(counts, np.int64))


def _copy(call: Call) -> Step:
    """Return the second tensor in the shape and the dtype of the first."""
    value = Step.of(ops.Cast(call.dtype), call["src"])
    return Step.of(ops.Expand(), value, Step.of(ops.ShapeOf(), call.data))


# ---- new arrays ----------------------------------------------------------------------------------


def _filled(name: str, value: float | None = None) -> Translation:
    def translate(call: Call) -> Step:
        number = call["fill_value"] if value is None else value
        return Step.of(ops.Fill(np.array(number, call.dtype)), _sizes(call, name))

    return translate


def _filled_alike(name: str) -> Translation:
    def translate(call: Call) -> Step:
        if not isinstance(call[name], int | float):
            return Step.of(ops.Expand(), call[name], Step.of(ops.ShapeOf(), call.data))
        fill = ops.Fill(np.array(call[name], call.dtype))
        return Step((ops.ShapeOf(), fill), (call.data,))

    return translate


def _cast(call: Call) -> Operation:
    return ops.Cast(call.dtype)


ARRANGEMENT: dict[str, Translation] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "flatten", "unflatten"), reshaped),
    **dict.fromkeys(("squeeze", "unsqueeze"), reshaped),
    **dict.fromkeys(
        ("clone", "detach", "alias", "contiguous", "lift_fresh_copy"), plain(ops.Identity)
    ),
    **dict.fromkeys(("_to_copy", "to"), _cast),
    "permute": lambda call: ops.Transpose(call.axes("dims", len(call.shape))),
    "transpose": _transpose,
    "t": plain(ops.Transpose),
    "flip": _flip,
    "pixel_shuffle": _pixel_shuffle,
    "select": _select,
    "slice": _slice,
    "select_scatter": _select_scatter,
    "slice_scatter": _slice_scatter,
    "cat": _cat,
    "stack": _stack,
    "expand": _expand,
    "repeat": _repeat,
    "copy": _copy,
    "zeros": _filled("size", 0),
    "ones": _filled("size", 1),
    "full": _filled("size"),
    "fill": _filled_alike("value"),
    "full_like": _filled_alike("fill_value"),
}
