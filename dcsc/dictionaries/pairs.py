"""Two atoms that are worth naming."""

from typing import TYPE_CHECKING, Self

import attrs
import numpy as np

from dcsc._arrays import Shape

if TYPE_CHECKING:
    from dcsc.dictionaries.base import Dictionary
    from dcsc.dictionaries.windows import WindowAxis, Windows

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
    def of(cls, dictionary: "Dictionary", first: int, second: int, value: float) -> Self:
        """Return the pair of two atoms by their flat indices."""
        shape = tuple(dictionary.code_shape)
        (i, *p), (j, *q) = (
            tuple(int(x) for x in np.unravel_index(atom, shape)) for atom in (first, second)
        )
        axes = _spatial(dictionary.stripes, shape)
        circular = [False] * (len(p) - len(axes)) + [axis.circular for axis in axes]
        offset = tuple(
            (b - a + size // 2) % size - size // 2 if wraps else b - a
            for a, b, size, wraps in zip(p, q, shape[1:], circular, strict=True)
        )
        return cls(
            (i, j),
            (tuple(p), tuple(q)),
            offset,
            value,
            everywhere=bool(circular) and all(circular),
            cut=any(_cut(dictionary, place) for place in (p, q)),
        )


def _spatial(windows: "Windows", shape: Shape) -> "tuple[WindowAxis, ...]":
    """Return how positions are cut, without an axis of groups."""
    return windows.axes[max(len(windows.axes) - len(shape) + 1, 0) :]


def _cut(dictionary: "Dictionary", position: list[int]) -> bool:
    """Return whether the patch of a position has fewer samples than others."""
    sizes = [axis.sizes() for axis in _spatial(dictionary.patches, dictionary.code_shape)]
    return any(size[at] < size.max() for size, at in zip(sizes, position, strict=False))
