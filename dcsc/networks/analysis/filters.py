"""What the filters of a layer are like, whatever they are shown."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import CirculantDictionary
from dcsc.networks.analysis.coded import random_twin, roomy
from dcsc.networks.convolution import Convolution
from dcsc.networks.reading import Reading

__all__ = ["Coherence", "FilterFacts", "coherence", "filter_facts"]


@attrs.frozen
class Coherence:
    """The coherence of filters that have room on all sides, and the pair that makes it.

    Parameters
    ----------
    value : float
        μ, of the filters made unit.
    filters : (int, int), or None
        Two filters, possibly the same twice; None if all are orthogonal.
    shift : tuple of int, or None
        By how many samples the second is shifted.
    """

    value: float
    filters: tuple[int, int] | None
    shift: tuple[int, ...] | None


@attrs.frozen
class FilterFacts:
    """The filters of a layer, as the reading has them.

    Parameters
    ----------
    shape : tuple of int
        ``(n, channels / groups, *kernel)``.
    stride, dilation : tuple of int
    padding : str
    groups : int
    activation : str
        What makes the code, in a word; empty if nothing does.
    leaves_zeros : bool
        Whether units that are off have codes that are exactly zero.
    own, dense : Coherence or None
        At the layer's own stride and at stride 1; None where that was too much work.
    random : float or None
        The median coherence of normal filters of the same shape, at the layer's own stride.
    floor : float
        What no unit filters of this shape and stride can go below (after Welch, 1974).
    threshold : tuple of float
        β for each filter, in units of the coefficients; of several positions the smallest.
    always_on, dead : tuple of int
        Filters with a negative β, and filters that are zero.
    reasons : tuple of str
        Why the layer, or some of its filters, is outside the D-CSC reading.
    """

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str
    groups: int
    activation: str
    leaves_zeros: bool
    own: Coherence | None
    dense: Coherence | None
    random: float | None
    floor: float
    threshold: tuple[float, ...]
    always_on: tuple[int, ...]
    dead: tuple[int, ...]
    reasons: tuple[str, ...]


def filter_facts(
    convolution: Convolution, reading: Reading, twins: int, most: float
) -> FilterFacts:
    """Return what the filters are like; coherence only where it takes at most so many products.

    Parameters
    ----------
    convolution : Convolution
    reading : Reading
        Possibly with the scales of the layer below in its filters.
    twins : int
        How many random layers to compare with.
    most : float
        Multiplications.
    """
    live = reading.filters[reading.filters.any(axis=tuple(range(1, reading.filters.ndim)))]
    geometry = (convolution.dilation, convolution.groups)
    whole = roomy(reading.filters, convolution.stride, *geometry)
    close = roomy(reading.filters, (1,) * len(convolution.stride), *geometry)
    affordable = products(whole) * (1 + twins) <= most
    random = [random_twin(whole, seed).mutual_coherence() for seed in range(twins * affordable)]
    return FilterFacts(
        shape=reading.filters.shape,
        stride=convolution.stride,
        dilation=convolution.dilation,
        padding=_padding(convolution.padding),
        groups=convolution.groups,
        activation="" if reading.activation is None else reading.activation.label,
        leaves_zeros=len(reading.without_zeros) < len(reading.filters),
        own=coherence(whole) if affordable and len(live) else None,
        dense=coherence(close) if products(close) <= most and len(live) else None,
        random=float(np.median(random)) if random else None,
        floor=whole.welch_floor(),
        threshold=tuple(_smallest(reading.threshold).tolist()),
        always_on=reading.always_on,
        dead=reading.dead,
        reasons=reading.reasons,
    )


def coherence(dictionary: CirculantDictionary) -> Coherence:
    """Return the coherence and a pair of filters, at a shift, that has it."""
    pair = dictionary.coherent_pair()
    if pair is None:
        return Coherence(0.0, None, None)
    steps = zip(pair.offset, dictionary.stride, strict=True)
    return Coherence(abs(pair.value), pair.filters, tuple(p * s for p, s in steps))


def products(dictionary: CirculantDictionary) -> float:
    """Return about how many multiplications the correlations of all filters take."""
    n, *rest = dictionary.filters.shape
    return n**2 / dictionary.groups * math.prod(rest) * math.prod(dictionary.positions) / 2


def _smallest(threshold: Array) -> Array:
    return threshold.reshape(len(threshold), -1).min(axis=1)


def _padding(padding: Any) -> str:
    if isinstance(padding, str):
        return padding.replace("_", " ")
    return " × ".join(str(b) if b == a else f"{b}+{a}" for b, a in padding)
