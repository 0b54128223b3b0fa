"""The convolutions of a network as a chain that can be drawn."""

import math
from collections.abc import Iterator, Sequence

from dcsc._diagram import Station
from dcsc._display import times
from dcsc._words import as_layer, counted
from dcsc.networks.convolution import Convolution
from dcsc.networks.graph import Input

__all__ = ["stations"]


def stations(inputs: Sequence[Input], convolutions: Sequence[Convolution]) -> Iterator[Station]:
    """Yield the first input, and the convolutions in the order in which they run.

    One that does not read what came out before it says what it sees.
    """
    before = ""
    for needed in inputs[:1]:
        sizes = (needed.shape or ())[1:]
        shape = times([size or "any" for size in sizes])
        before = needed.name
        yield Station(f"{before}, {shape}", math.prod(size for size in sizes if size))
    for one in convolutions:
        words = [f"sees {one.signal}"] if one.signal != before else []
        words += [times(one.weight.shape[2:])]
        words += [f"stride {times(one.stride)}"] if set(one.stride) != {1} else []
        words += [part.label for _, part in one.parts]
        words += [str(terms) for terms in (one.summed, one.joined) if terms is not None]
        channels = len(one.weight)
        read = {one.signal, *(term.signal for term in (one.joined.terms if one.joined else ()))}
        text = f"{as_layer(one.name)}, {counted(channels, 'channel')}"
        yield Station(text, channels, ", ".join(words), follows=before in read)
        before = one.output
