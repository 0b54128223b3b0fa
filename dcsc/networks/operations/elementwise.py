"""Functions of numbers, applied entry by entry with broadcasting."""

import itertools
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array, Shape, integer
from dcsc._fields import choice_field, number_field
from dcsc.errors import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.operations.base import Operation
from dcsc.networks.relaxations import Affine, Constants, LinearMap, Relaxation, outward

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


def _erf(value: Array) -> Any:
    return scipy.special.erf(value)  # which is slow to import, and few need it


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
    "Erf": (1, _erf),
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

_MONOTONE = ("Ceil", "Erf", "Exp", "Floor", "Log", "Max", "Min", "Round", "Sign", "Sqrt", "Where")
_AFFINE = ("Add", "Div", "Mul", "Neg", "Sub", "Sum")


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

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # depends on the fields
        return self.function in _MONOTONE

    def _relaxation(self, *values: Any) -> Relaxation:
        if self.function == "Where" and isinstance(values[0], Interval):
            raise NotCoveredError("Where: dcsc has no bounds of it where the choice is not known")
        if self.function == "Mul" and all(isinstance(value, Interval) for value in values):
            # The product of two numbers is least and largest where both are at an end.
            corners = [self(*ends) for ends in itertools.product(*values)]
            least, most = np.minimum.reduce(corners), np.maximum.reduce(corners)
            return Constants(*outward(least, most), len(values))
        if self.function not in _AFFINE:
            return super()._relaxation(*values)
        if self.function == "Div" and isinstance(values[1], Interval):
            raise NotCoveredError("Div: dcsc has bounds of it only by known numbers")
        # The result where all that is not known is 0, and by what each of it is multiplied.
        constant = self._at(values, -1).astype(np.float64)
        return Affine.of(values, tuple(self._maps(values, constant.shape)), constant)

    def _at(self, values: tuple[Any, ...], place: int) -> Array:
        """Return the result where the unknown input at a place is 1, and all others are 0."""
        return self(
            *(
                np.full(value.low.shape, float(number == place))
                if isinstance(value, Interval)
                else value
                for number, value in enumerate(values)
            )
        )

    def _maps(self, values: tuple[Any, ...], shape: Shape) -> Iterator[LinearMap | None]:
        for place, value in enumerate(values):
            if not isinstance(value, Interval):
                yield None
                continue
            if value.low.ndim != len(shape) or value.low.shape[:1] != shape[:1]:
                raise NotCoveredError(f"{self.function}: dcsc has no bounds of it on other axes")
            if self.function in ("Mul", "Div"):
                gain = self._at(values, place).astype(np.float64)
            else:
                minus = self.function == "Neg" or (self.function == "Sub" and place > 0)
                gain = np.full(shape, -1.0 if minus else 1.0)
            yield _scaling(gain, shape[1:], value.low.shape[1:])


def _scaling(gain: Array, shape: Shape, source: Shape) -> LinearMap:
    """Return the broadcasting of an array to a shape, times a number for each entry."""
    wide = tuple(axis for axis, (n, m) in enumerate(zip(shape, source, strict=True), 1) if n != m)

    def times(factor: Array) -> Callable[[Array], Array]:
        return lambda value: np.broadcast_to(value * factor, (len(value), *shape))

    def adjoint(rows: Array) -> Array:
        return (rows * gain).sum(axis=wide, keepdims=True)

    return LinearMap(times(gain), adjoint, times(np.abs(gain)))


def aligned(array: Array, axis: int, axes: int) -> Array:
    """Return an array whose first axis lies at ``axis`` of data with so many axes."""
    after = axes - axis % axes - array.ndim
    if after < 0:
        raise DcscError(f"Elementwise: axis: expected shape {array.shape} to fit, got {axis}")
    return array.reshape(*array.shape, *[1] * after)
