"""Whether a pathway survives: synthesised from a layer's code, and found again going forward."""

import math
from collections.abc import Sequence

import attrs
import numpy as np

from dcsc._arguments import instances
from dcsc._arrays import Array, Rng, checked_size, generator, instance, integer
from dcsc._display import digits, percent
from dcsc.errors import DcscError
from dcsc.layer import Layer, as_layers
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.own import WrongUnits, wrong_units
from dcsc.projections import HardThreshold
from dcsc.signs import SignPattern

__all__ = ["Found", "found_again", "found_alone", "resynthesize"]

_ENTRIES = 2**22  # of codes of so many draws together


@attrs.frozen
class Found:
    """What is found again of the active units of one layer, a mean over inputs and draws.

    ``found``, ``missed`` and ``false_alarms`` are per active unit, ``exact`` is the share of whole
    supports.
    """

    found: float
    missed: float
    false_alarms: float
    exact: float

    def __str__(self) -> str:
        return f"{percent(self.found)} found, {digits(self.false_alarms)} false for each on"


def resynthesize(
    layers: Sequence[CodedLayer],
    signs: SignPattern,
    draws: int = 5,
    rng: Rng = 0,
    inputs: int | None = None,
) -> Found | None:
    """Synthesise from the codes of the last layer through all layers, and go forward again.

    Thresholds are β/2, halfway between zero and β, which the coefficients of all units that are on
    exceed. Only in the last layer are codes positive, and only there ReLU selects. In the layers
    below codes have signs, and hard thresholds select.

    Parameters
    ----------
    layers : sequence of CodedLayer
        Each of them reads the code of the one before.
    signs : SignPattern
        Of every layer.
    draws : int, default 5
    rng : None, int, SeedSequence or Generator
    inputs : int, optional
        Only the first ones.

    Returns
    -------
    Found or None
        None if no unit is on.
    """
    stacked = instances(layers, CodedLayer, "resynthesize: layers")
    if not stacked:
        raise DcscError("resynthesize: layers: expected one layer or more, got none")
    instance(signs, SignPattern, "resynthesize: signs")
    count = integer(draws, "resynthesize: draws", minimum=1)
    most = None if inputs is None else integer(inputs, "resynthesize: inputs", minimum=1)
    random = generator(rng, "resynthesize: rng")
    codes = stacked[-1].codes[:most]
    if not codes.any():
        return None
    (found,) = found_again(stacked, [(signs, count)], random, len(codes))
    return found


def found_again(
    layers: Sequence[CodedLayer],
    laws: Sequence[tuple[SignPattern, int]],
    rng: Rng,
    inputs: int,
) -> list[Found]:
    """Return what is found of the first inputs, some unit of which is on, under each law of signs.

    Each law has a number of draws, and is drawn from after those before it.
    """
    *below, last = layers
    chained = as_layers(
        [Layer(x.dictionary, HardThreshold(x.projection.threshold)) for x in below]
        + [Layer(last.dictionary, last.projection)],
        "resynthesize: layers",
    )
    random = generator(rng, "resynthesize: rng")
    codes = last.codes[:inputs]
    every = [signs for signs, draws in laws for _ in range(draws)]
    counts = np.empty(checked_size((len(every), 2, inputs), "resynthesize: draws"), np.int64)
    largest = max(math.prod(x.dictionary.code_shape) for x in chained)
    together = max(1, _ENTRIES // (inputs * largest))
    for start in range(0, len(every), together):
        several = every[start : start + together]
        patterns = [np.empty((len(several), *x.dictionary.code_shape), np.int8) for x in chained]
        for draw, signs in enumerate(several):
            for layer, pattern in zip(chained, patterns, strict=True):
                pattern[draw] = signs.draw(layer.dictionary.code_shape, random)
        part = counts[start : start + together]
        part[:] = _wrong(chained, codes, patterns) if below else wrong_units(last, codes, *patterns)
    ends, active = np.cumsum([draws for _, draws in laws])[:-1], int(np.count_nonzero(codes))
    return [_found(part, active, inputs) for part in np.split(counts, ends)]


def found_alone(wrong: WrongUnits | None, draws: int, codes: Array) -> list[Found] | None:
    """Return what is found of codes from their layer's own signal: with random signs, and without.

    The draws are the first ones that were counted; None if too few were, or not of all codes.
    """
    live = codes.any(axis=tuple(range(1, codes.ndim)))
    if wrong is None or len(wrong.counts) <= draws or len(wrong.numbers) < live.sum():
        return None
    counts, active = wrong.counts[:, :, : live.sum()], int(wrong.active[: live.sum()].sum())
    return [_found(part, active, len(codes)) for part in (counts[1 : 1 + draws], counts[:1])]


def _found(counts: Array, active: int, inputs: int) -> Found:
    """Return the means of counts ``(draws, which, inputs)``; what other inputs have is exact."""
    lost, raised = (counts.sum(axis=2).mean(axis=0) / active).tolist()
    every = len(counts) * inputs
    exact = every - int(np.count_nonzero(counts.any(axis=1)))
    return Found(1 - lost, lost, raised, exact / every)


def _wrong(layers: Sequence[Layer], codes: Array, patterns: Sequence[Array]) -> Array:
    """Return how many units are missed, and how many are false alarms, (draws, 2, inputs).

    Each layer has patterns of signs ``(draws, *code_shape)``; all draws go together.
    """
    axes = tuple(range(2, 1 + codes.ndim))
    signs = [pattern[:, None] for pattern in patterns]
    # Down: the signal of a layer is the code of the one below. What cancels there leaves rounding
    # behind, which is only rounding in the signals below as well, and no support of it is counted.
    signal = codes[None]
    for layer, sign in zip(layers[::-1], signs[::-1], strict=True):
        signal = layer.dictionary.synthesize(signal * sign)
    # And up again.
    for layer, sign in zip(layers, signs, strict=True):
        coefficients = layer.dictionary.analyze(signal) * sign
        signal = layer.projection(coefficients, layer.dictionary)
    on, again = codes != 0, signal != 0
    wrong = [(on & ~again).sum(axis=axes), (again & ~on).sum(axis=axes)]
    return np.stack(wrong, axis=1)
