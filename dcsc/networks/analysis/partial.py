"""How much of the codes of real inputs is proved to be found again, in the mean over signs."""

import math

import attrs
import numpy as np

from dcsc.bounds import InstanceBound
from dcsc.intervals import Interval
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.filters import products
from dcsc.networks.analysis.seen import Seen

__all__ = ["PartialFacts", "partial_facts"]

# The cost of both ends of the probability of one unit, in multiplications.
_UNIT = 5 * 10**5
# How far the ends of the recall, and of the false alarms per active unit, are apart at the most.
_MISSED, _RAISED = 0.005, 0.02


@attrs.frozen
class PartialFacts:
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
    """

    found: Interval[float]
    false_alarms: Interval[float]
    inputs: int


def partial_facts(
    layer: CodedLayer, most: float, inputs: int, seen: Seen | None = None
) -> PartialFacts | None:
    """Return what is proved of the codes of the first inputs.

    Parameters
    ----------
    layer : CodedLayer
    most : float
        About how many multiplications it may take; fewer inputs are looked at to keep to that.
    inputs : int
    seen : Seen, optional
        What the units see of the codes, if others ask as well.

    Returns
    -------
    PartialFacts or None
        None if no unit is on, or one input would take too long.
    """
    units = math.prod(layer.dictionary.code_shape)
    places = layer.dictionary._representatives().size // len(layer.dictionary.filters)
    affordable = int(most / (_UNIT * units)) if products(layer.dictionary, places) <= most else 0
    numbers = np.flatnonzero(layer.codes[:inputs].any(axis=tuple(range(1, layer.codes.ndim))))
    numbers = numbers[:affordable]
    if not len(numbers):
        return None
    sums = Seen(layer) if seen is None else seen
    ends = [sums.ends(InstanceBound(), number, _MISSED, _RAISED) for number in numbers.tolist()]
    active = np.count_nonzero(layer.codes[numbers])
    # Sums over the units of all inputs, end by end.
    missed, raised = (
        [math.fsum(end[at][end[0] == state].sum() for end in ends) / active for at in (1, 2)]
        for state in (True, False)
    )
    return PartialFacts(
        Interval(1 - missed[1], 1 - missed[0]), Interval(raised[0], raised[1]), len(numbers)
    )
