"""Inputs in memory: arrays, tensors, and activations that were computed before."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import counted, listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.activations import Activations
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.graph import checked_inputs
from dcsc.networks.network import ConvNetwork

__all__ = ["inputs_of", "numbered"]

_WHERE = "analyze: inputs"
_NAME = "inputs in memory"


def inputs_of(network: ConvNetwork, value: Any, labels: Any, names: Any) -> Inputs | None:
    """Return what `analyze` was given as `Inputs` of the network, with labels if there are any.

    Labels that are names of classes become their numbers.
    """
    if value is None:
        for argument, given in (("labels", labels), ("class_names", names)):
            if given is not None:
                raise DcscError(f"analyze: {argument}: expected none without inputs")
        return None
    inputs = value if isinstance(value, Inputs) else Inputs(_NAME, _values(network, value))
    if labels is not None:
        inputs = attrs.evolve(inputs, labels=labels)
        shape = None if inputs.labels is None else inputs.labels.shape
        if shape != (inputs.count,):
            raise DcscError(
                f"analyze: labels: expected one for each of {inputs.count} inputs, got shape "
                f"{shape}"
            )
    if names is not None:
        inputs = attrs.evolve(inputs, class_names=names)
    if inputs.labels is None or not inputs.class_names:
        return inputs
    return attrs.evolve(inputs, labels=numbered(inputs.labels, inputs.class_names))


def numbered(labels: Array, names: tuple[str, ...]) -> Array:
    """Return labels as places among the names of the classes."""
    if labels.dtype.kind in "US":
        labels = labels.astype(str)
        places = {name: at for at, name in enumerate(names)}
        others = sorted(set(labels.tolist()) - set(names))
        if others:
            raise DcscError(
                f"analyze: labels: expected one of the {counted(len(names), 'class name')}, "
                f"{listed(names, 4)}, got {listed(others, 4)}"
            )
        return np.array([places[label] for label in labels.tolist()], dtype=np.int64)
    if labels.dtype.kind not in "iu" or not all(0 <= label < len(names) for label in labels):
        raise DcscError(
            f"analyze: labels: expected whole numbers from 0 to {len(names) - 1}, one for each of "
            f"{len(names)} class names, got {quoted(labels)}"
        )
    return labels


def _values(network: ConvNetwork, value: Any) -> dict[str, Array]:
    if isinstance(value, Activations):
        if [c.values for c in value.convolutions] != [c.values for c in network.convolutions]:
            raise DcscError(f"{_WHERE}: expected activations of {network.source}, got others")
        return {needed.name: value[needed.name] for needed in network.inputs}
    arrays = checked_inputs(network.inputs, value, _WHERE)
    if not next(iter(arrays.values())).shape[:1] > (0,):
        raise DcscError(f"{_WHERE}: expected a batch of one input or more, got {quoted(value)}")
    return arrays
