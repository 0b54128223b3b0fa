"""What the expected shares of one layer are between, from the ends of its units' probabilities."""

import math
from collections.abc import Iterable

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._display import Facts
from dcsc.intervals import Interval

__all__ = ["Means", "means_of_class", "means_of_units"]

_ANY = Interval(0.0, 1.0)


@attrs.frozen(repr=False)
class Means(Facts):
    """Between what the expected numbers and shares of one layer lie; see `LayerPartial`."""

    missed: Interval[float]
    false_alarms: Interval[float]
    false_per_active: Interval[float]
    recall: Interval[float] = _ANY
    precision: Interval[float] = _ANY
    jaccard: Interval[float] = _ANY
    hamming: Interval[float] = _ANY

    @classmethod
    def nothing(cls) -> "Means":
        """Return intervals that hold whatever is true."""
        anything = Interval(0.0, math.inf)
        return cls(anything, anything, anything)


def means_of_units(on: Array, lower: Array, upper: Array) -> Means:
    """Return the expected shares from the ends of each unit, arrays of shape (columns, units).

    Linearity for the numbers (Theorem P1), and for the ratios what each of them is at least and at
    most for given expected numbers (P2): both ends are those of the worst ends of the numbers.
    """
    ends = [np.where(on, end, 0.0) for end in (lower, upper)]
    others = [np.where(on, 0.0, end) for end in (lower, upper)]
    missed, raised = _ends(ends), _ends(others)
    active = int(on.sum())
    columns = [
        _column(int(row.sum()), row.size, m_low, m_high, f_low, f_high)
        for row, m_low, m_high, f_low, f_high in zip(
            on, *(_sums(end) for end in (*ends, *others)), strict=True
        )
    ]
    recall, precision, jaccard = (
        _mean(column[at] for column in columns) if columns else Interval(1.0, 1.0)
        for at in range(3)
    )
    wrong = Interval(missed.low + raised.low, missed.high + raised.high)
    return Means(
        missed,
        raised,
        Interval(_ratio(raised.low, active), _ratio(raised.high, active)),
        recall,
        precision,
        jaccard,
        Interval(*(min(1.0, end / max(on.size, 1)) for end in wrong)),
    )


def means_of_class(missed: float, raised: float, nonzeros: float, units: float) -> Means:
    """Return the expected shares of all codes of a class with a unit that is on.

    Parameters
    ----------
    missed, raised : float
        The most that they are for each unit that is on.
    nonzeros, units : float
        How many units are on at the most, and how many there are; infinite where it is not known.
    """
    # where a share is infinite nothing is known, even where no unit is on
    numbers = [share * nonzeros if 0 < share < math.inf else share for share in (missed, raised)]
    return Means(
        Interval(0.0, min(numbers[0], nonzeros)),
        Interval(0.0, min(numbers[1], units)),
        Interval(0.0, raised),
        Interval(1 - missed, 1.0),
        Interval(_precision(1 - missed, raised), 1.0),
        Interval(_jaccard(1 - missed, raised), 1.0),
        Interval(0.0, min(1.0, missed + raised)),
    )


def _sums(values: Array) -> list[float]:
    return [math.fsum(row.tolist()) for row in values]


def _ends(values: list[Array]) -> Interval[float]:
    low, high = (math.fsum(end.ravel().tolist()) for end in values)
    return Interval(low, high)


def _mean(columns: Iterable[Interval[float]]) -> Interval[float]:
    low, high = zip(*columns, strict=True)
    return Interval(math.fsum(low) / len(low), math.fsum(high) / len(high))


def _ratio(number: float, active: int) -> float:
    return number / active if active else (math.inf if number else 0.0)


def _column(
    active: int, units: int, m_low: float, m_high: float, f_low: float, f_high: float
) -> tuple[Interval[float], Interval[float], Interval[float]]:
    """Return recall, precision and Jaccard index of one column."""
    # a unit that is on and need not be lowers both, and most where few are on
    most = min(1.0, 1 - f_low / max(units, 1))
    if not active:
        # whatever is on is false: the index is P(f = 0), and nothing is known of the precision
        return Interval(1.0, 1.0), Interval(0.0, most), Interval(max(0.0, 1 - f_high), most)
    kept = Interval(max(0.0, 1 - m_high / active), max(0.0, 1 - m_low / active))
    raised = f_high / active
    precision = Interval(min(_precision(kept.low, raised), most), most)
    top = min(kept.high, most)
    return kept, precision, Interval(min(_jaccard(kept.low, raised), top), top)


def _precision(recall: float, raised: float) -> float:
    """Return what u/(u + f) is at least in the mean: Cauchy-Schwarz, or Jensen for no miss."""
    shared = recall * recall / (recall + raised) if recall else 0.0
    return max(shared, 1 / (1 + raised) - (1 - recall), 0.0)


def _jaccard(recall: float, raised: float) -> float:
    """Return what u/(|T| + f) is at least in the mean, by the same two ways."""
    return max(recall * recall / (1 + raised), 1 / (1 + raised) - (1 - recall), 0.0)
