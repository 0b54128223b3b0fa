"""Counts of failures, and the intervals that hold them."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, frozen_array, numeric_array, real
from dcsc._display import Display, Displayed, digits
from dcsc._fields import array_field
from dcsc._tables import Tabled
from dcsc._words import counted, quoted
from dcsc.errors import DcscError
from dcsc.intervals import Estimate

__all__ = ["Tally", "clopper_pearson", "counts_field", "counts_of"]


def clopper_pearson(
    failures: "npt.ArrayLike", trials: "npt.ArrayLike", level: float = 0.95
) -> Estimate[Array]:
    """Return a binomial probability with its exact interval.

    Parameters
    ----------
    failures : array_like of int
        Counts among ``trials`` independent trials.
    trials : int or array_like of int
        One number for each count, or for all of them.
    level : float
        The interval holds the probability with at least this probability; one half of what is
        left goes to either side.

    References
    ----------
    C. J. Clopper and E. S. Pearson, Biometrika 26, 1934.
    """
    total = np.asarray(numeric_array(trials, "clopper_pearson: trials"))
    if total.dtype.kind not in "iu" or (total < 1).any():
        raise DcscError(
            f"clopper_pearson: trials: expected integers of at least 1, got {quoted(trials)}"
        )
    counts = np.asarray(numeric_array(failures, "clopper_pearson: failures"), dtype=float)
    if (counts < 0).any() or (counts > total).any():
        raise DcscError(
            f"clopper_pearson: failures: expected 0 to {total.max()}, "
            f"got {counts.min()} to {counts.max()}"
        )
    tail = (1 - real(level, "clopper_pearson: level", minimum=0, maximum=1)) / 2
    betaincinv = scipy.special.betaincinv
    low = np.where(counts > 0, betaincinv(counts, total - counts + 1, tail), 0.0)
    high = np.where(counts < total, betaincinv(counts + 1, total - counts, 1 - tail), 1.0)
    return Estimate(low, counts / total, high)


def _counts(value: Any, record: Any, where: str) -> Array:
    return frozen_array(numeric_array(value, where).astype(np.int64))


def counts_field(optional: bool = False) -> Any:
    """Declare an array of counts, which may be None if nothing was counted."""
    return array_field(_counts, optional=optional)


_UNCOUNTED = "Missed entries and false alarms are counted by simulate(..., entries=True)."


@attrs.frozen(repr=False)
class Tally(Displayed, Tabled):
    """How many of a number of trials failed. Tallies of the same task add up, as does their `sum`.

    Parameters
    ----------
    trials : int
    failures : array_like of int, shape (L + 1,)
        Trials in which the support of layer l was wrong in some column, entry l − 1 for layer l;
        last, trials in which any layer was: failures of the pathway.
    missed, false_alarms : array_like of int, shape (L,), optional
        Entries of the true supports that were missing, and entries that were not in them, over all
        trials and columns; None where nobody counted them.
    task : str, default ""
        Says what was tried. Tallies of different tasks do not add up.
    """

    trials: int
    failures: Array = counts_field()
    missed: Array | None = counts_field(optional=True)
    false_alarms: Array | None = counts_field(optional=True)
    task: str = ""

    def __add__(self, other: "Tally") -> "Tally":
        if not isinstance(other, Tally):
            return NotImplemented
        if other.task != self.task:
            raise DcscError(
                f"Tally: expected tallies of one task, got {quoted(self.task)} and "
                f"{quoted(other.task)}"
            )
        if other.failures.shape != self.failures.shape:
            raise DcscError(
                f"Tally: expected the same number of layers, got {len(self.failures) - 1} and "
                f"{len(other.failures) - 1}"
            )
        missed, false_alarms = (
            None if mine is None or others is None else mine + others
            for mine, others in (
                (self.missed, other.missed),
                (self.false_alarms, other.false_alarms),
            )
        )
        failures = self.failures + other.failures
        return Tally(self.trials + other.trials, failures, missed, false_alarms, self.task)

    def __radd__(self, other: int) -> "Tally":
        # The sum of a list begins with 0.
        return self if other == 0 else NotImplemented

    def interval(self, level: float = 0.95) -> Estimate[Array]:
        """Return the failure rates with their intervals, by `clopper_pearson`."""
        return clopper_pearson(self.failures, self.trials, level)

    def _display(self) -> Display:
        rows = [
            (
                name,
                str(failed),
                digits(rate),
                f"{digits(low)} to {digits(high)}",
                *map(digits, rest),
            )
            for name, failed, rate, low, high, *rest in zip(*self._table().values(), strict=True)
        ]
        return Display(
            f"Tally of {counted(self.trials, 'trial')}: the pathway fails at a rate of "
            f"{rows[-1][2]}, {rows[-1][3]} with 95% confidence",
            ("", "failed", "rate", "95% interval", "missed a trial", "false alarms a trial"),
            rows,
            () if self.missed is not None else (_UNCOUNTED,),
        )

    def _table(self) -> dict[str, list[Any]]:
        low, rate, high = self.interval()
        table = counts_of(self.trials, self.failures, self.missed, self.false_alarms)
        names, failed = table.pop("layer"), table.pop("failed")
        ends = {"rate": rate.tolist(), "low": low.tolist(), "high": high.tolist()}
        return {"layer": names, "failed": failed, **ends, **table}


def counts_of(
    trials: int, failures: Array, missed: Array | None, false_alarms: Array | None
) -> dict[str, list[Any]]:
    """Return what a table has of the layers, and last of the pathway: counts, and means a trial."""
    depth = len(failures) - 1
    entries = {
        name: [None] * depth if counts is None else (counts / trials).tolist()
        for name, counts in (("missed", missed), ("false_alarms", false_alarms))
    }
    return {
        "layer": [*(f"layer {layer}" for layer in range(1, depth + 1)), "pathway"],
        "failed": failures.tolist(),
        **{name: [*means, None] for name, means in entries.items()},
    }
