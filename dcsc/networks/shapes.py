r"""Shapes of values, as far as the steps tell them without an input.

A length that no step tells is a `Length`: that of some value, and so much more. A window that
moves by s over n samples has :math:`\lfloor (n - o) / s \rfloor + 1` positions, where o is what it
reaches over beyond the padding. Lengths that are written alike are the same, whatever the inputs.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import attrs

from dcsc.networks.graph import Graph
from dcsc.networks.operations import (
    Activation,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenate,
    Constant,
    Convolve,
    Elementwise,
    GlobalAveragePool,
    GlobalMaxPool,
    GroupNorm,
    Identity,
    InstanceNorm,
    LocalResponseNorm,
    MaxPool,
    Operation,
    Pad,
)
from dcsc.networks.operations.sliding import SAME, reach

__all__ = ["Length", "Size", "Sizes", "positions_of", "sizes"]

_Norm = BatchNorm | GroupNorm | InstanceNorm | LocalResponseNorm
_Keeping = Activation | Cast | Identity | _Norm


@attrs.frozen
class Length:
    """A length that is not known: a name for it, and how many more there are."""

    name: tuple[Any, ...]
    more: int = 0


Size = int | Length
Sizes = tuple[Size, ...]


def sizes(graph: Graph) -> dict[str, Sizes]:
    """Return the shapes of values by their names, those that the steps tell."""
    known: dict[str, Sizes] = {}
    for one in graph.inputs:
        if one.shape is not None:
            known[one.name] = tuple(
                Length((one.name, axis)) if n is None else n for axis, n in enumerate(one.shape)
            )
    for node in graph.nodes:
        operation = node.operation
        if isinstance(operation, Convolve):
            # A convolution tells the channels and the number of axes of what it reads.
            (signal,) = node.inputs
            batch, _, *extent = (Length((signal, axis)) for axis in range(operation.weight.ndim))
            channels = operation.weight.shape[1] * operation.groups
            known.setdefault(signal, (batch, channels, *extent))
        shape = _result(operation, [known.get(name) for name in node.inputs])
        if shape is not None:
            known[node.output] = shape
    return known


def positions_of(size: Size, beyond: int, stride: int) -> Size:
    r"""Return :math:`\lfloor (n - o) / s \rfloor + 1`."""
    if not isinstance(size, Length):
        return (size - beyond) // stride + 1
    # ⌊(n + qs + r) / s⌋ = ⌊(n + r) / s⌋ + q
    whole, rest = divmod(size.more - beyond, stride)
    return Length(size.name if stride == 1 else (size.name, rest, stride), whole + 1)


def _result(operation: Operation, inputs: list[Sizes | None]) -> Sizes | None:
    """Return the shape of what a step makes, or None."""
    if isinstance(operation, Constant):
        return operation.value.shape
    known = [shape for shape in inputs if shape is not None]
    if not known or len(known) < len(inputs):
        return None
    first = known[0]
    if isinstance(operation, _Keeping):
        return first
    if isinstance(operation, Convolve):
        kernel = operation.weight.shape[2:]
        return _slid(operation, kernel, (first[0], len(operation.weight), *first[2:]))
    if isinstance(operation, MaxPool | AveragePool):
        return None if operation.ceil else _slid(operation, operation.kernel, first)
    if isinstance(operation, GlobalMaxPool | GlobalAveragePool):
        return (*first[:2], *[1] * len(first[2:]))
    if isinstance(operation, Pad):
        widths = operation.widths or ()
        if len(widths) != len(first):
            return None
        return tuple(positions_of(n, 1 - b - a, 1) for n, (b, a) in zip(first, widths, strict=True))
    if isinstance(operation, Concatenate):
        return _strung(known, operation.axis)
    if isinstance(operation, Elementwise) and operation.axis is None:
        return _broadcast(known)
    return None


def _slid(operation: Any, kernel: tuple[int, ...], data: Sizes) -> Sizes | None:
    """Return the shape with the number of windows on each axis."""
    if len(data) != 2 + len(kernel):
        return None
    padding = operation.padding
    spans = reach(kernel, operation.dilation)
    # "same" has ⌈n / s⌉ positions.
    beyond = [
        1 if padding in SAME else span - sum(padding[axis]) for axis, span in enumerate(spans)
    ]
    return (*data[:2], *map(positions_of, data[2:], beyond, operation.stride))


def _strung(shapes: Sequence[Sizes], axis: int) -> Sizes | None:
    """Return the shape of arrays one after the other, if it is known how long they are."""
    first = shapes[0]
    if not -len(first) <= axis < len(first) or len({len(shape) for shape in shapes}) > 1:
        return None
    parts = [shape[axis] for shape in shapes]
    known = [part for part in parts if isinstance(part, int)]
    at = axis % len(first)
    return (*first[:at], sum(known), *first[at + 1 :]) if len(known) == len(parts) else None


def _broadcast(shapes: Sequence[Sizes]) -> Sizes | None:
    """Return the shape of arrays put together, or None where lengths may differ or not."""
    result: list[Size] = []
    for column in itertools.zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1):
        longer = {size for size in column if size != 1}
        if len(longer) > 1:
            return None
        result.insert(0, longer.pop() if longer else 1)
    return tuple(result)
