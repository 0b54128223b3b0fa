"""Matrices and batch norm: what is affine and has no window."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, real, real_array
from dcsc.errors import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.operations.base import Equivariance, Operation, weights_field
from dcsc.networks.relaxations import Affine, LinearMap, Relaxation

__all__ = ["BatchNorm", "Linear", "MatMul"]


@attrs.frozen
class Linear(Operation):
    """W y + b along the last axis.

    Parameters
    ----------
    weight : array_like, shape (outputs, inputs)
    bias : array_like, shape (outputs,), optional
    """

    weight: Array = weights_field(2)
    bias: Array | None = weights_field(1, optional=True)

    def _apply(self, *values: Array) -> Any:
        (data,) = values
        if data.ndim < 1 or data.shape[-1] != self.weight.shape[1]:
            raise DcscError(
                f"Linear: expected shape (*batch, {self.weight.shape[1]}), got {data.shape}"
            )
        out = data @ self.weight.T
        return out if self.bias is None else out + self.bias

    def _relaxation(self, *values: Any) -> Relaxation:
        out = self(values[0][0])
        constant = np.broadcast_to(0.0 if self.bias is None else self.bias, out.shape)
        return Affine.of(values, (_times(self.weight.T),), constant)


def _times(matrix: Array) -> LinearMap:
    """Return the product with a matrix from the right."""
    return LinearMap(
        lambda values: values @ matrix,
        lambda rows: rows @ matrix.T,
        lambda values: values @ np.abs(matrix),
    )


@attrs.frozen
class MatMul(Operation):
    """The product of two arrays of matrices."""

    def _apply(self, *values: Array) -> Any:
        left, right = values
        return np.matmul(left, right)

    def _relaxation(self, *values: Any) -> Relaxation:
        left, right = values
        if isinstance(right, Interval) or right.ndim != 2 or left[0].ndim < 2:
            raise NotCoveredError("MatMul: dcsc has bounds of it only times a known matrix")
        return Affine.of(
            values, (_times(right), None), np.zeros((1, *self(left[0], right).shape[1:]))
        )


@attrs.frozen
class BatchNorm(Operation):
    """scale · y + shift with one number each per channel: batch norm as a trained network runs it.

    Parameters
    ----------
    scale, shift : array_like, shape (channels,)
        γ / √(variance + ε) and β − mean · scale; they are rounded to the dtype of the data.
    """

    scale: Array = weights_field(1)
    shift: Array = weights_field(1)

    @property
    def equivariance(self) -> Equivariance:  # type: ignore[override]  # depends on the fields
        return Equivariance.NONE if self.shift.any() else Equivariance.LINEAR

    @classmethod
    def of(cls, gain: Any, offset: Any, mean: Any, variance: Any, epsilon: float) -> "BatchNorm":
        """Return the batch norm with these statistics, in float64."""
        named = {"gain": gain, "offset": offset, "mean": mean, "variance": variance}
        gain, offset, mean, variance = (
            real_array(value, f"BatchNorm: {name}").astype(np.float64)
            for name, value in named.items()
        )
        epsilon = real(epsilon, "BatchNorm: epsilon")
        shapes = {value.shape for value in (gain, offset, mean, variance)} - {()}
        if len(shapes) > 1:
            raise DcscError(f"BatchNorm: expected numbers of one shape, got {sorted(shapes)}")
        if not np.all(variance + epsilon > 0):
            raise DcscError(
                f"BatchNorm: variance: expected positive numbers, got {np.min(variance)}"
            )
        scale = gain / np.sqrt(variance + epsilon)
        return cls(scale, offset - mean * scale)

    def _apply(self, *values: Array) -> Any:
        (data,) = values
        if data.ndim < 2 or data.shape[1] != len(self.scale):
            raise DcscError(
                f"BatchNorm: expected shape (batch, {len(self.scale)}, *spatial), got {data.shape}"
            )
        axes = [1] * (data.ndim - 2)
        scale, shift = (x.reshape(-1, *axes).astype(data.dtype) for x in (self.scale, self.shift))
        return data * scale + shift

    def _relaxation(self, *values: Any) -> Relaxation:
        shape = self(values[0][0]).shape  # refuses what does not fit
        axes = [1] * (len(shape) - 2)
        scale, shift = (x.reshape(1, -1, *axes) for x in (self.scale, self.shift))
        matrix = LinearMap(
            lambda data: data * scale,
            lambda rows: rows * scale,
            lambda data: data * np.abs(scale),
        )
        return Affine.of(values, (matrix,), np.broadcast_to(shift, shape))
