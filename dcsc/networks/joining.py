r"""Sums before an activation, each read as one convolution.

In a residual network the code is :math:`\sigma(w * x + v * z + b)`, where v is a convolution of
the shortcut z, or the identity. That is one analysis of the signal (x, z), whose channels are those
of x and those of z, by the joined filters [w v]. All filters move alike there, so:

- a filter of one tap that moves by ks sees every k-th sample of its signal, and moves by s
- smaller filters lie within the largest at the samples that they saw, with zeros around and between
- groups of channels are zeros where a filter does not see them
- terms that read the same signal are added up, tap by tap
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import instances
from dcsc._arrays import Array, Shape, instance_of, shape_tuple
from dcsc._fields import named, named_field
from dcsc._words import listed, quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.graph import Graph, Node
from dcsc.networks.operations import (
    Activation,
    BatchNorm,
    Concatenate,
    Convolve,
    Elementwise,
    Slice,
)
from dcsc.networks.operations.sliding import Pairs, pads, reach
from dcsc.networks.shapes import Length, Sizes, positions_of, sizes

__all__ = ["JoinedSum", "Joining", "Term", "join"]

_LARGEST = 2**25
_END = 2**31 - 1


def _ends(value: Any, record: Any, where: str) -> tuple[int, int]:
    ends = shape_tuple(value, where)
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise DcscError(f"{where}: expected two numbers, the smaller first, got {quoted(value)}")
    return ends[0], ends[1]


def _terms(value: Any, record: Any, where: str) -> tuple["Term", ...]:
    return instances(value, Term, where)


@attrs.frozen
class Term:
    """A term of a sum that is read as one convolution.

    Parameters
    ----------
    step : str
        Name of the convolution, or of the batch norm, that makes it; empty for the identity.
    signal : str
        Name of the value that it reads.
    channels : (int, int)
        From which channel of the joined signal to which that value goes.
    """

    step: str = attrs.field(validator=instance_of(str))
    signal: str = attrs.field(validator=instance_of(str))
    channels: tuple[int, int] = named_field(_ends)

    def __str__(self) -> str:
        return f"{self.step or 'the identity'} on {self.signal}"


@attrs.frozen
class JoinedSum:
    """A sum that is read as one convolution.

    Parameters
    ----------
    convolution : str
        The name that it has: that of the first term.
    terms : tuple of Term
        Filters of more taps come first, then those of a lesser name, and the identity comes last.
    """

    convolution: str = attrs.field(validator=instance_of(str))
    terms: tuple[Term, ...] = attrs.field(converter=named(_terms))  # type: ignore[misc]  # see `named`

    def __str__(self) -> str:
        return f"joined: {listed(self.terms)}"


@attrs.frozen
class Joining:
    """A graph with one convolution in place of each sum that allows it.

    Parameters
    ----------
    graph : Graph
    sums : tuple of JoinedSum
    apart : tuple of str
        Which sums of convolutions stay as they are, and why.
    """

    graph: Graph
    sums: tuple[JoinedSum, ...]
    apart: tuple[str, ...]


@attrs.frozen
class _Summand:
    """A term as a convolution; ``replaced`` are the values that it makes no more."""

    step: str
    value: str
    signal: str
    operation: Convolve | BatchNorm | None
    replaced: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.step or self.value


def join(graph: Graph) -> Joining:
    """Return a graph with the same inputs and outputs.

    Sums are joined that an activation alone uses, with a convolution among their terms whose result
    goes nowhere else. The result has the name of the sum; it is rounded in another order.
    """
    known = sizes(graph)
    replaced: set[str] = set()
    steps: dict[str, list[Node]] = {}
    made: dict[str, Node] = {}
    sums, apart = [], []
    for node, _ in graph.of_kind(Activation):
        adding = _sum(graph, node.inputs[0], node) if len(node.inputs) == 1 else None
        if adding is None:
            continue
        operands = list(_operands(graph, adding))
        # One order, whichever the file has, so that two networks can be compared.
        summands = sorted((_summand(graph, value, user) for value, user in operands), key=_rank)
        if not any(isinstance(summand.operation, Convolve) for summand in summands):
            continue
        try:
            joint, nodes = _joint(summands, known, adding)
        except NotCoveredError as error:
            apart.append(f"the sum of {listed(summands)} is not joined: {error}")
            continue
        sums.append(joint)
        # Sums that read the same signals share the steps that make them one.
        steps[adding.output] = [s for name, s in nodes.items() if made.get(name) != s]
        made |= nodes
        replaced.update(value for summand in summands for value in summand.replaced)
        replaced.update(user.output for _, user in operands)
    kept: list[Node] = []
    for node in graph.nodes:
        kept += steps.get(node.output, [] if node.output in replaced else [node])
    return Joining(attrs.evolve(graph, nodes=kept), tuple(sums), tuple(apart))


# ---- the terms -----------------------------------------------------------------------------------


def _sum(graph: Graph, value: str, user: Node) -> Node | None:
    """Return the sum that makes a value for one step alone, or None."""
    node = graph.producers.get(value)
    if node is None or graph.next_only(value) is not user:
        return None
    operation = node.operation
    summing = isinstance(operation, Elementwise) and operation.function in ("Add", "Sum")
    return node if summing else None


def _operands(graph: Graph, adding: Node) -> Iterator[tuple[str, Node]]:
    """Yield the values that a sum, or a sum within it, adds up, each with the sum that does."""
    for name in adding.inputs:
        inner = _sum(graph, name, adding)
        if inner is None:
            yield name, adding
        else:
            yield from _operands(graph, inner)


def _summand(graph: Graph, value: str, user: Node) -> _Summand:
    """Return what makes an operand of a sum: a convolution, a batch norm, or nothing."""
    name, norm, replaced = value, None, []
    step = graph.producers.get(name)
    if step is not None and isinstance(step.operation, BatchNorm) and graph.next_only(name) is user:
        norm, user = step, step
        replaced.append(name)
        (name,) = step.inputs
        step = graph.producers.get(name)
    if step is not None and isinstance(step.operation, Convolve) and graph.next_only(name) is user:
        operation = step.operation
        if norm is not None and isinstance(norm.operation, BatchNorm):
            operation = _normed(operation, norm.operation)
        return _Summand(step.name, value, step.inputs[0], operation, (*replaced, name))
    if norm is not None and isinstance(norm.operation, BatchNorm):
        return _Summand(norm.name, value, name, norm.operation, tuple(replaced))
    return _Summand("", value, value, None)


def _rank(summand: _Summand) -> tuple[int, bool, str]:
    """Return what the terms are sorted by: filters of more taps come first, the identity last."""
    operation = summand.operation
    taps = math.prod(operation.weight.shape[2:]) if isinstance(operation, Convolve) else 0
    return -taps, operation is None, str(summand)


def _normed(operation: Convolve, norm: BatchNorm) -> Convolve:
    """Return the convolution with a batch norm after it: g ⊙ w, and g ⊙ b + h."""
    gain, shift = norm.scale.astype(np.float64), norm.shift
    bias = shift if operation.bias is None else operation.bias * gain + shift
    weight = operation.weight * gain.reshape(-1, *[1] * (operation.weight.ndim - 1))
    kind = operation.weight.dtype
    return attrs.evolve(operation, weight=weight.astype(kind), bias=bias.astype(kind))


def _convolution(summand: _Summand, channels: int, like: Convolve) -> Convolve:
    """Return a term as a convolution; the identity has one tap for each channel."""
    operation = summand.operation
    if isinstance(operation, Convolve):
        return operation
    shape, kind = (channels, 1, *[1] * (like.weight.ndim - 2)), like.weight.dtype
    if operation is None:
        return Convolve(np.ones(shape, kind), groups=channels)
    weight, bias = operation.scale.astype(kind), operation.shift.astype(kind)
    return Convolve(weight.reshape(shape), bias, groups=channels)


# ---- one convolution -----------------------------------------------------------------------------


def _joint(
    summands: Sequence[_Summand], known: Mapping[str, Sizes], adding: Node
) -> tuple[JoinedSum, dict[str, Node]]:
    """Return the sum, and the steps in its place by what they make.

    Raises
    ------
    NotCoveredError
        If it cannot be one convolution.
    """
    first = next(s for s in summands if isinstance(s.operation, Convolve))
    assert isinstance(first.operation, Convolve)
    # All terms have the same shape: none of them is repeated along an axis.
    out = known.get(first.value)
    for summand in summands:
        if summand.value not in known:
            raise NotCoveredError(f"the steps do not tell the shape of {summand}")
        if known[summand.value] != out:
            raise NotCoveredError(f"{first} and {summand} need not have the same shape")
    assert out is not None
    channels = len(first.operation.weight)
    terms = [_convolution(summand, channels, first.operation) for summand in summands]
    # All terms move alike, and see signals of the same extent.
    stride = tuple(math.gcd(*column) for column in zip(*(t.stride for t in terms), strict=True))
    signals: list[str] = []
    paddings: list[Pairs] = []
    nodes: dict[str, Node] = {}
    extent: Sizes | None = None
    for summand, term in zip(summands, terms, strict=True):
        seen, signal = known[summand.signal][2:], summand.signal
        padding = _padding(term, seen, summand)
        step = tuple(s // every for s, every in zip(term.stride, stride, strict=True))
        if set(step) != {1}:
            _check_pointwise(term, padding, step, summand)
            thin = _thinned(signal, step)
            nodes[thin.output] = thin
            signal = thin.output
        signals.append(signal)
        paddings.append(padding)
        length = tuple(positions_of(n, 1, k) for n, k in zip(seen, step, strict=True))
        if extent not in (None, length):
            raise NotCoveredError(
                f"the signals of {summands[0]} and {summand} need not have the same extent"
            )
        extent = length
    # Each signal has its channels, however many terms read it.
    widths = {s: t.weight.shape[1] * t.groups for s, t in zip(signals, terms, strict=True)}
    ends = dict(zip(widths, np.cumsum(list(widths.values())).tolist(), strict=True))
    at = [(ends[signal] - widths[signal], ends[signal]) for signal in signals]
    operation = _put_together(terms, stride, paddings, at)
    source = signals[0]
    if len(widths) > 1:
        source = f"[{', '.join(widths)}]"
        nodes[source] = Node(source, Concatenate(1), tuple(widths), source)
    nodes[adding.output] = Node(first.step, operation, (source,), adding.output)
    parts = zip(summands, signals, at, strict=True)
    terms_of = tuple(Term(summand.step, signal, ends) for summand, signal, ends in parts)
    return JoinedSum(first.step, terms_of), nodes


def _padding(term: Convolve, extent: Sizes, summand: _Summand) -> Pairs:
    """Return the padding in numbers, which must not depend on an extent that is not known."""
    kernel = reach(term.weight.shape[2:], term.dilation)
    geometry = zip(extent, kernel, term.stride, strict=True)
    if isinstance(term.padding, str) and any(
        isinstance(n, Length) and span > 1 and step > 1 for n, span, step in geometry
    ):
        raise NotCoveredError(f"the padding of {summand} depends on the extent of its signal")
    # At stride 1, or of one tap, the padding is the same at any extent.
    sizes = tuple(1 if isinstance(n, Length) else n for n in extent)
    return pads(term.padding, sizes, kernel, term.stride)


def _check_pointwise(term: Convolve, padding: Pairs, step: Shape, summand: _Summand) -> None:
    """Refuse filters of several taps that move faster than others."""
    taps = term.weight.shape[2:]
    if any(k > 1 and (f > 1 or any(p)) for k, f, p in zip(step, taps, padding, strict=True)):
        raise NotCoveredError(f"{summand} moves faster than others, and has more than one tap")


def _thinned(signal: str, step: Shape) -> Node:
    """Return the step that keeps every so many samples of a signal."""
    axes = range(2, 2 + len(step))
    bounds = ((0,) * len(step), (_END,) * len(step), tuple(axes), step)
    name = f"{signal}[{', '.join(f'::{k}' for k in step)}]"
    return Node(name, Slice(bounds), (signal,), name)


def _put_together(
    terms: Sequence[Convolve],
    stride: Shape,
    paddings: Sequence[Pairs],
    at: Sequence[tuple[int, int]],
) -> Convolve:
    """Return one convolution for terms whose channels begin and end at some places.

    Tap u of a term sees the sample pus + ud − b at position p, with the padding b before it.
    """
    taps = [term.weight.shape[2:] for term in terms]
    dilation, kernel, padding, lines = [], [], [], []
    for axis in range(len(stride)):
        places = [
            np.arange(size[axis]) * term.dilation[axis] - pairs[axis][0]
            for size, term, pairs in zip(taps, terms, paddings, strict=True)
        ]
        every = np.concatenate(places)
        start, stop = int(every.min()), int(every.max())
        apart = int(np.gcd.reduce(every - start)) or 1
        dilation.append(apart)
        kernel.append((stop - start) // apart + 1)
        # As many positions as the first term has: what is seen beyond its last tap is padded.
        padding.append((-start, paddings[0][axis][1] + stop - int(places[0][-1])))
        lines.append([(place - start) // apart for place in places])
    # Groups stay where all terms read one signal.
    alone = len(set(at)) == 1
    groups = math.gcd(*(term.groups for term in terms)) if alone else 1
    n, width = len(terms[0].weight), max(end for _, end in at) // groups
    if n * width * math.prod(kernel) > _LARGEST:
        raise NotCoveredError("its filters would be too large")
    kind = np.result_type(*(term.weight for term in terms))
    weight, bias = np.zeros((n, width, *kernel), kind), np.zeros(n, kind)
    for number, (term, (begin, _)) in enumerate(zip(terms, at, strict=True)):
        filters = _ungrouped(term.weight, term.groups, groups)
        channels = np.arange(begin, begin + filters.shape[1])
        cut = np.ix_(np.arange(n), channels, *(line[number] for line in lines))
        weight[cut] += filters
        bias += 0 if term.bias is None else term.bias
    return Convolve(
        weight,
        bias if any(term.bias is not None for term in terms) else None,
        stride=stride,
        padding=tuple(padding),
        dilation=tuple(dilation),
        groups=groups,
    )


def _ungrouped(weight: Array, groups: int, wanted: int) -> Array:
    """Return filters in fewer groups, a divisor of those that they have, with zeros between."""
    n, width, *taps = weight.shape
    together = groups // wanted
    filters = np.zeros((groups, n // groups, together, width, *taps), weight.dtype)
    number = np.arange(groups)
    filters[number, :, number % together] = weight.reshape(groups, n // groups, width, *taps)
    return filters.reshape(n, together * width, *taps)
