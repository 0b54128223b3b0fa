"""Operations that pick entries by numbers, or put them there."""

from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.networks.operations.base import Operation

__all__ = ["Gather", "GatherElements", "ScatterElements"]


@attrs.frozen
class Gather(Operation):
    """Entries along an axis at the indices that the second input holds."""

    axis: int = 0

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return np.take(values[0], values[1], axis=self.axis)


def _along(indices: Array, axis: int) -> tuple[Array, ...]:
    """Return one index array per axis: the given one along its axis, the own place elsewhere."""
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = indices
    return tuple(places)


@attrs.frozen
class GatherElements(Operation):
    """One entry along an axis for each index of the second input."""

    axis: int = 0

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        data, indices = values
        return data[_along(indices, self.axis)]


@attrs.frozen
class ScatterElements(Operation):
    """A copy of the first input with the third's entries at the second's indices on an axis."""

    axis: int = 0

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        data, indices, updates = values
        out = data.copy()
        out[_along(indices, self.axis)] = updates
        return out
