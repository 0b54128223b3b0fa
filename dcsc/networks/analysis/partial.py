"""How much of the codes of real inputs is proved to be found again, in the mean over signs."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array, generator
from dcsc._display import Facts
from dcsc.bounds import InstanceBound
from dcsc.intervals import Interval
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.filters import products
from dcsc.networks.analysis.sampling import mean_between
from dcsc.networks.analysis.seen import Seen

__all__ = ["PartialFacts", "partial_facts"]

# The cost of both ends of the probability of one unit, in multiplications.
_UNIT = 5 * 10**5
# How far the ends of the recall, and of the false alarms per active unit, are apart at the most.
_MISSED, _RAISED = 0.005, 0.02
# So many units of a sample, of both kinds, take half a second.
_SAMPLE = 10000
# The probability with which it misleads.
_RISK = 1e-3


@attrs.frozen(repr=False)
class PartialFacts(Facts):
    """What `dcsc.bounds.PartialBound` proves of the codes of a layer, without noise.

    These are means over random signs, at thresholds β/2, of the layer alone. What
    `ResynthesisFacts.alone` measures with random signs, of the same inputs, estimates a number
    between the two ends.

    Parameters
    ----------
    found, false_alarms : Interval
        Units that are found again, and units that are switched on besides, both per active unit of
        all inputs together.
    inputs : int
        How many inputs with active units these are means over.
    sampled : int
        Of how many units, drawn at random, they were computed where not all are looked at; then
        they hold but for a probability of 1e-3. 0 where all are.
    """

    found: Interval[float]
    false_alarms: Interval[float]
    inputs: int
    sampled: int = 0


def partial_facts(
    layer: CodedLayer, most: float, inputs: int, seen: Seen | None = None, seed: int = 0
) -> PartialFacts | None:
    """Return what is proved of the codes of the first inputs.

    Parameters
    ----------
    layer : CodedLayer
    most : float
        About how many multiplications it may take; fewer inputs are looked at to keep to that,
        and where one would be too many, a sample of the units of all inputs.
    inputs : int
    seen : Seen, optional
        What the units see of the codes, if others ask as well.
    seed : int, default 0
        Of the sample.

    Returns
    -------
    PartialFacts or None
        None if no unit is on, or the correlations of the atoms would take too long.
    """
    units = math.prod(layer.dictionary.code_shape)
    places = layer.dictionary._representatives().size // len(layer.dictionary.filters)
    numbers = np.flatnonzero(layer.codes[:inputs].any(axis=tuple(range(1, layer.codes.ndim))))
    if not len(numbers) or products(layer.dictionary, places) > most:
        return None
    sums = Seen(layer) if seen is None else seen
    affordable = int(most / _UNIT)
    if affordable < units:
        return _of_sample(sums, numbers, affordable, seed)
    numbers = numbers[: affordable // units]
    ends = [sums.ends(InstanceBound(), number, _MISSED, _RAISED) for number in numbers.tolist()]
    active = int(np.count_nonzero(layer.codes[numbers]))
    # Sums over the units of all inputs, end by end.
    missed, raised = (
        [math.fsum(end[at][end[0] == state].sum() for end in ends) / active for at in (1, 2)]
        for state in (True, False)
    )
    return PartialFacts(
        Interval(1 - missed[1], 1 - missed[0]), Interval(raised[0], raised[1]), len(numbers)
    )


def _of_sample(seen: Seen, numbers: Array, count: int, seed: int) -> PartialFacts | None:
    """Return the facts from some of the units that are on, and as many of the others."""
    codes = seen.layer.codes[numbers].reshape(len(numbers), -1)
    most = min(count, _SAMPLE) // 2
    if not most:
        return None
    random = generator(seed, "partial_facts: seed")
    chosen = []
    for mask in (codes != 0, codes == 0):
        places = np.flatnonzero(mask)
        sample = random.choice(places, min(most, len(places)), replace=False)
        chosen.append(np.divmod(sample, codes.shape[1]))
    # The ends of the units that were drawn, kind by kind.
    lower, upper = ([np.empty(len(of)) for of, _ in chosen] for _ in range(2))
    for at, number in enumerate(numbers.tolist()):
        asked = [units[of == at] for of, units in chosen]
        among = np.concatenate(asked)
        # a sample leaves more open than these ends
        _, low, high = seen.ends(InstanceBound(), number, 2 * _MISSED, 2 * _RAISED, among)
        for kind, (of, _) in enumerate(chosen):
            lower[kind][of == at], upper[kind][of == at] = low[asked[kind]], high[asked[kind]]
    missed, raised = map(mean_between, lower, upper, [_RISK / 2] * 2)
    active = int(np.count_nonzero(codes))
    ratio = (codes.size - active) / active
    return PartialFacts(
        Interval(1 - missed.high, 1 - missed.low),
        Interval(raised.low * ratio, raised.high * ratio),
        len(numbers),
        sum(len(of) for of, _ in chosen),
    )
