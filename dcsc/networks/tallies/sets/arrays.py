"""Inputs in memory, or in arrays of the caller's that are read as they are sliced."""

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arguments import mapping
from dcsc._arrays import Array, brief, numeric_array
from dcsc._fields import named_field
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs
from dcsc.networks.graph import checked_inputs
from dcsc.networks.network import ConvNetwork
from dcsc.networks.tallies.sets.base import InputSet, checked_labels

__all__ = ["ArraySet"]


def _arrays(value: Any, record: Any, where: str) -> dict[str, Array]:
    # Arrays stay as they are, so that one that is mapped into memory is not read as a whole.
    arrays = {
        str(name): array
        if isinstance(array, np.ndarray)
        else numeric_array(array, f"{where}: {name}")
        for name, array in mapping(value, where).items()
    }
    lengths = {array.shape[:1] for array in arrays.values()}
    if len(lengths) != 1 or not next(iter(lengths)) > (0,):
        raise DcscError(f"{where}: expected arrays with batches of one length, got {quoted(value)}")
    return arrays


def _labels(value: Any, record: Any, where: str) -> Array | None:
    return checked_labels(value, record.count, where)


@attrs.frozen(eq=False)
class ArraySet(InputSet):
    """Inputs in arrays.

    Parameters
    ----------
    values : mapping of str to array_like
        One array for each input of the network, the batch first. What is mapped into memory, as by
        ``numpy.load(path, mmap_mode="r")``, is read part by part.
    labels : array_like of shape (batch,), optional
        The class of each, whole numbers or words.
    name : str
    note : str
        How they were made to fit, in a sentence.
    """

    values: Mapping[str, Array] = named_field(_arrays, repr=lambda values: f"<{len(values)}>")
    labels: Array | None = named_field(
        _labels, default=None, repr=lambda x: "" if x is None else brief(x)
    )
    name: str = "inputs in memory"
    note: str = ""

    @property
    def count(self) -> int:
        return len(next(iter(self.values.values())))

    def stamp(self) -> tuple[Any, ...]:
        return (self.values, self.labels)

    def _part(self, start: int, stop: int) -> Self:
        values = {name: value[start:stop] for name, value in self.values.items()}
        labels = None if self.labels is None else self.labels[start:stop]
        return attrs.evolve(self, values=values, labels=labels)

    def _read(self, network: ConvNetwork) -> Inputs:
        arrays = checked_inputs(network.inputs, dict(self.values), "tally: inputs")
        return Inputs(self.name, arrays, self.labels, self.note)
