"""Why weights and their geometry do not fit: the likely causes, each with the line that mends it.

A layer that does not fit is not guessed at. What is known of it, its weights' shape and what comes
in, mostly leaves a few causes, and these are told with what a table of layers says then.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dcsc._words import quoted
from dcsc.networks.graph import Node
from dcsc.networks.operations import Convolve, ConvolveTransposed, Elementwise, Linear

__all__ = ["channel_causes", "norm_causes", "run_cause"]

Shape = tuple[int, ...]
_POOLED = (2, 3, 4)
# Where channels are that come last, how the axes are called, and how they are moved.
_LAST = (
    (-2, "(*kernel, inputs, outputs)", "(-1, -2), (0, 1)"),
    (-1, "(outputs, *kernel, inputs)", "-1, 1"),
)


# ---- when a table is read ------------------------------------------------------------------------


def channel_causes(
    operation: Convolve | ConvolveTransposed, channels: int, others: Iterable[str], first: bool
) -> list[str]:
    """Return why other channels come into a convolution than its weights have.

    Parameters
    ----------
    operation : Convolve or ConvolveTransposed
    channels : int
        How many come in.
    others : iterable of str
        Earlier layers that have as many as are needed, the likeliest first.
    first : bool
        Whether it reads the network's input.
    """
    shape = operation.weight.shape
    causes = [f"from = {quoted(name)}" for name in others]
    if isinstance(operation, ConvolveTransposed):
        return causes + ['kind = "convolution"'] * (shape[1] * operation.groups == channels)
    if first:
        causes.append(f"input = [{shape[1] * operation.groups}, ...]")
    groups, rest = divmod(channels, shape[1])
    if not rest and len(operation.weight) % groups == 0:
        causes.append(f"groups = {groups}")
    if channels == shape[0]:
        causes.append('kind = "transposed_convolution"')
    # Channels that come last, as in TensorFlow and in MLX.
    for axis, axes, move in _LAST:
        if shape[axis] == channels:
            causes.append(f"np.moveaxis(weight, {move}) saved in its place, if its axes are {axes}")
    return causes


def norm_causes(channels: int, sizes: Mapping[str, int]) -> list[str]:
    """Return which norms, of these sizes by their names, have as many channels as come in."""
    return [f"norm = {quoted(name)}" for name, size in sizes.items() if size == channels]


# ---- when a network runs -------------------------------------------------------------------------


def run_cause(node: Node, shapes: Mapping[str, Shape], nodes: Sequence[Node]) -> str:
    """Return why a step could not be run, with a colon in front; nothing if no cause is likely.

    Parameters
    ----------
    node : Node
        The step.
    shapes : mapping of str to tuple of int
        Those of all values that were computed.
    nodes : sequence of Node
        The steps of the network.
    """
    inputs = [shapes[name] for name in node.inputs]
    cause = ""
    if isinstance(node.operation, Linear):
        cause = _before_matrix(node.operation.weight.shape[1], _unflattened(node, shapes, nodes))
    elif isinstance(node.operation, Elementwise) and len(inputs) == 2:
        cause = _between_terms(*inputs)
    return f": likely {cause}" if cause else ""


def _unflattened(node: Node, shapes: Mapping[str, Shape], nodes: Sequence[Node]) -> Shape:
    """Return the shape of what a step reads, before it was laid out in a line."""
    by_output = {one.output: one for one in nodes}
    name = node.inputs[0]
    total = math.prod(shapes[name])
    while len(shapes[name]) < 3 and name in by_output and by_output[name].inputs:
        name = by_output[name].inputs[0]
    return shapes[name] if math.prod(shapes[name]) == total else shapes[node.inputs[0]]


def _before_matrix(needed: int, shape: Shape) -> str:
    """Return why a matrix of so many inputs does not fit what a convolution leaves."""
    if len(shape) < 3:
        return ""
    channels, *extent = shape[1:]
    came = f"{channels} channels of {_times(extent)} come"
    if math.prod(shape[1:]) == needed:
        return f'kind = "flatten" in a table before it, for {came}'
    positions, rest = divmod(needed, channels)
    if rest:
        return f"another layer before it, for {came} and {needed} is no multiple of {channels}"
    if positions == 1:
        return f'kind = "global_average_pool" in a table before it, for {came}'
    for step in _POOLED:
        if math.prod(n // step for n in extent) == positions:
            pool = f'pool = {{ kind = "max_pool", kernel = {step}, stride = {step} }}'
            return f"{pool} in the table of the layer before it, for {came}"
    side = round(positions ** (1 / len(extent)))
    square = side ** len(extent) == positions
    size = _times([side] * len(extent)) if square else f"{positions} positions"
    return (
        f"inputs of another extent, or a padding, stride or pool of the layers before it: {came}, "
        f"and its weights are for {channels} of {size}"
    )


def _between_terms(left: Shape, right: Shape) -> str:
    """Return why two terms cannot be added up."""
    if len(left) != len(right) or len(left) < 3:
        return ""
    if left[1] != right[1]:
        return f"another layer in its from, for {left[1]} and {right[1]} channels come"
    longest, shortest = np.maximum(left, right)[2:], np.minimum(left, right)[2:]
    step = int(np.rint(longest / np.maximum(shortest, 1)).max())
    come = f"{_times(longest)} and {_times(shortest)} come"
    if step > 1:
        return f"stride = {step} in the longer branch, for {come}"
    padding = -(-int((longest - shortest).max()) // 2)
    return f"padding = {padding} of one more convolution of the shorter branch, for {come}"


def _times(extent: Iterable[int]) -> str:
    return " × ".join(map(str, extent))
