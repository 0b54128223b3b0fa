r"""Convolutions as D-CSC layers on the signals of a forward pass, one by one or chained.

The code of a layer is :math:`x = c \odot u`, with the u of unit filters. What lies between it and
the next convolution may let the scale c through, channel by channel (`Equivariance`): positive
scales commute with any pooling and with padding, and so does the shift of a batch norm with all
that is linear. Then the next layer reads u in place of x, and has c in its filters.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._display import Facts
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.networks.convolution import Convolution
from dcsc.networks.graph import Graph, Node
from dcsc.networks.operations import BatchNorm, Equivariance, Operation, as_dictionary
from dcsc.networks.reading import Incoming, Reading

__all__ = ["NetworkLayer", "chained", "single"]

Values = Mapping[str, Array]


@attrs.frozen(eq=False, repr=False)
class NetworkLayer(Facts):
    """A convolution as a D-CSC layer, with what a forward pass found there.

    The code is ``max(dictionary.analyze(signal) − threshold, 0)`` for a rectifier.

    Parameters
    ----------
    convolution : Convolution
    reading : Reading
    dictionary : ToeplitzDictionary
        The unit filters, on the extent of the signal.
    signal : array, shape (batch, *signal_shape)
        What the dictionary analyses.
    code : array, shape (batch, *code_shape)
        u, the activation without its scale.
    below : str or None
        The convolution whose code the signal is made of, if its scale is in the filters.
    between : tuple of Operation
        What makes the signal from that code; nothing if it is that code.
    reason : str
        Why no scale was carried in, empty if one was.
    """

    convolution: Convolution
    reading: Reading
    dictionary: ToeplitzDictionary = attrs.field(repr=False)
    signal: Array = attrs.field(repr=False)
    code: Array = attrs.field(repr=False)
    below: str | None = None
    between: tuple[Operation, ...] = ()
    reason: str = ""

    @property
    def density(self) -> Array:
        """The share of non-zeros in each code of the batch."""
        return (self.code != 0).reshape(len(self.code), -1).mean(axis=1)

    def coefficients(self) -> Array:
        """Return what the dictionary finds in the signal, before threshold and activation."""
        return self.dictionary.analyze(self.signal)


def single(values: Values, convolution: Convolution) -> NetworkLayer:
    """Return a convolution as a layer on its own signal."""
    return _layer(values, convolution, convolution.reading(), values[convolution.signal])


def _layer(
    values: Values, convolution: Convolution, reading: Reading, signal: Array, **more: Any
) -> NetworkLayer:
    code = values[convolution.code]
    scale = reading.scale.reshape(-1, *[1] * (code.ndim - 2))
    dictionary = as_dictionary(convolution.operation, signal.shape[2:], reading.filters)
    return NetworkLayer(
        convolution, reading, dictionary, signal, code / scale.astype(code.dtype), **more
    )


def chained(
    graph: Graph, values: Values, convolutions: Iterable[Convolution]
) -> tuple[NetworkLayer, ...]:
    """Return convolutions as layers, with the scales of one in the filters of the next.

    Parameters
    ----------
    graph : Graph
        Where the convolutions are steps.
    values : mapping of str to array
        The signals and codes of the convolutions, by name.
    convolutions : iterable of Convolution
        In the order in which they run.
    """
    layers: dict[str, NetworkLayer] = {}
    for convolution in convolutions:
        path, start = _path(graph, convolution.signal, set(layers))
        layer = None
        reason = f"its signal is {start}"
        if start in layers:
            layer, reason = _carried(values, convolution, layers[start], path)
        if layer is None:
            layer = attrs.evolve(single(values, convolution), reason=reason)
        layers[convolution.code] = layer
    return tuple(layers.values())


def _path(graph: Graph, signal: str, codes: set[str]) -> tuple[list[Node], str]:
    """Return the steps from the code that a signal is made of, and that code or what stopped it."""
    path: list[Node] = []
    value = signal
    while value not in codes:
        node = graph.producers.get(value)
        if node is None:
            return path, "an input of the network"
        operation = node.operation
        # A batch norm shifts, which `_carried` accounts for.
        passes = isinstance(operation, BatchNorm) or operation.equivariance >= Equivariance.SCALE
        if len(node.inputs) != 1 or not passes:
            return path, f"made by {operation.label}, which lets no scale through"
        path.insert(0, node)
        (value,) = node.inputs
    return path, value


def _carried(
    values: Values, convolution: Convolution, below: NetworkLayer, path: list[Node]
) -> tuple[NetworkLayer | None, str]:
    """Return the layer that reads the code below, or None and why there is no such layer."""
    # What comes in is scale ⊙ signal + shift, after each step of the path.
    scale, signal = below.reading.scale, below.code
    shift = np.zeros((1, *signal.shape[1:]))
    between = []
    for node in path:
        operation = node.operation
        if isinstance(operation, BatchNorm):
            gain = operation.scale.astype(np.float64)
            scale, shift = gain * scale, BatchNorm(gain, operation.shift)(shift)
            continue
        needed = _needed(scale, shift)
        if operation.equivariance < needed:
            kind = "shift" if needed == Equivariance.ORDER else "negative scale or uneven shift"
            return None, f"{operation.label} lets no {kind} of a batch norm through"
        signal, shift = operation(signal), operation(shift)
        between.append(operation)
    reading = convolution.reading(Incoming(scale, shift[0]))
    more = {"below": below.convolution.name, "between": tuple(between)}
    return _layer(values, convolution, reading, signal, **more), ""


def _needed(scale: Array, shift: Array) -> Equivariance:
    """Return the `Equivariance` that an operation needs for a scale and a shift to pass it."""
    first = shift.reshape(*shift.shape[:2], -1)[:, :, :1]
    if np.any(scale < 0) or np.any(shift.reshape(*shift.shape[:2], -1) != first):
        return Equivariance.LINEAR
    return Equivariance.ORDER if shift.any() or not scale.all() else Equivariance.SCALE
