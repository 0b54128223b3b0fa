"""Numbers with their ends, as every estimate and every two-sided bound returns them.

Both records unpack and index as the tuples that they are, and JSON has them as lists.
"""

from typing import Generic, NamedTuple, TypeVar

__all__ = ["Estimate", "Interval"]

T = TypeVar("T")


class Interval(NamedTuple, Generic[T]):
    """The two ends between which a number lies, or every entry of an array.

    Parameters
    ----------
    low, high : float or array
        Arrays are of one shape.

    Examples
    --------
    >>> low, high = Interval(0.25, 0.75)
    >>> high - low
    0.5
    """

    low: T
    high: T


class Estimate(NamedTuple, Generic[T]):
    """The best value of a number, or of every entry of an array, and an interval that holds it.

    Parameters
    ----------
    low, best, high : float or array
        Arrays are of one shape, and low ≤ best ≤ high.

    Examples
    --------
    >>> rate = Estimate(low=0.25, best=0.5, high=0.875)
    >>> rate.best, rate[2], rate.interval
    (0.5, 0.875, Interval(low=0.25, high=0.875))
    """

    low: T
    best: T
    high: T

    @property
    def interval(self) -> Interval[T]:
        """The two ends."""
        return Interval(self.low, self.high)
