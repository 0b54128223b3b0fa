"""Two atoms that are worth naming."""

import math
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Shape, instance, integer, real, shape_tuple
from dcsc.dictionaries.window_axis import WindowAxis
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

__all__ = ["AtomPair"]


@attrs.frozen
class AtomPair:
    """Two distinct atoms whose inner product, or cosine, is the largest.

    Parameters
    ----------
    filters : (int, int)
    positions : (tuple of int, tuple of int)
        Of the first and the second atom; other pairs at the same offset may be alike.
    offset : tuple of int
        From the first position to the second, the short way round on a circle. Times the stride,
        it is by how many samples the second filter is shifted.
    value : float
        ⟨a, b⟩ or ⟨a, b⟩ / (|a| |b|), with its sign.
    everywhere : bool
        Whether the pair is the same all over the grid, which is then a circle.
    cut : bool
        Whether one of them is cut off at the border.
    """

    filters: tuple[int, int]
    positions: tuple[tuple[int, ...], tuple[int, ...]]
    offset: tuple[int, ...]
    value: float
    everywhere: bool
    cut: bool

    @classmethod
    def of(
        cls, stripes: Windows, patches: Windows, shape: Shape, first: int, second: int, value: float
    ) -> Self:
        """Return the pair of two atoms by their flat indices in a code of this shape."""
        instance(stripes, Windows, "AtomPair.of: stripes")
        instance(patches, Windows, "AtomPair.of: patches")
        sides = shape_tuple(shape, "AtomPair.of: shape", minimum=1)
        if tuple(stripes.shape) != sides:
            raise DcscError(f"AtomPair.of: shape: expected {stripes.shape}, got {sides}")
        last = math.prod(sides) - 1
        (i, *p), (j, *q) = (
            tuple(int(x) for x in np.unravel_index(integer(atom, where, 0, last), sides))
            for atom, where in ((first, "AtomPair.of: first"), (second, "AtomPair.of: second"))
        )
        axes = _spatial(stripes, sides)
        circular = [False] * (len(p) - len(axes)) + [axis.circular for axis in axes]
        offset = tuple(
            (b - a + size // 2) % size - size // 2 if wraps else b - a
            for a, b, size, wraps in zip(p, q, sides[1:], circular, strict=True)
        )
        # An atom is cut off where its patch has fewer samples than others.
        sizes = [axis.sizes() for axis in _spatial(patches, sides)]
        cut = any(
            size[at] < size.max()
            for place in (p, q)
            for size, at in zip(sizes, place, strict=False)
        )
        wraps = bool(circular) and all(circular)
        return cls(
            (i, j),
            (tuple(p), tuple(q)),
            offset,
            real(value, "AtomPair.of: value"),
            everywhere=wraps,
            cut=cut,
        )


def _spatial(windows: Windows, shape: Shape) -> tuple[WindowAxis, ...]:
    """Return how positions are cut, without an axis of groups."""
    return windows.axes[max(len(windows.axes) - len(shape) + 1, 0) :]
