"""Numbers in whole steps that differ from block to block."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array

__all__ = ["dequantize"]


def dequantize(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return DequantizeLinear with one unit, and one zero, for each block along an axis."""
    data, unit, *zeros = values
    axis, block = attributes.get("axis", 1), attributes["block_size"]

    def along(numbers: Array) -> Array:
        places = np.arange(data.shape[axis]) // block
        return np.take(numbers, places, axis)

    steps = data.astype(unit.dtype)
    if zeros:
        steps = steps - along(zeros[0]).astype(unit.dtype)
    return (steps * along(unit),)
