"""Convolutional dictionaries: every atom is a shifted filter, on a circle or between zeros."""

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc import _kernels
from dcsc._arrays import Array, Shape, frozen_array, per_axis, real_array, shape_tuple
from dcsc.dictionaries.base import Dictionary
from dcsc.dictionaries.windows import WindowAxis, Windows
from dcsc.errors import DcscError

__all__ = ["CirculantDictionary", "ToeplitzDictionary"]


def _filters(value: Any, self_: Any) -> Array:
    where = f"{type(self_).__name__}: filters"
    array = real_array(value, where)
    if array.ndim < 3 or 0 in array.shape:
        raise DcscError(
            f"{where}: expected shape (filters, channels, *kernel), none of them 0, "
            f"got {array.shape}"
        )
    return frozen_array(array)


def _extent(value: Any, self_: Any) -> Shape:
    return shape_tuple(value, f"{type(self_).__name__}: extent", minimum=1)


def _stride(value: Any, self_: Any) -> Shape:
    axes = self_.filters.ndim - 2
    return per_axis(value, axes, f"{type(self_).__name__}: stride", minimum=1)


def _named(convert: Any) -> Any:
    """Return a converter that knows the class, to name it in errors.

    mypy's plugin for attrs does not know such converters, and takes their arguments for Any.
    """
    return attrs.Converter(convert, takes_self=True)


@attrs.frozen(slots=False)
class _ConvolutionalDictionary(Dictionary):
    """Atom (p, i) is filter i laid on the samples ``p·stride − padding + [0, kernel)``."""

    filters: Array = attrs.field(
        converter=_named(_filters),  # type: ignore[misc]  # see _named
        eq=attrs.cmp_using(eq=np.array_equal),
        hash=False,
    )
    extent: Shape = attrs.field(converter=_named(_extent))  # type: ignore[misc]  # see _named
    stride: Shape = attrs.field(default=1, converter=_named(_stride))  # type: ignore[misc]  # see _named

    def __attrs_post_init__(self) -> None:
        if len(self.extent) != len(self.kernel):
            raise DcscError(
                f"{type(self).__name__}: extent: expected {len(self.kernel)} axes to fit "
                f"filters of shape {self.filters.shape}, got {self.extent}"
            )
        self._check_geometry()

    # ---- shapes ------------------------------------------------------------------------------

    @property
    def kernel(self) -> Shape:
        """Spatial shape of a filter."""
        return self.filters.shape[2:]

    @property
    def positions(self) -> Shape:
        """Number of positions of a filter on each axis."""
        return self._positions()

    @property
    def signal_shape(self) -> Shape:
        return (self.filters.shape[1], *self.extent)

    @property
    def code_shape(self) -> Shape:
        return (self.filters.shape[0], *self.positions)

    @property
    def stripes(self) -> Windows:
        reach = [(f - 1) // s for f, s in zip(self.kernel, self.stride, strict=True)]
        axes = (
            WindowAxis(p, p, start=-r, length=2 * r + 1, circular=self._circular)
            for p, r in zip(self.positions, reach, strict=True)
        )
        return Windows(self.code_shape, tuple(axes))

    @property
    def patches(self) -> Windows:
        geometry = zip(
            self.extent, self.positions, self._before(), self.kernel, self.stride, strict=True
        )
        axes = (WindowAxis(e, p, -b, f, s, circular=self._circular) for e, p, b, f, s in geometry)
        return Windows(self.signal_shape, tuple(axes))

    # ---- what the two kinds of border decide -------------------------------------------------

    _circular: ClassVar[bool]

    @abstractmethod
    def _check_geometry(self) -> None:
        """Refuse strides, kernels and paddings that do not fit the extent."""

    @abstractmethod
    def _positions(self) -> Shape:
        """Return the number of positions on each axis."""

    @abstractmethod
    def _before(self) -> Shape:
        """Return how many samples of the first atom's kernel lie before the extent, per axis."""

    @abstractmethod
    def _taps(self) -> Array:
        """Return the filters in the form that is laid on the padded extent."""

    @abstractmethod
    def _pad(self, signals: Array) -> Array:
        """Lengthen the extent so that the taps of every atom lie inside."""

    @abstractmethod
    def _unpad(self, padded: Array) -> Array:
        """Return the transpose of ``_pad``."""

    @abstractmethod
    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        """Return the taps ``[first, last)`` of an atom that lie inside the extent."""

    @abstractmethod
    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        """Return positions that may be off the grid as positions on it, and which exist."""

    @abstractmethod
    def _axis_representatives(self, axis: int) -> Array:
        """Return positions whose atoms see all that any atom sees along this axis."""

    # ---- the map -----------------------------------------------------------------------------

    def _dtype(self) -> npt.DTypeLike:
        return self.filters.dtype

    def _analyze(self, signals: Array) -> Array:
        taps = self._taps().astype(signals.dtype, copy=False)
        return _kernels.correlate(self._pad(signals), taps, self.stride)

    def _synthesize(self, codes: Array) -> Array:
        taps = self._taps().astype(codes.dtype, copy=False)
        return self._unpad(
            _kernels.correlate_adjoint(codes, taps, self.stride, self._padded_extent())
        )

    def _contributions(self, codes: Array) -> Array:
        return self._with_filters(np.abs(self._taps()))._synthesize(np.abs(codes))

    def _padded_extent(self) -> Shape:
        geometry = zip(self.positions, self.stride, self._taps().shape[2:], strict=True)
        return tuple((p - 1) * s + f for p, s, f in geometry)

    # ---- the Gram matrix, from the filters' cross-correlations -------------------------------

    def _atom_norms(self) -> Array:
        energies = np.square(self._taps().astype(np.float64)).sum(axis=1, keepdims=True)
        ones = self._pad(np.ones((1, 1, *self.extent)))
        return np.sqrt(_kernels.correlate(ones, energies, self.stride)[0])

    def _representatives(self) -> Array:
        axes = [self._axis_representatives(axis) for axis in range(len(self.extent))]
        filters = np.arange(self.filters.shape[0])
        return np.ravel_multi_index(np.ix_(filters, *axes), self.code_shape).ravel()

    def _gram_rows(self, indices: Array) -> scipy.sparse.csr_array:
        chosen, *position = np.unravel_index(indices, self.code_shape)
        kept = np.stack(
            [bound for axis, p in enumerate(position) for bound in self._kept(axis, p)], axis=1
        )
        cuts, group = np.unique(kept, axis=0, return_inverse=True)
        parts = [
            part
            for number, cut in enumerate(cuts)
            for part in self._correlations(
                np.flatnonzero(group == number), chosen, position, cut.reshape(-1, 2)
            )
        ]
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        shape = (len(indices), math.prod(self.code_shape))
        return scipy.sparse.coo_array((values, (rows, columns)), shape=shape).tocsr()

    def _correlations(
        self, rows: Array, chosen: Array, position: list[Array], cut: Array
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Yield row numbers, columns and values of G for atoms that are cut in the same place.

        With q = p + d, ``G_{(p,i),(q,j)} = Σ_{c,u} w_i[c, u] w_j[c, u − s·d]``, over the taps u
        of the first atom that lie inside; those of the second then do so by themselves.
        """
        taps = self._taps().astype(np.float64)
        n, _, *kernel = taps.shape
        used, local = np.unique(chosen[rows], return_inverse=True)
        reach = [(f - 1) // s for f, s in zip(kernel, self.stride, strict=True)]
        for offset in itertools.product(*(range(-r, r + 1) for r in reach)):
            shift = [s * d for s, d in zip(self.stride, offset, strict=True)]
            overlap = [
                (max(a, t), min(b, f + t)) for (a, b), f, t in zip(cut, kernel, shift, strict=True)
            ]
            if any(first >= last for first, last in overlap):
                continue
            left = taps[used][:, :, *(slice(a, b) for a, b in overlap)]
            moved = zip(overlap, shift, strict=True)
            right = taps[:, :, *(slice(a - t, b - t) for (a, b), t in moved)]
            table = left.reshape(len(used), -1) @ right.reshape(n, -1).T
            places, exist = [], np.ones(len(rows), dtype=bool)
            for axis, d in enumerate(offset):
                place, inside = self._neighbour(axis, position[axis][rows] + d)
                places.append(place)
                exist &= inside
            columns = np.ravel_multi_index(
                (np.arange(n)[:, None], *(place[None, exist] for place in places)), self.code_shape
            ).T
            yield (
                np.repeat(rows[exist], n),
                columns.ravel(),
                table[local[exist]].ravel(),
            )

    # ---- other forms -------------------------------------------------------------------------

    def _to_sparse(self) -> scipy.sparse.csc_array:
        taps = self._taps()
        tap = np.nonzero(taps)
        rows, exist = tap[1][:, None], np.ones((1, 1), dtype=bool)
        columns = tap[0][:, None]
        geometry = enumerate(zip(self.extent, self.positions, self.stride, strict=True))
        for axis, (extent, count, step) in geometry:
            p = np.arange(count)
            sample = p * step - self._before()[axis] + tap[2 + axis][:, None]
            wrapped = sample % extent if self._circular else sample
            fits = (wrapped >= 0) & (wrapped < extent)
            rows = (rows[:, :, None] * extent + wrapped[:, None, :]).reshape(len(tap[0]), -1)
            columns = (columns[:, :, None] * count + p).reshape(len(tap[0]), -1)
            exist = (exist[:, :, None] & fits[:, None, :]).reshape(len(tap[0]), -1)
        values = np.broadcast_to(taps[tap][:, None], rows.shape)
        shape = (math.prod(self.signal_shape), math.prod(self.code_shape))
        entries = (values[exist], (rows[exist], columns[exist]))
        return scipy.sparse.csc_array(scipy.sparse.coo_array(entries, shape=shape))

    def normalized(self) -> Self:
        norms = np.linalg.norm(self.filters.reshape(len(self.filters), -1).astype(float), axis=1)
        if not norms.all():
            raise DcscError(
                f"{type(self).__name__}.normalized: filter {int(np.argmin(norms))} is zero "
                "and has no direction"
            )
        return self._with_filters(
            (self.filters / norms.reshape(-1, *[1] * (self.filters.ndim - 1))).astype(
                self.filters.dtype
            )
        )

    def _with_filters(self, filters: Array) -> Self:
        return attrs.evolve(self, filters=filters)


@attrs.frozen(slots=False)
class CirculantDictionary(_ConvolutionalDictionary):
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

    def _pad(self, signals: Array) -> Array:
        short = [max(p - e, 0) for p, e in zip(self._padded_extent(), self.extent, strict=True)]
        return np.pad(signals, [(0, 0), (0, 0), *((0, more) for more in short)], mode="wrap")

    def _unpad(self, padded: Array) -> Array:
        for axis, extent in enumerate(self.extent, start=2):
            line = np.moveaxis(padded, axis, -1)
            whole = np.zeros((*line.shape[:-1], extent), dtype=line.dtype)
            inside = min(extent, line.shape[-1])
            whole[..., :inside] = line[..., :inside]
            whole[..., : line.shape[-1] - inside] += line[..., inside:]
            padded = np.moveaxis(whole, -1, axis)
        return np.ascontiguousarray(padded)

    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        return np.zeros_like(position), np.full_like(position, self._taps().shape[2 + axis])

    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        return position % self.positions[axis], np.ones(len(position), dtype=bool)

    def _axis_representatives(self, axis: int) -> Array:
        return np.zeros(1, dtype=np.intp)


def _padding(value: Any, self_: Any) -> Shape:
    return per_axis(value, self_.filters.ndim - 2, "ToeplitzDictionary: padding", minimum=0)


@attrs.frozen(slots=False)
class ToeplitzDictionary(_ConvolutionalDictionary):
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

    padding: Shape = attrs.field(default=0, converter=_named(_padding))  # type: ignore[misc]  # see _named

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

    def _pad(self, signals: Array) -> Array:
        inside: list[Any] = [slice(0, max(after + e, 0)) for _, after, e in self._margins()]
        width = [(before, max(after, 0)) for before, after, _ in self._margins()]
        return np.pad(signals[..., *inside], [(0, 0), (0, 0), *width])

    def _unpad(self, padded: Array) -> Array:
        inside: list[Any] = [slice(before, before + e) for before, _, e in self._margins()]
        width = [(0, max(-after, 0)) for _, after, _ in self._margins()]
        return np.pad(padded[..., *inside], [(0, 0), (0, 0), *width])

    def _margins(self) -> list[tuple[int, int, int]]:
        """Return zeros before, zeros after (negative: samples out of reach), extent, per axis."""
        geometry = zip(self.padding, self._padded_extent(), self.extent, strict=True)
        return [(before, length - before - e, e) for before, length, e in geometry]

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
