"""PyTorch's ways to pick entries by their places, as operations."""

import math
from typing import Any

import numpy as np
import torch

from dcsc._arrays import Array
from dcsc.networks import operations as ops
from dcsc.networks.pytorch.calls import Call, Step, Translation, demand, static

__all__ = ["PLACES"]


def _gather(axis: str, indices: str, operation: Any) -> Translation:
    def translate(call: Call) -> Step:
        place = call.axes(axis, len(call.incoming()))[0] if axis else 0
        return Step.of(operation(place), call.data, call[indices])

    return translate


def _scatter(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.shape))
    value = call.get("src", call.get("value"))
    call.asked.add("index")
    if isinstance(value, int | float):
        fill = ops.Fill(np.array(value, call.dtype))
        value = Step((ops.ShapeOf(), fill), (call["index"],))
    else:
        demand(_lengths(value) == _lengths(call["index"]), "it writes a part of its source")
    return Step.of(ops.ScatterElements(axis), call.data, call["index"], value)


def _lengths(node: Any) -> tuple[Any, ...]:
    return tuple(node.meta["val"].shape)


# ---- several axes at once ------------------------------------------------------------------------


def _index(call: Call) -> Step:
    """Return the entries at index arrays, each for one of several axes that lie side by side."""
    indices = call["indices"]
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    demand(axes == list(range(axes[0], axes[-1] + 1)), "its axes do not lie side by side")
    picked = [indices[axis] for axis in axes]
    whole = all(node.meta["val"].dtype in (torch.int64, torch.int32) for node in picked)
    demand(whole, "it picks by what is true")
    if len(axes) == 1:
        return Step.of(ops.Gather(axes[0]), call.data, picked[0])
    demand(all(node in call.constants for node in picked), "it picks by what it sees")
    return _merged(call, call.data, axes[0], [call.constants[node].numpy() for node in picked])


def _merged(call: Call, data: Any, axis: int, places: list[Array]) -> Step:
    """Make one axis of those from ``axis`` on, and pick at joint places."""
    before = static(call.incoming())
    extent = before[axis : axis + len(places)]
    demand(-1 not in extent, "it picks among samples of the batch")
    joint = np.ravel_multi_index(
        np.broadcast_arrays(*(p % n for p, n in zip(places, extent, strict=True))), extent
    )
    flat = (*before[:axis], math.prod(extent), *before[axis + len(places) :])
    return Step.of(ops.Gather(axis), Step.of(ops.Reshape(flat), data), joint)


def _diagonal(call: Call) -> Step:
    rank, before = len(call.incoming()), call.incoming()
    (first,), (second,) = call.axes("dim1", rank), call.axes("dim2", rank)
    rest = [axis for axis in range(rank) if axis not in (first, second)]
    known = all(isinstance(before[axis], int) for axis in (first, second))
    demand(known, "the batch is one of its axes")
    offset = call["offset"]
    rows, columns = np.nonzero(np.eye(before[first], before[second], offset, dtype=bool))
    last = len(rest)
    turned = Step.of(ops.Transpose((*rest, first, second)), call.data)
    shape = static(tuple(before[axis] for axis in (*rest, first, second)))
    flat = (*shape[:last], shape[last] * shape[last + 1])
    merged = Step.of(ops.Reshape(flat), turned)
    return Step.of(ops.Gather(last), merged, rows * shape[last + 1] + columns)


def _unfold(call: Call) -> Step:
    rank = len(call.incoming())
    (axis,) = call.axes("dimension", rank)
    starts = np.arange(call.shape[axis]) * call["step"]
    windows = ops.Gather(axis)
    # The entries of a window come after all other axes.
    order = [n for n in range(rank + 1) if n != axis + 1]
    places = starts[:, None] + np.arange(call["size"])
    return Step((windows, ops.Transpose((*order, axis + 1))), (call.data, places))


PLACES: dict[str, Translation] = {
    "gather": _gather("dim", "index", ops.GatherElements),
    "scatter": _scatter,
    "index_select": _gather("dim", "index", ops.Gather),
    "embedding": _gather("", "indices", ops.Gather),
    "index": _index,
    "diagonal": _diagonal,
    "unfold": _unfold,
}
