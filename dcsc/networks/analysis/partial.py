"""How much of the codes of real inputs is proved to be found again, in the mean over signs."""

import math

import attrs
import numpy as np

from dcsc.bounds import PartialBound
from dcsc.intervals import Interval
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.filters import products

__all__ = ["PartialFacts", "partial_facts"]

# The cost of both ends of the probability of one unit, in multiplications.
_UNIT = 5 * 10**5


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


def partial_facts(layer: CodedLayer, most: float, inputs: int) -> PartialFacts | None:
    """Return what is proved of the codes of the first inputs.

    Parameters
    ----------
    layer : CodedLayer
    most : float
        About how many multiplications it may take; fewer inputs are looked at to keep to that.
    inputs : int

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
    instances = layer.instances
    parts = [PartialBound().evaluate(instances[number]).layers[0] for number in numbers]
    active = np.count_nonzero(layer.codes[numbers])
    # Sums over the inputs, end by end.
    missed, raised = (
        np.sum([getattr(part, name) for part in parts], axis=0) / active
        for name in ("missed", "false_alarms")
    )
    return PartialFacts(
        Interval(float(1 - missed[1]), float(1 - missed[0])),
        Interval(float(raised[0]), float(raised[1])),
        len(numbers),
    )
