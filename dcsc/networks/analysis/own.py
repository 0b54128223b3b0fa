"""The network as it is, D = I, beside the law over random signs of its own filters."""

import math

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, generator
from dcsc._display import Facts
from dcsc._numerics import count_wrong
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.signs import RademacherSigns

__all__ = [
    "SIGNS",
    "OwnCase",
    "OwnFacts",
    "Place",
    "WrongUnits",
    "fill_with_signs",
    "place_among",
    "wrong_under_draws",
    "wrong_units",
]

_FEWEST = 9
_ENTRIES = 2**25  # of so many draws together
_BYTES = 2**18  # random ones at a time, which stay in the cache
SIGNS = RademacherSigns()


@attrs.frozen
class Place:
    """A number of the network as it is, and where it lies among those of random signs.

    Parameters
    ----------
    value : float
        With the network's own signs, all +1.
    mean : float
        Over the draws.
    below : float
        The share of draws with less; those with just as much count half.
    """

    value: float
    mean: float
    below: float


@attrs.frozen(repr=False)
class OwnCase(Facts):
    """What becomes of the active units of some inputs, from the signal of the layer's own code.

    Parameters
    ----------
    label : str or None
        The class of these inputs; None for all of them.
    inputs : int
    found, false_alarms : Place
        Units that are found again, and units that are switched on besides, both per active unit
        of these inputs together.
    """

    label: str | None
    inputs: int
    found: Place
    false_alarms: Place


@attrs.frozen(repr=False)
class OwnFacts(Facts):
    """The network's own case among draws of the signs, with thresholds β/2 and without noise.

    Each draw gives one sign to every unit, the same for all inputs.

    Parameters
    ----------
    draws : int
    seed : int
        That the draws are from.
    all : OwnCase
    classes : tuple of OwnCase
        By label, where inputs have one.
    """

    draws: int
    seed: int
    all: OwnCase
    classes: tuple[OwnCase, ...] = ()


@attrs.frozen(eq=False)
class WrongUnits:
    """How many units of some inputs come out wrong with the network's own signs, and with others.

    Parameters
    ----------
    seed : int
        That the draws are from.
    numbers : array of int, shape (inputs,)
        Those inputs: the first ones with active units.
    active : array of int, shape (inputs,)
        How many active units each has.
    counts : array of int, shape (1 + draws, 2, inputs)
        Units that are missed and units that are false alarms, first with all signs +1.
    labels : array of shape (inputs,), or of none
        The classes of the inputs, where they have one.
    """

    seed: int
    numbers: Array
    active: Array
    counts: Array
    labels: Array

    @property
    def facts(self) -> OwnFacts:
        """Where the network's own signs are among the drawn ones."""
        return OwnFacts(
            len(self.counts) - 1,
            self.seed,
            _case(None, self.counts, self.active),
            tuple(
                _case(
                    str(name),
                    self.counts[:, :, self.labels == name],
                    self.active[self.labels == name],
                )
                for name in np.unique(self.labels)
            ),
        )


def wrong_under_draws(
    layer: CodedLayer,
    draws: int,
    inputs: int,
    most: float,
    seed: int,
    labels: "npt.ArrayLike | None" = None,
) -> WrongUnits | None:
    """Return which units come out wrong with the network's own signs, and with random ones.

    Parameters
    ----------
    layer : CodedLayer
    draws : int
        At the most, and at least 9 of them.
    inputs : int
        Only the first ones with active units.
    most : float
        About how many multiplications it may take; fewer inputs and draws keep to that.
    seed : int
    labels : array_like of shape (inputs,), optional
        The class of each input.

    Returns
    -------
    WrongUnits or None
        None if no unit is on, or 9 draws of one input would take too long.
    """
    numbers = np.flatnonzero(layer.codes[:inputs].any(axis=tuple(range(1, layer.codes.ndim))))
    passes = most / (2 * max(layer.work, 1))  # down and up again, of one input
    numbers = numbers[: int(passes / (_FEWEST + 1))]
    if not len(numbers):
        return None
    count = min(draws, int(passes / len(numbers)) - 1)
    if count < _FEWEST:
        return None
    # First with the network's own signs, then with others.
    codes = layer.codes[numbers]
    random = generator(seed, "wrong_under_draws: seed")
    shape = layer.dictionary.code_shape
    together = max(1, _ENTRIES // math.prod(shape))
    parts = []
    for start in range(0, count + 1, together):
        signs = np.ones((min(together, count + 1 - start), *shape), np.int8)
        fill_with_signs(signs[int(start == 0) :], random)
        parts.append(wrong_units(layer, codes, signs))
    active = np.count_nonzero(codes.reshape(len(codes), -1), axis=1)
    classes = np.empty(0) if labels is None else np.asarray(labels)[numbers]
    return WrongUnits(seed, numbers, active, np.concatenate(parts), classes)


def wrong_units(layer: CodedLayer, codes: Array, signs: Array) -> Array:
    """Return how many units of each input are missed, and how many are false alarms.

    Of signs ``(draws, *code_shape)`` it is of shape ``(draws, 2, inputs)``.
    """
    taps, grid = layer.dictionary._taps(codes), layer.dictionary._shifted.grid
    return count_wrong(codes, signs, taps, grid, np.maximum(layer.threshold, 0.0) / 2)


def fill_with_signs(patterns: Array, random: np.random.Generator) -> None:
    """Fill int8 patterns ``(count, *shape)`` with those of as many calls of ``SIGNS.draw``.

    Such a call takes the first bit of each random byte, and of the last four those that it needs.
    """
    size = math.prod(patterns.shape[1:])
    flat, together = patterns.reshape(-1, size), max(1, _BYTES // size)
    for start in range(0, len(flat), together):
        part = flat[start : start + together]
        words = random.integers(0, 2**32, (len(part), -(-size // 4)), dtype=np.uint32)
        heads = words.astype("<u4", copy=False).view(np.int8)[:, :size]
        # −1 for the bytes whose first bit is 0, and else +1
        np.bitwise_or(~heads >> 7, 1, out=part)


def _case(label: str | None, counts: Array, active: Array) -> OwnCase:
    """Return the case of some inputs, from counts (draws, which, inputs), the own ones first."""
    total = int(active.sum())
    missed, raised = counts.sum(axis=2).T
    return OwnCase(
        label, len(active), place_among(total - missed, total), place_among(raised, total)
    )


def place_among(numbers: Array, total: int) -> Place:
    """Return where the first of some counts lies among the others, as shares of a total."""
    own, drawn = int(numbers[0]), numbers[1:]
    below = np.mean(drawn < own) + np.mean(drawn == own) / 2
    return Place(own / total, float(drawn.mean() / total), float(below))
