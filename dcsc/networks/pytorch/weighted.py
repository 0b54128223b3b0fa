"""Counterparts of the operations with weights, and of those with windows."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dcsc.networks import operations as ops
from dcsc.networks.operations.sliding import pads, positions, reach
from dcsc.torch import Counterpart, counterpart

__all__: list[str] = []

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d}
_MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


class Weighted(Counterpart):
    """The counterpart of an operation whose arrays are parameters, those that there are."""

    def __init__(self, strategy: Any, *names: str) -> None:
        super().__init__(strategy)
        for name in names:
            value = getattr(strategy, name)
            tensor = None if value is None else nn.Parameter(torch.tensor(value))
            self.register_parameter(name, tensor)

    def like(self, data: Tensor) -> tuple[Tensor, list[Any]]:
        """Return data and parameters in the dtype that holds all of them."""
        dtype = data.dtype
        for parameter in self.parameters():
            dtype = torch.promote_types(dtype, parameter.dtype)
        return data.to(dtype), [
            None if p is None else p.to(dtype) for p in self._parameters.values()
        ]


def _channelwise(values: Tensor, data: Tensor) -> Tensor:
    return values.to(data.dtype).view(-1, *[1] * (data.ndim - 2))


@counterpart.register(ops.Convolve)
class Convolution(Weighted):
    """A convolution; ``weight`` and ``bias`` are parameters."""

    def __init__(self, strategy: ops.Convolve) -> None:
        super().__init__(strategy, "weight", "bias")

    def forward(self, signal: Tensor) -> Tensor:
        layer = self.strategy
        signal, (weight, bias) = self.like(signal)
        kernel = reach(layer.weight.shape[2:], layer.dilation)
        pairs = pads(layer.padding, tuple(signal.shape[2:]), kernel, layer.stride)
        padded = _zero_padded(signal, pairs)
        geometry = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
        return _CONVOLUTIONS[len(kernel)](padded, weight, bias, **geometry)


@counterpart.register(ops.ConvolveTransposed)
class Synthesis(Weighted):
    """A transposed convolution; ``weight`` and ``bias`` are parameters."""

    def __init__(self, strategy: ops.ConvolveTransposed) -> None:
        super().__init__(strategy, "weight", "bias")

    def forward(self, code: Tensor) -> Tensor:
        layer = self.strategy
        code, (weight, bias) = self.like(code)
        geometry = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
        whole = _TRANSPOSED[len(layer.stride)](code, weight, **geometry)
        # What lies on the padding is cut off, and what no atom reaches is zero.
        pairs = zip(layer.padding, layer.extra, strict=True)
        signal = _zero_padded(
            whole, tuple((-before, extra - after) for (before, after), extra in pairs)
        )
        return signal if bias is None else signal + _channelwise(bias, signal)


@counterpart.register(ops.Linear)
class Product(Weighted):
    """W y + b; ``weight`` and ``bias`` are parameters."""

    def __init__(self, strategy: ops.Linear) -> None:
        super().__init__(strategy, "weight", "bias")

    def forward(self, data: Tensor) -> Tensor:
        data, (weight, bias) = self.like(data)
        return functional.linear(data, weight, bias)


@counterpart.register(ops.BatchNorm)
class Affine(Weighted):
    """One number times y plus another, per channel; ``scale`` and ``shift`` are parameters."""

    scale: Tensor
    shift: Tensor

    def __init__(self, strategy: ops.BatchNorm) -> None:
        super().__init__(strategy, "scale", "shift")

    def forward(self, data: Tensor) -> Tensor:
        return data * _channelwise(self.scale, data) + _channelwise(self.shift, data)


@counterpart.register(ops.InstanceNorm)
class Standardized(Weighted):
    """Channels of samples at mean 0 and variance 1; ``gain`` and ``offset`` are parameters."""

    gain: Tensor
    offset: Tensor

    def __init__(self, strategy: ops.InstanceNorm) -> None:
        super().__init__(strategy, "gain", "offset")

    def forward(self, data: Tensor) -> Tensor:
        axes = tuple(range(2, data.ndim))
        centred = data - data.mean(dim=axes, keepdim=True)
        spread = (centred.square().mean(dim=axes, keepdim=True) + self.strategy.epsilon).sqrt()
        return centred / spread * _channelwise(self.gain, data) + _channelwise(self.offset, data)


@counterpart.register(ops.GroupNorm)
class StandardizedGroups(Weighted):
    """Groups of channels at mean 0 and variance 1; ``gain`` and ``offset`` are parameters."""

    gain: Tensor
    offset: Tensor

    def __init__(self, strategy: ops.GroupNorm) -> None:
        super().__init__(strategy, "gain", "offset")

    def forward(self, data: Tensor) -> Tensor:
        grouped = data.reshape(len(data), self.strategy.groups, -1)
        centred = grouped - grouped.mean(dim=2, keepdim=True)
        spread = (centred.square().mean(dim=2, keepdim=True) + self.strategy.epsilon).sqrt()
        normed = (centred / spread).view_as(data)
        return normed * _channelwise(self.gain, data) + _channelwise(self.offset, data)


@counterpart.register(ops.PRelu)
class Slopes(Weighted):
    """z where z ≥ 0, slope · z elsewhere; ``slopes`` is the parameter."""

    slopes: Tensor

    def __init__(self, strategy: ops.PRelu) -> None:
        super().__init__(strategy, "slopes")

    def forward(self, data: Tensor) -> Tensor:
        axes = self.strategy.axes or data.ndim
        several = len(self.slopes) > 1
        slopes = self.slopes.view(-1, *[1] * (axes - 2)) if several else self.slopes
        return torch.where(data >= 0, data, data * slopes)


# ---- windows -------------------------------------------------------------------------------------


def _zero_padded(signal: Tensor, pairs: Any, fill: float = 0.0) -> Tensor:
    """Return a signal with so much before and after on its spatial axes; negative is cut off."""
    flat = [int(n) for pair in reversed(pairs) for n in pair]
    return functional.pad(signal, flat, value=fill) if any(flat) else signal


def _windows(layer: Any, signal: Tensor) -> tuple[Any, Any, Any]:
    """Return the padding, the number of windows, and the padding that they reach over."""
    extent, size = tuple(signal.shape[2:]), reach(layer.kernel, layer.dilation)
    pairs = pads(layer.padding, extent, size, layer.stride)
    places = positions(extent, size, layer.stride, pairs, layer.ceil, type(layer).__name__)
    geometry = zip(extent, pairs, places, layer.stride, size, strict=True)
    return pairs, places, tuple((b, (p - 1) * s + f - e - b) for e, (b, _), p, s, f in geometry)


@counterpart.register(ops.MaxPool)
class Maxima(Counterpart):
    """The largest sample of each window."""

    def forward(self, signal: Tensor) -> Tensor:
        layer = self.strategy
        _, _, widths = _windows(layer, signal)
        padded = _zero_padded(signal, widths, -torch.inf)
        return _MAXIMA[len(layer.kernel)](
            padded, layer.kernel, layer.stride, dilation=layer.dilation
        )


@counterpart.register(ops.AveragePool)
class Means(Counterpart):
    """The mean of each window."""

    def forward(self, signal: Tensor) -> Tensor:
        layer = self.strategy
        pairs, places, widths = _windows(layer, signal)
        single = _zero_padded(signal, widths).flatten(0, 1).unsqueeze(1)
        ones = torch.ones((1, 1, *layer.kernel), dtype=signal.dtype, device=signal.device)
        geometry = {"stride": layer.stride, "dilation": layer.dilation}
        sums = _CONVOLUTIONS[len(layer.kernel)](single, ones, **geometry)
        counts = layer._counts(tuple(signal.shape[2:]), pairs, places).astype(np.float64)
        return sums.view(*signal.shape[:2], *places) / torch.tensor(counts).to(sums)
