"""When a cell has had enough trials, with intervals that hold whenever it stops."""

from typing import Any

import attrs
import numpy.typing as npt

from dcsc._arguments import items
from dcsc._arrays import Array, integer, real
from dcsc._fields import named_field, number_field
from dcsc._words import quoted
from dcsc.experiments.simulation.tally import clopper_pearson
from dcsc.intervals import Estimate

__all__ = ["FIRST_LOOK", "MOST_TRIALS", "Stopping", "check_trials"]

FIRST_LOOK = 64
MOST_TRIALS = 10**9
_ERROR = 0.05


def _levels(value: Any, record: Any, where: str) -> tuple[float, ...]:
    return tuple(real(level, where, minimum=0, maximum=1) for level in items(value, where))


def check_trials(trials: int) -> None:
    """Refuse a number of trials that no cell can have."""
    if not 1 <= trials <= MOST_TRIALS:
        limit = "at least 1" if trials < 1 else f"at most {MOST_TRIALS}"
        raise ValueError(f"trials: expected {limit}, got {quoted(trials)}")


@attrs.frozen
class Stopping:
    """Go on while the interval of the pathway's failure rate is wide, or holds a level.

    The trials are looked at after 64, 128, 256, … of them and after the last. With K looks each
    uses the exact interval at 1 − 0.05 / K, so that all K of them hold together with probability
    0.95, and so does the one at which the cell stops, whatever the reason. Without ``width`` and
    ``levels`` there is one look, after the last trial.

    Parameters
    ----------
    width : float, optional
        Largest width, high − low, of an interval that is narrow enough.
    levels : tuple of float
        Rates of which one wants to know on which side the cell is, such as ½ or δ.

    References
    ----------
    C. Jennison and B. W. Turnbull, "Interim analyses: the repeated confidence interval approach",
    J. R. Stat. Soc. B 51, 1989; the error is split evenly (Bonferroni).
    """

    width: float | None = number_field(real, default=None, minimum=0, maximum=1)
    levels: tuple[float, ...] = named_field(_levels, default=())

    @property
    def adaptive(self) -> bool:
        """Whether there is more than one look."""
        return self.width is not None or bool(self.levels)

    def looks(self, trials: int) -> tuple[int, ...]:
        """Return after how many trials a cell is looked at; the last is ``trials``."""
        last = integer(trials, "Stopping: trials", minimum=1)
        if not self.adaptive:
            return (last,)
        first = []
        look = FIRST_LOOK
        while look < last:
            first.append(look)
            look *= 2
        return (*first, last)

    def confidence(self, trials: int) -> float:
        """Return the level of the interval of each look."""
        return 1 - _ERROR / len(self.looks(trials))

    def interval(
        self, failures: "npt.ArrayLike", done: "npt.ArrayLike", trials: int
    ) -> Estimate[Array]:
        """Return the rates after ``done`` of at most ``trials`` trials with their intervals."""
        return clopper_pearson(failures, done, self.confidence(trials))

    def settled(self, failures: int, done: int, trials: int) -> bool:
        """Whether a cell with so many failures of its pathway needs no further trial."""
        made = integer(done, "Stopping.settled: done", minimum=0)
        integer(failures, "Stopping.settled: failures", minimum=0)
        if made >= integer(trials, "Stopping.settled: trials", minimum=1):
            return True
        low, high = map(float, self.interval(failures, made, trials).interval)
        narrow = self.width is None or high - low <= self.width
        return narrow and not any(low < level < high for level in self.levels)

    @property
    def said(self) -> str:
        """The rule in words, as the results record it."""
        if not self.adaptive:
            return "a fixed number of trials; exact 95% intervals (Clopper and Pearson)"
        reasons = [] if self.width is None else [f"the interval is wider than {self.width:g}"]
        reasons += [f"it holds {level:g}" for level in self.levels]
        first = ", ".join(str(FIRST_LOOK * factor) for factor in (1, 2, 4))
        return (
            f"looks after {first}, … trials and the last; a cell goes "
            f"on while {' or '.join(reasons)}; exact intervals at 1 − {_ERROR:g}/(number of "
            "looks), so that those of all looks hold together with 95% (Jennison and Turnbull)"
        )
