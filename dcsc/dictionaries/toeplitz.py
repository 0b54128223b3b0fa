"""Convolution between zeros."""

from typing import Any

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import per_axis
from dcsc._fields import named
from dcsc._words import quoted
from dcsc.dictionaries.axes import AtomAxis
from dcsc.dictionaries.convolutional import ConvolutionalDictionary
from dcsc.errors import DcscError

__all__ = ["ToeplitzDictionary"]


# One int where both sides of an axis are padded alike, else (before, after).
Padding = tuple[int | tuple[int, int], ...]


def _padding(value: Any, record: Any, where: str) -> Padding:
    axes = record.filters.ndim - 2
    parts = items(value, where) if np.iterable(value) else (value,) * axes
    if len(parts) != axes:
        raise DcscError(
            f"{where}: expected an int, or {axes} items, one per axis, each of them an int or a "
            f"pair (before, after), got {quoted(value)}"
        )
    sides = [per_axis(item, 2, f"{where}: (before, after)") for item in parts]
    return tuple(before if before == after else (before, after) for before, after in sides)


@attrs.frozen(slots=False)
class ToeplitzDictionary(ConvolutionalDictionary):
    """A convolutional dictionary between zeros, as in a CNN layer with zero padding.

    ``A[(c, q), (i, p)] = filters[i, c, u]`` where ``q = p·stride − before + u·dilation``, zero for
    all other q, no flip; ``before`` is the padding in front of the signal. With padding, atoms at
    the border are cut off; they are not renormalised.

    Parameters
    ----------
    filters : array_like, shape (n, channels / groups, *kernel)
    extent : int or tuple of int
        Spatial shape of the signal.
    stride : int or tuple of int, default 1
        There are ``(padded extent − span) // stride + 1`` positions, where a filter spans
        ``(kernel − 1)·dilation + 1`` samples; a longer one than the padded extent is refused.
    padding : int, or sequence with one item per axis, default 0
        Zeros on both sides of the signal. An item is an int for both, or a pair
        ``(before, after)``: on two axes ``(1, 2)`` is one row above and below and two columns on
        either side, and ``((0, 1), (2, 2))`` no row above and one below.
    dilation : int or tuple of int, default 1
        Distance of neighbouring taps.
    groups : int, default 1
        Filters ``[k·n/groups, (k + 1)·n/groups)`` lie on the k-th share of the channels only;
        with as many groups as channels the convolution is depthwise.

    Examples
    --------
    >>> dictionary = ToeplitzDictionary([[[1.0, 2.0]]], extent=3)
    >>> dictionary.analyze([[1, 1, 0]])
    array([[3., 1.]])
    >>> causal = ToeplitzDictionary([[[1.0, 2.0]]], extent=4, padding=[(2, 0)], dilation=2)
    >>> causal.analyze([[1, 0, 0, 1]])
    array([[2., 0., 1., 2.]])
    """

    padding: Padding = attrs.field(default=0, converter=named(_padding))  # type: ignore[misc]  # see `named`

    def _axes(self) -> tuple[AtomAxis, ...]:
        sides = [item if isinstance(item, tuple) else (item, item) for item in self.padding]
        room = tuple(a + e + b for e, (a, b) in zip(self.extent, sides, strict=True))
        if any(f > r for f, r in zip(self.span, room, strict=True)):
            raise DcscError(
                f"ToeplitzDictionary: filters: expected to span at most the extent with its "
                f"padding, {room}, got {self.span} of kernel {self.kernel}"
            )
        steps = zip(room, self.span, self.stride, strict=True)
        positions = ((r - f) // s + 1 for r, f, s in steps)
        before = (a for a, _ in sides)
        lines = self.extent, positions, self.kernel, self.stride, self.dilation, before
        return tuple(AtomAxis(*line) for line in zip(*lines, strict=True))
