"""The conditions of theorems: what was found true or false, and what is assumed."""

import math
import re
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import integer, real
from dcsc.coefficients import TOLERANCE, strictly_below
from dcsc.errors import DcscError
from dcsc.projections.base import Threshold, as_threshold

__all__ = [
    "Hypothesis",
    "layers_below",
    "real_or_infinite",
    "threshold_hypothesis",
]

# How a condition is written down, and how it is asked for.
_ASKED = (
    (re.compile(r" < "), " must be below "),
    (re.compile(r" >= "), " must be at least "),
    (re.compile(r"(threshold|level|penalty) in "), r"\1 must lie in "),
    (re.compile(r"(threshold|level|penalty) = "), r"\1 must be "),
    (re.compile(r"no (\w+) works"), r"some \1 must work, and none does"),
)


@attrs.frozen
class Hypothesis:
    """One condition of a theorem.

    Parameters
    ----------
    statement : str
    holds : bool or None
        Whether it was found true; None if it could not be checked and is assumed.
    """

    statement: str
    holds: bool | None = None

    @property
    def required(self) -> str:
        """The statement as what must be, so that nobody takes a false one for a claim.

        Examples
        --------
        >>> Hypothesis("layer 1: N = 1 >= 7", False).required
        'layer 1: N = 1 must be at least 7'
        """
        text = self.statement
        for written, asked in _ASKED:
            text = written.sub(asked, text)
        return text


def threshold_hypothesis(
    layer: int,
    threshold: Threshold | None,
    interval: tuple[float, float],
    slack: float = 0.0,
    tolerance: float = TOLERANCE,
    name: str = "threshold",
) -> Hypothesis:
    """State that the threshold lies in an interval, decided where there is a threshold.

    Parameters
    ----------
    layer : int
        Its number, 1 for the first.
    threshold : float, array or None
    interval : (float, float)
        Open at both ends; two equal ends are one threshold.
    slack : float, default 0
        What is nearer to an end than this is a tie, and outside.
    tolerance : float, default 1e-12
        How near, relatively, one single threshold is met.
    name : str, default "threshold"
        What it is called.

    Examples
    --------
    >>> threshold_hypothesis(1, 0.5, (0.25, 0.75))
    Hypothesis(statement='layer 1: threshold in (0.25, 0.75), given 0.5', holds=True)
    >>> threshold_hypothesis(1, None, (0.5, 0.5))
    Hypothesis(statement='layer 1: threshold = 0.5', holds=None)
    """
    where = "threshold_hypothesis"
    integer(layer, f"{where}: layer", minimum=1)
    ends = items(interval, f"{where}: interval", "two numbers")
    if len(ends) != 2:
        raise DcscError(f"{where}: interval: expected two numbers, got {len(ends)}")
    low, high = (real_or_infinite(end, f"{where}: interval") for end in ends)
    real_or_infinite(slack, f"{where}: slack", minimum=0)
    real(tolerance, f"{where}: tolerance", minimum=0)
    if threshold is not None:
        threshold = as_threshold(threshold, None, f"{where}: threshold")
    text = f"{low:.6g}" if low == high else f"({low:.6g}, {high:.6g})"
    statement = f"layer {layer}: {name} {'=' if low == high else 'in'} {text}"
    if low > high:
        return Hypothesis(f"layer {layer}: no {name} works", False)
    if threshold is None:
        return Hypothesis(statement)
    given = np.atleast_1d(np.asarray(threshold, dtype=float))
    if low == high:
        inside = bool(np.all(np.abs(given - low) <= tolerance * low))
    else:
        inside = all(
            strictly_below(low, beta, slack) and strictly_below(beta, high, slack)
            for beta in given.tolist()
        )
    range_ = f"{given[0]:.6g}" if given.size == 1 else f"{given.min():.6g} to {given.max():.6g}"
    return Hypothesis(f"{statement}, given {range_}", inside)


def real_or_infinite(value: Any, where: str, minimum: float | None = None) -> float:
    """Return a number that may be infinite."""
    if isinstance(value, float) and math.isinf(value) and (minimum is None or value > minimum):
        return value
    return real(value, where, minimum)


def layers_below(number: int) -> str:
    """Return what sentences call the layers below a layer."""
    return "layer 1" if number == 2 else f"layers 1 to {number - 1}"
