"""What convolutional dictionaries share: every atom is a shifted filter."""

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar, Self

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import (
    Array,
    Shape,
    brief,
    frozen_array,
    integer,
    per_axis,
    real_array,
    shape_tuple,
    unit_norm,
)
from dcsc._numerics import correlate, spread
from dcsc._numerics.grid import Grid, Run
from dcsc.dictionaries import coherence
from dcsc.dictionaries.base import Dictionary
from dcsc.dictionaries.correlations import representatives
from dcsc.dictionaries.gram import Entry
from dcsc.dictionaries.windows import WindowAxis, Windows
from dcsc.errors import DcscError

__all__ = ["ConvolutionalDictionary", "named"]


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


def _per_axis(value: Any, self_: Any, name: str) -> Shape:
    axes = self_.filters.ndim - 2
    return per_axis(value, axes, f"{type(self_).__name__}: {name}", minimum=1)


def _stride(value: Any, self_: Any) -> Shape:
    return _per_axis(value, self_, "stride")


def _dilation(value: Any, self_: Any) -> Shape:
    return _per_axis(value, self_, "dilation")


def _groups(value: Any, self_: Any) -> int:
    where = f"{type(self_).__name__}: groups"
    groups = integer(value, where, minimum=1)
    if len(self_.filters) % groups:
        raise DcscError(
            f"{where}: expected a divisor of the {len(self_.filters)} filters, got {groups}"
        )
    return groups


def named(convert: Any) -> Any:
    """Return a converter that knows the class, to name it in errors.

    mypy's plugin for attrs does not know such converters, and takes their arguments for Any.
    """
    return attrs.Converter(convert, takes_self=True)


@attrs.frozen(slots=False)
class ConvolutionalDictionary(Dictionary):
    """Atom (p, i) has tap u of filter i on sample ``p·stride − padding + u·dilation``.

    Filters and channels fall into groups of neighbours: filter i is laid on the channels of group
    ``i // (filters / groups)``, and atoms of different groups are orthogonal. So stripes and
    patches are those of one group each. They are boxes: a stripe holds every position at which a
    kernel, dilated, can begin and still reach into the own one, and a patch every sample from the
    first tap to the last, those between dilated taps included.

    A leaf says what happens at the border: which positions there are, and what an atom loses.
    """

    filters: Array = attrs.field(
        repr=brief,
        converter=named(_filters),  # type: ignore[misc]  # see `named`
        eq=attrs.cmp_using(eq=np.array_equal),
        hash=False,
    )
    extent: Shape = attrs.field(converter=named(_extent))  # type: ignore[misc]  # see `named`
    stride: Shape = attrs.field(default=1, converter=named(_stride))  # type: ignore[misc]  # see `named`
    dilation: Shape = attrs.field(default=1, converter=named(_dilation), kw_only=True)  # type: ignore[misc]  # see `named`
    groups: int = attrs.field(default=1, converter=named(_groups), kw_only=True)  # type: ignore[misc]  # see `named`

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
        """Spatial shape of a filter, number of taps per axis."""
        return self.filters.shape[2:]

    @property
    def span(self) -> Shape:
        """Number of samples from the first tap to the last, per axis: the kernel, dilated."""
        return tuple((f - 1) * d + 1 for f, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def dead_filters(self) -> tuple[int, ...]:
        live = self.filters.any(axis=tuple(range(1, self.filters.ndim)))
        return tuple(np.flatnonzero(~live).tolist())

    @property
    def positions(self) -> Shape:
        """Number of positions of a filter on each axis."""
        return self._positions()

    @property
    def signal_shape(self) -> Shape:
        return (self.groups * self.filters.shape[1], *self.extent)

    @property
    def code_shape(self) -> Shape:
        return (self.filters.shape[0], *self.positions)

    @property
    def stripes(self) -> Windows:
        reach = [(f - 1) // s for f, s in zip(self.span, self.stride, strict=True)]
        axes = (
            WindowAxis(p, p, start=-r, length=2 * r + 1, circular=self._circular)
            for p, r in zip(self.positions, reach, strict=True)
        )
        return Windows(self.code_shape, (*self._group_axis(len(self.filters)), *axes))

    @property
    def patches(self) -> Windows:
        geometry = zip(
            self.extent, self.positions, self._before(), self.span, self.stride, strict=True
        )
        axes = (WindowAxis(e, p, -b, f, s, circular=self._circular) for e, p, b, f, s in geometry)
        channels = self.signal_shape[0]
        return Windows(self.signal_shape, (*self._group_axis(channels), *axes))

    def _group_axis(self, entries: int) -> tuple[WindowAxis, ...]:
        """Return how filters or channels are cut into groups; not at all if there is but one."""
        size = entries // self.groups
        axis = WindowAxis(entries, self.groups, start=0, length=size, step=size)
        return (axis,) if self.groups > 1 else ()

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
    def _laid(self) -> tuple[Array, Shape]:
        """Return the filters as they are laid on the padded extent, and their dilation there."""

    @abstractmethod
    def _runs(self, axis: int) -> tuple[Run, ...]:
        """Return which padded places are which samples, as `dcsc._numerics.grid.Grid` has them."""

    @abstractmethod
    def _kept(self, axis: int, position: Array) -> tuple[Array, Array]:
        """Return the taps ``[first, last)`` of an atom, as laid, that lie inside the extent."""

    @abstractmethod
    def _neighbour(self, axis: int, position: Array) -> tuple[Array, Array]:
        """Return positions that may be off the grid as positions on it, and which exist."""

    @abstractmethod
    def _axis_representatives(self, axis: int) -> Array:
        """Return positions whose atoms see all that any atom sees along this axis."""

    # ---- the map -----------------------------------------------------------------------------

    def _dtype(self) -> npt.DTypeLike:
        return self.filters.dtype

    @property
    def _meets_infinity(self) -> bool:
        return True

    def _analyze(self, signals: Array) -> Array:
        return correlate(signals, self._taps_as(signals), self._grid)

    def _synthesize(self, codes: Array) -> Array:
        return spread(codes, self._taps_as(codes), self._grid)

    def _analyze_scaled(self, signals: Array, scales: Array) -> Array:
        return correlate(signals, self._taps_as(signals), self._grid, scales)

    def _synthesize_scaled(self, codes: Array, scales: Array) -> Array:
        return spread(codes, self._taps_as(codes), self._grid, scales)

    def _contributions(self, codes: Array) -> Array:
        return spread(np.abs(codes), np.abs(self._taps_as(codes)), self._grid)

    def _exposure(self, signals: Array) -> Array:
        return correlate(np.abs(signals), np.abs(self._taps_as(signals)), self._grid)

    def _taps_as(self, data: Array) -> Array:
        return self._taps().astype(data.dtype, copy=False)

    def _taps(self) -> Array:
        return self._laid()[0]

    @cached_property
    def _grid(self) -> Grid:
        taps, dilation = self._laid()
        runs = tuple(self._runs(axis) for axis in range(len(self.extent)))
        return Grid(
            self.extent, self.positions, taps.shape[2:], self.stride, dilation, runs, self.groups
        )

    # ---- the Gram matrix, from the filters' cross-correlations -------------------------------

    def _atom_norms(self) -> Array:
        energies = np.square(self._taps().astype(np.float64)).sum(axis=1, keepdims=True)
        ones, grid = np.ones((1, 1, *self.extent)), attrs.evolve(self._grid, groups=1)
        return np.sqrt(correlate(ones, energies, grid)[0])

    def _most_coherent(self) -> Entry:
        return coherence.most_coherent(self)

    def _babel(self, sparsity: int, power: int) -> float:
        return coherence.babel(self, sparsity, power)

    def _representatives(self) -> Array:
        places = np.array(representatives(self)).T
        first = np.ravel_multi_index(tuple(places), self.positions)
        return np.add.outer(np.arange(len(self.filters)) * math.prod(self.positions), first).ravel()

    def _gram_rows(self, indices: Array) -> scipy.sparse.csr_array:
        return coherence.gram_rows(self, indices)

    # ---- other forms -------------------------------------------------------------------------

    def _to_sparse(self) -> scipy.sparse.csc_array:
        taps, dilation = self._laid()
        tap = np.nonzero(taps)
        count, joint = len(tap[0]), 1
        group = tap[0] // (len(taps) // self.groups)
        rows, columns = (group * taps.shape[1] + tap[1])[:, None], tap[0][:, None]
        exist = np.ones((count, 1), dtype=bool)
        geometry = enumerate(zip(self.extent, self.positions, self.stride, strict=True))
        for axis, (extent, positions, step) in geometry:
            p = np.arange(positions)
            sample = p * step - self._before()[axis] + tap[2 + axis][:, None] * dilation[axis]
            wrapped = sample % extent if self._circular else sample
            fits = (wrapped >= 0) & (wrapped < extent)
            joint *= positions
            rows = (rows[:, :, None] * extent + wrapped[:, None, :]).reshape(count, joint)
            columns = (columns[:, :, None] * positions + p).reshape(count, joint)
            exist = (exist[:, :, None] & fits[:, None, :]).reshape(count, joint)
        values = np.broadcast_to(taps[tap][:, None], rows.shape)
        shape = (math.prod(self.signal_shape), math.prod(self.code_shape))
        entries = (values[exist], (rows[exist], columns[exist]))
        return scipy.sparse.csc_array(scipy.sparse.coo_array(entries, shape=shape))

    def normalized(self) -> Self:
        if self.dead_filters:
            raise DcscError(
                f"{type(self).__name__}.normalized: filter {self.dead_filters[0]} is zero "
                "and has no direction"
            )
        axes = tuple(range(1, self.filters.ndim))
        return attrs.evolve(self, filters=unit_norm(self.filters, axes))
