"""Counterparts of the operations without weights, each a function of tensors."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dcsc._arrays import Array
from dcsc.errors import DcscError
from dcsc.networks import operations as ops
from dcsc.torch import Counterpart, counterpart

__all__: list[str] = []


class Plain(Counterpart):
    """The counterpart of an operation that is one function of tensors.

    Parameters
    ----------
    strategy : Operation
    function : callable
        From the operation and tensors to a tensor.
    """

    def __init__(self, strategy: Any, function: Callable[..., Tensor]) -> None:
        super().__init__(strategy)
        self.function = function

    def forward(self, *values: Tensor) -> Tensor:
        return self.function(self.strategy, *values)


@counterpart.register(ops.Constant)
class Value(Counterpart):
    """An array of the network, in the buffer ``value``."""

    value: Tensor

    def __init__(self, strategy: ops.Constant) -> None:
        super().__init__(strategy)
        if strategy.value.dtype.kind not in "biuf":
            raise DcscError(f"to_torch: a constant of dtype {strategy.value.dtype} is no tensor")
        self.register_buffer("value", torch.tensor(strategy.value))

    def forward(self) -> Tensor:
        return self.value


@counterpart.register(ops.Unread)
def _unread(strategy: ops.Unread) -> Counterpart:
    raise DcscError(f"to_torch: {strategy.kind} is not read: {strategy.reason}")


# ---- activations ---------------------------------------------------------------------------------


def _floating(data: Tensor) -> Tensor:
    return data if data.is_floating_point() else data.double()


def _clip(step: ops.Clip, data: Tensor) -> Tensor:
    bounded = step.low is not None or step.high is not None
    return data.clamp(step.low, step.high) if bounded else data


def _joint(function: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """Return a function along an axis as one that may take all that follow with it."""

    def apply(step: ops.Softmax | ops.LogSoftmax, data: Tensor) -> Tensor:
        if step.onward:
            return function(data.flatten(step.axis), -1).view_as(data)
        return function(data, step.axis)

    return apply


def _hard_sigmoid(step: ops.HardSigmoid, data: Tensor) -> Tensor:
    return (data * step.slope + step.offset).clamp(0, 1)


_ACTIVATIONS: dict[Any, Callable[..., Tensor]] = {
    ops.Relu: lambda step, z: z.relu(),
    ops.LeakyRelu: lambda step, z: torch.where(z >= 0, z, z * step.slope),
    ops.Clip: _clip,
    ops.Sigmoid: lambda step, z: z.sigmoid(),
    ops.HardSigmoid: _hard_sigmoid,
    ops.HardSwish: lambda step, z: z * (z / 6 + 0.5).clamp(0, 1),
    ops.Tanh: lambda step, z: z.tanh(),
    ops.Elu: lambda step, z: torch.where(z > 0, z, step.slope * z.clamp(max=0).expm1()),
    ops.Softplus: lambda step, z: torch.logaddexp(z, torch.zeros_like(z)),
    ops.Silu: lambda step, z: z * z.sigmoid(),
    ops.Gelu: lambda step, z: functional.gelu(z),
    ops.TanhGelu: lambda step, z: functional.gelu(z, approximate="tanh"),
    ops.Softmax: _joint(torch.softmax),
    ops.LogSoftmax: _joint(torch.log_softmax),
}


# ---- number by number ----------------------------------------------------------------------------


def _divide(left: Tensor, right: Tensor) -> Tensor:
    whole = not left.is_floating_point() and not right.is_floating_point()
    return torch.div(left, right, rounding_mode="trunc" if whole else None)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    whole = not exponent.is_floating_point() and bool((exponent >= 0).all())
    if base.is_floating_point() or whole:
        return base.pow(exponent.to(base.dtype))
    return base.double().pow(exponent).to(base.dtype)


def _over(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda *values: reduce(function, values)


# The names are those of `dcsc.networks.operations.FUNCTIONS`.
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    **{"Abs": torch.abs, "Add": torch.add, "And": torch.logical_and, "Ceil": torch.ceil},
    **{"Cos": torch.cos, "Div": _divide, "Equal": torch.eq, "Erf": torch.erf, "Exp": torch.exp},
    **{"Floor": torch.floor, "Greater": torch.gt, "GreaterOrEqual": torch.ge, "Less": torch.lt},
    **{"LessOrEqual": torch.le, "Log": torch.log, "Max": _over(torch.maximum)},
    **{"Min": _over(torch.minimum), "Mul": torch.mul, "Neg": torch.neg, "Not": torch.logical_not},
    **{"Or": torch.logical_or, "Pow": _power},
    **{"Reciprocal": torch.reciprocal, "Round": torch.round, "Sign": torch.sign, "Sin": torch.sin},
    **{"Sqrt": torch.sqrt, "Sub": torch.sub, "Sum": _over(torch.add), "Where": torch.where},
}


def _elementwise(step: ops.Elementwise, *values: Tensor) -> Tensor:
    if step.axis is not None and len(values) == 2:
        first, second = values
        after = first.ndim - step.axis % first.ndim - second.ndim
        values = first, second.reshape(*second.shape, *[1] * after)
    return _FUNCTIONS[step.function](*values)


def _beside(steps: Tensor, axis: int, data: Tensor) -> Tensor:
    if steps.numel() == 1:
        return steps.reshape(())
    shape = [1] * data.ndim
    shape[axis] = -1
    return steps.reshape(shape)


def _quantize(step: ops.Quantize, data: Tensor, unit: Tensor, *zero: Tensor) -> Tensor:
    steps = (data / _beside(unit, step.axis, data)).round()
    if zero:
        steps = steps + _beside(zero[0], step.axis, data)
    return steps.clamp(*step.bounds).to(_dtype(step.dtype))


def _dequantize(step: ops.Dequantize, data: Tensor, unit: Tensor, *zero: Tensor) -> Tensor:
    steps = data.to(unit.dtype)
    if zero:
        steps = steps - _beside(zero[0], step.axis, data).to(unit.dtype)
    return steps * _beside(unit, step.axis, data)


def _dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.from_numpy(np.zeros(1, dtype)).dtype


def _matmul(step: ops.MatMul, left: Tensor, right: Tensor) -> Tensor:
    dtype = torch.promote_types(left.dtype, right.dtype)
    return left.to(dtype) @ right.to(dtype)


_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "L2": lambda data, axes, keep: data.square().sum(axes, keepdim=keep).sqrt(),
    "Max": lambda data, axes, keep: data.amax(axes, keepdim=keep),
    "Mean": lambda data, axes, keep: data.mean(axes, keepdim=keep),
    "Min": lambda data, axes, keep: data.amin(axes, keepdim=keep),
    "Sum": lambda data, axes, keep: data.sum(axes, keepdim=keep),
}


def _reduce(step: ops.Reduce, data: Tensor) -> Tensor:
    axes = tuple(range(data.ndim)) if step.axes is None else tuple(step.axes)
    return _REDUCTIONS[step.function](data, axes, step.keep) if axes else data


def _largest(step: ops.Largest, data: Tensor, count: Tensor) -> Tensor:
    return data.topk(int(count), step.axis, largest=not step.smallest).values


def _response(step: ops.LocalResponseNorm, data: Tensor) -> Tensor:
    data, below = _floating(data), (step.size - 1) // 2
    widths = [0, 0] * (data.ndim - 2) + [below, step.size - 1 - below]
    energy = functional.pad(data.square(), widths).unfold(1, step.size, 1).sum(-1)
    return data / (step.bias + step.alpha / step.size * energy) ** step.beta


def _spatial(data: Tensor) -> tuple[int, ...]:
    return tuple(range(2, data.ndim))


_NUMBERS: dict[Any, Callable[..., Tensor]] = {
    ops.Elementwise: _elementwise,
    ops.Quantize: _quantize,
    ops.Dequantize: _dequantize,
    ops.MatMul: _matmul,
    ops.Reduce: _reduce,
    ops.Largest: _largest,
    ops.LocalResponseNorm: _response,
    ops.ArgMax: lambda step, data: data.argmax(step.axis, keepdim=step.keep),
    ops.GlobalAveragePool: lambda step, data: data.mean(_spatial(data), keepdim=True),
    ops.GlobalMaxPool: lambda step, data: data.amax(_spatial(data), keepdim=True),
}


# ---- arrangement ---------------------------------------------------------------------------------


def _numbers(value: Tensor) -> list[int]:
    return [int(n) for n in value.tolist()]


def _cast(step: ops.Cast, data: Tensor) -> Tensor:
    if data.is_floating_point() and step.dtype.kind == "f":
        return data
    return data.to(_dtype(step.dtype))


def _reshape(step: ops.Reshape, data: Tensor, *others: Tensor) -> Tensor:
    shape = _numbers(others[0]) if step.shape is None else list(step.shape)
    if not step.keep_zeros:
        shape = [n or data.shape[axis] for axis, n in enumerate(shape)]
    return data.reshape(shape)


def _flatten(step: ops.Flatten, data: Tensor) -> Tensor:
    axis = step.axis + data.ndim * (step.axis < 0)
    return data.reshape(math.prod(data.shape[:axis]), -1)


def _transpose(step: ops.Transpose, data: Tensor) -> Tensor:
    return data.permute(step.order or tuple(range(data.ndim))[::-1])


def _squeeze(step: ops.Squeeze, data: Tensor) -> Tensor:
    return data.squeeze() if step.axes is None else data.squeeze(step.axes)


def _unsqueeze(step: ops.Unsqueeze, data: Tensor) -> Tensor:
    rank = data.ndim + len(step.axes)
    for axis in sorted(axis % rank for axis in step.axes):
        data = data.unsqueeze(axis)
    return data


def _picked(data: Tensor, axis: int, places: Array) -> Tensor:
    """Return the entries at some places of an axis, in their order."""
    return data.index_select(axis, torch.tensor(places.tolist(), device=data.device))


def _slice(step: ops.Slice, data: Tensor, *others: Tensor) -> Tensor:
    starts, stops, *more = step.bounds or [tuple(_numbers(value)) for value in others]
    axes = more[0] if more else tuple(range(len(starts)))
    steps = more[1] if len(more) > 1 else (1,) * len(starts)
    for axis, start, stop, stride in zip(axes, starts, stops, steps, strict=True):
        # The operation itself says which places these are.
        line = ops.Slice(((start,), (stop,), (0,), (stride,)))(np.arange(data.shape[axis]))
        data = _picked(data, axis, line)
    return data


def _pad(step: ops.Pad, data: Tensor, *others: Tensor) -> Tensor:
    pairs = step.widths
    if pairs is None:
        before, after = others[0].reshape(2, -1).tolist()
        pairs = tuple(zip(before, after, strict=True))
    if step.mode == "constant":
        flat = [int(n) for pair in reversed(pairs) for n in pair]
        return functional.pad(data, flat, value=step.value)
    for axis, pair in enumerate(pairs):
        if any(pair):
            line = ops.Pad((pair,), step.mode)(np.arange(data.shape[axis]))
            data = _picked(data, axis, line)
    return data


def _repeat(step: ops.Repeat, data: Tensor) -> Tensor:
    for axis, count in enumerate(step.counts):
        data = data.repeat_interleave(count, axis) if count != 1 else data
    return data


def _part(step: ops.Part, data: Tensor) -> Tensor:
    length = -(-data.shape[step.axis] // step.count)
    line = np.arange(data.shape[step.axis])[step.number * length :][:length]
    return _picked(data, step.axis, line)


def _shape_of(step: ops.ShapeOf, data: Tensor) -> Tensor:
    return torch.tensor(data.shape[step.start : step.stop], dtype=torch.int64, device=data.device)


def _fill(step: ops.Fill, shape: Tensor) -> Tensor:
    value = torch.tensor(step.value.reshape(()), device=shape.device)
    return value.expand(_numbers(shape)).clone()


def _expand(step: ops.Expand, data: Tensor, shape: Tensor) -> Tensor:
    return data.broadcast_to(np.broadcast_shapes(data.shape, tuple(_numbers(shape))))


def _gather(step: ops.Gather, data: Tensor, indices: Tensor) -> Tensor:
    axis = step.axis % data.ndim
    places = indices.long().flatten() % data.shape[axis]
    picked = data.index_select(axis, places)
    return picked.reshape(*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])


def _gather_elements(step: ops.GatherElements, data: Tensor, indices: Tensor) -> Tensor:
    return data.gather(step.axis, indices.long() % data.shape[step.axis])


def _scatter(step: ops.ScatterElements, data: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    places = indices.long() % data.shape[step.axis]
    return data.scatter(step.axis, places, updates.to(data.dtype))


def _range(step: ops.Range, start: Tensor, stop: Tensor, stride: Tensor) -> Tensor:
    bounds = start.item(), stop.item(), stride.item()
    return torch.arange(*bounds, dtype=start.dtype, device=start.device)


_ARRANGEMENT: dict[Any, Callable[..., Tensor]] = {
    ops.Identity: lambda step, data: data,
    ops.Cast: _cast,
    ops.Reshape: _reshape,
    ops.Flatten: _flatten,
    ops.Transpose: _transpose,
    ops.Squeeze: _squeeze,
    ops.Unsqueeze: _unsqueeze,
    ops.Concatenate: lambda step, *values: torch.cat(values, step.axis),
    ops.Slice: _slice,
    ops.Pad: _pad,
    ops.Repeat: _repeat,
    ops.Part: _part,
    ops.ShapeOf: _shape_of,
    ops.Fill: _fill,
    ops.Expand: _expand,
    ops.Gather: _gather,
    ops.GatherElements: _gather_elements,
    ops.ScatterElements: _scatter,
    ops.Range: _range,
}


def _register(kind: Any, function: Callable[..., Tensor]) -> None:
    counterpart.register(kind, lambda strategy: Plain(strategy, function))


for _kind, _function in {**_NUMBERS, **_ARRANGEMENT}.items():
    _register(_kind, _function)
for _kind, _function in _ACTIVATIONS.items():
    _register(
        _kind,
        lambda step, data, function=_function, whole=_kind in (ops.Relu, ops.Clip): function(
            step, data if whole else _floating(data)
        ),
    )
