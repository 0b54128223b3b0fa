"""Operators with sliding windows, on any number of axes and with weights that are inputs."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations.base import checked_size, floating
from dcsc.networks.operations.sliding import Pairs, pads, positions, reach

__all__ = ["column_to_image", "convolve", "global_power_pool", "max_pool", "power_pool", "scatter"]

_AUTO = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower"}


@attrs.frozen
class _Windows:
    """Where windows lie: one number per axis, and the padding in pairs."""

    kernel: Shape
    stride: Shape
    dilation: Shape
    padding: Pairs | str
    ceil: bool = False

    @classmethod
    def of(cls, attributes: Mapping[str, Any], kernel: Shape, where: str) -> "_Windows":
        ones = (1,) * len(kernel)
        ends = tuple(attributes.get("pads", ())) or (0,) * 2 * len(kernel)
        padding: Pairs | str = tuple(zip(ends[: len(kernel)], ends[len(kernel) :], strict=True))
        auto = attributes.get("auto_pad", "NOTSET")
        if auto != "NOTSET":
            padding = _AUTO.get(auto, ((0, 0),) * len(kernel))
        stride = tuple(attributes.get("strides", ())) or ones
        dilation = tuple(attributes.get("dilations", ())) or ones
        if len(stride) != len(kernel) or len(dilation) != len(kernel):
            raise DcscError(f"{where}: expected {len(kernel)} strides and dilations")
        if min(stride + dilation + kernel) < 1:
            raise DcscError(f"{where}: expected kernels, strides and dilations of at least 1")
        return cls(kernel, stride, dilation, padding, bool(attributes.get("ceil_mode", 0)))

    def seen(self, signal: Array, fill: float, where: str) -> Array:
        """Return the samples in each window, ``(batch, channels, *positions, *kernel)``."""
        extent = signal.shape[2:]
        if len(extent) != len(self.kernel):
            raise DcscError(f"{where}: expected {len(self.kernel)} axes, got {signal.shape}")
        spans = reach(self.kernel, self.dilation)
        pairs = pads(self.padding, extent, spans, self.stride)
        places = positions(extent, spans, self.stride, pairs, self.ceil, where)
        checked_size((*signal.shape[:2], *places, *self.kernel), f"{where}: windows")
        # As much fill as the last window reaches into.
        ends = zip(extent, pairs, places, self.stride, spans, strict=True)
        widths = [(b, max((p - 1) * s + f - e - b, 0)) for e, (b, _), p, s, f in ends]
        sizes = (e + sum(width) for e, width in zip(extent, widths, strict=True))
        checked_size((*signal.shape[:2], *sizes), f"{where}: padding")
        padded = np.pad(signal, [(0, 0), (0, 0), *widths], constant_values=fill)
        axes = tuple(range(2, signal.ndim))
        every = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=axes)
        cut = (slice(0, (p - 1) * s + 1, s) for p, s in zip(places, self.stride, strict=True))
        taps = (slice(None, None, step) for step in self.dilation)
        return np.asarray(every[(slice(None), slice(None), *cut, *taps)])

    def taps(self) -> Iterator[tuple[Any, Shape]]:
        """Yield each tap, and how far it lies from the beginning of its window."""
        for tap in itertools.product(*map(range, self.kernel)):
            yield tap, tuple(t * d for t, d in zip(tap, self.dilation, strict=True))


def convolve(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return Conv: weights and biases are inputs, and the axes as many as you like."""
    signal, weight, *others = values
    groups, bias = attributes.get("group", 1), others[0] if others else None
    windows = _Windows.of(attributes, weight.shape[2:], "Conv")
    channels = signal.shape[1] if signal.ndim > 1 else 0
    if groups < 1 or len(weight) % groups or channels != weight.shape[1] * groups:
        raise DcscError(
            f"Conv: expected {groups} groups of {weight.shape[1]} channels, got {channels}"
        )
    seen = windows.seen(signal, 0, "Conv")
    axes = len(windows.kernel)
    parts = zip(np.split(seen, groups, axis=1), np.split(weight, groups), strict=True)
    inner = [1, *range(2 + axes, 2 + 2 * axes)]
    made = [np.tensordot(s, w, (inner, range(1, 2 + axes))) for s, w in parts]
    out = np.moveaxis(np.concatenate(made, axis=-1), -1, 1)
    return (out if bias is None else out + bias.reshape(-1, *[1] * axes),)


def _placed(windows: _Windows, parts: Array, places: Shape, extra: Shape, where: str) -> Array:
    """Return the sum of windows, ``(batch, channels, *places, *kernel)``, where they lie."""
    spans = reach(windows.kernel, windows.dilation)
    sizes = zip(places, windows.stride, spans, extra, strict=True)
    full = tuple((p - 1) * s + f + e for p, s, f, e in sizes)
    checked_size((*parts.shape[:2], *full), f"{where}: result")
    out = np.zeros((*parts.shape[:2], *full), parts.dtype)
    for tap, shift in windows.taps():
        steps = zip(shift, places, windows.stride, strict=True)
        cut = tuple(slice(first, first + (p - 1) * s + 1, s) for first, p, s in steps)
        out[(slice(None), slice(None), *cut)] += parts[..., *tap]
    return out


def _cropped(full: Array, before: Shape, sizes: Shape) -> Array:
    """Return so many samples of each axis, and zeros where there are none."""
    missing = [max(b + n - m, 0) for b, n, m in zip(before, sizes, full.shape[2:], strict=True)]
    padded = np.pad(full, [(0, 0), (0, 0), *((0, more) for more in missing)])
    cut = tuple(slice(b, b + n) for b, n in zip(before, sizes, strict=True))
    return padded[(slice(None), slice(None), *cut)]


def scatter(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return ConvTranspose: every sample places the filters, times itself."""
    signal, weight, *others = values
    groups, bias = attributes.get("group", 1), others[0] if others else None
    windows = _Windows.of(attributes, weight.shape[2:], "ConvTranspose")
    axes, places = len(windows.kernel), signal.shape[2:]
    extra = tuple(attributes.get("output_padding", ())) or (0,) * axes
    if signal.ndim != axes + 2 or signal.shape[1] != len(weight) or len(weight) % groups:
        raise DcscError(
            f"ConvTranspose: expected {len(weight)} channels in {groups} groups and {axes} axes, "
            f"got {signal.shape}"
        )
    checked_size((len(signal), weight[0].size * groups, *places), "ConvTranspose: windows")
    pairs = zip(np.split(signal, groups, axis=1), np.split(weight, groups), strict=True)
    made = [np.moveaxis(np.tensordot(x, w, (1, 0)), 1 + axes, 1) for x, w in pairs]
    full = _placed(windows, np.concatenate(made, axis=1), places, extra, "ConvTranspose")
    # Either the padding tells the sizes, or the sizes tell the padding.
    auto, sizes = attributes.get("auto_pad", "NOTSET"), tuple(attributes.get("output_shape", ()))
    if auto in _AUTO and not sizes:
        sizes = tuple(p * s for p, s in zip(places, windows.stride, strict=True))
    if sizes:
        sizes = sizes[-axes:]
        totals = [n - m for n, m in zip(full.shape[2:], sizes, strict=True)]
        if min(totals) < 0 and auto in _AUTO:
            raise NotCoveredError("its result is longer than what its filters reach")
        # Samples that a shape asks for beyond the reach of the filters are at the end.
        checked_size((*full.shape[:2], *sizes), "ConvTranspose: result")
        rest = [(0, 0), (0, 0), *((0, max(-total, 0)) for total in totals)]
        full, totals = np.pad(full, rest), [max(total, 0) for total in totals]
        upper = auto == "SAME_UPPER"
        before = tuple(t // 2 if upper else t - t // 2 for t in totals)
    else:
        ends = windows.padding
        assert not isinstance(ends, str)
        before = tuple(first for first, _ in ends)
        sizes = tuple(n - sum(pair) for n, pair in zip(full.shape[2:], ends, strict=True))
    if min(sizes) < 1:
        raise DcscError(f"ConvTranspose: expected a result with samples, got shape {sizes}")
    out = _cropped(full, before, sizes)
    return (out if bias is None else out + bias.reshape(-1, *[1] * axes),)


def max_unpool(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return MaxUnpool: the largest entries where they were, and 0 elsewhere."""
    data, places, *shape = values
    windows = _Windows.of(attributes, tuple(attributes["kernel_shape"]), "MaxUnpool")
    pairs = windows.padding
    assert not isinstance(pairs, str)
    steps = zip(data.shape[2:], windows.stride, windows.kernel, pairs, strict=True)
    extent = tuple((n - 1) * s + k - a - b for n, s, k, (a, b) in steps)
    whole = data.shape[:2] + extent
    if shape and tuple(map(int, shape[0])) != whole:
        raise NotCoveredError("its places are those in a signal of another shape than its result")
    out = np.zeros(checked_size(whole, "MaxUnpool: result"), data.dtype)
    flat = places.reshape(-1)
    if flat.size and not 0 <= flat.min() <= flat.max() < out.size:
        raise DcscError(f"MaxUnpool: expected places in {whole}, got {flat.min()} to {flat.max()}")
    out.reshape(-1)[flat] = data.reshape(-1)
    return (out,)


def column_to_image(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return Col2Im: the sum of blocks where they lie in an image."""
    data, image, block = values
    kernel, sizes = tuple(map(int, block)), tuple(map(int, image))
    windows = _Windows.of(attributes, kernel, "Col2Im")
    pairs = windows.padding
    assert not isinstance(pairs, str)
    spans = reach(kernel, windows.dilation)
    places = positions(sizes, spans, windows.stride, pairs, False, "Col2Im")
    blocks = data.reshape(len(data), -1, *kernel, *places)
    axes = len(kernel)
    order = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    full = _placed(windows, blocks.transpose(order), places, (0,) * axes, "Col2Im")
    checked_size((*full.shape[:2], *sizes), "Col2Im: image_shape")
    return (_cropped(full, tuple(before for before, _ in pairs), sizes),)


def power_pool(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return LpPool: the p-norm of each window."""
    signal = values[0]
    windows = _Windows.of(attributes, tuple(attributes["kernel_shape"]), "LpPool")
    seen = windows.seen(np.abs(floating(signal)), 0, "LpPool")
    return (_norm(seen, attributes, len(windows.kernel)),)


def global_power_pool(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return GlobalLpPool: the p-norm of each channel."""
    signal = values[0]
    norm = _norm(np.abs(floating(signal)), attributes, signal.ndim - 2)
    return (norm.reshape(*norm.shape, *[1] * (signal.ndim - 2)),)


def _norm(magnitudes: Array, attributes: Mapping[str, Any], axes: int) -> Array:
    power = attributes.get("p", 2)
    total = (magnitudes**power).sum(axis=tuple(range(-axes, 0)))
    return np.asarray(total ** (1 / power))


def max_pool(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return MaxPool, and where in the whole array the largest samples lie."""
    signal = values[0]
    windows = _Windows.of(attributes, tuple(attributes["kernel_shape"]), "MaxPool")
    axes = len(windows.kernel)
    lowest = -math.inf if signal.dtype.kind == "f" else np.iinfo(signal.dtype).min
    extent = signal.shape[2:]
    seen = windows.seen(signal, lowest, "MaxPool")
    flat = seen.reshape(*seen.shape[: 2 + axes], -1)
    # The number of each sample; what lies beyond the extent comes last.
    column = bool(attributes.get("storage_order", 0))
    count = math.prod(extent)
    numbers = np.arange(count).reshape(extent, order="F" if column else "C")[None, None]
    places = windows.seen(numbers, -1, "MaxPool")
    places = places.reshape(1, 1, *places.shape[2 : 2 + axes], -1)
    first = np.argmax(np.where(places < 0, lowest, flat), axis=-1)[..., None]
    chosen = np.take_along_axis(np.broadcast_to(places, flat.shape), first, -1)[..., 0]
    channels = np.arange(len(signal) * signal.shape[1]) * count
    shape = (*signal.shape[:2], *[1] * axes)
    return flat.max(axis=-1), chosen + channels.reshape(shape)
