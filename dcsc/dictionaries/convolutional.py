"""What convolutional dictionaries share: every atom is a shifted filter."""

import math
from abc import abstractmethod
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import (
    Array,
    Shape,
    checked_size,
    frozen_array,
    integer,
    per_axis,
    real_array,
    shape_tuple,
)
from dcsc._cached import cached_property
from dcsc._entries import Entries
from dcsc._fields import SAME_ARRAY, named
from dcsc._numerics import correlate, spread, spread_entries
from dcsc._numerics.scaling import unit_norm
from dcsc.dictionaries import coherence, pools, rows
from dcsc.dictionaries.among import Among
from dcsc.dictionaries.axes import AtomAxis, ShiftedFilters
from dcsc.dictionaries.base import Dictionary
from dcsc.dictionaries.gram import Entry
from dcsc.dictionaries.shown import brief_filters
from dcsc.dictionaries.window_axis import WindowAxis
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

__all__ = ["ConvolutionalDictionary"]


def _filters(value: Any, record: Any, where: str) -> Array:
    array = real_array(value, where)
    if array.ndim < 3 or 0 in array.shape:
        one = ": one channel? filters[:, None]" if array.ndim == 2 else ""
        raise DcscError(
            f"{where}: expected shape (filters, channels, *kernel), none of them 0, "
            f"got {array.shape}{one}"
        )
    return frozen_array(array)


def _brief(filters: Array) -> str:
    return brief_filters(filters, filters.reshape(len(filters), -1).any(axis=1))


def _extent(value: Any, record: Any, where: str) -> Shape:
    return shape_tuple(value, where, minimum=1)


def _steps(value: Any, record: Any, where: str) -> Shape:
    return per_axis(value, record.filters.ndim - 2, where, minimum=1)


def _groups(value: Any, record: Any, where: str) -> int:
    groups = integer(value, where, minimum=1)
    if len(record.filters) % groups:
        raise DcscError(
            f"{where}: expected a divisor of the {len(record.filters)} filters, got {groups}"
        )
    return groups


@attrs.frozen(slots=False)
class ConvolutionalDictionary(Dictionary):
    """Atom (p, i) has tap u of filter i on sample ``p·stride − padding + u·dilation``.

    Filters and channels fall into groups of neighbours: filter i is laid on the channels of group
    ``i // (filters / groups)``, and atoms of different groups are orthogonal. So stripes and
    patches are those of one group each. They are boxes: a stripe holds every position at which a
    kernel, dilated, can begin and still reach into the own one, and a patch every sample from the
    first tap to the last, those between dilated taps included.

    A leaf says by its `AtomAxis` what happens at the border: which positions there are, and what
    an atom loses.
    """

    filters: Array = attrs.field(
        repr=_brief,
        eq=SAME_ARRAY,
        hash=False,
        converter=named(_filters),  # type: ignore[misc]  # see `named`
    )
    extent: Shape = attrs.field(converter=named(_extent))  # type: ignore[misc]  # see `named`
    stride: Shape = attrs.field(default=1, converter=named(_steps))  # type: ignore[misc]  # see `named`
    dilation: Shape = attrs.field(default=1, converter=named(_steps), kw_only=True)  # type: ignore[misc]  # see `named`
    groups: int = attrs.field(default=1, converter=named(_groups), kw_only=True)  # type: ignore[misc]  # see `named`

    def __attrs_post_init__(self) -> None:
        if len(self.extent) != len(self.kernel):
            raise DcscError(
                f"{type(self).__name__}: extent: expected {len(self.kernel)} axes to fit "
                f"filters of shape {self.filters.shape}, got {self.extent}"
            )
        for side in self.span:
            checked_size((side,), f"{type(self).__name__}: dilation")
        for shape in (self.signal_shape, self.code_shape):
            checked_size(shape, f"{type(self).__name__}: extent")
        self._shifted  # noqa: B018  # refuses what does not fit

    @abstractmethod
    def _axes(self) -> tuple[AtomAxis, ...]:
        """Return the spatial axes, or refuse strides, kernels and paddings that do not fit.

        There are as many as ``extent``, ``stride`` and the like have items.
        """

    # ---- geometry ----------------------------------------------------------------------------

    @cached_property
    def axes(self) -> tuple[AtomAxis, ...]:
        """The spatial axes, and what their borders do to the atoms."""
        return self._axes()

    @property
    def kernel(self) -> Shape:
        """Spatial shape of a filter, number of taps per axis."""
        return self.filters.shape[2:]

    @property
    def span(self) -> Shape:
        """Number of samples from the first tap to the last, per axis: the kernel, dilated."""
        return tuple((f - 1) * d + 1 for f, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def positions(self) -> Shape:
        """Number of positions of a filter on each axis."""
        return self.code_shape[1:]

    @cached_property
    def signal_shape(self) -> Shape:
        return (self.groups * self.filters.shape[1], *self.extent)

    @cached_property
    def code_shape(self) -> Shape:
        return (len(self.filters), *(axis.positions for axis in self.axes))

    @cached_property
    def stripes(self) -> Windows:
        axes = (axis.stripe for axis in self.axes)
        return Windows(self.code_shape, (*self._group_axis(len(self.filters)), *axes))

    @cached_property
    def patches(self) -> Windows:
        axes = (axis.patch for axis in self.axes)
        return Windows(self.signal_shape, (*self._group_axis(self.signal_shape[0]), *axes))

    def _group_axis(self, entries: int) -> tuple[WindowAxis, ...]:
        """Return how filters or channels are cut into groups; not at all if there is but one."""
        size = entries // self.groups
        axis = WindowAxis(entries, self.groups, start=0, length=size, step=size)
        return (axis,) if self.groups > 1 else ()

    # ---- the map -----------------------------------------------------------------------------

    @cached_property
    def _shifted(self) -> ShiftedFilters:
        """The filters as they are laid."""
        shifted = ShiftedFilters.of(self.filters, self.axes, self.groups)
        with np.errstate(over="ignore"):
            as_given = shifted.taps.astype(self.filters.dtype, copy=False)
        if as_given is not self.filters and not np.isfinite(as_given).all():
            raise DcscError(
                f"{type(self).__name__}: filters: expected taps that meet on the circle of "
                f"{self.extent} samples to add up to {as_given.dtype} numbers, got more"
            )
        return shifted

    def _taps(self, data: Array) -> Array:
        return self._shifted.taps.astype(data.dtype, copy=False)

    def _dtype(self) -> "npt.DTypeLike":
        return self.filters.dtype

    @property
    def _meets_infinity(self) -> bool:
        return True

    def _analyze(self, signals: Array) -> Array:
        return correlate(signals, self._taps(signals), self._shifted.grid)

    def _synthesize(self, codes: Array) -> Array:
        return spread(codes, self._taps(codes), self._shifted.grid)

    def _synthesize_entries(self, codes: Entries) -> Array:
        taps = self._taps(codes.values)
        return spread_entries(codes.starts, codes.places, codes.values, taps, self._shifted.grid)

    def _analyze_scaled(self, signals: Array, scales: Array) -> Array:
        return correlate(signals, self._taps(signals), self._shifted.grid, scales)

    def _synthesize_scaled(self, codes: Array, scales: Array) -> Array:
        return spread(codes, self._taps(codes), self._shifted.grid, scales)

    def _contributions(self, codes: Array) -> Array:
        return spread(np.abs(codes), np.abs(self._taps(codes)), self._shifted.grid)

    def _exposure(self, signals: Array) -> Array:
        return correlate(np.abs(signals), np.abs(self._taps(signals)), self._shifted.grid)

    # ---- the atoms, from the filters' cross-correlations ---------------------------------------

    @property
    def dead_filters(self) -> tuple[int, ...]:
        live = self.filters.any(axis=tuple(range(1, self.filters.ndim)))
        return tuple(np.flatnonzero(~live).tolist())

    def _atom_norms(self) -> Array:
        return self._shifted.norms()

    def _scale(self) -> int:
        return self._shifted.scale

    def _most_coherent(self) -> Entry:
        return coherence.most_coherent(self._shifted)

    def _most_correlated(self) -> Entry:
        return coherence.most_correlated(self._shifted)

    def _largest_sums(self, counts: Array) -> Array:
        return pools.sums_of_shifted(self._shifted, counts)

    def _largest_energy(self) -> float:
        return pools.energy_of_shifted(self._shifted)

    def _gram_rows(self, indices: Array) -> "scipy.sparse.csr_array":
        return self._scaled_gram_rows(indices, 0)

    def _scaled_gram_rows(self, indices: Array, exponent: int) -> "scipy.sparse.csr_array":
        return rows.gram_rows(self._shifted, indices, exponent)

    def _inner(self, first: int, second: int) -> float:
        return self._shifted.inner(first, second)

    def _near(self) -> rows.Near | None:
        return rows.near(self._shifted)

    def _among(self, atoms: Array, most: int) -> Among | None:
        return Among.of_shifted(self._shifted, atoms, most)

    def _representatives(self) -> Array:
        places = np.array(self._shifted.representatives()).T
        first = np.ravel_multi_index(tuple(places), self.positions)
        return np.add.outer(np.arange(len(self.filters)) * math.prod(self.positions), first).ravel()

    def _to_sparse(self) -> "scipy.sparse.csc_array":
        return self._shifted.to_sparse().astype(self.filters.dtype, copy=False)

    def normalized(self) -> Self:
        if self.dead_filters:
            raise DcscError(
                f"{type(self).__name__}.normalized: filter {self.dead_filters[0]} is zero "
                "and has no direction"
            )
        axes = tuple(range(1, self.filters.ndim))
        return attrs.evolve(self, filters=unit_norm(self.filters, axes))
