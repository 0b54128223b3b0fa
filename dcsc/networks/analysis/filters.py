"""The filters of a layer by themselves, whatever inputs they see."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, instance
from dcsc._display import Facts, digits
from dcsc.dictionaries import CirculantDictionary, ToeplitzDictionary
from dcsc.dictionaries.axes import AtomAxis
from dcsc.dictionaries.coherence import of_parts
from dcsc.dictionaries.convolutional import ConvolutionalDictionary
from dcsc.dictionaries.correlations import Meeting
from dcsc.dictionaries.filters import gaussian
from dcsc.networks.convolution import Convolution
from dcsc.networks.reading import Reading

__all__ = [
    "Coherence",
    "FilterFacts",
    "coherence",
    "filter_facts",
    "products",
    "random_twin",
    "roomy",
]

Kind = TypeVar("Kind", CirculantDictionary, ToeplitzDictionary)

_FASTER = 30
_BEGINNING = 1e4
_LARGE = 2**16


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

    def __str__(self) -> str:
        if self.filters is None or self.shift is None:
            return digits(self.value)
        first, second = self.filters
        return f"{digits(self.value)}, of {first} and {second} shifted by {self.shift}"


@attrs.frozen(repr=False)
class FilterFacts(Facts):
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
    summed : str
        Into what sum it goes before an activation, in words; empty if there is none.
    joined : str
        Of what sum it stands for the terms, in words; empty if of none.
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
    summed: str = ""
    joined: str = ""


def filter_facts(
    convolution: Convolution, reading: Reading, twins: int, most: float
) -> FilterFacts:
    """Return what the filters are like; coherence only where that is not too much work.

    Parameters
    ----------
    convolution : Convolution
    reading : Reading
        Possibly with the scales of the layer below in its filters.
    twins : int
        How many random layers to compare with.
    most : float
        How many multiplications each coherence may take, and the random layers together.
    """
    live, geometry = reading.filters.any(), (convolution.dilation, convolution.groups)
    whole = roomy(reading.filters, convolution.stride, *geometry)
    affordable, floor = int(most / products(whole)), whole.welch_floor()
    own = dense = coherence(whole) if affordable and live else None
    del whole  # large layers would be held beside each twin
    if any(step > 1 for step in convolution.stride):
        close = roomy(reading.filters, (1,) * len(convolution.stride), *geometry)
        dense = coherence(close) if products(close) <= most and live else None
        del close
    shape = tuple(reading.filters.shape)
    random = _random_coherence(shape, convolution.stride, *geometry, min(twins, affordable))
    return FilterFacts(
        shape=reading.filters.shape,
        stride=convolution.stride,
        dilation=convolution.dilation,
        padding=_padding(convolution.padding),
        groups=convolution.groups,
        activation="" if reading.activation is None else reading.activation.label,
        leaves_zeros=len(reading.without_zeros) < len(reading.filters),
        own=own,
        dense=dense,
        random=random,
        floor=floor,
        threshold=tuple(_smallest(reading.threshold).tolist()),
        always_on=reading.always_on,
        dead=reading.dead,
        reasons=reading.reasons,
        summed="" if convolution.summed is None else str(convolution.summed),
        joined="" if convolution.joined is None else str(convolution.joined),
    )


@lru_cache(maxsize=256)
def _random_coherence(
    shape: Shape, stride: Shape, dilation: Shape, groups: int, twins: int
) -> float | None:
    """Return the median coherence of normal filters; layers of one geometry have the same twins.

    Small twins are one dictionary, each of them a part of its groups; large ones come one by one.
    """
    if not twins:
        return None
    n, channels, *kernel = shape
    drawn = (gaussian(n, channels, tuple(kernel), rng=seed) for seed in range(twins))
    if math.prod(shape) > _LARGE:
        values = [roomy(filters, stride, dilation, groups).mutual_coherence() for filters in drawn]
        return float(np.median(values))
    together = roomy(np.concatenate([*drawn]), stride, dilation, groups * twins)
    return float(np.median(of_parts(together._shifted, twins)))


def roomy(
    filters: Array, stride: Sequence[int], dilation: Sequence[int] = (), groups: int = 1
) -> CirculantDictionary:
    """Return the dictionary of filters that have room on all sides.

    Its circle is just long enough for an atom to meet every shift of the others once, so that its
    coherence is that of the filters, no border included.
    """
    taps = filters.shape[2:]
    dilation = tuple(dilation) or (1,) * len(taps)
    span = [(f - 1) * d + 1 for f, d in zip(taps, dilation, strict=True)]
    extent = tuple((2 * ((f - 1) // s) + 1) * s for f, s in zip(span, stride, strict=True))
    return CirculantDictionary(filters, extent, tuple(stride), dilation=dilation, groups=groups)


def random_twin(dictionary: Kind, seed: int) -> Kind:
    """Return a dictionary of the same geometry with normal filters."""
    instance(dictionary, ConvolutionalDictionary, "random_twin: dictionary")
    n, c, *kernel = dictionary.filters.shape
    return attrs.evolve(dictionary, filters=gaussian(n, c, tuple(kernel), rng=seed))


def coherence(dictionary: CirculantDictionary) -> Coherence:
    """Return the coherence and a pair of filters, at a shift, that has it."""
    pair = dictionary.coherent_pair()
    if pair is None:
        return Coherence(0.0, None, None)
    steps = zip(pair.offset, dictionary.stride, strict=True)
    return Coherence(abs(pair.value), pair.filters, tuple(p * s for p, s in steps))


def products(dictionary: ConvolutionalDictionary, positions: int = 1) -> float:
    """Return the work of correlating the atoms at some positions with all, as multiplications.

    For every tap that they share, but those of the longest axis, a product of matrices is added to
    a table: its multiplications are many times faster than others, and to begin one takes as long
    as thousands.
    """
    n, channels = dictionary.filters.shape[:2]
    per_group = n // dictionary.groups
    *above, last = map(_shared, dictionary._shifted.turned.shifted.axes)
    begun = math.prod(map(sum, above))
    entries = begun * len(last) * (n * per_group + _BEGINNING)
    multiplied = begun * sum(last) * n * per_group * channels / _FASTER
    return positions / 2 * (entries + multiplied)


def _shared(axis: AtomAxis) -> list[int]:
    """Return how many taps an atom shares with each of those that it meets along an axis."""
    meeting = Meeting.along(axis)
    turns = sorted(map(abs, meeting.turns))[: axis.positions]
    return [meeting.kernel - turn * meeting.shift for turn in turns]


def _smallest(threshold: Array) -> Array:
    return threshold.reshape(len(threshold), -1).min(axis=1)


def _padding(padding: Any) -> str:
    if isinstance(padding, str):
        return padding.replace("_", " ")
    return " × ".join(str(b) if b == a else f"{b}+{a}" for b, a in padding)
