"""Axes on which atoms lie, and what a border does to them."""

import itertools
import math
from typing import Any, Self

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array, Shape
from dcsc._cached import cached_property
from dcsc._numerics.grid import Grid, Run
from dcsc._numerics.scaling import exponents, norms, times_power
from dcsc.dictionaries.window_axis import WindowAxis

__all__ = ["AtomAxis", "ShiftedFilters"]

# Squares of numbers up to 1 that lie below this may have lost digits that matter.
_SMALL = 2.0**-900


@attrs.frozen
class AtomAxis:
    """One spatial axis of a dictionary whose atoms are shifted filters.

    The signal lies on padded places, sample q on place ``q + before``, and tap u of the atom at
    position p on place ``p·stride + u·dilation``. On a circle places are taken modulo the extent
    (and ``before`` is 0); between zeros, a tap on a place without a sample is cut off.

    Parameters
    ----------
    extent, positions, kernel : int
        Number of samples, of positions of a filter, and of its taps.
    stride, dilation : int
        Distance of neighbouring positions and of neighbouring taps, in samples.
    before : int
        How many places there are before the first sample.
    circular : bool
    """

    extent: int
    positions: int
    kernel: int
    stride: int
    dilation: int
    before: int = 0
    circular: bool = False

    # ---- what lies where ---------------------------------------------------------------------

    @property
    def span(self) -> int:
        """Number of places from the first tap of an atom to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def places(self) -> int:
        """Number of places from the first tap of the first atom to the last tap of the last."""
        return (self.positions - 1) * self.stride + self.span

    @property
    def stripe(self) -> WindowAxis:
        """The positions whose kernels, gaps included, reach into that of a given one."""
        reach = (self.span - 1) // self.stride
        line = self.positions, self.positions
        return WindowAxis(*line, start=-reach, length=2 * reach + 1, circular=self.circular)

    @property
    def patch(self) -> WindowAxis:
        """The samples from the first tap of an atom to its last."""
        line = self.extent, self.positions
        return WindowAxis(*line, -self.before, self.span, self.stride, circular=self.circular)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Which places are which samples, as `dcsc._numerics.grid.Grid` has them."""
        seen = self.places - self.before
        once = ((self.before, 0, min(seen, self.extent)),) if seen > 0 else ()
        if self.circular and seen > self.extent:
            return (*once, (self.extent, 0, seen - self.extent))
        return once

    def samples(self, places: Array) -> tuple[Array, Array]:
        """Return the samples on some places, and which of them exist."""
        samples = places - self.before
        wrapped = samples % self.extent
        return wrapped, (samples == wrapped) | self.circular

    # ---- which atoms are cut, and meet ---------------------------------------------------------

    def kept(self, positions: Array) -> tuple[Array, Array]:
        """Return the taps ``[first, last)`` of atoms that lie inside the extent."""
        if self.circular:
            return np.zeros_like(positions), np.full_like(positions, self.kernel)
        start, d = positions * self.stride - self.before, self.dilation
        first, last = -(start // d), -((start - self.extent) // d)
        return np.clip(first, 0, self.kernel), np.clip(last, 0, self.kernel)

    def neighbours(self, positions: Array) -> tuple[Array, Array]:
        """Return positions on the axis for those that may lie off it, and which exist."""
        if self.circular:
            return positions % self.positions, np.ones(positions.shape, dtype=bool)
        exist = (positions >= 0) & (positions < self.positions)
        return np.where(exist, positions, 0), exist

    @property
    def representatives(self) -> Array:
        """Positions whose atoms represent all others, up to moves along the axis."""
        if self.circular:
            return np.zeros(1, dtype=np.intp)
        every = np.arange(self.positions)
        first, last = self.kept(every)
        whole = (first == 0) & (last == self.kernel)
        reach = (self.span - 1) // self.stride
        inner = np.flatnonzero(whole & (every >= reach) & (every < len(every) - reach))
        return np.append(np.flatnonzero(~whole), inner[:1]) if len(inner) else every

    # ---- kernels longer than a circle ----------------------------------------------------------

    @property
    def folded(self) -> Self:
        """The axis of the taps that `fold` returns."""
        if self.circular and self.span > self.extent:
            return attrs.evolve(self, kernel=self.extent, dilation=1)
        return self

    def fold(self, taps: Array, axis: int) -> Array:
        """Return taps that span at most the circle: those that meet are added up, in float64."""
        if self.folded is self:
            return taps
        moved = np.moveaxis(taps, axis, 0)
        circle = np.zeros((self.extent, *moved.shape[1:]), dtype=np.float64)
        with np.errstate(over="ignore"):
            np.add.at(circle, np.arange(self.kernel) * self.dilation % self.extent, moved)
        return np.moveaxis(circle, 0, axis)


@attrs.frozen(slots=False, eq=False)
class ShiftedFilters:
    """Filters on their axes, as they are laid: none spans more than its circle.

    Parameters
    ----------
    taps : ndarray, shape (n, channels / groups, *kernel)
    axes : tuple of AtomAxis
    groups : int
        Filters and channels fall into so many groups of neighbours, and atoms of different groups
        are orthogonal.
    known_scale : int, optional
        The scale of filters that are these in another order, whose norms round otherwise.
    """

    taps: Array
    axes: tuple[AtomAxis, ...]
    groups: int
    known_scale: int | None = None

    @classmethod
    def of(cls, filters: Array, axes: tuple[AtomAxis, ...], groups: int) -> Self:
        """Return filters of any span, folded onto circles that are shorter."""
        taps = filters
        for number, axis in enumerate(axes, start=2):
            taps = axis.fold(taps, number)
        return cls(taps, tuple(axis.folded for axis in axes), groups)

    @cached_property
    def positions(self) -> Shape:
        """Number of positions of a filter on each axis."""
        return tuple(axis.positions for axis in self.axes)

    @property
    def code_shape(self) -> Shape:
        """``(n, *positions)``."""
        return (len(self.taps), *self.positions)

    @property
    def signal_shape(self) -> Shape:
        """``(channels, *extent)``."""
        return (self.groups * self.taps.shape[1], *(axis.extent for axis in self.axes))

    @cached_property
    def grid(self) -> Grid:
        """What the numerical loops know of the axes."""
        lines = ((a.extent, a.positions, a.kernel, a.stride, a.dilation) for a in self.axes)
        extent, positions, kernel, stride, dilation = zip(*lines, strict=True)
        # A single position makes no step, for which the loops would make room.
        spans = tuple(axis.span for axis in self.axes)
        steps = zip(stride, spans, positions, strict=True)
        stride = tuple(s if p > 1 else min(s, span) for s, span, p in steps)
        runs = tuple(axis.runs for axis in self.axes)
        return Grid(extent, positions, kernel, stride, dilation, runs, self.groups)

    # ---- norms -------------------------------------------------------------------------------

    def norms(self) -> Array:
        """Return the norms of all atoms, float64 of ``code_shape``."""
        table, cut_of = self._norms_by_cut
        where: tuple[Any, ...] = (slice(None), *np.ix_(*cut_of))
        return np.asarray(table[where])

    @cached_property
    def scale(self) -> int:
        """E for the largest norm m·2^e, 1/2 ≤ m < 1."""
        if self.known_scale is not None:
            return self.known_scale
        return int(np.frexp(self._norms_by_cut[0].max())[1])

    def scaled(self) -> Array:
        """Return the taps over 2^scale, ``(groups, n / groups, *kernel, channels / groups)``.

        A tap that no atom keeps may then be infinite.
        """
        last = np.moveaxis(self.taps, 1, -1).astype(np.float64, order="C")
        with np.errstate(over="ignore"):
            times_power(last, -self.scale, out=last)
        return last.reshape(self.groups, -1, *last.shape[1:])

    # ---- the order of the axes -----------------------------------------------------------------

    @cached_property
    def turned(self) -> "Turned":
        """The same atoms with the longest kernels on the last axis, where products are longest."""
        order = tuple(sorted(range(len(self.axes)), key=lambda number: self.axes[number].kernel))
        taps = self.taps.transpose(0, 1, *(2 + number for number in order))
        axes = tuple(self.axes[number] for number in order)
        return Turned(ShiftedFilters(taps, axes, self.groups, self.scale), order)

    @cached_property
    def _norms_by_cut(self) -> tuple[Array, list[Array]]:
        """The norms ``(n, *cuts)`` of all filters cut in all ways, and which cut is where."""
        # The ways in which atoms are cut, axis by axis.
        cuts, cut_of = [], []
        for axis in self.axes:
            first, last = axis.kept(np.arange(axis.positions))
            ways, which = np.unique(first * (axis.kernel + 1) + last, return_inverse=True)
            cuts.append(np.stack(np.divmod(ways, axis.kernel + 1), axis=1).tolist())
            cut_of.append(which)

        # The energies of the taps, each filter by itself scaled to 1.
        taps, sides = self.taps.astype(np.float64, copy=False), tuple(range(1, self.taps.ndim))
        exponent = exponents(taps, sides)
        scaled = times_power(taps, -exponent)
        energies = np.square(scaled, out=scaled).sum(axis=1)

        # Add up the taps inside; where only small ones are left, scale them anew.
        table = np.empty((len(taps), *map(len, cuts)))
        for place in np.ndindex(table.shape[1:]):
            inside = tuple(slice(*cut[at]) for cut, at in zip(cuts, place, strict=True))
            squares = energies[:, *inside].reshape(len(taps), -1).sum(axis=1)
            with np.errstate(over="ignore"):
                table[:, *place] = np.ldexp(np.sqrt(squares), exponent.ravel())
            small = squares < _SMALL
            if small.any():
                table[small, *place] = norms(taps[small][:, :, *inside], sides)
        return table, cut_of

    # ---- atoms -------------------------------------------------------------------------------

    def representatives(self) -> list[Shape]:
        """Return positions whose atoms see, up to moves on the grid, all that any atom sees."""
        return list(itertools.product(*(axis.representatives.tolist() for axis in self.axes)))

    def atom(self, group: int, number: int, position: Shape) -> int:
        """Return the flat index of the atom of a filter, numbered within its group."""
        i = group * (len(self.taps) // self.groups) + number
        return int(np.ravel_multi_index((i, *position), self.code_shape))

    def inner(self, first: int, second: int) -> float:
        """Return the inner product of two atoms by their flat indices, each filter scaled to 1."""
        (i, *p), (j, *q) = (np.unravel_index(atom, self.code_shape) for atom in (first, second))
        each = len(self.taps) // self.groups
        if i // each != j // each:
            return 0.0
        one, other = (
            np.ldexp(taps, -np.frexp(np.abs(taps).max())[1])
            for taps in self.taps[[i, j]].astype(np.float64)
        )
        # What of the second atom lies under each tap of the first, axis by axis.
        for number, (axis, *ends) in enumerate(zip(self.axes, p, q, strict=True), start=1):
            taps = np.arange(axis.kernel) * axis.dilation
            (sample, inside), (others, within) = (
                axis.samples(int(at) * axis.stride + taps) for at in ends
            )
            meets = (sample[:, None] == others) & inside[:, None] & within
            other = np.moveaxis(
                np.tensordot(meets.astype(np.float64), other, (1, number)), 0, number
            )
        return float((one * other).sum())

    def to_sparse(self) -> "scipy.sparse.csc_array":
        """Return the matrix whose columns are the atoms, C order."""
        # One entry per tap that is not zero and per position; the taps are rows of these tables.
        tap = np.nonzero(self.taps)
        count, joint = len(tap[0]), 1
        group = tap[0] // (len(self.taps) // self.groups)
        rows, columns = (group * self.taps.shape[1] + tap[1])[:, None], tap[0][:, None]
        exist = np.ones((count, 1), dtype=bool)
        # Axis by axis, flat indices of samples and of positions grow by a digit.
        for axis, u in zip(self.axes, tap[2:], strict=True):
            p = np.arange(axis.positions)
            sample, inside = axis.samples(p * axis.stride + u[:, None] * axis.dilation)
            joint *= axis.positions
            rows = (rows[:, :, None] * axis.extent + sample[:, None, :]).reshape(count, joint)
            columns = (columns[:, :, None] * axis.positions + p).reshape(count, joint)
            exist = (exist[:, :, None] & inside[:, None, :]).reshape(count, joint)
        values = np.broadcast_to(self.taps[tap][:, None], rows.shape)
        shape = math.prod(self.signal_shape), math.prod(self.code_shape)
        entries = (values[exist], (rows[exist], columns[exist]))
        return scipy.sparse.csc_array(scipy.sparse.coo_array(entries, shape=shape))


@attrs.frozen(eq=False)
class Turned:
    """Shifted filters whose axes were put in another order.

    Parameters
    ----------
    shifted : ShiftedFilters
    order : tuple of int
        Which axis each of theirs was.
    """

    shifted: ShiftedFilters
    order: tuple[int, ...]

    def position(self, turned: Shape) -> Shape:
        """Return the position, with the axes as they were, of one of theirs."""
        return tuple(turned[self.order.index(number)] for number in range(len(turned)))
