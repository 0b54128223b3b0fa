"""The conditions of theorems: what was found true or false, and what is assumed."""

import attrs
import numpy as np

from dcsc.coefficients import TOLERANCE, strictly_below
from dcsc.projections.base import Threshold

__all__ = [
    "Hypothesis",
    "layers_below",
    "threshold_hypothesis",
]


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


def threshold_hypothesis(
    layer: int,
    threshold: Threshold | None,
    interval: tuple[float, float],
    slack: float = 0.0,
    tolerance: float = TOLERANCE,
    name: str = "threshold",
) -> Hypothesis:
    """State that the threshold lies in the interval, decided where there is a threshold.

    Parameters
    ----------
    layer : int
    threshold : float, array or None
    interval : (float, float)
        Open at both ends; two equal ends are one threshold.
    slack : float, default 0
        What is nearer to an end than this is a tie, and outside.
    tolerance : float, default 1e-12
        How near, relatively, one single threshold is met.
    name : str, default "threshold"
        What it is called.
    """
    low, high = interval
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


def layers_below(number: int) -> str:
    """Return what sentences call the layers below a layer."""
    return "layer 1" if number == 2 else f"layers 1 to {number - 1}"
