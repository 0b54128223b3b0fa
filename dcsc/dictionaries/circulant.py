"""Convolution on a circle."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._grid import Run
from dcsc.dictionaries.convolutional import ConvolutionalDictionary
from dcsc.errors import DcscError

__all__ = ["CirculantDictionary"]


@attrs.frozen(slots=False)
class CirculantDictionary(ConvolutionalDictionary):
    """A convolutional dictionary on a circle: indices are taken modulo the extent.

    ``A[(c, q), (i, p)] = filters[i, c, q − p·stride mod extent]``, no flip, so that `analyze` is
    the correlation of a CNN layer with circular padding. A kernel longer than the extent wraps,
    and what meets adds up.

    Parameters
    ----------
    filters : array_like, shape (n, c, *kernel)
    extent : int or tuple of int
        Spatial shape of the signal.
    stride : int or tuple of int, default 1
        Must divide the extent; there are ``extent / stride`` positions.

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

    def _taps(self) -> Array:
        taps = self.filters
        for axis, (f, e) in enumerate(zip(self.kernel, self.extent, strict=True), start=2):
            if f > e:
                turns = math.ceil(f / e)
                width = [(0, turns * e - f if a == axis else 0) for a in range(taps.ndim)]
                cut = (*taps.shape[:axis], turns, e, *taps.shape[axis + 1 :])
                taps = np.pad(taps, width).reshape(cut).sum(axis=axis, dtype=taps.dtype)
        return taps

    def _runs(self, axis: int) -> tuple[Run, ...]:
        extent, kernel = self.extent[axis], self._taps().shape[2 + axis]
        places = (self.positions[axis] - 1) * self.stride[axis] + kernel
        beyond = ((extent, 0, places - extent),) if places > extent else ()
        return ((0, 0, min(places, extent)), *beyond)

    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        return np.zeros_like(position), np.full_like(position, self._taps().shape[2 + axis])

    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        return position % self.positions[axis], np.ones(len(position), dtype=bool)

    def _axis_representatives(self, axis: int) -> Array:
        return np.zeros(1, dtype=np.intp)
