"""How often each whole number came up."""

from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, frozen_array, numeric_array, real
from dcsc._display import Display, Displayed, digits, interval
from dcsc._fields import array_field
from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = ["Counts"]


def _whole(value: Any, record: Any, where: str) -> Array:
    array = numeric_array(value, where)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DcscError(f"{where}: expected whole numbers in a row, got {quoted(value)}")
    return frozen_array(array.astype(np.int64))


@attrs.frozen(repr=False)
class Counts(Displayed):
    """How often each whole number came up. Counts add up, exactly and in any order.

    Parameters
    ----------
    values : array_like of int, shape (different,)
        The numbers that came up, in rising order.
    times : array_like of int, shape (different,)
        How often each of them did, at least once.

    Examples
    --------
    >>> half, other = Counts.of([3, 1, 3]), Counts.of([3, 4])
    >>> (half + other).values, (half + other).times
    (array([1, 3, 4]), array([1, 3, 1]))
    >>> half + other == Counts.of([3, 1, 3, 3, 4]), (half + other).median
    (True, 3.0)
    """

    values: Array = array_field(_whole)
    times: Array = array_field(_whole)

    def __attrs_post_init__(self) -> None:
        if self.times.shape != self.values.shape or (self.times < 1).any():
            raise DcscError(
                f"Counts: times: expected {self.values.size} counts of at least 1, got "
                f"{quoted(self.times)}"
            )
        if (self.values[1:] <= self.values[:-1]).any():
            raise DcscError(f"Counts: values: expected them to rise, got {quoted(self.values)}")

    @classmethod
    def of(cls, numbers: "npt.ArrayLike") -> Self:
        """Return how often each of some whole numbers comes up."""
        array = numeric_array(numbers, "Counts.of: numbers")
        if array.size and array.dtype.kind not in "iu":
            raise DcscError(f"Counts.of: numbers: expected whole numbers, got {quoted(numbers)}")
        return cls(*np.unique(array.astype(np.int64), return_counts=True))

    def __add__(self, other: "Counts") -> "Counts":
        if not isinstance(other, Counts):
            return NotImplemented
        values, places = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        times = np.zeros(values.shape, np.int64)
        np.add.at(times, places, np.concatenate([self.times, other.times]))
        return Counts(values, times)

    def __radd__(self, other: int) -> "Counts":
        # The sum of a list begins with 0.
        return self if other == 0 else NotImplemented

    @property
    def total(self) -> int:
        """How many numbers there were."""
        return int(self.times.sum())

    @property
    def sum(self) -> int:
        """The sum of all numbers."""
        return sum(v * n for v, n in zip(self.values.tolist(), self.times.tolist(), strict=True))

    def quantile(self, share: float) -> float | None:
        """Return the number that a share of all are at most: of two the mean, of none None."""
        level = real(share, "Counts.quantile: share", minimum=0, maximum=1)
        if not self.total:
            return None
        reached = np.cumsum(self.times)
        # the first number that reaches the share, and the first that goes beyond it
        first = int(np.searchsorted(reached, level * self.total, "left"))
        beyond = int(np.searchsorted(reached, level * self.total, "right"))
        low, high = self.values[[first, min(beyond, len(self.values) - 1)]].tolist()
        return float((low + high) / 2)

    @property
    def median(self) -> float | None:
        """The median."""
        return self.quantile(0.5)

    def _display(self) -> Display:
        if not self.total:
            return Display("Counts of no numbers")
        return Display(
            f"Counts of {self.total} numbers: median {digits(self.median)}, "
            f"{interval(self.values[0], self.values[-1])}",
            ("number", "times"),
            [(str(v), str(n)) for v, n in zip(self.values, self.times, strict=True)],
        )
