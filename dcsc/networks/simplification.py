"""The same network in fewer steps: what belongs to a convolution becomes part of it."""

import math
from collections.abc import Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import listed
from dcsc.networks.graph import Graph, Node
from dcsc.networks.idle import without_idle
from dcsc.networks.operations import (
    Clip,
    Constant,
    Convolve,
    ConvolveTransposed,
    Dequantize,
    Elementwise,
    Equivariance,
    Linear,
    Operation,
    Pad,
    Quantize,
    Relu,
    Sigmoid,
    Silu,
    Unread,
)
from dcsc.networks.operations.elementwise import aligned

__all__ = ["simplified", "zero_filters"]

_Weighted = Convolve | ConvolveTransposed | Linear
_Bounding = Clip | Relu


def simplified(graph: Graph) -> Graph:
    """Return a graph with the same inputs and outputs.

    Steps that do nothing are left out, and of roundings to whole steps only the bounds are kept.
    Biases and factors that are steps of their own go into the weights before them, zero padding
    into the convolution after it; z · sigmoid(z), the larger of z and a number, and bounds after
    one another are one activation. Sums and products are then rounded in another order, nothing
    else changes.
    """
    constants = {node.output: constant.value for node, constant in graph.of_kind(Constant)}
    graph = without_idle(_unrounded(graph, constants))
    graph = attrs.evolve(graph, nodes=[_bounded(graph, node, constants) for node in graph.nodes])
    nodes: dict[str, Node] = {}
    for node in graph.nodes:
        step = node
        for name in node.inputs:
            before = nodes.get(name)
            if before is not None and graph.next_only(name) is node:
                joint = _joint(before, node, constants)
                if joint is not None:
                    del nodes[name]
                    step = joint
        nodes[step.output] = step
    read = {name for node in nodes.values() for name in node.inputs} | set(graph.outputs)
    # A constant, and a result that is not computed, is left out where nothing reads it.
    idle = Constant | Unread
    kept = [n for n in nodes.values() if n.output in read or not isinstance(n.operation, idle)]
    return attrs.evolve(graph, nodes=kept)


def _joint(before: Node, node: Node, constants: dict[str, Array]) -> Node | None:
    """Return one step in place of two, of which only the second reads the first; or None."""
    first, second = before.operation, node.operation
    data = [name for name in node.inputs if name not in constants]
    # z · sigmoid(z): the product reads what the sigmoid reads, and the sigmoid.
    if isinstance(first, Sigmoid) and data == [*before.inputs, before.output]:
        if isinstance(second, Elementwise) and second.function == "Mul":
            return attrs.evolve(node, operation=Silu(), inputs=before.inputs)
        return None
    if data != [before.output]:
        return None
    # Of two intervals after one another, the second bounds what the first lets through.
    if isinstance(first, _Bounding) and isinstance(second, _Bounding):
        (low, high), (least, most) = _bounds(first), _bounds(second)
        bounds = _clip(min(max(low, least), most), min(max(high, least), most))
        return attrs.evolve(node, operation=bounds, inputs=before.inputs)
    # Zeros before a convolution are its padding.
    if isinstance(first, Pad) and isinstance(second, Convolve):
        padded = _padded(first, second)
        if padded is None:
            return None
        return attrs.evolve(node, operation=padded, inputs=before.inputs)
    # A constant that is added or multiplied belongs to the bias and the weight before it.
    if isinstance(first, _Weighted) and isinstance(second, Elementwise) and len(node.inputs) == 2:
        (constant,) = (constants[name] for name in node.inputs if name in constants)
        function = second.function
        if function in ("Sub", "Div") and node.inputs[0] != before.output:
            return None
        if second.axis is not None:
            if isinstance(first, Linear):  # on data of any number of axes
                return None
            constant = aligned(constant, second.axis, first.weight.ndim)
        joint = _affine(first, function, constant)
        if joint is not None:
            return attrs.evolve(before, operation=joint, output=node.output)
    return None


def _padded(pad: Pad, convolve: Convolve) -> Convolve | None:
    """Return the convolution with zeros that were padded before it."""
    padding, widths = convolve.padding, (pad.widths or ())[2:]
    zero = pad.mode == "constant" and pad.equivariance == Equivariance.LINEAR
    if not zero or isinstance(padding, str) or len(widths) != len(padding) or np.min(widths) < 0:
        return None
    pairs = ((b + x, a + y) for (b, a), (x, y) in zip(padding, widths, strict=True))
    return attrs.evolve(convolve, padding=tuple(pairs))


def _affine(first: Operation, function: str, constant: Array) -> Operation | None:
    """Return an affine operation followed by a sum or product with a number per output."""
    assert isinstance(first, _Weighted)
    outputs = len(first.weight)
    if isinstance(first, ConvolveTransposed):
        outputs = first.weight.shape[1] * first.groups
    flat = isinstance(first, Linear)
    numbers = _per_output(constant, 1 if flat else first.weight.ndim, -1 if flat else 1, outputs)
    if numbers is None or not np.isfinite(numbers).all():
        return None
    bias = np.zeros(outputs, first.weight.dtype) if first.bias is None else first.bias
    if function in ("Add", "Sub"):
        return attrs.evolve(first, bias=bias + numbers if function == "Add" else bias - numbers)
    if function not in ("Mul", "Div") or isinstance(first, ConvolveTransposed):
        return None
    if function == "Div" and not numbers.all():
        return None
    factor = numbers if function == "Mul" else 1 / numbers
    weight = first.weight * factor.reshape(-1, *[1] * (first.weight.ndim - 1))
    return attrs.evolve(first, weight=weight, bias=bias * factor)


def _unrounded(graph: Graph, constants: dict[str, Array]) -> Graph:
    """Return the graph with an interval in place of each rounding to integers and back."""
    nodes = []
    for node in graph.nodes:
        before = graph.producers.get(node.inputs[0]) if node.inputs else None
        step = node
        if isinstance(node.operation, Dequantize) and before is not None:
            step = _interval(before, node, constants) or node
        nodes.append(step)
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    kept = [n for n in nodes if n.output in read or not isinstance(n.operation, Quantize)]
    return attrs.evolve(graph, nodes=kept)


def _interval(before: Node, node: Node, constants: dict[str, Array]) -> Node | None:
    """Return the bounds of a rounding in the units in which the numbers come back, or None."""
    if not isinstance(before.operation, Quantize):
        return None
    there, back = (
        [constants[name].item() for name in one.inputs[1:] if _single(name, constants)]
        for one in (before, node)
    )
    if there != back or not len(before.inputs) == len(node.inputs) == len(there) + 1:
        return None
    unit, zero = (*there, 0)[:2]
    low, high = ((bound - zero) * unit for bound in before.operation.bounds)
    return attrs.evolve(node, operation=Clip(low, high), inputs=before.inputs[:1])


def _single(name: str, constants: dict[str, Array]) -> bool:
    return name in constants and constants[name].size == 1


def _bounded(graph: Graph, node: Node, constants: dict[str, Array]) -> Node:
    """Return a step that bounds numbers from below or above as the activation that it is."""
    operation = node.operation
    if isinstance(operation, Clip):
        return attrs.evolve(node, operation=_clip(*_bounds(operation)))
    if not isinstance(operation, Elementwise) or operation.function not in ("Max", "Min"):
        return node
    data = [name for name in node.inputs if name not in constants]
    numbers = [constants[name] for name in node.inputs if name in constants]
    if len(data) != 1 or len(numbers) != 1:
        return node
    # One number for all entries, which gives the data no axis that they have not.
    before = graph.producers.get(data[0])
    axes = before.operation.weight.ndim if before and isinstance(before.operation, Convolve) else 1
    (bound,) = numbers
    if bound.size != 1 or bound.ndim > axes or bound.dtype.kind != "f" or not np.isfinite(bound):
        return node
    lower = operation.function == "Max"
    joint = _clip(bound.item() if lower else -math.inf, math.inf if lower else bound.item())
    return attrs.evolve(node, operation=joint, inputs=tuple(data))


def _bounds(operation: _Bounding) -> tuple[float, float]:
    """Return the ends of the interval in which an activation keeps its numbers."""
    low, high = (0.0, None) if isinstance(operation, Relu) else (operation.low, operation.high)
    return -math.inf if low is None else low, math.inf if high is None else high


def _clip(low: float, high: float) -> Operation:
    """Return the activation that keeps numbers in an interval; from 0 on it is a rectifier."""
    if (low, high) == (0, math.inf):
        return Relu()
    return Clip(*(None if math.isinf(bound) else float(bound) for bound in (low, high)))


def _per_output(constant: Array, ndim: int, axis: int, outputs: int) -> Array | None:
    """Return a constant as one number per output, if that is how it acts on data of ndim axes."""
    if constant.ndim > ndim or constant.dtype.kind != "f":
        return None
    shape = (1,) * (ndim - constant.ndim) + constant.shape
    along = shape[axis]
    if along not in (1, outputs) or constant.size != along:
        return None
    return np.broadcast_to(constant.reshape(-1), outputs)


def zero_filters(graph: Graph) -> Iterator[str]:
    """Yield a note for each convolution with filters that are zero."""
    for node, convolve in graph.of_kind(Convolve):
        weight = convolve.weight
        dead = np.flatnonzero(~weight.any(axis=tuple(range(1, weight.ndim))))
        if len(dead):
            yield f"{node.name}: {len(dead)} of {len(weight)} filters are zero: {listed(dead)}"
