"""Convolutions, as analysis with a dictionary and as synthesis from one."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, integer, per_axis, real_array
from dcsc._fields import named_field
from dcsc._words import quoted
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Operation, checked_size, weights_field
from dcsc.networks.operations.sliding import (
    Padding,
    padding_field,
    pads,
    positions,
    reach,
    steps_field,
)
from dcsc.networks.relaxations import Affine, LinearMap, Relaxation

__all__ = ["Convolve", "ConvolveTransposed", "as_dictionary", "channelwise"]


def as_dictionary(
    layer: "Convolve | ConvolveTransposed", extent: Shape, filters: Array | None = None
) -> ToeplitzDictionary:
    """Return the dictionary whose `analyze` is the layer's correlation on signals of this extent.

    Parameters
    ----------
    layer : Convolve or ConvolveTransposed
    extent : tuple of int
        Spatial shape of the signal.
    filters : array of the weight's shape, optional
        Taken in place of the weight.
    """
    if not isinstance(layer, Convolve | ConvolveTransposed):
        raise DcscError(
            f"as_dictionary: layer: expected Convolve or ConvolveTransposed, got {quoted(layer)}"
        )
    extent = per_axis(extent, layer.weight.ndim - 2, "as_dictionary: extent", minimum=1)
    taps = layer.weight if filters is None else real_array(filters, "as_dictionary: filters")
    if taps.shape != layer.weight.shape:
        raise DcscError(
            f"as_dictionary: filters: expected shape {layer.weight.shape}, got {taps.shape}"
        )
    kernel = reach(taps.shape[2:], layer.dilation)
    pairs = pads(layer.padding, extent, kernel, layer.stride)
    name = type(layer).__name__
    places = positions(extent, kernel, layer.stride, pairs, False, name)
    checked_size((len(taps), *places), f"{name}: extent {extent}")
    return ToeplitzDictionary(
        taps,
        extent,
        stride=layer.stride,
        padding=pairs,
        dilation=layer.dilation,
        groups=layer.groups,
    )


def channelwise(values: Array, axes: int) -> Array:
    """Return one number per channel, shaped to act on ``(batch, channels, *axes)``."""
    return values.reshape(-1, *[1] * axes)


def _biased(out: Array, bias: Array | None) -> Array:
    return out if bias is None else out + channelwise(bias, out.ndim - 2).astype(out.dtype)


def _axes(operation: Any) -> int:
    return int(operation.weight.ndim - 2)


def _groups(value: Any, self_: Any, where: str) -> int:
    groups = integer(value, where, minimum=1)
    if len(self_.weight) % groups:
        raise DcscError(f"{where}: expected a divisor of {len(self_.weight)}, got {groups}")
    return groups


def _check(operation: "Convolve | ConvolveTransposed", outputs: int) -> None:
    name = type(operation).__name__
    if operation.weight.ndim not in (3, 4):
        raise DcscError(
            f"{name}: weight: expected one or two spatial axes, got shape {operation.weight.shape}"
        )
    if operation.bias is not None and len(operation.bias) != outputs:
        raise DcscError(
            f"{name}: bias: expected {outputs} numbers, one per output channel, "
            f"got {len(operation.bias)}"
        )


@attrs.frozen
class Convolve(Operation):
    r"""The correlation of a CNN layer: analysis, :math:`w * y + b = A^T y + b`.

    Parameters
    ----------
    weight : array_like, shape (n, c / groups, *kernel)
        Filters with one or two spatial axes.
    bias : array_like, shape (n,), optional
    stride, dilation : int or one per axis, default 1
    padding : int, or an int or a pair (before, after) per axis, or "same_upper", "same_lower"
    groups : int, default 1
    """

    weight: Array = weights_field()
    bias: Array | None = weights_field(1, optional=True)
    stride: Shape = steps_field(_axes)
    padding: Padding = padding_field(_axes)
    dilation: Shape = steps_field(_axes)
    groups: int = named_field(_groups, default=1)

    def __attrs_post_init__(self) -> None:
        _check(self, len(self.weight))

    def _apply(self, *values: Array) -> Array:
        (signal,) = values
        channels = self.weight.shape[1] * self.groups
        if signal.ndim != self.weight.ndim or signal.shape[1] != channels:
            raise DcscError(
                f"Convolve: expected shape (batch, {channels}, *extent) with "
                f"{self.weight.ndim - 2} axes to fit filters of shape {self.weight.shape} in "
                f"{self.groups} groups, got {signal.shape}"
            )
        return _biased(as_dictionary(self, signal.shape[2:]).analyze(signal), self.bias)

    def _relaxation(self, *values: Any) -> Relaxation:
        (signal,) = values
        out = self(signal[0])
        extent, weight = signal[0].shape[2:], self.weight.astype(np.float64)
        dictionary = as_dictionary(self, extent, weight)
        sizes = as_dictionary(self, extent, np.abs(weight))
        matrix = LinearMap(dictionary.analyze, dictionary.synthesize, sizes.analyze)
        return Affine.of(values, (matrix,), _shift(self, out))


def _extra(value: Any, self_: Any, where: str) -> Shape:
    return per_axis(value, self_.weight.ndim - 2, where, minimum=0)


@attrs.frozen
class ConvolveTransposed(Operation):
    r"""A transposed convolution: synthesis, :math:`A x + b`.

    Parameters
    ----------
    weight : array_like, shape (n, c / groups, *kernel)
        One filter per channel of the code that comes in.
    bias : array_like, shape (c,), optional
    stride, padding, dilation, groups
        Those of the dictionary, as for `Convolve`; paddings are numbers.
    extra : int or one per axis, default 0
        Samples at the end of the signal that the code alone does not ask for.
    """

    weight: Array = weights_field()
    bias: Array | None = weights_field(1, optional=True)
    stride: Shape = steps_field(_axes)
    padding: Padding = padding_field(_axes)
    dilation: Shape = steps_field(_axes)
    groups: int = named_field(_groups, default=1)
    extra: Shape = named_field(_extra, default=0)

    def __attrs_post_init__(self) -> None:
        _check(self, self.weight.shape[1] * self.groups)
        if isinstance(self.padding, str):
            raise DcscError(
                f"ConvolveTransposed: padding: expected numbers, got {quoted(self.padding)}"
            )

    def extent(self, places: Shape) -> Shape:
        """Return the extent of the signal that a code with so many positions makes."""
        where = "ConvolveTransposed.extent: places"
        places = per_axis(places, self.weight.ndim - 2, where, minimum=1)
        kernel = reach(self.weight.shape[2:], self.dilation)
        padding = pads(self.padding, places, kernel, self.stride)
        geometry = zip(places, self.stride, kernel, padding, self.extra, strict=True)
        return tuple((p - 1) * s + f - b - a + x for p, s, f, (b, a), x in geometry)

    def _apply(self, *values: Array) -> Array:
        (code,) = values
        if code.ndim != self.weight.ndim or code.shape[1] != len(self.weight):
            raise DcscError(
                f"ConvolveTransposed: expected shape (batch, {len(self.weight)}, *positions) with "
                f"{self.weight.ndim - 2} axes, got {code.shape}"
            )
        dictionary = as_dictionary(self, self.extent(code.shape[2:]))
        return _biased(dictionary.synthesize(code), self.bias)

    def _relaxation(self, *values: Any) -> Relaxation:
        (code,) = values
        out = self(code[0])
        extent, weight = out.shape[2:], self.weight.astype(np.float64)
        dictionary = as_dictionary(self, extent, weight)
        sizes = as_dictionary(self, extent, np.abs(weight))
        matrix = LinearMap(dictionary.synthesize, dictionary.analyze, sizes.synthesize)
        return Affine.of(values, (matrix,), _shift(self, out))


def _shift(operation: Convolve | ConvolveTransposed, out: Array) -> Array:
    """Return the bias where the result has it."""
    bias = np.zeros(1) if operation.bias is None else operation.bias
    return np.broadcast_to(channelwise(bias, out.ndim - 2), out.shape)
