r"""Resize: samples between samples, axis by axis.

The sample :math:`i` of an axis lies at a place :math:`x_i` between the samples :math:`j` that were
there before, and is :math:`\sum_j k(j - x_i)\, y_j` with the kernel k of linear or cubic
interpolation. Beyond the ends are more of the last samples.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations.base import checked_size

__all__ = ["cubic", "linear", "resize"]


@attrs.frozen
class _Axis:
    """One axis: its number, how long it is and will be, the scale, and the part that is seen.

    ``exact`` says whether the new length is the old one times the scale.
    """

    number: int
    length: int
    size: int
    scale: np.float32
    exact: bool
    region: tuple[float, float] = (0.0, 1.0)


def linear(t: Array) -> Array:
    """Return the kernel of linear interpolation."""
    return np.maximum(1 - np.abs(t), 0)


def cubic(a: float) -> Callable[[Array], Array]:
    """Return the kernel of cubic interpolation with a coefficient."""

    def kernel(t: Array) -> Array:
        t = np.abs(t)
        near = ((a + 2) * t - (a + 3)) * t**2 + 1
        far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0))

    return kernel


_ROUNDED: dict[str, Callable[[Array], Array]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
    "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
}


def _places(axis: _Axis, how: str) -> Array:
    """Return where the samples of the result lie between those before, in float32 as others do."""
    x, half = np.arange(axis.size, dtype=np.float32), np.float32(0.5)
    last = np.float32(axis.length - 1)
    # ONNX takes the product of length and scale for the new length, ONNX Runtime the whole part.
    whole = ("align_corners", "tf_crop_and_resize", "half_pixel_symmetric")
    if how in whole and not axis.exact:
        raise NotCoveredError(f"its size is no whole number, by which {quoted(how)} goes")
    if how in ("half_pixel", "half_pixel_symmetric"):
        return (x + half) / axis.scale - half
    if how == "pytorch_half_pixel":
        return (x + half) / axis.scale - half if axis.size > 1 else np.zeros(1, np.float32)
    if how == "asymmetric":
        return x / axis.scale
    if how == "align_corners":
        return x * last / np.float32(axis.size - 1) if axis.size > 1 else np.zeros(1, np.float32)
    if how == "tf_crop_and_resize":
        start, stop = np.array(axis.region, np.float32)
        if axis.size == 1:
            return np.float32(0.5) * (start + stop) * last * np.ones(1, np.float32)
        return start * last + x * (stop - start) * last / np.float32(axis.size - 1)
    raise NotCoveredError(f"it does not say what places {quoted(how)} are")


def _resampled(
    data: Array,
    axis: _Axis,
    places: Array,
    kernel: Callable[[Array], Array],
    taps: int,
    inside: bool,
) -> Array:
    """Return the sums of samples around each place."""
    x = places.astype(np.float64)
    first = np.floor(x) - taps // 2 + 1
    samples = [first + tap for tap in range(taps)]
    weights = [kernel(j - x) for j in samples]
    if inside:
        weights = [
            w * ((j >= 0) & (j < axis.length)) for j, w in zip(samples, weights, strict=True)
        ]
        total = np.sum(weights, axis=0)
        weights = [w / total for w in weights]
    shape = [1] * data.ndim
    shape[axis.number] = -1
    out: Any = 0
    for j, weight in zip(samples, weights, strict=True):
        seen = np.take(data, np.clip(j, 0, axis.length - 1).astype(int), axis=axis.number)
        out = out + seen * weight.reshape(shape).astype(data.dtype)
    return np.asarray(out)


def resize(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return an array whose axes have other lengths."""
    data = values[0]
    mode = attributes.get("mode", "nearest")
    old = opset < 11
    how = attributes.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    rounding = attributes.get("nearest_mode", "floor" if old else "round_prefer_floor")
    if mode not in ("nearest", "linear", "bilinear", "cubic"):
        raise NotCoveredError(f"it does not say what {quoted(mode)} does between samples")
    if mode != "nearest" and data.dtype.kind != "f":
        raise NotCoveredError("it computes between whole numbers")
    if attributes.get("antialias", 0):
        raise NotCoveredError("it keeps out aliasing")
    axes = _axes(opset, attributes, *values)
    if old and mode == "nearest" and any(axis.scale < 1 for axis in axes):
        raise NotCoveredError("before version 11 nothing says which sample is nearest")
    if any(axis.scale != 1 for axis in axes) and all(axis.size == axis.length for axis in axes):
        raise NotCoveredError("its scales leave all lengths, where ONNX Runtime leaves all samples")
    checked_size(_largest(data.shape, axes), "Resize: result")
    outside = np.zeros((1,) * data.ndim, bool)
    for axis in axes:
        places = _places(axis, how)
        if how == "tf_crop_and_resize":
            shape = [1] * data.ndim
            shape[axis.number] = -1
            outside = outside | ((places < 0) | (places > axis.length - 1)).reshape(shape)
        elif axis.scale == 1:
            continue
        if mode == "nearest":
            nearest = np.clip(_ROUNDED[rounding](places), 0, axis.length - 1).astype(int)
            data = np.take(data, nearest, axis=axis.number)
        else:
            smooth = mode == "cubic"
            kernel = cubic(attributes.get("cubic_coeff_a", -0.75)) if smooth else linear
            inside = bool(attributes.get("exclude_outside", 0))
            data = _resampled(data, axis, places, kernel, 4 if smooth else 2, inside)
    if how == "tf_crop_and_resize":
        extrapolation = data.dtype.type(attributes.get("extrapolation_value", 0.0))
        data = np.where(outside, extrapolation, data)
    return (data,)


def _largest(shape: Shape, axes: list[_Axis]) -> Shape:
    """Return the lengths of all axes before or after, whichever is longer."""
    lengths = list(shape)
    for axis in axes:
        lengths[axis.number] = max(axis.length, axis.size)
    return tuple(lengths)


def _axes(opset: int, attributes: Mapping[str, Any], *values: Any) -> list[_Axis]:
    """Return what becomes of each axis."""
    data, *others = values
    numbers = [int(n) % data.ndim for n in attributes.get("axes", range(data.ndim))]
    lengths = [data.shape[number] for number in numbers]
    if opset < 11:
        region, scales, sizes = None, others[0] if others else attributes.get("scales"), None
    else:
        region, scales, sizes = (*others, None, None, None)[:3]
    if sizes is not None and np.size(sizes):
        wanted = [int(size) for size in sizes]
        factors = [np.float32(n / m) for n, m in zip(wanted, lengths, strict=True)]
        # One scale for all axes, if that is asked for.
        policy = attributes.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            scale = min(factors) if policy == "not_larger" else max(factors)
            factors = [scale] * len(factors)
            wanted = [int(np.floor(scale * n + np.float32(0.5))) for n in lengths]
    else:
        factors = [np.float32(scale) for scale in np.asarray(scales)]
        wanted = [int(np.floor(s * n)) for s, n in zip(factors, lengths, strict=True)]
    exact = [
        s in (n / m, np.float32(n / m)) for s, n, m in zip(factors, wanted, lengths, strict=True)
    ]
    if not all(np.isfinite(factors)) or min(factors, default=1) <= 0 or min(lengths, default=1) < 1:
        raise DcscError(f"Resize: scales: expected positive numbers, got {quoted(factors)}")
    regions = [(0.0, 1.0)] * len(numbers)
    if region is not None and np.size(region):
        regions = [tuple(ends) for ends in np.asarray(region, np.float32).reshape(2, -1).T]
    several = zip(numbers, lengths, wanted, factors, exact, regions, strict=True)
    return [_Axis(*one) for one in several]
