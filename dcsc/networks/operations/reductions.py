"""One number for all entries along some axes."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._fields import choice_field
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations.base import Operation
from dcsc.networks.relaxations import Affine, LinearMap, Relaxation

__all__ = ["REDUCTIONS", "ArgMax", "Largest", "Reduce"]


def _norm(value: Array, axis: Any, keepdims: bool) -> Any:
    return np.sqrt(np.square(value).sum(axis=axis, keepdims=keepdims))


def _mean(value: Array, axis: Any, keepdims: bool) -> Any:
    # Not numpy's, which warns where there is nothing to take the mean of.
    total = np.sum(value, axis=axis, keepdims=keepdims)
    return np.divide(total, value.size // max(np.size(total), 1))


REDUCTIONS: dict[str, Any] = {
    "L2": _norm,
    "Max": np.max,
    "Mean": _mean,
    "Min": np.min,
    "Sum": np.sum,
}
"""The functions by the end of their ONNX name."""


@attrs.frozen
class Reduce(Operation):
    """One of `REDUCTIONS` over some axes, or over all of them.

    Parameters
    ----------
    function : str
    axes : tuple of int, optional
    keep : bool
        Whether the axes stay, with length one.
    """

    function: str = choice_field(REDUCTIONS)
    axes: Shape | None = None
    keep: bool = True

    def _apply(self, *values: Array) -> Any:
        return REDUCTIONS[self.function](values[0], axis=self.axes, keepdims=self.keep)

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # depends on the fields
        return self.function in ("Max", "Min")

    def _relaxation(self, *values: Any) -> Relaxation:
        if self.function not in ("Mean", "Sum"):
            return super()._relaxation(*values)
        (value,) = values
        shape = value[0].shape
        axes = tuple(
            range(len(shape)) if self.axes is None else (a % len(shape) for a in self.axes)
        )
        if 0 in axes:
            raise NotCoveredError(f"{self.label}: dcsc has no bounds of it over the batch")
        out = self(value[0]).shape
        counted = np.prod([shape[axis] for axis in axes]) if self.function == "Mean" else 1.0

        def adjoint(rows: Array) -> Array:
            wide = np.expand_dims(rows, () if self.keep else axes) / counted
            return np.broadcast_to(wide, (len(rows), *shape[1:]))

        return Affine.of(values, (LinearMap(self, adjoint, self),), np.zeros((1, *out[1:])))


@attrs.frozen
class ArgMax(Operation):
    """Where the largest entry along an axis lies, the first one of several."""

    axis: int = 0
    keep: bool = True

    def _apply(self, *values: Array) -> Any:
        return np.argmax(values[0], axis=self.axis, keepdims=self.keep)


@attrs.frozen
class Largest(Operation):
    """The largest entries along an axis, in falling order; the second input says how many.

    Parameters
    ----------
    axis : int
    smallest : bool
        Whether it is the smallest ones, in rising order.
    """

    axis: int = -1
    smallest: bool = False

    def _apply(self, *values: Array) -> Any:
        data, count = values
        most = int(count.reshape(()))
        if not 0 <= most <= data.shape[self.axis]:
            raise DcscError(f"Largest: expected at most {data.shape[self.axis]}, got {most}")
        rising = np.sort(data, axis=self.axis)
        every = rising if self.smallest else np.flip(rising, self.axis)
        return np.take(every, range(most), axis=self.axis)
