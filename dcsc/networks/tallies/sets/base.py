"""Inputs of any number: how many there are is known, and a part of them is read at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from dcsc._arrays import Array, integer, numeric_array
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs
from dcsc.networks.labels import labels_of
from dcsc.networks.network import ConvNetwork, network_of

__all__ = ["InputSet", "checked_labels", "joined"]


class InputSet(ABC):
    """The inputs of a network, of which a part is in memory at a time.

    Laws, for all 0 ≤ a < b ≤ count:

    - ``set.part(a, b).count == b - a``, and the part is a set of the same kind;
    - ``set.part(a, b).part(c, d)`` reads what ``set.part(a + c, a + d)`` reads;
    - what the parts between rising ends read, one after the other, is what the set reads;
    - a part knows where its inputs are, and not what they are, unless they are in memory already;
    - of a file that has changed since the set was made nothing is read, and a set made after that
      has another `stamp`.
    """

    labels: Array | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called on pages."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many inputs there are."""

    @property
    def classes(self) -> int:
        """How many different labels there are, 0 without labels."""
        return 0 if self.labels is None else len(np.unique(self.labels))

    def part(self, start: int, stop: int) -> Self:
        """Return the inputs from one number to another, which is not among them.

        Raises
        ------
        DcscError
            If there are none between these two.
        """
        where = f"{type(self).__name__}.part"
        first = integer(start, f"{where}: start", minimum=0)
        last = integer(stop, f"{where}: stop", minimum=first + 1)
        if last > self.count:
            raise DcscError(f"{where}: stop: expected at most {self.count}, got {last}")
        return self._part(first, last)

    def read(self, network: ConvNetwork) -> Inputs:
        """Return all of its inputs as arrays, for this network.

        Raises
        ------
        DcscError
            If they cannot be read, or do not fit.
        """
        network_of(network, f"{type(self).__name__}.read: network")
        return self._read(network)

    @abstractmethod
    def stamp(self) -> tuple[Any, ...]:
        """Return plain values that tell these inputs from others, labels included."""

    @abstractmethod
    def _part(self, start: int, stop: int) -> Self:
        """Return a part; the numbers are in range."""

    @abstractmethod
    def _read(self, network: ConvNetwork) -> Inputs:
        """Return the inputs, with a batch of `count`."""


def checked_labels(value: Any, count: int, where: str) -> Array | None:
    """Return labels, whole numbers or words, one for each input."""
    if value is None:
        return None
    labels = labels_of(value, where)
    if labels.dtype.kind in "biuf":
        labels = numeric_array(labels, where)
    if labels.dtype.kind not in "biuUS" or labels.shape != (count,):
        raise DcscError(
            f"{where}: expected whole numbers or words, one for each of {count} inputs, got "
            + (
                quoted(value)
                if labels.dtype == object
                else f"{labels.dtype} of shape {labels.shape}"
            )
        )
    return labels


def joined(parts: Sequence[Array], names: Sequence[str], where: str) -> Array:
    """Return batches as one; those whose inputs have another shape are refused by name."""
    for part, name in zip(parts, names, strict=True):
        if part.shape[1:] != parts[0].shape[1:]:
            raise DcscError(
                f"{where}: expected inputs of one shape, got {parts[0].shape[1:]} in "
                f"{quoted(names[0])} and {part.shape[1:]} in {quoted(name)}"
            )
    return np.concatenate(parts)
