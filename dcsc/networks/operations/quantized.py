"""Numbers in whole steps: from floating numbers to integers and back."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import named_field, number_field
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Operation

__all__ = ["Dequantize", "Quantize"]


def _whole(value: Any, record: Any, where: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(value)
    except (TypeError, ValueError):
        dtype = np.dtype(object)
    if dtype.kind not in "iu":
        raise DcscError(f"{where}: expected a dtype of integers, got {quoted(value)}")
    return dtype


def _beside(steps: Array, axis: int, data: Array) -> Array:
    """Return one number, or one for each entry along an axis, in a shape that acts on data."""
    if steps.size == 1:
        return steps.reshape(())
    shape = [1] * data.ndim
    shape[axis] = -1
    return steps.reshape(shape)


@attrs.frozen
class Quantize(Operation):
    """The first input in units of the second, rounded, plus the third, as bounded integers.

    Parameters
    ----------
    axis : int
        Where units and zeros belong if there are several.
    dtype : dtype
        Of the integers.
    """

    axis: int = number_field(integer, default=1)
    dtype: Any = named_field(_whole, default=np.uint8)

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest of the integers."""
        limits = np.iinfo(self.dtype)
        return int(limits.min), int(limits.max)

    def _apply(self, *values: Array) -> Array:
        data, unit, *zero = values
        steps = np.round(data / _beside(unit, self.axis, data))
        if zero:
            steps = steps + _beside(zero[0], self.axis, data)
        return np.clip(steps, *self.bounds).astype(self.dtype)


@attrs.frozen
class Dequantize(Operation):
    """The first input, less the third, in units of the second.

    Parameters
    ----------
    axis : int
        Where units and zeros belong if there are several.
    """

    axis: int = number_field(integer, default=1)

    def _apply(self, *values: Array) -> Any:
        data, unit, *zero = values
        steps = data.astype(unit.dtype)
        if zero:
            steps = steps - _beside(zero[0], self.axis, data).astype(unit.dtype)
        return steps * _beside(unit, self.axis, data)
