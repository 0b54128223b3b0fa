"""The conditions of theorems: what was found true or false, and what is assumed."""

import math

import attrs
import numpy as np

from dcsc.projections.base import Threshold

__all__ = [
    "Hypothesis",
    "layers_below",
    "strictly_below",
    "threshold_hypothesis",
]

TOLERANCE = 1e-12


def strictly_below(small: float, large: float) -> bool:
    """Decide a theorem's strict inequality, in doubt against it."""
    if math.isinf(large):
        return small < large
    return large - small > TOLERANCE * max(abs(small), abs(large))


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
    layer: int, threshold: Threshold | None, interval: tuple[float, float]
) -> Hypothesis:
    """State that the threshold lies in the interval, decided where there is a threshold."""
    low, high = interval
    text = f"{low:.6g}" if low == high else f"[{low:.6g}, {high:.6g})"
    statement = f"layer {layer}: threshold {'=' if low == high else 'in'} {text}"
    if low > high:
        return Hypothesis(f"layer {layer}: no threshold works", False)
    if threshold is None:
        return Hypothesis(statement)
    given = np.atleast_1d(np.asarray(threshold, dtype=float))
    if low == high:
        inside = bool(np.all(np.abs(given - low) <= TOLERANCE * low))
    else:
        inside = all(low <= beta and strictly_below(beta, high) for beta in given.tolist())
    shown = f"{given[0]:.6g}" if given.size == 1 else f"{given.min():.6g} to {given.max():.6g}"
    return Hypothesis(f"{statement}, given {shown}", inside)


def layers_below(number: int) -> str:
    """Return how the layers below a layer are called."""
    return "layer 1" if number == 2 else f"layers 1 to {number - 1}"
