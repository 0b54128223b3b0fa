"""What an operation is."""

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

from dcsc._arrays import Array, Shape, frozen_array, numeric_array, real_array
from dcsc._arrays import checked_size as sized
from dcsc._fields import array_field
from dcsc.errors import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.relaxations import Box, Constants, Relaxation, moved, outward

__all__ = ["Equivariance", "Operation", "checked_size", "floating", "weights_field"]

_LARGEST = 2**27


class Equivariance(IntEnum):
    r"""What an operation f on ``(batch, channels, ...)`` lets through, channel by channel.

    A level includes those below it. Here :math:`s` and :math:`t` hold one number per channel.
    """

    NONE = 0
    """Nothing."""
    SCALE = 1
    r"""Positive scales: :math:`f(s \odot x) = s \odot f(x)` for :math:`s > 0`."""
    ORDER = 2
    r"""Shifts as well: :math:`f(s \odot x + t) = s \odot f(x) + f(t)` for :math:`s \ge 0`."""
    LINEAR = 3
    r"""Scales of any sign, and shifts that differ between samples and positions: the same equation
    for all s, and for t of the shape of x."""


class Operation(ABC):
    r"""One step of a network: some arrays in, one array out.

    A subclass is a frozen record of weights and geometry with the hook ``_apply``. Data have the
    shape ``(batch, channels, *spatial)`` unless the operation says otherwise.

    Laws, for an operation f and inputs x:

    - f(x) is an array of real numbers that depends on the fields and on x alone, and x is left as
      it was
    - floating inputs keep their dtype, unless weights are wider
    - inputs that do not fit are refused with a `DcscError`
    - samples of a batch do not see one another, :math:`f(x)_b = f(x_b)`, unless the operation says
      that it acts on arrays as wholes
    - if ``equivariance`` is above NONE, f keeps the batch and the channels, and the equation of
      `Equivariance` holds
    - if ``monotone``, then :math:`x \le x'` makes :math:`f(x) \le f(x')`, entry by entry
    - if ``moves``, each entry of f(x) is an entry of x, always the same, or a fixed number
    - ``relaxation`` of intervals keeps the laws of `dcsc.networks.relaxations.Relaxation`

    `dcsc.testing.check_operation` tries them.
    """

    equivariance: ClassVar[Equivariance] = Equivariance.NONE
    monotone: ClassVar[bool] = False
    moves: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """What the operation is called in a sentence."""
        return type(self).__name__

    def __call__(self, *values: Array) -> Array:
        """Return the result for these inputs.

        Raises
        ------
        DcscError
            If their number or shapes do not fit.
        """
        return np.asarray(self._tried(self._apply, tuple(map(self._array, values))))

    def relaxation(self, *values: Array | Box) -> Relaxation:
        """Return what the operation makes of all inputs within some intervals.

        Parameters
        ----------
        *values : array or Interval of two arrays
            What is known of each input: itself, or two ends of every entry, finite and float64.

        Raises
        ------
        NotCoveredError
            If the operation has no bounds, or none for these inputs, or no finite ones.
        DcscError
            If no input is an interval, or they do not fit.
        """
        inputs = tuple(self._known(value) for value in values)
        if not any(isinstance(value, Interval) for value in inputs):
            raise DcscError(f"{type(self).__name__}.relaxation: expected an Interval among inputs")
        result: Relaxation = self._tried(self._relaxation, inputs)
        if any(isinstance(v, Interval) and v.low.shape[:1] != result.low.shape[:1] for v in inputs):
            raise NotCoveredError(f"{self.label}: dcsc has no bounds of it along the batch")
        if not (np.isfinite(result.low).all() and np.isfinite(result.high).all()):
            raise NotCoveredError(f"{self.label}: its ends are not finite")
        return result

    def _tried(self, hook: Any, inputs: tuple[Any, ...]) -> Any:
        try:
            with np.errstate(all="ignore"):  # a network may make infinities
                return hook(*inputs)
        except DcscError:
            raise
        except (ValueError, LookupError, TypeError, ArithmeticError, MemoryError) as error:
            ends = (value.low if isinstance(value, Interval) else value for value in inputs)
            shapes = ", ".join(str(value.shape) for value in ends)
            raise DcscError(
                f"{type(self).__name__}: cannot be applied to inputs of shape {shapes}: {error}"
            ) from None

    def _array(self, value: Any) -> Array:
        # text and the like is for an operation that knows it
        if type(value) is np.ndarray and value.dtype.kind != "O":
            return value
        return numeric_array(value, f"{type(self).__name__}: inputs", finite=False)

    def _known(self, value: Any) -> Array | Box:
        if not isinstance(value, Interval):
            return self._array(value)
        where = f"{type(self).__name__}.relaxation: interval"
        low, high = (real_array(end, where).astype(np.float64, copy=False) for end in value)
        if low.shape != high.shape or not np.all(low <= high):
            raise DcscError(f"{where}: expected low ≤ high, of shapes {low.shape}, {high.shape}")
        return Interval(low, high)

    @abstractmethod
    def _apply(self, *values: Array) -> Any:
        """Return the result for inputs that fit.

        Where they do not, numpy's own ValueError, IndexError or TypeError will do.
        """

    def _relaxation(self, *values: Any) -> Relaxation:
        """Return the relaxation; at least one input is an `Interval`, those known are arrays.

        By default that of an operation that moves numbers, or of a monotone one its two ends.
        """
        if self.moves:
            return moved(self, values)
        if not self.monotone:
            raise NotCoveredError(f"{self.label}: dcsc has no bounds of it")
        low, high = (
            self(*(value[end] if isinstance(value, Interval) else value for value in values))
            for end in (0, 1)
        )
        return Constants(*outward(low, high), len(values))


def checked_size(shape: Shape, where: str) -> Shape:
    """Return a shape, unless an array of it would be too large to make."""
    return sized(shape, where, _LARGEST)


def floating(value: Array) -> Array:
    """Return integers and booleans as float64, floating numbers as they are."""
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def weights_field(axes: int | None = None, *, optional: bool = False) -> Any:
    """Declare an array field of an operation, finite and read-only, with so many axes."""

    def convert(value: Any, record: Any, where: str) -> Array:
        array = real_array(value, where)
        if 0 in array.shape or (axes is not None and array.ndim != axes):
            expected = "a shape" if axes is None else f"{axes} axes"
            raise DcscError(f"{where}: expected {expected} without zeros, got {array.shape}")
        return frozen_array(array)

    return array_field(convert, optional=optional)
