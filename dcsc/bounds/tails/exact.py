"""The exact tail, by meeting in the middle."""

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import number_field
from dcsc.bounds.tails.base import Rows, Tail
from dcsc.bounds.tails.lattice import Lattice

__all__ = ["Exact"]

_LARGEST = 44
_BLOCK_ENTRIES = 2**15  # what a core's own cache holds


@attrs.frozen
class Exact(Tail):
    r"""The exact tail: the share of sign patterns with :math:`\sum_j w_j \varepsilon_j \ge t`.

    The sums of either half of the weights are listed and matched, :math:`O(m\, 2^{m/2})` for m
    weights; rows with more than ``most`` of them are left to `Lattice`. (Horowitz and Sahni, 1974.)

    Parameters
    ----------
    most : int, default 44
        Largest number of weights to be enumerated.

    Examples
    --------
    >>> Exact().upper([[1 / 2, 1 / 3, 1 / 6], [1, 1, 0]], [2 / 3, 2])
    array([0.25, 0.25])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset({"none", "independent", "adversarial"})
    smooth: ClassVar[bool] = False
    costly: ClassVar[bool] = True

    most: int = number_field(integer, default=_LARGEST, minimum=0, maximum=_LARGEST)

    def _upper(self, rows: Rows) -> Array:
        return self._shares(rows, Lattice()._upper)

    def _lower(self, rows: Rows) -> Array:
        return self._shares(rows, Lattice()._lower)

    def _shares(self, rows: Rows, otherwise: Callable[[Rows], Array]) -> Array:
        out = np.empty(len(rows))
        sizes = np.count_nonzero(rows.weights, axis=1)
        crowded = sizes > self.most
        if crowded.any():
            out[crowded] = otherwise(rows.take(crowded))
        for size in np.unique(sizes[~crowded]):
            members = np.flatnonzero(sizes == size)
            block = max(1, _BLOCK_ENTRIES >> (size + 1) // 2)
            for start in range(0, len(members), block):
                batch = members[start : start + block]
                count = _count(rows.weights[batch, :size], rows.level[batch])
                out[batch] = np.ldexp(count, -int(size))
        return out


def _sums(weights: Array) -> Array:
    """Return all signed sums of each row, (rows, 2**width)."""
    out = np.zeros((len(weights), 1))
    for column in weights.T:
        out = np.concatenate([out + column[:, None], out - column[:, None]], axis=1)
    return out


def _count(weights: Array, level: Array) -> Array:
    """Return how many sign patterns of each row reach the level.

    With a and b the sums of two halves, the b come with both signs, so that a + b ≥ t is as often
    true as a ≥ t + b. The a and the t + b are sorted together, and told apart by their last bits.
    """
    half = weights.shape[1] // 2
    first = _sums(weights[:, :half])
    second = level[:, None] + _sums(weights[:, half:])
    joint = np.concatenate([first, second], axis=1)
    bits = joint.view(np.int64)
    bits[:, : first.shape[1]] &= ~1
    bits[:, first.shape[1] :] |= 1
    joint.sort(axis=1)
    bits &= 1
    rank = np.einsum("ij,j->i", bits, np.arange(joint.shape[1], 0, -1))
    pairs = second.shape[1]
    return rank - pairs * (pairs + 1) // 2
