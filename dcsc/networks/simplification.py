"""The same network in fewer steps: what belongs to a convolution becomes part of it."""

from collections.abc import Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import listed
from dcsc.networks.graph import Graph, Node
from dcsc.networks.operations import (
    Constant,
    Convolve,
    ConvolveTransposed,
    Elementwise,
    Equivariance,
    Linear,
    Operation,
    Pad,
    Sigmoid,
    Silu,
    Unread,
)

__all__ = ["simplified", "zero_filters"]

_Weighted = Convolve | ConvolveTransposed | Linear


def simplified(graph: Graph) -> Graph:
    """Return a graph with the same inputs and outputs.

    Biases and factors that are steps of their own go into the weights before them, zero padding
    into the convolution after it, and z · sigmoid(z) is one activation. Sums and products are then
    rounded in another order, nothing else changes.
    """
    nodes: dict[str, Node] = {}
    constants = {node.output: constant.value for node, constant in graph.of_kind(Constant)}
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
    # Zeros before a convolution are its padding.
    if isinstance(first, Pad) and isinstance(second, Convolve):
        operation = _padded(first, second)
        if operation is None:
            return None
        return attrs.evolve(node, operation=operation, inputs=before.inputs)
    # A constant that is added or multiplied belongs to the bias and the weight before it.
    if isinstance(first, _Weighted) and isinstance(second, Elementwise) and len(node.inputs) == 2:
        (constant,) = (constants[name] for name in node.inputs if name in constants)
        function = second.function
        if function in ("Sub", "Div") and node.inputs[0] != before.output:
            return None
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
    if function in ("Mul", "Div") and numbers.all() and not isinstance(first, ConvolveTransposed):
        factor = numbers if function == "Mul" else 1 / numbers
        weight = first.weight * factor.reshape(-1, *[1] * (first.weight.ndim - 1))
        return attrs.evolve(first, weight=weight, bias=bias * factor)
    return None


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
