"""Balls: which perturbations of an input are looked at."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.scaling import exponents, times_power
from dcsc.dictionaries import ToeplitzDictionary, WindowAxis, Windows
from dcsc.intervals import Interval
from dcsc.networks.relaxations import Affine, Box
from dcsc.networks.relaxations.base import product, rounding

__all__ = ["Ball", "Cube", "PatchBall"]

_NEGLIGIBLE = 1e-150  # of the largest entry of a row


class Ball(ABC):
    r"""A convex set of inputs around one of them.

    A subclass has the fields ``centre``, that input, shape (1, ...), and ``box``, two ends of every
    sample.

    Laws, for rows r:

    - every x of the ball lies in the box, and :math:`\langle r, x\rangle` is at least ``least(r)``
    - ``corner(r)`` lies in the ball
    """

    centre: Array
    box: Box

    @abstractmethod
    def least(self, rows: Array) -> Array:
        """Return a lower bound of the inner product with each row, shape (rows,)."""

    @abstractmethod
    def corner(self, rows: Array) -> Array:
        """Return for each row a point of the ball at which the inner product is small."""

    def image(self, dictionary: ToeplitzDictionary, relaxation: Affine) -> Box | None:
        """Return the two ends of a convolution, if more is known than from the box alone.

        Parameters
        ----------
        dictionary : ToeplitzDictionary
            Of its filters.
        relaxation : Affine
            Of the convolution on the box.
        """
        return None


@attrs.frozen(eq=False)
class Cube(Ball):
    """Every sample by itself between two ends."""

    centre: Array
    box: Box

    def least(self, rows: Array) -> Array:
        flat = rows.reshape(len(rows), -1)
        low, high = (end.reshape(-1) for end in self.box)
        room = rounding(low.size) * product(np.abs(flat), np.maximum(np.abs(low), np.abs(high)))
        return product(np.maximum(flat, 0), low) + product(np.minimum(flat, 0), high) - room

    def corner(self, rows: Array) -> Array:
        return np.where(rows > 0, self.box.low, self.box.high)


@attrs.frozen(eq=False)
class PatchBall(Ball):
    r"""An error of norm at most ζ in every patch, and every sample between two ends.

    If the samples are cut into cells of which each lies in one patch, then
    :math:`\langle r, e\rangle \ge -\zeta \sum_\text{cells} |r_\text{cell}|`.

    Parameters
    ----------
    centre : array, shape (1, *shape)
    box : Interval of two arrays, shape (1, *shape)
    size : float
        ζ.
    patches : Windows
        On arrays of that shape; samples in none of them do not change.
    """

    centre: Array
    box: Box
    size: float
    patches: Windows

    def least(self, rows: Array) -> Array:
        unit = _exponents(rows)
        sums = [
            np.sqrt(squares).reshape(len(rows), -1).sum(axis=1)
            for squares in self._cells(times_power(rows, -unit))
        ]
        flat, centre = rows.reshape(len(rows), -1), self.centre.reshape(-1)
        error = np.ldexp(self.size * np.minimum.reduce(sums), unit.reshape(-1))
        room = rounding(centre.size) * (product(np.abs(flat), np.abs(centre)) + error)
        return np.maximum(
            product(flat, centre) - error - room, Cube(self.centre, self.box).least(rows)
        )

    def corner(self, rows: Array) -> Array:
        # A patch of r / (the largest norm of a patch around each sample) has norm at most 1.
        scaled = times_power(rows, -_exponents(rows))
        squares = self.patches.max_containing(self.patches.square_entries(scaled))
        norms = np.sqrt(np.maximum(squares, 0))
        # what is so small has a square of few digits, and stays where it is
        large = norms > _NEGLIGIBLE
        error = np.divide(-self.size * scaled, norms, out=np.zeros(rows.shape), where=large)
        return np.clip(self.centre + error, *self.box)

    def image(self, dictionary: ToeplitzDictionary, relaxation: Affine) -> Box | None:
        if dictionary.patches != self.patches:
            return None
        # An atom lies in one patch, and an error there in its direction is the worst.
        middle, reach = relaxation.apply((self.centre,)), self.size * dictionary.atom_norms()
        reach = reach + rounding(self.centre.size) * (relaxation.exposure + reach)
        return Interval(middle - reach, middle + reach)

    def _cells(self, rows: Array) -> Iterator[Array]:
        """Yield the squares of rows, summed cell by cell, for some ways to cut the samples."""
        axes = self.patches.axes
        squares = np.square(rows)
        whole = tuple(range(1, rows.ndim - len(axes)))
        squares = squares.sum(axis=whole)
        for cut in itertools.product(*map(_owners, axes)):
            cells = squares
            for owner in cut:
                # The first axis of samples gives way to one of cells, at the end.
                cells = np.tensordot(cells, owner, axes=(1, 0))
            yield cells


def _exponents(rows: Array) -> Array:
    """Return the power of two that is taken out of each row, so that its squares are numbers."""
    return exponents(rows, tuple(range(1, rows.ndim)))


def _owners(axis: WindowAxis) -> list[Array]:
    """Return ways to give each entry to one window that holds it: 0 and 1, (entries, windows).

    Windows that lie side by side come first, and those that hold most of the rest after them.
    """
    held = np.zeros((axis.entries, axis.windows), bool)
    for entry in range(axis.entries):
        held[entry, axis.holding(entry)] = True
    apart = -(-axis.length // axis.step)
    ways = []
    for first in range(min(apart, axis.windows)):
        owner, left = np.zeros(held.shape), held.any(axis=1)
        turns = list(range(first, axis.windows, apart))
        while left.any():
            window = turns.pop(0) if turns else int(held[left].sum(axis=0).argmax())
            owner[left & held[:, window], window] = 1
            left &= ~held[:, window]
        ways.append(owner)
    return ways
