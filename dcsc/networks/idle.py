"""Steps that hand on what they get, and stand between others that belong together."""

import attrs
import numpy as np

from dcsc.networks.graph import Graph
from dcsc.networks.operations import (
    Activation,
    AveragePool,
    BatchNorm,
    Cast,
    Clip,
    Concatenate,
    Constant,
    Convolve,
    ConvolveTransposed,
    Elementwise,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Identity,
    InstanceNorm,
    Linear,
    MaxPool,
    Operation,
    Pad,
    Repeat,
    Reshape,
    Slice,
    Squeeze,
    Transpose,
    Unsqueeze,
)

__all__ = ["without_idle"]

_Weighted = Convolve | ConvolveTransposed | Linear | BatchNorm | InstanceNorm
_Pooling = AveragePool | MaxPool | GlobalAveragePool | GlobalMaxPool
_Keeping = Activation | Concatenate | Flatten | Identity | Pad | Repeat | Reshape | Slice | Squeeze
_ARITHMETIC = ("Add", "Div", "Max", "Min", "Mul", "Sub", "Sum")


def without_idle(graph: Graph) -> Graph:
    """Return a graph without the steps that change nothing, unless an output has their name."""
    floating = {needed.name for needed in graph.inputs if not needed.integer}
    earlier: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(earlier.get(name, name) for name in node.inputs)
        if _makes_floats(node.operation, inputs, floating):
            floating.add(node.output)
        if node.output not in graph.outputs and _idle(node.operation, inputs, floating):
            earlier[node.output] = inputs[0]
        else:
            nodes.append(attrs.evolve(node, inputs=inputs))
    return attrs.evolve(graph, nodes=nodes)


def _makes_floats(operation: Operation, inputs: tuple[str, ...], floating: set[str]) -> bool:
    """Return whether a step is sure to make floating numbers."""
    if isinstance(operation, Constant):
        return operation.value.dtype.kind == "f"
    if isinstance(operation, Cast):
        return bool(operation.dtype.kind == "f")
    if isinstance(operation, Elementwise):
        return operation.function in _ARITHMETIC and not floating.isdisjoint(inputs)
    keeps = isinstance(operation, _Keeping | Transpose | Unsqueeze) and inputs[0] in floating
    return keeps or isinstance(operation, _Weighted | _Pooling)


def _idle(operation: Operation, inputs: tuple[str, ...], floating: set[str]) -> bool:
    """Return whether a step hands on its first input as it is."""
    if isinstance(operation, Cast):
        # Floating numbers are not rounded to fewer digits, so that any floating dtype is as good.
        return bool(operation.dtype.kind == "f") and inputs[0] in floating
    if isinstance(operation, Pad):
        return operation.widths is not None and not np.any(operation.widths)
    if isinstance(operation, Repeat):
        return set(operation.counts) == {1}
    if isinstance(operation, Clip):
        return operation.low is None and operation.high is None
    return isinstance(operation, Identity)
