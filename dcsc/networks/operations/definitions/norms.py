"""Norms, and activations, whose version in the reference is wrong, or that it has not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import DcscError
from dcsc.networks.operations.base import floating
from dcsc.networks.operations.norms import GroupNorm

__all__ = ["group_norm", "hardmax", "mean_variance", "slopes", "to_unit_norm"]


def hardmax(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return one where the largest entry lies, of an axis or, before 13, of all from it on."""
    data = values[0]
    axis = attributes.get("axis", -1 if opset >= 13 else 1)
    if opset >= 13:
        flat = np.moveaxis(data, axis, -1)
        return (np.moveaxis(_largest(flat), -1, axis),)
    rows = data.reshape(int(np.prod(data.shape[: axis % max(data.ndim, 1)])), -1)
    return (_largest(rows).reshape(data.shape),)


def _largest(rows: Array) -> Array:
    where = np.argmax(rows, axis=-1)[..., None]
    return (np.arange(rows.shape[-1]) == where).astype(rows.dtype)


def slopes(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return PRelu with a slope for every entry, or for some axes of them."""
    data, factors = values
    scaled = data * factors
    if scaled.shape != data.shape:
        raise DcscError(f"PRelu: expected slopes that fit {data.shape}, got {factors.shape}")
    return (np.where(data >= 0, data, scaled),)


def to_unit_norm(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return LpNormalization: what lies along an axis, over its norm; zeros stay zeros."""
    data = values[0]
    axis, power = attributes.get("axis", -1), attributes.get("p", 2)
    norm = (np.abs(data) ** power).sum(axis=axis, keepdims=True) ** (1 / power)
    return (data / np.where(norm == 0, 1, norm),)


def mean_variance(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return MeanVarianceNormalization: mean 0 and variance 1 over some axes."""
    data = values[0]
    axes = tuple(attributes.get("axes", (0, 2, 3)))
    centred = floating(data) - data.mean(axis=axes, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=axes, keepdims=True))
    return (centred / (spread + data.dtype.type(1e-9)),)


def group_norm(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return GroupNormalization of the versions before 21, where groups are scaled."""
    data, gain, offset = values
    groups = attributes["num_groups"]
    if data.ndim < 2 or groups < 1 or data.shape[1] % groups:
        raise DcscError(f"GroupNormalization: expected {groups} groups, got shape {data.shape}")
    width = data.shape[1] // groups
    epsilon = attributes.get("epsilon", 1e-5)
    norm = GroupNorm(gain.repeat(width), offset.repeat(width), groups, epsilon)
    return (norm(data),)
