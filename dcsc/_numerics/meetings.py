"""Which positions meet a sample and by which taps, and the same seen from a position."""

import itertools
from functools import lru_cache
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.grid import Grid

__all__ = ["Meetings"]

# Pairs of a tap and of what it meets, seen from the first of the latter along an axis.
Kind = tuple[tuple[int, int], ...]


@attrs.frozen(eq=False)
class Meetings:
    """Places of one kind meet others by the same taps, at the same distances.

    There are few kinds: one inside, and some at each border and for each phase of a stride.

    Parameters
    ----------
    taps, others : tuple of arrays
        For each kind, the taps, and how far what they meet lies from the base of a place; both are
        flat indices in C order.
    kinds, bases : array of int, shape (places,)
        Of every place, in C order.
    """

    taps: tuple[Array, ...]
    others: tuple[Array, ...]
    kinds: Array
    bases: Array

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, grid: Grid) -> tuple[Self, Self]:
        """Return the meetings of all samples with positions, and of all positions with samples."""
        triples = [_along(grid, axis) for axis in range(len(grid.extent))]
        samples = [_kinds(s, u, p, e) for (p, u, s), e in zip(triples, grid.extent, strict=True)]
        positions = [
            _kinds(p, u, s, n) for (p, u, s), n in zip(triples, grid.positions, strict=True)
        ]
        return (
            cls._of_axes(samples, grid.kernel, grid.positions),
            cls._of_axes(positions, grid.kernel, grid.extent),
        )

    @classmethod
    def _of_axes(
        cls, axes: list[tuple[list[Kind], list[int], list[int]]], kernel: Shape, others: Shape
    ) -> Self:
        """Return the meetings of places that meet what they do along every axis."""
        kinds, bases = np.zeros(1, np.int64), np.zeros(1, np.int64)
        for (along, kind, base), size in zip(axes, others, strict=True):
            kinds = np.add.outer(kinds * len(along), kind).ravel()
            bases = np.add.outer(bases * size, base).ravel()
        every = []
        for choice in itertools.product(*(along for along, _, _ in axes)):
            flat = np.zeros((2, 1), np.int64)
            for pairs, *sizes in zip(choice, kernel, others, strict=True):
                digit = np.array(pairs, np.int64).reshape(-1, 2).T
                flat = (flat * np.array(sizes)[:, None])[:, :, None] + digit[:, None, :]
                flat = flat.reshape(2, -1)
            every.append(flat)
        return cls(tuple(one[0] for one in every), tuple(one[1] for one in every), kinds, bases)


def _along(grid: Grid, axis: int) -> tuple[Array, Array, Array]:
    """Return the positions, taps and samples that meet along an axis, as three lists."""
    position = np.arange(grid.positions[axis])[:, None] * grid.stride[axis]
    place = position + np.arange(grid.kernel[axis]) * grid.dilation[axis]
    found = [np.zeros((3, 0), np.int64)]
    for first, sample, length in grid.runs[axis]:
        p, u = np.nonzero((place >= first) & (place < first + length))
        found.append(np.stack([p, u, place[p, u] - first + sample]))
    p, u, s = np.concatenate(found, axis=1)
    return p, u, s


def _kinds(
    places: Array, taps: Array, others: Array, count: int
) -> tuple[list[Kind], list[int], list[int]]:
    """Return the kinds of places along an axis, and the kind and the base of each place."""
    met: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for place, tap, other in zip(*map(np.ndarray.tolist, (places, taps, others)), strict=True):
        met[place].append((tap, other))
    bases = [min((other for _, other in pairs), default=0) for pairs in met]
    numbers: dict[Kind, int] = {}
    kind = [
        numbers.setdefault(tuple((tap, other - base) for tap, other in pairs), len(numbers))
        for pairs, base in zip(met, bases, strict=True)
    ]
    return list(numbers), kind, bases
