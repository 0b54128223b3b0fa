"""Convolution on a circle."""

from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.grid import Run
from dcsc.dictionaries.convolutional import ConvolutionalDictionary
from dcsc.errors import DcscError

__all__ = ["CirculantDictionary"]


@attrs.frozen(slots=False)
class CirculantDictionary(ConvolutionalDictionary):
    """A convolutional dictionary on a circle: indices are taken modulo the extent.

    ``A[(c, q), (i, p)]`` is the sum of ``filters[i, c, u]`` over the taps u with
    ``q = p·stride + u·dilation mod extent``, no flip, so that `analyze` is the correlation of a CNN
    layer with circular padding. A kernel that spans more than the extent wraps, and what meets
    adds up.

    Parameters
    ----------
    filters : array_like, shape (n, channels / groups, *kernel)
    extent : int or tuple of int
        Spatial shape of the signal.
    stride : int or tuple of int, default 1
        Must divide the extent; there are ``extent / stride`` positions.
    dilation : int or tuple of int, default 1
        Distance of neighbouring taps.
    groups : int, default 1
        Filters ``[k·n/groups, (k + 1)·n/groups)`` lie on the k-th share of the channels only;
        with as many groups as channels the convolution is depthwise.

    Examples
    --------
    >>> dictionary = CirculantDictionary([[[1.0, 2.0]]], extent=4)
    >>> dictionary.synthesize([[0, 0, 0, 1]])
    array([[2., 0., 0., 1.]])
    """

    _circular: ClassVar[bool] = True

    def _check_geometry(self) -> None:
        if any(e % s for e, s in zip(self.extent, self.stride, strict=True)):
            raise DcscError(
                f"CirculantDictionary: stride: expected a divisor of the extent {self.extent}, "
                f"got {self.stride}"
            )

    def _positions(self) -> Shape:
        return tuple(e // s for e, s in zip(self.extent, self.stride, strict=True))

    def _before(self) -> Shape:
        return (0,) * len(self.extent)

    def _laid(self) -> tuple[Array, Shape]:
        taps, dilation = self.filters, list(self.dilation)
        for axis, (span, e) in enumerate(zip(self.span, self.extent, strict=True)):
            if span > e:
                moved = np.moveaxis(taps, 2 + axis, 0)
                round_once = np.zeros((e, *moved.shape[1:]), dtype=taps.dtype)
                np.add.at(round_once, np.arange(len(moved)) * dilation[axis] % e, moved)
                taps, dilation[axis] = np.moveaxis(round_once, 0, 2 + axis), 1
        return taps, tuple(dilation)

    def _runs(self, axis: int) -> tuple[Run, ...]:
        extent = self.extent[axis]
        places = (self.positions[axis] - 1) * self.stride[axis] + min(self.span[axis], extent)
        beyond = ((extent, 0, places - extent),) if places > extent else ()
        return ((0, 0, min(places, extent)), *beyond)

    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        return np.zeros_like(position), np.full_like(position, self._grid.kernel[axis])

    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        return position % self.positions[axis], np.ones(len(position), dtype=bool)

    def _axis_representatives(self, axis: int) -> Array:
        return np.zeros(1, dtype=np.intp)
