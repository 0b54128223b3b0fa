"""Norms that every sample has of its own."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer, real
from dcsc._fields import number_field
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Operation, checked_size, floating, weights_field

__all__ = ["GroupNorm", "InstanceNorm", "LocalResponseNorm"]


@attrs.frozen
class InstanceNorm(Operation):
    """Each channel of each sample at mean 0 and variance 1, then gain · y + offset.

    Parameters
    ----------
    gain, offset : array_like, shape (channels,)
    epsilon : float
        Added to the variance.
    """

    gain: Array = weights_field(1)
    offset: Array = weights_field(1)
    epsilon: float = 1e-5

    def _apply(self, *values: Array) -> Any:
        (data,) = values
        axes = tuple(range(2, data.ndim))
        centred = data - data.mean(axis=axes, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=axes, keepdims=True) + self.epsilon)
        shape = (-1, *[1] * len(axes))
        return centred / spread * self.gain.reshape(shape) + self.offset.reshape(shape)


@attrs.frozen
class GroupNorm(Operation):
    """Each group of channels of each sample at mean 0 and variance 1, then gain · y + offset.

    Parameters
    ----------
    gain, offset : array_like, shape (channels,)
    groups : int
        How many there are, each of as many channels.
    epsilon : float
        Added to the variance.
    """

    gain: Array = weights_field(1)
    offset: Array = weights_field(1)
    groups: int = number_field(integer, minimum=1)
    epsilon: float = number_field(real, default=1e-5, minimum=0)

    def _apply(self, *values: Array) -> Any:
        (data,) = values
        channels = len(self.gain)
        if data.ndim < 2 or data.shape[1] != channels or channels % self.groups:
            raise DcscError(
                f"GroupNorm: expected shape (batch, {channels}, *spatial) and {self.groups} groups "
                f"that divide the channels, got {data.shape}"
            )
        grouped = floating(data).reshape(len(data), self.groups, -1)
        centred = grouped - grouped.mean(axis=2, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=2, keepdims=True) + self.epsilon)
        shape = (-1, *[1] * (data.ndim - 2))
        normed = (centred / spread).reshape(data.shape)
        return normed * self.gain.reshape(shape) + self.offset.reshape(shape)


@attrs.frozen
class LocalResponseNorm(Operation):
    """y / (bias + alpha / size · Σ y²)^beta, the sum over neighbouring channels.

    Parameters
    ----------
    size : int
        How many channels are summed up: the channel itself, and one more above than below it if
        the number is even.
    alpha, beta, bias : float
    """

    size: int = number_field(integer, minimum=1)
    alpha: float = number_field(real, default=1e-4)
    beta: float = number_field(real, default=0.75)
    bias: float = number_field(real, default=1.0)

    def _apply(self, *values: Array) -> Any:
        data = floating(values[0])
        below = (self.size - 1) // 2
        widths = [(0, 0), (below, self.size - 1 - below), *[(0, 0)] * (data.ndim - 2)]
        checked_size((*data.shape, self.size), "LocalResponseNorm: size")
        squares = np.pad(np.square(data), widths)
        energy = np.lib.stride_tricks.sliding_window_view(squares, self.size, axis=1).sum(axis=-1)
        return data / (self.bias + self.alpha / self.size * energy) ** self.beta
