"""Matrices and batch norm: what is affine and has no window."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, real, real_array
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Equivariance, Operation, weights_field

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


@attrs.frozen
class MatMul(Operation):
    """The product of two arrays of matrices."""

    def _apply(self, *values: Array) -> Any:
        left, right = values
        return np.matmul(left, right)


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
