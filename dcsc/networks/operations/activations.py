"""Activations: what a layer does to its coefficients, number by number."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array, integer, real
from dcsc._fields import number_field
from dcsc.errors import DcscError
from dcsc.networks.operations.base import (
    Equivariance,
    Operation,
    floating,
    weights_field,
)
from dcsc.networks.relaxations import Constants, Relaxation, clipped, leaky, outward

__all__ = [
    "Activation",
    "Clip",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "LogSoftmax",
    "PRelu",
    "Relu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Tanh",
    "TanhGelu",
]


class Activation(Operation):
    """An operation that acts on one array and keeps its shape.

    Law, besides those of `Operation`: in the channels that ``zero_below`` names, f(z) ≠ 0 exactly
    where z > 0.
    """

    def zero_below(self, channels: int) -> Array:
        """Return which channels have exact zeros wherever the coefficient is not positive.

        Only those have sparse codes: the support is ``{z > 0}``.
        """
        return np.full(channels, self._sparse)

    _sparse: ClassVar[bool] = False
    _keeps_integers: ClassVar[bool] = False
    _lowest: ClassVar[float | None] = None  # below it the function falls, above it rises

    def _relaxation(self, *values: Any) -> Relaxation:
        if self._lowest is None:
            return super()._relaxation(*values)
        (box,) = values
        ends = self(box[0]), self(box[1])
        return Constants(*outward(self(np.clip(self._lowest, *box)), np.maximum(*ends)))

    def _apply(self, *values: Array) -> Array:
        (value,) = values
        if not self._keeps_integers:
            value = floating(value)
        out: Array = self._activate(value)
        return out.astype(value.dtype, copy=False)

    @abstractmethod
    def _activate(self, value: Array) -> Array:
        """Return the activation in the same shape, of floating numbers unless it keeps integers."""


def sigmoid(value: Array) -> Any:
    """Return 1 / (1 + exp(−z)); scipy.special has it too, and is slow to import."""
    # numpy's exp of float32 is off by one in the last digit more often
    return 1 / (1 + np.exp(-value, dtype=np.float64).astype(value.dtype))


@attrs.frozen
class Relu(Activation):
    """max(z, 0)."""

    equivariance: ClassVar[Equivariance] = Equivariance.SCALE
    _sparse: ClassVar[bool] = True
    _keeps_integers: ClassVar[bool] = True

    def _activate(self, value: Array) -> Array:
        return np.maximum(value, 0)

    def _relaxation(self, *values: Any) -> Relaxation:
        return clipped(values[0], 0, np.inf)


@attrs.frozen
class LeakyRelu(Activation):
    """z where z ≥ 0, slope · z elsewhere: a code without zeros, unless the slope is 0."""

    slope: float = number_field(real, default=0.01)

    equivariance: ClassVar[Equivariance] = Equivariance.SCALE

    def zero_below(self, channels: int) -> Array:
        return np.full(channels, self.slope == 0)

    def _activate(self, value: Array) -> Array:
        return np.where(value >= 0, value, value * value.dtype.type(self.slope))

    def _relaxation(self, *values: Any) -> Relaxation:
        return leaky(values[0], np.array(self.slope))


@attrs.frozen
class PRelu(Activation):
    """z where z ≥ 0, slope · z elsewhere.

    Parameters
    ----------
    slopes : array_like, shape (1,) or (channels,)
    axes : int, optional
        The number of axes that the slopes are for, batch and channels included. In data with
        another number they lie on the axis that is as far from the last one. By default on the
        second axis.
    """

    slopes: Array = weights_field(1)
    axes: int | None = None

    equivariance: ClassVar[Equivariance] = Equivariance.SCALE

    def zero_below(self, channels: int) -> Array:
        zero = self.slopes == 0
        # Of two axes the last is that of channels, where there are no positions.
        return np.broadcast_to(zero.all() if self.axes == 2 else zero, channels)

    def _activate(self, value: Array) -> Array:
        axis = 1 if self.axes is None else value.ndim - self.axes + 1
        length = value.shape[axis] if 0 <= axis < value.ndim else 0
        if len(self.slopes) not in (1, length):
            raise DcscError(
                f"PRelu: slopes: expected one or {length}, one per channel, got {len(self.slopes)}"
            )
        slopes = self._wide(value.ndim).astype(value.dtype)
        return np.where(value >= 0, value, value * slopes)

    def _wide(self, axes: int) -> Array:
        if len(self.slopes) == 1:
            return self.slopes
        return self.slopes.reshape(-1, *[1] * ((self.axes or axes) - 2))

    def _relaxation(self, *values: Any) -> Relaxation:
        (box,) = values
        return leaky(box, self._wide(self(box[0]).ndim))


@attrs.frozen
class Clip(Activation):
    """min(max(z, low), high); ReLU6 is ``Clip(0, 6)``. None is no bound."""

    low: float | None = number_field(real, default=None)
    high: float | None = number_field(real, default=None)

    _keeps_integers: ClassVar[bool] = True

    def zero_below(self, channels: int) -> Array:
        return np.full(channels, self.low == 0 and (self.high is None or self.high > 0))

    def _activate(self, value: Array) -> Array:
        if self.low is None and self.high is None:
            return value
        return np.clip(value, self.low, self.high)

    def _relaxation(self, *values: Any) -> Relaxation:
        low, high = self.low, self.high
        return clipped(values[0], -np.inf if low is None else low, np.inf if high is None else high)


@attrs.frozen
class Sigmoid(Activation):
    """1 / (1 + exp(−z))."""

    monotone: ClassVar[bool] = True

    def _activate(self, value: Array) -> Any:
        return sigmoid(value)


@attrs.frozen
class HardSigmoid(Activation):
    """min(max(slope · z + offset, 0), 1)."""

    slope: float = number_field(real, default=0.2)
    offset: float = number_field(real, default=0.5)

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # depends on the fields
        return self.slope >= 0

    def _activate(self, value: Array) -> Array:
        return np.clip(value * self.slope + self.offset, 0, 1)


@attrs.frozen
class HardSwish(Activation):
    """z · min(max(z / 6 + 1/2, 0), 1)."""

    _lowest: ClassVar[float | None] = -1.5

    def _activate(self, value: Array) -> Array:
        return value * np.clip(value / 6 + 0.5, 0, 1)


@attrs.frozen
class Tanh(Activation):
    """tanh(z)."""

    monotone: ClassVar[bool] = True

    def _activate(self, value: Array) -> Array:
        return np.tanh(value)


@attrs.frozen
class Elu(Activation):
    """z where z > 0, slope · (exp(z) − 1) elsewhere."""

    slope: float = number_field(real, default=1.0)

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # depends on the fields
        return self.slope >= 0

    def _activate(self, value: Array) -> Array:
        return np.where(value > 0, value, self.slope * np.expm1(np.minimum(value, 0)))


@attrs.frozen
class Softplus(Activation):
    """log(1 + exp(z))."""

    monotone: ClassVar[bool] = True

    def _activate(self, value: Array) -> Any:
        return np.logaddexp(value, 0)


@attrs.frozen
class Silu(Activation):
    """z / (1 + exp(−z))."""

    _lowest: ClassVar[float | None] = -1.2784645427610738

    def _activate(self, value: Array) -> Any:
        return value * sigmoid(value)


@attrs.frozen
class Gelu(Activation):
    """z Φ(z), with the normal distribution function Φ."""

    _lowest: ClassVar[float | None] = -0.7517915246935645

    def _activate(self, value: Array) -> Any:
        return value * scipy.special.ndtr(value)


@attrs.frozen
class TanhGelu(Activation):
    """z (1 + tanh(√(2/π) (z + 0.044715 z³))) / 2, close to z Φ(z)."""

    def _activate(self, value: Array) -> Any:
        inner = math.sqrt(2 / math.pi) * (value + 0.044715 * value**3)
        return value * (1 + np.tanh(inner)) / 2


@attrs.frozen
class Softmax(Activation):
    """exp(z) / Σ exp(z) along an axis, or over it and all that follow."""

    axis: int = number_field(integer, default=-1)
    onward: bool = False

    def _activate(self, value: Array) -> Any:
        axis = _joint(self, value)
        sizes = np.exp(value - value.max(axis, keepdims=True))
        return sizes / sizes.sum(axis, keepdims=True)


@attrs.frozen
class LogSoftmax(Activation):
    """z − log Σ exp(z) along an axis, or over it and all that follow."""

    axis: int = number_field(integer, default=-1)
    onward: bool = False

    def _activate(self, value: Array) -> Any:
        return scipy.special.log_softmax(value, axis=_joint(self, value))


def _joint(operation: Softmax | LogSoftmax, value: Array) -> int | tuple[int, ...]:
    """Return the axes over which the numbers are taken together."""
    if not -value.ndim <= operation.axis < value.ndim:
        raise DcscError(
            f"{operation.label}: axis: expected one of {value.ndim} axes, got {operation.axis}"
        )
    axis = operation.axis % value.ndim
    return tuple(range(axis, value.ndim)) if operation.onward else axis
