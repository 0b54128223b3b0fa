"""Functions of numbers, applied entry by entry with broadcasting."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import attrs
import numpy as np
import scipy.special

from dcsc._arrays import Array, integer
from dcsc._fields import choice_field, number_field
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Operation

__all__ = ["FUNCTIONS", "Elementwise"]


def _divide(left: Array, right: Array) -> Any:
    """Divide; whole numbers are cut off towards zero."""
    if np.result_type(left, right).kind == "f":
        return np.divide(left, right)
    return np.trunc(np.divide(left, right)).astype(np.result_type(left, right))


def _power(base: Array, exponent: Array) -> Any:
    """Raise; the result has the base's dtype, and whole numbers are cut off towards zero."""
    if base.dtype.kind == "f" or (exponent.dtype.kind != "f" and np.all(exponent >= 0)):
        return np.power(base, exponent.astype(base.dtype))
    return np.power(base.astype(np.float64), exponent).astype(base.dtype)


def _over(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return a function of one array or more."""
    return lambda *values: reduce(function, values)


FUNCTIONS: dict[str, tuple[int | None, Callable[..., Any]]] = {
    "Abs": (1, np.abs),
    "Add": (2, np.add),
    "And": (2, np.logical_and),
    "Ceil": (1, np.ceil),
    "Cos": (1, np.cos),
    "Div": (2, _divide),
    "Equal": (2, np.equal),
    "Erf": (1, scipy.special.erf),
    "Exp": (1, np.exp),
    "Floor": (1, np.floor),
    "Greater": (2, np.greater),
    "GreaterOrEqual": (2, np.greater_equal),
    "Less": (2, np.less),
    "LessOrEqual": (2, np.less_equal),
    "Log": (1, np.log),
    "Max": (None, _over(np.maximum)),
    "Min": (None, _over(np.minimum)),
    "Mul": (2, np.multiply),
    "Neg": (1, np.negative),
    "Not": (1, np.logical_not),
    "Or": (2, np.logical_or),
    "Pow": (2, _power),
    "Reciprocal": (1, np.reciprocal),
    "Round": (1, np.round),
    "Sign": (1, np.sign),
    "Sin": (1, np.sin),
    "Sqrt": (1, np.sqrt),
    "Sub": (2, np.subtract),
    "Sum": (None, _over(np.add)),
    "Where": (3, np.where),
}
"""The functions by their ONNX name, each with its number of arguments, or None for any."""


@attrs.frozen
class Elementwise(Operation):
    """One of `FUNCTIONS`, by its ONNX name.

    Parameters
    ----------
    function : str
    axis : int, optional
        The axis of the first of two inputs that the first one of the second belongs to. By default
        their last axes belong together.

    Examples
    --------
    >>> Elementwise("Add")(np.ones((1, 2)), np.array([[1.0], [2.0]]))
    array([[2., 2.],
           [3., 3.]])
    """

    function: str = choice_field(FUNCTIONS)
    axis: int | None = number_field(integer, default=None)

    @property
    def label(self) -> str:
        return self.function

    def _apply(self, *values: Array) -> Any:
        count, function = FUNCTIONS[self.function]
        if len(values) != (count or max(1, len(values))):
            raise DcscError(
                f"Elementwise: expected {count} inputs for {self.function}, got {len(values)}"
            )
        if self.axis is not None and len(values) == 2:
            values = values[0], aligned(values[1], self.axis, values[0].ndim)
        return function(*values)


def aligned(array: Array, axis: int, axes: int) -> Array:
    """Return an array whose first axis lies at ``axis`` of data with so many axes."""
    after = axes - axis % axes - array.ndim
    if after < 0:
        raise DcscError(f"Elementwise: axis: expected shape {array.shape} to fit, got {axis}")
    return array.reshape(*array.shape, *[1] * after)
