"""Counts of failures, and the intervals that hold them."""

import attrs
import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from dcsc._arrays import Array, frozen_array, integer, numeric_array, real
from dcsc.errors import DcscError

__all__ = ["Tally", "clopper_pearson"]


def clopper_pearson(
    failures: npt.ArrayLike, trials: int, level: float = 0.95
) -> tuple[Array, Array, Array]:
    """Return the exact interval of a binomial probability as (low, best, high).

    Parameters
    ----------
    failures : array_like of int
        Counts among ``trials`` independent trials.
    trials : int
    level : float
        The interval holds the probability with at least this probability; one half of what is
        left goes to either side.

    References
    ----------
    C. J. Clopper and E. S. Pearson, Biometrika 26, 1934.
    """
    total = integer(trials, "clopper_pearson: trials", minimum=1)
    counts = np.asarray(numeric_array(failures, "clopper_pearson: failures"), dtype=float)
    if counts.size and (counts.min() < 0 or counts.max() > total):
        raise DcscError(
            f"clopper_pearson: failures: expected 0 to {total}, "
            f"got {counts.min()} to {counts.max()}"
        )
    tail = (1 - real(level, "clopper_pearson: level", minimum=0, maximum=1)) / 2
    low = np.where(counts > 0, beta.ppf(tail, counts, total - counts + 1), 0.0)
    high = np.where(counts < total, beta.ppf(1 - tail, counts + 1, total - counts), 1.0)
    return low, counts / total, high


def _counts(value: npt.ArrayLike) -> Array:
    return frozen_array(numeric_array(value, "Tally: failures").astype(np.int64))


@attrs.frozen
class Tally:
    """How many of a number of trials failed. Tallies of the same task add up.

    Parameters
    ----------
    trials : int
    failures : array_like of int, shape (L + 1,)
        Trials in which the support of layer l was wrong in some column, entry l − 1 for layer l;
        last, trials in which any layer was: failures of the pathway.
    """

    trials: int
    failures: Array = attrs.field(
        converter=_counts, eq=attrs.cmp_using(eq=np.array_equal), hash=False
    )

    def __add__(self, other: "Tally") -> "Tally":
        if not isinstance(other, Tally):
            return NotImplemented
        if other.failures.shape != self.failures.shape:
            raise DcscError(
                f"Tally: expected the same number of layers, got {len(self.failures) - 1} and "
                f"{len(other.failures) - 1}"
            )
        return Tally(self.trials + other.trials, self.failures + other.failures)

    def interval(self, level: float = 0.95) -> tuple[Array, Array, Array]:
        """Return the failure rates as (low, best, high), by `clopper_pearson`."""
        return clopper_pearson(self.failures, self.trials, level)
