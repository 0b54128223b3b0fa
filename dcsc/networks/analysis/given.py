"""Inputs in memory: arrays, tensors, and activations that were computed before."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.activations import Activations
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.graph import checked_inputs
from dcsc.networks.network import ConvNetwork

__all__ = ["inputs_of"]

_WHERE = "analyze: inputs"
_NAME = "inputs in memory"


def inputs_of(network: ConvNetwork, value: Any, labels: Any) -> Inputs | None:
    """Return what `analyze` was given as `Inputs` of the network, with labels if there are any."""
    if value is None:
        if labels is not None:
            raise DcscError("analyze: labels: expected none without inputs")
        return None
    inputs = value if isinstance(value, Inputs) else Inputs(_NAME, _values(network, value))
    if labels is None:
        return inputs
    labelled = attrs.evolve(inputs, labels=labels)
    shape = np.shape(labels)
    if shape != (inputs.count,):
        raise DcscError(
            f"analyze: labels: expected one for each of {inputs.count} inputs, got shape {shape}"
        )
    return labelled


def _values(network: ConvNetwork, value: Any) -> dict[str, Array]:
    if isinstance(value, Activations):
        if [c.values for c in value.convolutions] != [c.values for c in network.convolutions]:
            raise DcscError(f"{_WHERE}: expected activations of {network.source}, got others")
        return {needed.name: value[needed.name] for needed in network.inputs}
    arrays = checked_inputs(network.inputs, value, _WHERE)
    if not next(iter(arrays.values())).shape[:1] > (0,):
        raise DcscError(f"{_WHERE}: expected a batch of one input or more, got {quoted(value)}")
    return arrays
