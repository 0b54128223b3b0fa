"""PyTorch's sums, extremes and orders along axes, as operations."""

import math
from typing import Any

import numpy as np

from dcsc._arrays import Shape
from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.pytorch.calls import OPSET, Call, Step, Translation, demand
from dcsc.networks.pytorch.numbers import elementwise

__all__ = ["REDUCTIONS"]


def _over(call: Call) -> tuple[Shape, bool]:
    """Return the axes that go, and whether they stay with length one."""
    rank = len(call.incoming())
    axes = call.axes("dim", rank) if "dim" in call.arguments else tuple(range(rank))
    return axes, bool(call.get("keepdim", False))


def _reduce(function: str, everything: Operation | None = None) -> Translation:
    def translate(call: Call) -> Operation:
        axes, keep = _over(call)
        rank = len(call.incoming())
        if everything is not None and keep and rank > 2 and sorted(axes) == list(range(2, rank)):
            return everything
        return ops.Reduce(function, axes, keep)

    return translate


def _any(call: Call) -> Step:
    largest = ops.Reduce("Max", *_over(call))
    return Step((ops.Cast(bool), ops.Cast(np.uint8), largest, ops.Cast(bool)), (call.data,))


def _prod(call: Call) -> Step:
    axes, keep = _over(call)
    product = ops.Foreign("ReduceProd", OPSET, {"keepdims": int(keep)}, (0, 1))
    return Step.of(product, call.data, np.array(axes, np.int64))


def _cumsum(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.incoming()))
    return Step.of(ops.Foreign("CumSum", OPSET, {}, (0, 1)), call.data, np.array(axis, np.int64))


def _variance(call: Call) -> Step:
    """Return the mean of squares of what differs from the mean, over n − correction."""
    axes, keep = _over(call)
    count = math.prod(_known(call, axes))
    correction = call.get("correction")
    correction = int(call.get("unbiased", True)) if correction is None else correction
    centre = Step.of(ops.Reduce("Mean", axes), call.data)
    centred = Step.of(ops.Elementwise("Sub"), call.data, centre)
    square = Step.of(ops.Elementwise("Mul"), centred, centred)
    total = Step.of(ops.Reduce("Sum", axes, keep), square)
    return Step.of(ops.Elementwise("Div"), total, call.scalar(float(max(count - correction, 0))))


def _variance_and_mean(call: Call) -> Operation | Step:
    if call.number:
        call.asked.add("correction")
        return ops.Reduce("Mean", *_over(call))
    return _variance(call)


def _known(call: Call, axes: Shape) -> list[int]:
    lengths = [call.incoming()[axis] for axis in axes]
    demand(all(isinstance(n, int) for n in lengths), "the batch decides how many numbers these are")
    return lengths


_INFINITE = float("inf")
_NORMS: dict[Any, tuple[tuple[str, ...], str]] = {
    2: ((), "L2"),
    1: (("Abs",), "Sum"),
    _INFINITE: (("Abs",), "Max"),
    -_INFINITE: (("Abs",), "Min"),
}


def _norm(call: Call) -> Step:
    if call["ord"] not in _NORMS:
        raise NotCoveredError(f"a norm of order {call['ord']}")
    before, function = _NORMS[call["ord"]]
    last = ops.Reduce(function, *_over(call))
    return Step((*map(ops.Elementwise, before), last), (call.data,))


def _largest_or(function: str, place: str) -> Translation:
    """Return a translation to the largest entry of one tensor, or of two, number by number."""
    one, two = _reduce(function), elementwise(function)

    def translate(call: Call) -> Operation | Step:
        if "other" in call.arguments:
            return two(call)
        return _placed(place)(call) if call.number else one(call)

    return translate


def _placed(kind: str) -> Translation:
    """Return a translation to the place of the largest or of the least entry on an axis."""

    def translate(call: Call) -> Operation:
        demand(call["dim"] is not None, "it looks at all entries")
        (axis,) = call.axes("dim", len(call.incoming()))
        keep = bool(call["keepdim"])
        if kind == "ArgMax":
            return ops.ArgMax(axis, keep)
        return ops.Foreign(kind, OPSET, {"axis": axis, "keepdims": int(keep)})

    return translate


def _sort(call: Call) -> Step:
    (axis,) = call.axes("dim", len(call.incoming()))
    (count,) = _known(call, (axis,))
    call.asked.add("stable")
    return _ordered(call, axis, count, bool(call["descending"]))


def _topk(call: Call) -> Step:
    call.asked.add("sorted")  # without, any order will do
    (axis,) = call.axes("dim", len(call.incoming()))
    demand(isinstance(call["k"], int), "its k is computed from the inputs")
    return _ordered(call, axis, call["k"], bool(call["largest"]))


def _ordered(call: Call, axis: int, count: int, falling: bool) -> Step:
    """Return the first entries of an axis in falling or rising order, or their places."""
    how = {"axis": axis, "largest": int(falling)}
    places = ops.Foreign("TopK", OPSET, how, (0, 1), call.number)
    first = places if call.number else ops.Largest(axis, not falling)
    return Step.of(first, call.data, np.array([count], np.int64))


REDUCTIONS: dict[str, Translation] = {
    "mean": _reduce("Mean", ops.GlobalAveragePool()),
    "sum": _reduce("Sum"),
    "amax": _reduce("Max", ops.GlobalMaxPool()),
    "amin": _reduce("Min"),
    "max": _largest_or("Max", "ArgMax"),
    "min": _largest_or("Min", "ArgMin"),
    "any": _any,
    "prod": _prod,
    "cumsum": _cumsum,
    "var": _variance,
    "var_mean": _variance_and_mean,
    "linalg_vector_norm": _norm,
    "argmax": _placed("ArgMax"),
    "argmin": _placed("ArgMin"),
    "sort": _sort,
    "topk": _topk,
}
