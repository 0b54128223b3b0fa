r"""Samples at any places of a grid: GridSample, and convolutions with taps that are moved.

At a place :math:`p` between the samples :math:`y_j` there is :math:`\sum_j k(p - j)\, y_j`, with
the kernel k of linear or cubic interpolation on every axis. What lies beyond the ends is 0, the
last sample, or the samples in reverse.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations.definitions.resizing import cubic, linear
from dcsc.networks.operations.sliding import reach

__all__ = ["affine_grid", "deform_conv", "grid_sample"]

_CUBIC = -0.75  # the coefficient of the cubic kernel
_MODES = {"bilinear": "linear", "bicubic": "cubic"}  # before version 20
_PADDINGS = ("zeros", "border", "reflection")


def affine_grid(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return AffineGrid: where an affine map takes the samples of an extent, last axis first."""
    maps, size = values
    ends = bool(attributes.get("align_corners", 0))
    lines = []
    for length in map(int, size[2:]):
        numbers = np.arange(length, dtype=maps.dtype)
        steps = max(length - 1, 1) if ends else length
        first = -1 if length > 1 or not ends else 0
        lines.append((2 * numbers + (not ends)) / steps + first)
    lattice = np.meshgrid(*lines, indexing="ij")[::-1]
    base = np.stack([*lattice, np.ones_like(lattice[0])], axis=-1)
    return (np.einsum("...c,nrc->n...r", base, maps),)


def grid_sample(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return GridSample: the samples of a signal at places from −1 to 1, the last axis first."""
    data, grid = values
    mode, padding = attributes.get("mode", "linear"), attributes.get("padding_mode", "zeros")
    mode = _MODES.get(mode, mode)
    if mode not in ("nearest", "linear", "cubic") or padding not in _PADDINGS:
        raise NotCoveredError(f"it does not say what {quoted(mode)}, {quoted(padding)} are")
    extent = data.shape[2:]
    if grid.ndim != data.ndim or grid.shape[-1] != len(extent) or len(grid) != len(data):
        raise DcscError(f"GridSample: expected a grid that fits {data.shape}, got {grid.shape}")
    ends = bool(attributes.get("align_corners", 0))
    places = []
    for length, part in zip(extent, np.moveaxis(grid, -1, 0)[::-1], strict=True):
        along = (part + 1) * (length - 1) / 2 if ends else ((part + 1) * length - 1) / 2
        if mode == "nearest":
            along = np.rint(_reflected(along, length, ends) if padding == "reflection" else along)
        places.append(along.astype(grid.dtype))
    return (_at(data, places, mode, padding, ends),)


def _at(data: Array, places: Sequence[Array], mode: str, padding: str, ends: bool) -> Array:
    """Return samples (batch, channels, ...) at places (batch, ...), one array for each axis."""
    kernel = cubic(_CUBIC) if mode == "cubic" else linear
    near = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}[mode]
    batch = np.arange(len(data)).reshape(-1, *[1] * (places[0].ndim - 1))
    out = np.zeros((*places[0].shape, data.shape[1]), np.result_type(data, *places))
    for steps in itertools.product(near, repeat=len(places)):
        weight, taken = np.ones(places[0].shape, out.dtype), []
        for place, step, length in zip(places, steps, data.shape[2:], strict=True):
            tap = np.floor(place) + step
            weight = weight * kernel(place - tap)
            if padding == "zeros":
                weight = np.where((tap >= 0) & (tap < length), weight, 0)
            elif padding == "reflection":
                tap = _reflected(tap, length, ends)
            taken.append(np.clip(tap, 0, length - 1).astype(np.int64))
        out += weight[..., None] * data[(batch, slice(None), *taken)]
    return np.moveaxis(out, -1, 1).astype(data.dtype)


def _reflected(place: Array, length: int, ends: bool) -> Array:
    """Return places within the signal, reflected at its last samples or half a step beyond."""
    low, span = (0.0, length - 1) if ends else (-0.5, length)
    if not span:
        return np.zeros_like(place)
    rest = np.mod(place - low, 2 * span)
    return (low + np.minimum(rest, 2 * span - rest)).astype(place.dtype)


def deform_conv(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return DeformConv: a convolution whose taps are moved, and weighed, place by place."""
    data, weight, offsets, bias, mask = (*values, None, None)[:5]
    if data.ndim != 4:
        raise NotCoveredError(f"it has {data.ndim - 2} spatial axes, not two")
    strides, dilations = (attributes.get(name, [1, 1]) for name in ("strides", "dilations"))
    before = attributes.get("pads", [0, 0, 0, 0])
    groups, parts = attributes.get("group", 1), attributes.get("offset_group", 1)
    kernel = weight.shape[2:]
    room = [n + a + b for n, a, b in zip(data.shape[2:], before[:2], before[2:], strict=True)]
    spans = reach(kernel, tuple(dilations))
    counts = [(r - f) // s + 1 for r, f, s in zip(room, spans, strides, strict=True)]
    batch, channels = data.shape[:2]
    taps = kernel[0] * kernel[1]
    moved = offsets.reshape(batch, parts, taps, 2, *counts)
    weighed = np.ones((batch, parts, taps, *counts), data.dtype)
    weighed = weighed if mask is None else mask.reshape(weighed.shape)
    inside = data.reshape(batch, parts, channels // parts, *data.shape[2:])
    out = np.zeros((batch, groups, len(weight) // groups, *counts), data.dtype)
    filters = weight.reshape(groups, -1, *weight.shape[1:])
    for tap, place in enumerate(itertools.product(*map(range, kernel))):
        starts = [
            np.arange(n) * s - a + t * d
            for n, s, a, t, d in zip(counts, strides, before[:2], place, dilations, strict=True)
        ]
        lattice = np.meshgrid(*starts, indexing="ij")
        seen = [
            _at(
                inside[:, part],
                [line + moved[:, part, tap, axis] for axis, line in enumerate(lattice)],
                *("linear", "zeros", False),
            )
            * weighed[:, part, None, tap]
            for part in range(parts)
        ]
        columns = np.concatenate(seen, axis=1).reshape(batch, groups, -1, *counts)
        out += np.einsum("goc,bgcij->bgoij", filters[(..., *place)], columns)
    result = out.reshape(batch, len(weight), *counts)
    return (result if bias is None else result + bias.reshape(-1, 1, 1),)
