"""Guarantees from given supports: between which thresholds each column is found."""

import math
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
from dcsc.bounds.pursued.supports import Support, columns_of
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.recursion import noise_hypotheses
from dcsc.coefficients import TOLERANCE, strictly_below
from dcsc.errors import DcscError

__all__ = ["Look", "Window", "guarantee_of_windows", "tie_of_penalties"]


@attrs.frozen(eq=False)
class Window:
    """The thresholds at which one column, or all of a layer, is found.

    Parameters
    ----------
    value : float
        What has to be below 1.
    low, high : float
        The ends of the interval, open.
    error : callable
        What an entry is off by, at most, at a threshold inside.
    tie : float
        How near to one another ends are not told apart, in their units.
    needed : float
        What ``high`` has to be above, if that is more than ``low``.
    """

    value: float
    low: float
    high: float
    error: Callable[[float], float]
    tie: float
    needed: float = 0.0

    def joined(self, other: "Window") -> "Window":
        """Return the window of both."""
        value, low = max(self.value, other.value), max(self.low, other.low)
        errors = self.error, other.error
        return Window(
            value,
            low,
            min(self.high, other.high),
            lambda at: max(error(at) for error in errors),
            max(self.tie, other.tie),
            max(self.needed, other.needed),
        )

    @property
    def least_end(self) -> float:
        """What ``high`` has to be above."""
        return max(self.low, self.needed)

    @property
    def opened(self) -> bool:
        """Whether there is room for a threshold, with ends that are known up to a tie."""
        return strictly_below(self.value, 1.0, TOLERANCE) and strictly_below(
            self.least_end, self.high, 2 * self.tie
        )

    @property
    def least(self) -> float:
        """A threshold inside, as small as is sensible."""
        room, tie = self.high - self.low, 2 * self.tie
        return self.low + (max(tie, 1e-6 * room) if math.isfinite(room) else tie)


Look = Callable[[LayerInstance, float, Array, Support], Window]


def guarantee_of_windows(
    bound: BoundCalculator,
    layers: tuple[LayerInstance, ...],
    chosen: tuple[float | None, ...],
    look: Look,
    words: tuple[str, str],
) -> list[LayerGuarantee]:
    """Return what is said of each layer, from what ``look`` says of each of its columns.

    ``chosen`` are the thresholds, and ``words`` what has to be below 1, and what a threshold is.
    """
    parts: list[LayerGuarantee] = []
    entering = 0.0
    for number, (layer, threshold) in enumerate(zip(layers, chosen, strict=True), start=1):
        if layer.noise_level and not layer.law.bounded:
            raise bound._refuse(number, "its noise is Gaussian, which has no bound")
        layer.check_units(type(bound).__name__)
        noise = entering if layer.noise_level is None else layer.noise_level
        window = _window(layer, noise, look)
        holds = window is not None and window.opened
        tie = 0.0 if window is None else window.tie
        interval, passed = (math.inf, -math.inf), math.inf
        if window is not None and holds:
            interval = window.low, window.high
            if number < len(layers):
                # what the next layer is told is the error at one threshold
                at = window.least if threshold is None else threshold
                passed = window.error(at)
                interval = (at, at) if threshold is None else interval
        hypotheses = (
            *_conditions(number, window, words[0]),
            threshold_hypothesis(number, threshold, interval, tie, name=words[1]),
            *noise_hypotheses(number, layer, noise),
        )
        parts.append(LayerGuarantee(0.0 if holds else 1.0, interval, noise, hypotheses))
        if number < len(layers) and layers[number].noise is None:
            entering = _entering(layer, passed)
    return parts


def tie_of_penalties(layer: LayerInstance, noise: float) -> float:
    """Return how near to one another penalties are a tie, in units of coefficients."""
    return TOLERANCE * (layer.strongest + layer.gain[1] * noise)


def _window(layer: LayerInstance, noise: float, look: Look) -> Window | None:
    """Return the window of all columns, or None if the atoms of one are dependent."""
    whole = Window(0.0, 0.0, math.inf, lambda at: 0.0, 0.0)
    for code, support in columns_of(layer):
        if support is None:
            return None
        whole = whole.joined(look(layer, noise, code, support))
    return whole


def _conditions(number: int, window: Window | None, name: str) -> Iterator[Hypothesis]:
    if window is None:
        yield Hypothesis(f"layer {number}: the atoms of each support are independent", False)
        return
    inside = strictly_below(window.value, 1.0, TOLERANCE)
    yield Hypothesis(f"layer {number}: {name} = {window.value:.6g} < 1", inside)
    if inside:
        room = f"{window.least_end:.6g} < {window.high:.6g}"
        yield Hypothesis(f"layer {number}: {room}", window.opened)


def _entering(layer: LayerInstance, error: float) -> float:
    """Return ζ of the next layer, from what an entry of this one is off by."""
    if layer.successor is None:
        raise DcscError(
            "LayerInstance: successor: expected the dictionary of the next layer, in whose patches "
            "the error is measured, got None"
        )
    entries = int(np.max(layer.successor.patch_sparsity(layer.codes), initial=0))
    return math.sqrt(entries) * error if entries else 0.0
