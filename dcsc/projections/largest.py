"""Projections that keep the largest coefficients: of a sample, a batch, a position, a stripe."""

import itertools
import math

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import number_field
from dcsc._numerics import stripe_top
from dcsc._threads import share
from dcsc.dictionaries import Dictionary, WindowAxis, Windows
from dcsc.projections.base import Projection

__all__ = ["BatchTopK", "GroupMax", "PositionTopK", "PositiveTopK", "StripeTopK", "TopK"]


_WORTH_COMPILING = 2**22
_BLOCK_ENTRIES = 2**17


def _order(coefficients: Array) -> Array:
    """Return flat indices by falling ``|z|``, ties in C order, per batch element.

    The bits of ``|z|`` are in the order of the numbers, so that keys made of them and the index can
    be sorted as they are, much faster than by a stable argsort. The index takes the place of the
    last bits, on which little depends in float64; numbers that differ in no other bits are put in
    order by themselves.
    """
    flat = np.abs(coefficients).reshape(len(coefficients), -1)
    index = np.arange(flat.shape[1], dtype=np.uint64)
    mask = np.uint64((1 << int(flat.shape[1]).bit_length()) - 1)
    if flat.dtype == np.float32:
        keys = flat.view(np.uint32).astype(np.uint64) << np.uint64(32)
    else:
        keys = flat.view(np.uint64).copy()
    np.invert(keys, out=keys)
    keys &= ~mask
    keys |= index
    keys.sort(axis=1)
    order = np.bitwise_and(keys, mask).view(np.int64)
    if flat.dtype == np.float64:
        alike = np.bitwise_xor(keys[:, 1:], keys[:, :-1]) <= mask
        for row in np.flatnonzero(alike.any(axis=1)):
            near = np.append(alike[row], False)
            near[1:] |= alike[row]
            ties = order[row, near]
            order[row, near] = ties[np.argsort(-flat[row, ties], kind="stable")]
    return order


def _ranks(coefficients: Array) -> Array:
    """Return each entry's place from 0 by falling ``|z|``, ties in C order, per batch element."""
    order = _order(coefficients)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(order.shape[1])[None], axis=1)
    return ranks.reshape(coefficients.shape)


class _Largest(Projection):
    """A projection that ranks coefficients, so that it has to know what one code is."""

    @property
    def needs_dictionary(self) -> bool:
        return True


@attrs.frozen
class TopK(_Largest):
    """Keep the k largest ``|z|`` of each sample, ties in C order.

    Parameters
    ----------
    k : int
        At least 1; from the size of a code on, everything is kept.
    """

    k: int = number_field(integer, minimum=1)

    def _proximal(self, step: float) -> "TopK":
        return self

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        counts = np.count_nonzero(codes.reshape(len(codes), -1), axis=1)
        return np.where(counts <= self.k, 0.0, np.inf)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        zero = coefficients.dtype.type(0)
        return np.where(_ranks(coefficients) < self.k, coefficients, zero)


@attrs.frozen
class PositiveTopK(_Largest):
    r"""Keep the k largest z of each sample, of the positive ones, ties in C order.

    It is the rectifier followed by `TopK`, the nonlinearity of most top-k sparse autoencoders, and
    the Euclidean projection onto non-negative codes of at most k non-zeros. Negative entries of a
    code are lost, so guarantees need non-negative codes.

    Parameters
    ----------
    k : int
        At least 1; from the size of a code on, all that is positive is kept.

    References
    ----------
    L. Gao et al., "Scaling and evaluating sparse autoencoders", arXiv:2406.04093.

    Examples
    --------
    >>> from dcsc.dictionaries import DenseDictionary
    >>> PositiveTopK(2)([0.5, -2.0, 0.75, 0.25], DenseDictionary(np.ones((1, 4))))
    array([0.5 , 0.  , 0.75, 0.  ])
    """

    k: int = number_field(integer, minimum=1)

    def _proximal(self, step: float) -> "PositiveTopK":
        return self

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        flat = codes.reshape(len(codes), -1)
        feasible = (np.count_nonzero(flat, axis=1) <= self.k) & ~(flat < 0).any(axis=1)
        return np.where(feasible, 0.0, np.inf)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        flat = coefficients.reshape(len(coefficients), -1)
        zero, most = flat.dtype.type(0), min(self.k, flat.shape[1])
        # All that exceeds the k-th largest, and of its equals as many as there is room for.
        level = np.maximum(np.partition(flat, -most, axis=1)[:, -most, None], zero)
        kept, ties = flat > level, (flat == level) & (level > 0)
        room = most - np.count_nonzero(kept, axis=1)
        for row in np.flatnonzero(np.count_nonzero(ties, axis=1) > room):
            ties[row, np.flatnonzero(ties[row])[room[row] :]] = False
        return np.where(kept | ties, flat, zero).reshape(coefficients.shape)


@attrs.frozen
class BatchTopK(_Largest):
    """Keep the k·B largest ``|z|`` of all B samples together, ties in C order.

    Samples get k non-zeros on average, and those with larger coefficients get more. The batch is
    whatever one call is given, all its batch axes together; a sample alone is treated as by `TopK`.

    Parameters
    ----------
    k : int
        At least 1; from the size of a code on, everything is kept.

    References
    ----------
    B. Bussmann, P. Leask and N. Nanda, "BatchTopK Sparse Autoencoders", arXiv:2412.06410.

    Examples
    --------
    >>> from dcsc.dictionaries import DenseDictionary
    >>> BatchTopK(1)([[3.0, -2.0], [1.0, 0.5]], DenseDictionary([[1, 0], [0, 1]]))
    array([[ 3., -2.],
           [ 0.,  0.]])
    """

    k: int = number_field(integer, minimum=1)

    @property
    def couples_batch(self) -> bool:
        return True

    def _proximal(self, step: float) -> Projection:
        self._no_penalty("what it keeps of a code depends on others; TopK has one")

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        ranks = _ranks(coefficients.reshape(1, -1)).reshape(coefficients.shape)
        kept = ranks < self.k * len(coefficients)
        return np.where(kept, coefficients, coefficients.dtype.type(0))


@attrs.frozen
class PositionTopK(_Largest):
    r"""Keep the k largest ``|z|`` among the filters at each position, ties in C order.

    The winners of a competition between filters that see the same patch, and the Euclidean
    projection onto codes of at most k non-zeros at a position. A position at which fewer filters
    are active fills up with others, so that no guarantee covers it; after a threshold that found
    the support of a code with at most k at each position, it changes nothing.

    Parameters
    ----------
    k : int
        At least 1; from the number of filters on, everything is kept.

    References
    ----------
    A. Makhzani and B. Frey, "Winner-Take-All Autoencoders", NIPS 2015.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> dictionary = CirculantDictionary(np.ones((3, 1, 1)), extent=2)
    >>> PositionTopK(1)([[1.0, 0.1], [-2.0, 0.2], [0.5, 0.2]], dictionary)
    array([[ 0. ,  0. ],
           [-2. ,  0.2],
           [ 0. ,  0. ]])
    """

    k: int = number_field(integer, minimum=1)

    def _proximal(self, step: float) -> "PositionTopK":
        return self

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        counts = np.count_nonzero(codes, axis=1).reshape(len(codes), -1)
        return np.where(counts.max(axis=1) <= self.k, 0.0, np.inf)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        sizes, most = np.abs(coefficients), min(self.k, coefficients.shape[1])
        # All that exceeds the k-th largest, and of its equals as many as there is room for.
        level = np.partition(sizes, -most, axis=1)[:, -most, None]
        above, equal = sizes > level, sizes == level
        room = most - np.count_nonzero(above, axis=1, keepdims=True)
        kept = above | (equal & (np.cumsum(equal, axis=1) <= room))
        return np.where(kept, coefficients, coefficients.dtype.type(0))


@attrs.frozen
class GroupMax(_Largest):
    r"""Keep the largest z of each group of filters if it is positive, ties in C order.

    At each position the filters 0 to m − 1 compete, the filters m to 2m − 1, and so on. It is the
    Euclidean projection onto non-negative codes with at most one non-zero in a group. Negative
    entries of a code are lost, and so are all but one of a group.

    Parameters
    ----------
    size : int
        m, at least 1; the last group may have fewer filters.

    References
    ----------
    The activation "groupmax" of EleutherAI's sparsify, whose k groups are of n/k latents.

    Examples
    --------
    >>> from dcsc.dictionaries import DenseDictionary
    >>> GroupMax(2)([0.5, -2.0, 0.75, 1.0, -0.25], DenseDictionary(np.ones((1, 5))))
    array([0.5, 0. , 0. , 1. , 0. ])
    """

    size: int = number_field(integer, minimum=1)

    def _proximal(self, step: float) -> "GroupMax":
        return self

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        counts = np.count_nonzero(self._groups(codes), axis=-1).reshape(len(codes), -1)
        feasible = (counts.max(axis=1) <= 1) & ~(codes < 0).reshape(len(codes), -1).any(axis=1)
        return np.where(feasible, 0.0, np.inf)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        groups = self._groups(coefficients)
        first = np.argmax(groups, axis=-1, keepdims=True) == np.arange(groups.shape[-1])
        kept = np.where(first & (groups > 0), groups, groups.dtype.type(0))
        last = kept.reshape(*kept.shape[:-2], -1)[..., : coefficients.shape[1]]
        return np.ascontiguousarray(np.moveaxis(last, -1, 1))

    def _groups(self, codes: Array) -> Array:
        """Return codes with their filters last, by groups; the last group is filled up with 0."""
        last = np.moveaxis(codes, 1, -1)
        size = min(self.size, last.shape[-1])
        fill = [(0, 0)] * (last.ndim - 1) + [(0, -last.shape[-1] % size)]
        return np.pad(last, fill).reshape(*last.shape[:-1], -1, size)


@attrs.frozen
class StripeTopK(_Largest):
    """Keep what is among the S largest ``|z|`` of every stripe that holds it, ties in C order.

    The result has stripe sparsity at most S. It is not the Euclidean projection: where stripes
    overlap, the nearest code of that sparsity can be another one.

    Parameters
    ----------
    sparsity : int
        S, at least 1; from the size of a stripe on, everything is kept.
    """

    sparsity: int = number_field(integer, minimum=1)

    def _proximal(self, step: float) -> Projection:
        self._no_penalty(
            "the nearest code of that stripe sparsity can be another; see StripeProjection"
        )

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        assert dictionary is not None
        stripes = dictionary.stripes
        if coefficients.size * stripes.size > _WORTH_COMPILING:
            return _stripe_top(coefficients, stripes, self.sparsity)
        ranks = _ranks(coefficients)
        last = stripes.nth_smallest(ranks, self.sparsity)
        allowed = ~stripes.max_containing(~last)  # falls as last rises, and never overflows
        return np.where(ranks <= allowed, coefficients, coefficients.dtype.type(0))


def _stripe_top(coefficients: Array, stripes: Windows, sparsity: int) -> Array:
    axes = stripes.axes or (WindowAxis(1, 1, start=0, length=1),)
    rows, columns = math.prod(axis.entries for axis in axes[:-1]), axes[-1].entries
    flat = coefficients.reshape(len(coefficients), -1)
    out = np.zeros_like(flat)
    # All axes but the last make one: the lines that each stripe holds, by flat number.
    held = [np.zeros(1, dtype=np.int64)]
    for axis in axes[:-1]:
        lines = [np.arange(a, b) % axis.entries for a, b in zip(*axis.bounds(), strict=True)]
        held = [
            (prefix[:, None] * axis.entries + line).ravel()
            for prefix, line in itertools.product(held, lines)
        ]
    members, ends = np.concatenate(held), np.cumsum([0, *map(len, held)])
    # Along the last axis a stripe is an interval.
    begin, end = axes[-1].bounds()
    block = max(1, _BLOCK_ENTRIES // flat.shape[1])

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, block):
            batch = slice(first, min(first + block, stop))
            for z, order, result in zip(flat[batch], _order(flat[batch]), out[batch], strict=True):
                # The loop goes through the non-zeros from the largest down.
                live = order[: np.count_nonzero(z)]
                kept = stripe_top(
                    live,
                    (len(z) // (rows * columns), rows, columns),
                    sparsity,
                    ends,
                    members,
                    begin,
                    end,
                )
                result[kept] = z[kept]

    share(work, len(flat), block)
    return out.reshape(coefficients.shape)
