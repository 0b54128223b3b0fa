"""Operators that pick entries, put some beside them, or give them another dtype."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.networks.operations.arrangement import Cast, Pad

__all__ = ["cast_like", "pad", "top_k", "unique"]


def cast_like(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return CastLike: the first input in the dtype of the second."""
    data, like = values
    return (Cast(like.dtype)(data),)


def pad(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return Pad: entries before and after chosen axes."""
    data, widths, value, axes = (*values, None, None)[:4]
    pairs = [(0, 0)] * data.ndim
    chosen = range(data.ndim) if axes is None else axes
    for axis, (before, after) in zip(chosen, widths.reshape(2, -1).T, strict=True):
        pairs[axis] = (int(before), int(after))
    fill = 0.0 if value is None else value.item()
    return (Pad(tuple(pairs), attributes.get("mode", "constant"), fill)(data),)


def top_k(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return TopK: the largest entries along an axis, and where they lie; the first of equals."""
    data, *counts = values
    axis = attributes.get("axis", -1)
    count = attributes["k"] if opset < 10 else int(np.asarray(counts[0]).item())
    if not 0 <= count <= data.shape[axis]:
        raise ValueError(f"expected at most {data.shape[axis]} entries, got {count}")
    if attributes.get("largest", 1):
        # Turned round twice, so that of equals the first stays first.
        turned = np.flip(data, axis)
        order = data.shape[axis] - 1 - np.flip(np.argsort(turned, axis, kind="stable"), axis)
    else:
        order = np.argsort(data, axis, kind="stable")
    places = np.take(order, range(count), axis)
    return np.take_along_axis(data, places, axis), places


def unique(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return Unique: entries or slices without those that were there before, and where they lie."""
    (data,) = values
    axis = attributes.get("axis")
    _, first, inverse, counts = np.unique(
        data, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    if not attributes.get("sorted", 1):
        # In the order in which they come.
        order = np.argsort(first)
        first, counts = first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    chosen = data.reshape(-1)[first] if axis is None else np.take(data, first, axis)
    return chosen, first, inverse.reshape(-1), counts
