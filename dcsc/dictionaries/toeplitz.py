"""Convolution between zeros."""

from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, per_axis
from dcsc._grid import Run
from dcsc.dictionaries.convolutional import ConvolutionalDictionary, named
from dcsc.errors import DcscError

__all__ = ["ToeplitzDictionary"]


def _padding(value: Any, self_: Any) -> Shape:
    return per_axis(value, self_.filters.ndim - 2, "ToeplitzDictionary: padding", minimum=0)


@attrs.frozen(slots=False)
class ToeplitzDictionary(ConvolutionalDictionary):
    """A convolutional dictionary between zeros, as in a CNN layer with zero padding.

    ``A[(c, q), (i, p)] = filters[i, c, q + padding − p·stride]``, zero outside the kernel, no flip.
    With padding, atoms at the border are cut off; they are not renormalised.

    Parameters
    ----------
    filters : array_like, shape (n, c, *kernel)
    extent : int or tuple of int
        Spatial shape of the signal.
    stride, padding : int or tuple of int, default 1 and 0
        There are ``(extent + 2·padding − kernel) // stride + 1`` positions; a kernel longer than
        ``extent + 2·padding`` is refused.

    Examples
    --------
    >>> dictionary = ToeplitzDictionary([[[1.0, 2.0]]], extent=3)
    >>> dictionary.analyze([[1, 1, 0]])
    array([[3., 1.]])
    """

    padding: Shape = attrs.field(default=0, converter=named(_padding))  # type: ignore[misc]  # see `named`

    _circular: ClassVar[bool] = False

    def _check_geometry(self) -> None:
        room = tuple(e + 2 * p for e, p in zip(self.extent, self.padding, strict=True))
        if any(f > r for f, r in zip(self.kernel, room, strict=True)):
            raise DcscError(
                f"ToeplitzDictionary: filters: expected a kernel of at most extent + 2·padding = "
                f"{room}, got {self.kernel}"
            )

    def _positions(self) -> Shape:
        geometry = zip(self.extent, self.padding, self.kernel, self.stride, strict=True)
        return tuple((e + 2 * p - f) // s + 1 for e, p, f, s in geometry)

    def _before(self) -> Shape:
        return self.padding

    def _taps(self) -> Array:
        return self.filters

    def _runs(self, axis: int) -> tuple[Run, ...]:
        places = (self.positions[axis] - 1) * self.stride[axis] + self.kernel[axis]
        length = min(self.extent[axis], places - self.padding[axis])
        return ((self.padding[axis], 0, length),) if length > 0 else ()

    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        start = position * self.stride[axis] - self.padding[axis]
        f, e = self.kernel[axis], self.extent[axis]
        return np.clip(-start, 0, f), np.clip(e - start, 0, f)

    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        exist = (position >= 0) & (position < self.positions[axis])
        return np.where(exist, position, 0), exist

    def _axis_representatives(self, axis: int) -> Array:
        every = np.arange(self.positions[axis])
        first, last = self._kept(axis, every)
        whole = (first == 0) & (last == self.kernel[axis])
        reach = (self.kernel[axis] - 1) // self.stride[axis]
        inner = np.flatnonzero(whole & (every >= reach) & (every < len(every) - reach))
        return np.append(np.flatnonzero(~whole), inner[:1]) if len(inner) else every
