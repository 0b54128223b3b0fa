"""Operations that move numbers about, and those that compute shapes."""

import math
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, frozen_array, integer, numeric_array
from dcsc._arrays import checked_size as sized
from dcsc._fields import SAME_ARRAY, array_field, choice_field, named_field, number_field
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.operations.base import Equivariance, Operation, checked_size

__all__ = [
    "Cast",
    "Concatenate",
    "Constant",
    "Expand",
    "Fill",
    "Flatten",
    "Identity",
    "Pad",
    "Part",
    "Range",
    "Repeat",
    "Reshape",
    "ShapeOf",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
]


def _read_only(value: Any, record: Any, where: str) -> Array:
    # text and the like is for an operation that knows it
    if not isinstance(value, np.ndarray) or value.dtype.kind == "O":
        return frozen_array(numeric_array(value, where, finite=False))
    sized(value.shape, where)
    return frozen_array(value)


def _number(value: Any, record: Any, where: str) -> Array:
    array = numeric_array(value, where, finite=False)
    if array.size != 1:
        raise DcscError(f"{where}: expected one number, got shape {array.shape}")
    return frozen_array(array)


def _dtype(value: Any, record: Any, where: str) -> np.dtype[Any]:
    try:
        return np.dtype(value)
    except (TypeError, ValueError):
        raise DcscError(f"{where}: expected a dtype, got {quoted(value)}") from None


@attrs.frozen
class Constant(Operation):
    """An array of the file that is no layer's weight, of any dtype."""

    value: Array = array_field(_read_only)

    def _apply(self, *values: Array) -> Array:
        return self.value


@attrs.frozen
class Identity(Operation):
    """The input as it is: dropout and the like, in a network that is not trained any more."""

    equivariance: ClassVar[Equivariance] = Equivariance.LINEAR

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return values[0]


@attrs.frozen
class Cast(Operation):
    """Another dtype; floating numbers are widened, but never rounded to fewer digits."""

    dtype: Any = named_field(_dtype)

    @property
    def moves(self) -> bool:  # type: ignore[override]  # depends on the fields
        return bool(self.dtype.kind == "f")

    def _apply(self, *values: Array) -> Array:
        (data,) = values
        if data.dtype.kind == "f" and self.dtype.kind == "f":
            return data
        return data.astype(self.dtype)


@attrs.frozen
class Reshape(Operation):
    """Another shape: −1 is what is left, 0 the axis as it was.

    Parameters
    ----------
    shape : tuple of int, optional
        Without it the second input holds it.
    keep_zeros : bool
        Whether 0 is an axis of length zero instead.
    """

    shape: Shape | None = None
    keep_zeros: bool = False

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        data, *others = values
        new = [int(n) for n in (others[0] if self.shape is None else self.shape)]
        if not self.keep_zeros:
            new = [n or data.shape[axis] for axis, n in enumerate(new)]
        return data.reshape(new)


@attrs.frozen
class Flatten(Operation):
    """A matrix: the axes before ``axis`` are its rows, the others its columns."""

    axis: int = 1

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        (data,) = values
        axis = self.axis + data.ndim * (self.axis < 0)
        if not 0 <= axis <= data.ndim:
            raise DcscError(f"Flatten: axis: expected at most {data.ndim}, got {self.axis}")
        return data.reshape(int(np.prod(data.shape[:axis])), -1)


@attrs.frozen
class Transpose(Operation):
    """Axes in another order, or in the reverse one."""

    order: Shape | None = None

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return values[0].transpose(self.order)


@attrs.frozen
class Squeeze(Operation):
    """Axes of length one left out: these, or all of them."""

    axes: Shape | None = None

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return np.squeeze(values[0], self.axes)


@attrs.frozen
class Unsqueeze(Operation):
    """Axes of length one put in, where they lie in the result."""

    axes: Shape

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return np.expand_dims(values[0], self.axes)


@attrs.frozen
class Concatenate(Operation):
    """The inputs one after the other along an axis."""

    axis: int = 1

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        return np.concatenate(values, axis=self.axis)


@attrs.frozen
class Slice(Operation):
    """Every step-th entry from start to stop.

    Parameters
    ----------
    bounds : tuple of up to four tuples of int
        Starts and stops, and, where they are not the first axes and steps of one, axes and steps.
        Without them the other inputs hold them.
    """

    bounds: tuple[tuple[int, ...], ...] = ()

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        data, *bounds = values
        starts, stops, *others = self.bounds or bounds
        axes = others[0] if others else range(len(starts))
        steps = others[1] if len(others) > 1 else [1] * len(starts)
        cut = [slice(None)] * data.ndim
        for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
            length, last = data.shape[axis], int(stop)
            # A stop before the first entry can only be said by None; a start there means the first.
            beyond = step < 0 and last < -length
            first = max(int(start), -length) if step < 0 else int(start)
            cut[axis] = slice(first, None if beyond else last, int(step))
        return data[tuple(cut)]


@attrs.frozen
class Part(Operation):
    """One of several equal parts along an axis; if the length is no multiple, the last is shorter.

    Parameters
    ----------
    number : int
        Which part, from 0.
    count : int
        How many parts there are.
    axis : int
    """

    number: int = number_field(integer)
    count: int = number_field(integer)
    axis: int = number_field(integer, default=0)

    def _apply(self, *values: Array) -> Array:
        (data,) = values
        length = -(-data.shape[self.axis] // self.count)
        stretch = np.arange(data.shape[self.axis])[self.number * length :][:length]
        return np.take(data, stretch, axis=self.axis)


@attrs.frozen
class Pad(Operation):
    """More entries at the ends of each axis.

    Parameters
    ----------
    widths : tuple of pairs of int, optional
        Entries before and after, one pair per axis, batch and channels included; negative ones
        take entries away. Without it the second input holds them, all those before first.
    mode : "constant", "reflect", "edge" or "wrap"
    value : float
        What a constant padding is made of.
    """

    widths: tuple[tuple[int, int], ...] | None
    mode: str = choice_field(("constant", "reflect", "edge", "wrap"), default="constant")
    value: float = 0.0

    moves: ClassVar[bool] = True

    @property
    def equivariance(self) -> Equivariance:  # type: ignore[override]  # depends on the fields
        spatial = self.widths is not None and not any(map(any, self.widths[:2]))
        linear = spatial and (self.mode != "constant" or self.value == 0)
        return Equivariance.LINEAR if linear else Equivariance.NONE

    def _apply(self, *values: Array) -> Array:
        data, *others = values
        pairs = self.widths or [(int(b), int(a)) for b, a in others[0].reshape(2, -1).T]
        if len(pairs) != data.ndim:
            raise DcscError(f"Pad: widths: expected {data.ndim} pairs, got {pairs}")
        more = [(max(b, 0), max(a, 0)) for b, a in pairs]
        sizes = zip(data.shape, more, strict=True)
        checked_size(tuple(n + b + a for n, (b, a) in sizes), "Pad: widths")
        cut = tuple(slice(max(-b, 0), a if a < 0 else None) for b, a in pairs)
        if self.mode == "constant":
            return np.pad(data, more, constant_values=self.value)[cut]
        return np.pad(data, more, mode=self.mode)[cut]  # type: ignore[call-overload]  # validated


@attrs.frozen
class Repeat(Operation):
    """Each entry repeated, axis by axis: enlarging to the nearest sample.

    Parameters
    ----------
    counts : tuple of int
    axes : tuple of int, optional
        The axes that they belong to, by default all in their order.
    """

    counts: Shape
    axes: Shape | None = None

    moves: ClassVar[bool] = True

    @property
    def equivariance(self) -> Equivariance:  # type: ignore[override]  # depends on the fields
        axes = range(len(self.counts)) if self.axes is None else self.axes
        repeated = {axis for axis, count in zip(axes, self.counts, strict=False) if count != 1}
        spatial = not repeated or (min(repeated) >= 0 and not repeated & {0, 1})
        return Equivariance.LINEAR if spatial else Equivariance.NONE

    def _apply(self, *values: Array) -> Array:
        (data,) = values
        axes = range(data.ndim) if self.axes is None else self.axes
        if len(self.counts) != len(axes):
            raise DcscError(f"Repeat: counts: expected {len(axes)} numbers, got {self.counts}")
        checked_size((data.size, *self.counts), "Repeat: counts")
        for axis, count in zip(axes, self.counts, strict=True):
            data = np.repeat(data, count, axis)
        return data


@attrs.frozen
class Range(Operation):
    """Numbers from the first input up to the second, in steps of the third."""

    def _apply(self, *values: Array) -> Array:
        start, stop, step = (value.item() for value in values)
        checked_size((max(0, math.ceil((stop - start) / step)),), "Range: limit")
        return np.arange(start, stop, step, dtype=values[0].dtype)


@attrs.frozen
class ShapeOf(Operation):
    """The shape of the input, or a stretch of it."""

    start: int = 0
    stop: int | None = None

    def _apply(self, *values: Array) -> Array:
        return np.array(values[0].shape[self.start : self.stop], dtype=np.int64)


@attrs.frozen
class Fill(Operation):
    """An array of the shape that the input holds, with one number everywhere."""

    value: Array = named_field(_number, eq=SAME_ARRAY)

    def _apply(self, *values: Array) -> Array:
        shape = checked_size(tuple(int(n) for n in values[0]), "Fill: shape")
        return np.full(shape, self.value.reshape(()))


@attrs.frozen
class Expand(Operation):
    """Broadcasting to the shape that the second input holds."""

    moves: ClassVar[bool] = True

    def _apply(self, *values: Array) -> Array:
        data, shape = values
        joint = np.broadcast_shapes(data.shape, tuple(int(n) for n in shape))
        return np.broadcast_to(data, checked_size(joint, "Expand: shape"))
