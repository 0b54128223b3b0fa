"""Pooling: one number for every window of a channel."""

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, shape_tuple
from dcsc._fields import named_field
from dcsc.errors import DcscError
from dcsc.networks.operations.base import (
    Equivariance,
    Operation,
    checked_size,
    floating,
)
from dcsc.networks.operations.sliding import (
    Padding,
    Pairs,
    padding_field,
    pads,
    positions,
    reach,
    steps_field,
)
from dcsc.networks.relaxations import Affine, LinearMap, Picks, Relaxation

__all__ = ["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"]


def _kernel(value: Any, self_: Any, where: str) -> Shape:
    return shape_tuple(value, where, minimum=1)


def _axes(operation: Any) -> int:
    return len(operation.kernel)


@attrs.frozen
class _Pool(Operation):
    kernel: Shape = named_field(_kernel)
    stride: Shape = steps_field(_axes)
    padding: Padding = padding_field(_axes)
    dilation: Shape = steps_field(_axes)
    ceil: bool = attrs.field(default=False, kw_only=True)

    def _apply(self, *values: Array) -> Array:
        (signal,) = values
        extent = signal.shape[2:]
        if len(extent) != len(self.kernel):
            raise DcscError(
                f"{type(self).__name__}: expected shape (batch, channels, *extent) with "
                f"{len(self.kernel)} axes, got {signal.shape}"
            )
        pairs, places = self._geometry(extent)
        checked_size((*signal.shape[:2], *places), f"{type(self).__name__}: padding {pairs}")
        return self._pool(floating(signal), pairs, places)

    def _geometry(self, extent: Shape) -> tuple[Pairs, Shape]:
        """Return the padding, and the number of windows per axis."""
        size = reach(self.kernel, self.dilation)
        pairs = pads(self.padding, extent, size, self.stride)
        where = type(self).__name__
        return pairs, positions(extent, size, self.stride, pairs, self.ceil, where)

    def _padded(self, signal: Array, pairs: Pairs, places: Shape, fill: float) -> Array:
        """Return the signal between as much fill as the windows reach into."""
        geometry = zip(
            signal.shape[2:],
            pairs,
            places,
            self.stride,
            reach(self.kernel, self.dilation),
            strict=True,
        )
        widths = [(b, max((p - 1) * s + f - e - b, 0)) for e, (b, _), p, s, f in geometry]
        padded = (e + sum(width) for e, width in zip(signal.shape[2:], widths, strict=True))
        checked_size((*signal.shape[:2], *padded), f"{type(self).__name__}: kernel {self.kernel}")
        return np.pad(signal, [(0, 0), (0, 0), *widths], constant_values=fill)

    def _taps(self, padded: Array, places: Shape) -> Iterator[Array]:
        """Yield for each tap what it sees at all positions."""
        return (padded[cut] for cut in self._cuts(places))

    def _cuts(self, places: Shape) -> Iterator[tuple[Any, ...]]:
        for tap in itertools.product(*map(range, self.kernel)):
            geometry = zip(tap, self.dilation, self.stride, places, strict=True)
            steps = (slice(u * d, u * d + (p - 1) * s + 1, s) for u, d, s, p in geometry)
            yield (..., *steps)

    @abstractmethod
    def _pool(self, signal: Array, pairs: Pairs, places: Shape) -> Array:
        """Return one number per window; ``places`` windows per axis."""


@attrs.frozen
class MaxPool(_Pool):
    """The largest sample of each window; what lies beyond the extent does not count.

    Parameters
    ----------
    kernel : tuple of int
    stride, padding, dilation
        As for `Convolve`.
    ceil : bool
        Whether a last window may reach beyond the padding.
    """

    equivariance: ClassVar[Equivariance] = Equivariance.ORDER

    def _pool(self, signal: Array, pairs: Pairs, places: Shape) -> Array:
        padded = self._padded(signal, pairs, places, -math.inf)
        out = np.full((*signal.shape[:2], *places), -math.inf, dtype=signal.dtype)
        for seen in self._taps(padded, places):
            np.maximum(out, seen, out=out)
        return out

    def _relaxation(self, *values: Any) -> Relaxation:
        (box,) = values
        low, high = map(self, box)
        pairs, places = self._geometry(box[0].shape[2:])
        padded = [self._padded(end, pairs, places, -math.inf) for end in box]
        # The tap with the best lower end, and the largest upper end of all others.
        best, leading = np.zeros(low.shape, int), np.full(low.shape, -math.inf)
        for number, seen in enumerate(self._taps(padded[0], places)):
            better = seen > leading
            best[better], leading[better] = number, seen[better]
        rival = np.full(low.shape, -math.inf)
        for number, seen in enumerate(self._taps(padded[1], places)):
            np.maximum(rival, np.where(best == number, -math.inf, seen), out=rival)
        return Picks(
            low,
            high,
            best,
            leading >= rival,
            tuple(self._cuts(places)),
            padded[0].shape[1:],
            _inside(pairs, box[0].shape[2:]),
        )


@attrs.frozen
class AveragePool(_Pool):
    """The mean of each window.

    Parameters
    ----------
    kernel, stride, padding, dilation, ceil
        As for `MaxPool`.
    count_padding : bool
        Whether the zeros of the padding count; what lies beyond it never does.
    """

    count_padding: bool = attrs.field(default=True, kw_only=True)

    equivariance: ClassVar[Equivariance] = Equivariance.LINEAR

    def _pool(self, signal: Array, pairs: Pairs, places: Shape) -> Array:
        padded = self._padded(signal, pairs, places, 0)
        out = np.zeros((*signal.shape[:2], *places), dtype=signal.dtype)
        for seen in self._taps(padded, places):
            out += seen
        return out / self._counts(signal.shape[2:], pairs, places).astype(out.dtype)

    def _relaxation(self, *values: Any) -> Relaxation:
        (box,) = values
        out = self(box[0]).shape
        channels, extent = box[0].shape[1], box[0].shape[2:]
        pairs, places = self._geometry(extent)
        counts = self._counts(extent, pairs, places)
        padded = self._padded(box[0], pairs, places, 0).shape[2:]

        def adjoint(rows: Array) -> Array:
            signal = np.zeros((len(rows), channels, *padded))
            for cut in self._cuts(places):
                signal[cut] += rows / counts
            inside: Array = signal[_inside(pairs, extent)]
            return inside

        return Affine.of(values, (LinearMap(self, adjoint, self),), np.zeros((1, *out[1:])))

    def _counts(self, extent: Shape, pairs: Pairs, places: Shape) -> Array:
        """Return how many samples each window is a mean over."""
        # Their numbers per axis, multiplied.
        counts = np.ones(())
        for axis, (before, after) in enumerate(pairs):
            more = (before, after) if self.count_padding else (0, 0)
            first = np.arange(places[axis]) * self.stride[axis] - before
            samples = first[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]
            inside = (samples >= -more[0]) & (samples < extent[axis] + more[1])
            counts = np.multiply.outer(counts, inside.sum(axis=1))
        return counts


def _inside(pairs: Pairs, extent: Shape) -> tuple[Any, ...]:
    """Return where the signal lies between its padding."""
    sides = zip(pairs, extent, strict=True)
    return (..., *(slice(before, before + n) for (before, _), n in sides))


@attrs.frozen
class GlobalAveragePool(Operation):
    """The mean of each channel, with spatial axes of length one."""

    equivariance: ClassVar[Equivariance] = Equivariance.LINEAR

    def _apply(self, *values: Array) -> Any:
        (signal,) = values
        return signal.mean(axis=tuple(range(2, signal.ndim)), keepdims=True)

    def _relaxation(self, *values: Any) -> Relaxation:
        return AveragePool(values[0][0].shape[2:]).relaxation(*values)


@attrs.frozen
class GlobalMaxPool(Operation):
    """The largest sample of each channel, with spatial axes of length one."""

    equivariance: ClassVar[Equivariance] = Equivariance.ORDER

    def _apply(self, *values: Array) -> Any:
        (signal,) = values
        return signal.max(axis=tuple(range(2, signal.ndim)), keepdims=True)

    def _relaxation(self, *values: Any) -> Relaxation:
        return MaxPool(values[0][0].shape[2:]).relaxation(*values)
