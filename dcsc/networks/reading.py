r"""A layer of a network, read as a layer of the D-CSC model.

With a batch norm :math:`g \odot z + h` before it folded in, a layer is
:math:`x = \sigma(w * y + b)`. Let :math:`c_i = |w_i|`. Then, for the rectifier σ,

.. math:: x = c \odot u, \qquad u = \max(\hat w * y - \beta, 0), \quad \hat w_i = w_i / c_i,
   \quad \beta_i = -b_i / c_i

and u is the code of a D-CSC layer with atoms of unit norm and thresholds β, as long as β ≥ 0. A
filter with β < 0 is on where its signal is zero; no sparse code does that.

What comes in may in turn be :math:`y = s \odot v + t`, with the v of the layer below and what lies
between. Then :math:`w * y + b = (w \odot s) * v + (b + w * t)`, which is of the same form.
"""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, frozen_array, numeric_array
from dcsc._fields import array_field
from dcsc._numerics.scaling import unit_norm
from dcsc._words import listed
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations import Activation, BatchNorm, Convolve, Equivariance, as_dictionary
from dcsc.projections import ReLU

__all__ = ["Incoming", "Reading", "read"]


def _array() -> Any:
    return array_field(
        lambda value, record, where: frozen_array(numeric_array(value, where, finite=False))
    )


@attrs.frozen
class Incoming:
    """The signal of a layer in terms of the code v below: scale ⊙ v + shift.

    Parameters
    ----------
    scale : array, shape (channels,)
    shift : array, shape (channels, *extent)
        Zero beyond the extent, like the signal.
    """

    scale: Array = _array()
    shift: Array = _array()


@attrs.frozen
class Reading:
    r"""A layer with filters of unit norm: its code is ``scale ⊙ max(ŵ * v − threshold, 0)``.

    Parameters
    ----------
    name : str
        The convolution's.
    filters : array, shape (n, channels / groups, *kernel)
        ŵ, float64; zero where the weight is zero.
    scale : array, shape (n,)
        c, the norms of the weights; 1 for zero filters, whose code is a constant.
    threshold : array, shape (n,) or (n, *positions)
        β, of either sign, in units of the coefficients ŵ * v. It differs between positions where
        a batch norm shifts what comes in and zeros are padded to it.
    activation : Activation, or None
    """

    name: str
    filters: Array = _array()
    scale: Array = _array()
    threshold: Array = _array()
    activation: Activation | None = None

    @property
    def dead(self) -> tuple[int, ...]:
        """Filters that are zero and have no direction."""
        return tuple(np.flatnonzero(~self.filters.any(axis=self._filter_axes)).tolist())

    @property
    def always_on(self) -> tuple[int, ...]:
        """Filters with a negative threshold: a positive bias switches them on at zero input.

        They are outside the D-CSC reading. With thresholds per position, one position suffices.
        """
        below = (self.threshold < 0).reshape(len(self.threshold), -1).any(axis=1)
        return tuple(np.flatnonzero(below).tolist())

    @property
    def without_zeros(self) -> tuple[int, ...]:
        """Filters whose code is not zero where the coefficient is below the threshold."""
        n = len(self.filters)
        zero = np.zeros(n, bool) if self.activation is None else self.activation.zero_below(n)
        return tuple(np.flatnonzero(~zero).tolist())

    @property
    def bounded(self) -> bool:
        """Whether codes with zeros follow no rectifier: they have an upper bound, as in ReLU6."""
        scaled = self.activation is None or self.activation.equivariance >= Equivariance.SCALE
        return not scaled and len(self.without_zeros) < len(self.filters)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the layer, or some of its filters, is outside the D-CSC reading, in sentences."""
        n, reasons = len(self.filters), []
        if self.without_zeros:
            kind = "no activation" if self.activation is None else self.activation.label
            reasons.append(
                f"{len(self.without_zeros)} of {n} filters have codes without zeros ({kind})"
            )
        if self.bounded:
            reasons.append(f"codes are no rectified coefficients, but bounded ({self.activation})")
        if self.always_on:
            reasons.append(
                f"{len(self.always_on)} of {n} filters are on at zero input (positive bias): "
                + listed(self.always_on)
            )
        if self.dead:
            reasons.append(f"{len(self.dead)} of {n} filters are zero: {listed(self.dead)}")
        if self.threshold.ndim > 1:
            reasons.append(
                "thresholds differ between positions (a norm's shift meets zero padding)"
            )
        return tuple(reasons)

    @property
    def projection(self) -> ReLU:
        """The projection of the D-CSC layer.

        Raises
        ------
        NotCoveredError
            If there is none: codes without zeros or with an upper bound, thresholds that are
            negative or differ between positions.
        """
        outside = self.without_zeros or self.bounded or self.always_on
        if outside or self.threshold.ndim > 1:
            raise NotCoveredError(
                f"Reading: {self.name} is no D-CSC layer: " + "; ".join(self.reasons)
            )
        return ReLU(self.threshold)

    def code(self, coefficients: Array) -> Array:
        """Return the layer's code x for coefficients ŵ * v, ``(*batch, n, *positions)``."""
        seen = numeric_array(coefficients, "Reading.code: coefficients", finite=False)
        axes = len(self._filter_axes) - 1
        if seen.ndim < 1 + axes or seen.shape[-1 - axes] != len(self.filters):
            raise DcscError(
                f"Reading.code: coefficients: expected shape (*batch, {len(self.filters)}, "
                f"*positions), got {seen.shape}"
            )
        scale = self.scale.reshape(-1, *[1] * axes)
        threshold = self.threshold
        if threshold.ndim == 1:
            threshold = threshold.reshape(scale.shape)
        moved = scale * (seen - threshold)
        return moved if self.activation is None else self.activation(moved)

    @property
    def _filter_axes(self) -> tuple[int, ...]:
        return tuple(range(1, self.filters.ndim))


def read(
    name: str,
    operation: Convolve,
    norm: BatchNorm | None = None,
    activation: Activation | None = None,
    incoming: Incoming | None = None,
) -> Reading:
    """Return a convolution as a D-CSC layer.

    Parameters
    ----------
    name : str
    operation : Convolve
    norm : BatchNorm, optional
        One between the convolution and its activation.
    activation : Activation, optional
    incoming : Incoming, optional
        What becomes of the code below on its way; without it the layer reads its own signal.
    """
    weight = operation.weight.astype(np.float64)
    n = len(weight)
    axes = tuple(range(1, weight.ndim))
    bias = np.zeros(n) if operation.bias is None else operation.bias.astype(np.float64)
    # g ⊙ (w * y + b) + h has the filters g ⊙ w and the bias g ⊙ b + h.
    if norm is not None:
        gain = norm.scale.astype(np.float64)
        weight = weight * gain.reshape(-1, *[1] * len(axes))
        bias = bias * gain + norm.shift
    # On y = s ⊙ v + t the filters are w ⊙ s, and the bias is b + w * t.
    if incoming is not None:
        if incoming.shift.any():
            bias = _shifted(operation, weight, bias, incoming.shift)
        weight = weight * _per_tap(incoming.scale, operation, weight.shape)
    # w = c ⊙ ŵ and b = −c ⊙ β; a zero filter has no direction, and its code is the constant b.
    live = weight.any(axis=axes)
    scale = np.ones(n)
    some = weight if live.all() else weight[live]
    filters = unit_norm(some, axes)
    scale[live] = (filters * some).sum(axis=axes)
    if not live.all():
        units, filters = filters, np.zeros_like(weight)
        filters[live] = units
    threshold = -bias / scale.reshape(-1, *[1] * (bias.ndim - 1)) + 0.0
    return Reading(name, filters, scale, threshold, activation)


def _per_tap(channels: Array, operation: Convolve, shape: Shape) -> Array:
    """Return one number per channel where the taps of that channel lie, for each filter."""
    n, width, *taps = shape
    per_group = channels.reshape(operation.groups, width)
    return per_group.repeat(n // operation.groups, axis=0).reshape(n, width, *[1] * len(taps))


def _shifted(operation: Convolve, weight: Array, bias: Array, shift: Array) -> Array:
    """Return b + w * t: a number per filter where it is the same at all positions."""
    extent = shift.shape[1:]
    dictionary = as_dictionary(operation, extent, weight)
    level = shift.reshape(len(shift), -1)[:, 0]
    flat = level.reshape(-1, *[1] * len(extent))
    if np.array_equal(np.broadcast_to(flat, shift.shape), shift) and not _pads(dictionary):
        moved = weight * _per_tap(level, operation, weight.shape)
        return bias + moved.sum(axis=tuple(range(1, weight.ndim)))
    return bias.reshape(-1, *[1] * len(extent)) + dictionary.analyze(shift)


def _pads(dictionary: ToeplitzDictionary) -> bool:
    return any(np.any(pair) for pair in dictionary.padding)
