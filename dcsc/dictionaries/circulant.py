"""Convolution on a circle."""

import attrs

from dcsc.dictionaries.axes import AtomAxis
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

    def _axes(self) -> tuple[AtomAxis, ...]:
        if any(e % s for e, s in zip(self.extent, self.stride, strict=True)):
            raise DcscError(
                f"CirculantDictionary: stride: expected a divisor of the extent {self.extent}, "
                f"got {self.stride}"
            )
        lines = zip(self.extent, self.kernel, self.stride, self.dilation, strict=True)
        return tuple(AtomAxis(e, e // s, f, s, d, circular=True) for e, f, s, d in lines)
