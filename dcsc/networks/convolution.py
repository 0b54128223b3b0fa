"""Convolutions of a network, with the norm, activation and pooling of each."""

from collections.abc import Mapping

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, instance, instance_of, per_axis
from dcsc._display import Facts
from dcsc._fields import named
from dcsc._words import listed, quoted
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.networks.graph import Graph, Node, texts
from dcsc.networks.joining import JoinedSum
from dcsc.networks.operations import (
    Activation,
    AveragePool,
    BatchNorm,
    Convolve,
    ConvolveTransposed,
    Elementwise,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Operation,
    as_dictionary,
)
from dcsc.networks.operations.sliding import Padding
from dcsc.networks.reading import Incoming, Reading, read

__all__ = ["Convolution", "Sum", "TransposedConvolution", "check_values"]

# Values may come from a device that computes in half precision.
_ROUNDING = 0.05

_PARTS: dict[str, type[Operation] | tuple[type[Operation], ...]] = {
    "norm": BatchNorm,
    "activation": Activation,
    "pool": (MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool),
}


@attrs.frozen
class Sum:
    """A sum before the activation, as in residual networks: the code is not of one layer alone.

    Parameters
    ----------
    added : tuple of str
        Names of the steps, or of the inputs, that make the other summands.
    activation : Activation
    code : str
        Name of the value that the activation makes of the sum.
    """

    added: tuple[str, ...] = attrs.field(converter=named(texts))  # type: ignore[misc]  # see `named`
    activation: Activation = attrs.field(validator=instance_of(Activation))
    code: str = attrs.field(validator=instance_of(str))

    @classmethod
    def at(cls, graph: Graph, value: str) -> "Sum | None":
        """Return the sum that alone uses a value and goes into an activation alone, or None."""
        instance(graph, Graph, "Sum.at: graph")
        instance(value, str, "Sum.at: value")
        adding = graph.next_only(value)
        if adding is None or not isinstance(adding.operation, Elementwise):
            return None
        after = graph.next_only(adding.output)
        if adding.operation.function not in ("Add", "Sum") or after is None:
            return None
        if not isinstance(after.operation, Activation) or adding.inputs.count(value) > 1:
            return None
        others = [name for name in adding.inputs if name != value]
        makers = (graph.producers.get(name) for name in others)
        added = tuple(m.name if m else n for m, n in zip(makers, others, strict=True))
        return cls(added, after.operation, after.output)

    def __str__(self) -> str:
        return f"goes into a sum with {listed(self.added)}, then {self.activation.label}"


@attrs.frozen(repr=False)
class Convolution(Facts):
    """A convolution, and the norm, activation and pooling that alone use its result.

    Parameters
    ----------
    name : str
    operation : Convolve
        Its weight, bias and geometry, which are attributes of the record as well.
    parts : tuple of (str, Operation)
        Those of ``"norm"``, ``"activation"`` and ``"pool"`` that there are, in the order in which
        they come.
    signal, coefficients, code, output : str
        Names of the values that go in, that the activation acts on, that it makes, and that the
        last part makes. Without an activation the code is the coefficients.
    then : tuple of str
        The operations that use the output.
    summed : Sum or None
        Where a sum alone uses the coefficients, and an activation alone the sum.
    joined : JoinedSum or None
        The terms of the sum that it stands for, in a network whose sums are joined.
    """

    name: str
    operation: Convolve
    parts: tuple[tuple[str, Operation], ...]
    signal: str
    coefficients: str
    code: str
    output: str
    then: tuple[str, ...]
    summed: Sum | None = None
    joined: JoinedSum | None = None

    @classmethod
    def at(cls, graph: Graph, node: Node, operation: Convolve) -> "Convolution":
        """Return the convolution at a step of a graph.

        A pooling before the activation ends the search: what follows acts on other positions.
        """
        instance(graph, Graph, "Convolution.at: graph")
        instance(node, Node, "Convolution.at: node")
        instance(operation, Convolve, "Convolution.at: operation")
        parts: dict[str, Operation] = {}
        coefficients = code = output = node.output
        follower = graph.next_only(output)
        while follower is not None and len(follower.inputs) == 1:
            part = next(
                (p for p, kinds in _PARTS.items() if isinstance(follower.operation, kinds)), ""
            )
            if not part or part in parts or (part == "activation" and "pool" in parts):
                break
            parts[part] = follower.operation
            output = follower.output
            if list(parts) == ["norm"]:
                coefficients = code = output
            elif part == "activation":
                code = output
            follower = graph.next_only(output)
        then = tuple(user.operation.label for user in graph.consumers.get(output, ()))
        (signal,) = node.inputs
        names = (signal, coefficients, code, output)
        summed = Sum.at(graph, output) if output == coefficients else None
        return cls(node.name, operation, tuple(parts.items()), *names, then, summed)

    # ---- what it is made of ------------------------------------------------------------------

    @property
    def weight(self) -> Array:
        """The filters, ``(n, channels / groups, *kernel)``."""
        return self.operation.weight

    @property
    def bias(self) -> Array | None:
        """One number per filter, or None."""
        return self.operation.bias

    @property
    def stride(self) -> Shape:
        """Samples from one position to the next, per axis."""
        return self.operation.stride

    @property
    def padding(self) -> Padding:
        """Zeros before and after, a pair per axis, or ``"same_upper"``, ``"same_lower"``."""
        return self.operation.padding

    @property
    def dilation(self) -> Shape:
        """Samples from one tap to the next, per axis."""
        return self.operation.dilation

    @property
    def groups(self) -> int:
        """Number of groups of channels that do not see each other."""
        return self.operation.groups

    @property
    def norm(self) -> BatchNorm | None:
        """The batch norm, or None; `order` tells whether it comes before the activation."""
        part = dict(self.parts).get("norm")
        return part if isinstance(part, BatchNorm) else None

    @property
    def activation(self) -> Activation | None:
        """The activation, or None."""
        part = dict(self.parts).get("activation")
        return part if isinstance(part, Activation) else None

    @property
    def pool(self) -> Operation | None:
        """The pooling, or None."""
        return dict(self.parts).get("pool")

    @property
    def order(self) -> tuple[str, ...]:
        """In which order norm, activation and pooling come, those that there are."""
        return tuple(name for name, _ in self.parts)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that go in, that the activation acts on, and that it makes."""
        return self.signal, self.coefficients, self.code

    def __str__(self) -> str:
        shape = "×".join(map(str, self.weight.shape))
        words = [f"{self.name}: {shape}", f"stride {self.stride}", f"padding {self.padding}"]
        if set(self.dilation) != {1}:
            words.append(f"dilation {self.dilation}")
        if self.groups != 1:
            words.append(f"groups {self.groups}")
        words += [part.label for _, part in self.parts]
        words += [str(terms) for terms in (self.summed, self.joined) if terms is not None]
        return ", ".join(words)

    # ---- as sparse coding --------------------------------------------------------------------

    def dictionary(self, extent: int | Shape) -> ToeplitzDictionary:
        """Return the dictionary of the weight as it is, on signals of this extent."""
        where = f"Convolution {self.name}: extent"
        return as_dictionary(
            self.operation, per_axis(extent, self.weight.ndim - 2, where, minimum=1)
        )

    def reading(self, incoming: Incoming | None = None) -> Reading:
        """Return the layer as a D-CSC layer: unit filters, thresholds and scales.

        It reads its own signal, or the code below, if ``incoming`` tells what lies between.
        """
        if incoming is not None:
            instance(incoming, Incoming, "Convolution.reading: incoming")
        norm = self.norm if self.order[:1] == ("norm",) else None
        return read(self.name, self.operation, norm, self.activation, incoming)


def check_values(convolution: Convolution, values: Mapping[str, Array], where: str) -> None:
    """Check values that were computed elsewhere: of one sample the layer is computed again.

    Raises
    ------
    DcscError
        If there is a code without its signal or coefficients, or it is that of another signal.
    """
    if convolution.code not in values:
        return
    for name in convolution.values:
        if name not in values:
            raise DcscError(f"{where}: {convolution.name}: expected {quoted(name)} among them")
    signal = values[convolution.signal]
    value = convolution.operation(signal[:1])
    if convolution.norm is not None and convolution.order[0] == "norm":
        value = convolution.norm(value)
    steps = [(convolution.coefficients, value)]
    if convolution.activation is not None:
        steps.append((convolution.code, convolution.activation(value)))
    for name, expected in steps:
        shape, got = (len(signal), *expected.shape[1:]), values[name]
        if got.shape != shape:
            raise DcscError(f"{where}: {quoted(name)}: expected shape {shape}, got {got.shape}")
        deviation = np.abs(got[:1] - expected).max(initial=0)
        if deviation > _ROUNDING * np.abs(expected).max(initial=0):
            raise DcscError(
                f"{where}: {quoted(name)}: expected what {convolution.name} makes of its signal, "
                f"got numbers that are off by up to {deviation:.2g}"
            )


@attrs.frozen
class TransposedConvolution:
    """A transposed convolution: the synthesis A x + b of a signal from a code.

    Parameters
    ----------
    name : str
    operation : ConvolveTransposed
        Its weight ``(n, channels / groups, *kernel)``, bias and geometry.
    code, signal : str
        Names of the values that go in and come out.
    """

    name: str
    operation: ConvolveTransposed
    code: str
    signal: str

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that go in and come out."""
        return self.code, self.signal

    def dictionary(self, positions: int | Shape) -> ToeplitzDictionary:
        """Return the dictionary that synthesises from codes with so many positions."""
        where = f"TransposedConvolution {self.name}: positions"
        places = per_axis(positions, self.operation.weight.ndim - 2, where, minimum=1)
        return as_dictionary(self.operation, self.operation.extent(places))

    def __str__(self) -> str:
        shape = "×".join(map(str, self.operation.weight.shape))
        return f"{self.name}: synthesis with {shape}, stride {self.operation.stride}"
