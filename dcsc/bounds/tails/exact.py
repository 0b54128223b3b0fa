"""The exact tail: by meeting in the middle, and beyond that as near as it is worth."""

import math
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import number_field
from dcsc._threads import OneBlasThread
from dcsc.bounds.tails.base import NOISE_MODELS, Rows, Tail
from dcsc.bounds.tails.multiples import added, worth_adding
from dcsc.bounds.tails.narrowing import narrowed

__all__ = ["Exact"]

_LARGEST = 44
_USUAL = 24  # beyond it polynomials that are as good cost less
_WHOLE = 8  # for so many levels the sums are not halved, ...
_WORTH_LISTING = 12  # ... of which this many weights have few enough, with normal noise as well
_CHEAPER = 10  # so many weights fewer are worth listing where a gap is allowed
_ZERO = 1e-9  # beside the ℓ1 norm
_BLOCK_ENTRIES = 2**15  # what a core's own cache holds
_EPS = float(np.finfo(np.float64).eps)
_NORMAL_ERROR = 64 * _EPS


@attrs.frozen
class Exact(Tail):
    r"""The exact tail: the share of sign patterns with :math:`\sum_j w_j \varepsilon_j \ge t`.

    The sums of either half of the weights are listed and matched, :math:`O(m\, 2^{m/2})` for m
    weights. (Horowitz and Sahni, 1974.) For rows of more than ``most`` weights both ends are within
    two thousandths of the probability of one another, or within the gap that is asked for: by
    `Selberg`'s polynomials of as high a degree as this takes. Where these do not get there, because
    a sum of some probability lies at t, or next to nothing beyond it, `Lattice` has its turn.
    Weights that are nearly whole multiples of one unit, 8 at the most and 4096 together, are added.

    Parameters
    ----------
    most : int, default 24
        Largest number of weights to be enumerated, at most 44; fewer if many levels, a gap, or
        Gaussian noise make that the dearer way.

    Examples
    --------
    >>> Exact().upper([[1 / 2, 1 / 3, 1 / 6], [1, 1, 0]], [2 / 3, 2])
    array([0.25, 0.25])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS)
    smooth: ClassVar[bool] = False
    monotone: ClassVar[bool] = False
    costly: ClassVar[bool] = True

    most: int = number_field(integer, default=_USUAL, minimum=0, maximum=_LARGEST)

    def _upper(self, rows: Rows) -> Array:
        return self._ends(rows, rows.level[None][:0], rows.level[None], np.zeros(len(rows)))[1][0]

    def _lower(self, rows: Rows) -> Array:
        return self._ends(rows, rows.level[None], rows.level[None][:0], np.zeros(len(rows)))[0][0]

    def _ends(
        self, rows: Rows, lower_at: Array, upper_at: Array, gap: Array
    ) -> tuple[Array, Array]:
        # Which rows are listed: many levels and a gap make polynomials the cheaper way.
        levels = len(lower_at) + len(upper_at)
        worth = self.most - 2 * math.log2(levels) - np.where(gap > 0, _CHEAPER, 0)
        whole = (rows.spread > 0) | (levels >= _WHOLE)
        worth = np.where(whole, min(self.most, _WORTH_LISTING), worth)
        done = rows.count <= worth
        low, high = np.empty(lower_at.shape), np.empty(upper_at.shape)
        if done.any():
            sign = np.repeat([-1, 1], [len(lower_at), len(upper_at)])
            at = np.concatenate([lower_at[:, done], upper_at[:, done]])
            shares = _listed(rows.take(done), at, sign, levels < _WHOLE)
            low[:, done], high[:, done] = np.split(shares, [len(lower_at)])
        # Of weights that are nearly whole multiples of one unit, those are added, if ends are near.
        like = ~done & (gap == 0) & worth_adding(rows)
        if like.any():
            some = rows.take(like)
            done[like], below, above = added(some, lower_at[:, like], upper_at[:, like])
            low[:, like], high[:, like] = below, above
        # Whether sums reach 0 is decided by less, if ends need not be near.
        farthest = np.abs(np.concatenate([lower_at, upper_at])).max(axis=0, initial=0.0)
        at_zero = ~done & (gap > 0) & (farthest <= _ZERO * rows.reach)
        if at_zero.any():
            odds = _most_in_one_place(rows.weights[at_zero], 2 * farthest[at_zero], gap[at_zero])
            low[:, at_zero], high[:, at_zero] = (1 - odds) / 2, (1 + odds) / 2
            at_zero[at_zero] = odds <= gap[at_zero]
        rest = ~(done | at_zero)
        if rest.any():
            ends = narrowed(rows.take(rest), lower_at[:, rest], upper_at[:, rest], gap[rest])
            low[:, rest], high[:, rest] = ends
        return low, high


@OneBlasThread()
def _most_in_one_place(weights: Array, length: Array, gap: Array) -> Array:
    r"""Return bounds of :math:`\sup_c P(c \le \Sigma \le c + d)`, at most ``gap`` or else 1.

    If all signed sums of the m largest weights are more than d apart, then one of these 2^m at the
    most is in any such interval, whatever the others add. A sum Σ is as often negative as positive,
    so that this for :math:`d = 2 |t|` bounds :math:`|2 P(\Sigma \ge t) - 1|`.
    """
    out = np.ones(len(weights))
    room = length + 4 * _LARGEST * _EPS * weights.sum(axis=1)
    sizes = np.clip(np.ceil(-np.log2(gap)), 0, weights.shape[1])
    for size in range(int(sizes.min()), 1 + min(int(sizes.max()), _WORTH_LISTING)):
        for batch in _blocks(np.flatnonzero(sizes == size), size):
            sums = np.sort(_sums(weights[batch, :size]), axis=1)
            apart = np.diff(sums, axis=1).min(axis=1, initial=np.inf) > room[batch]
            out[batch[apart]] = 2.0**-size
    return out


@OneBlasThread()
def _listed(rows: Rows, levels: Array, sign: Array, halves: bool) -> Array:
    """Return the shares of patterns that reach levels.

    Normal noise is rounded by ``sign``, one for each level.
    """
    out = np.empty(levels.shape)
    kinds = 2 * rows.count + (halves & (rows.spread == 0))
    for kind in np.unique(kinds).tolist():
        size, halved = divmod(kind, 2)
        for batch in _blocks(np.flatnonzero(kinds == kind), (size + 1) // 2 if halved else size):
            weights, at = rows.weights[batch, :size], levels[:, batch]
            if halved:
                out[:, batch] = np.ldexp(_count(weights, at), -size)
            else:
                out[:, batch] = _whole(weights, at, rows.spread[batch], sign)
    return out


def _blocks(members: Array, size: int) -> Iterator[Array]:
    """Yield as many of the rows at once as have room for all signed sums of so many weights."""
    block = max(1, _BLOCK_ENTRIES >> size)
    for start in range(0, len(members), block):
        yield members[start : start + block]


def _whole(weights: Array, levels: Array, spread: Array, sign: Array) -> Array:
    """Return the mean over all sums of the probability that normal noise makes up for the rest."""
    from scipy.special import ndtr  # noqa: PLC0415  # slow to import

    sums = np.sort(_sums(weights), axis=1)
    out = np.empty(levels.shape)
    for row, deviation in enumerate(spread):
        if deviation == 0:
            short = np.searchsorted(sums[row], levels[:, row])
            out[:, row] = 1 - short / sums.shape[1]
        else:
            rounding = 8 * _EPS * (sums[row, -1] + np.abs(levels[:, row]))
            beyond = sums[row] - (levels[:, row] - sign * rounding)[:, None]
            with np.errstate(over="ignore"):  # infinitely many deviations are enough
                beyond /= deviation
            out[:, row] = ndtr(beyond).mean(axis=1) * (1 + sign * _NORMAL_ERROR)
    return out


def _sums(weights: Array) -> Array:
    """Return all signed sums of each row, (rows, 2**width)."""
    few = weights[:, :_WORTH_LISTING]
    out = few @ _signs(few.shape[1])
    for column in weights[:, _WORTH_LISTING:].T:
        out = np.concatenate([out + column[:, None], out - column[:, None]], axis=1)
    return out


@cache
def _signs(width: int) -> Array:
    """Return all patterns of so many signs, a column each."""
    return 1.0 - 2.0 * (np.arange(2**width) >> np.arange(width)[:, None] & 1)


def _count(weights: Array, levels: Array) -> Array:
    """Return how many sign patterns of each row reach each level, (levels, rows).

    With a and b the sums of two halves, the b come with both signs, so that a + b ≥ t is as often
    true as a ≥ t + b. The a and the t + b are sorted together, and told apart by their last bits.
    """
    half = weights.shape[1] // 2
    first, second = _sums(weights[:, :half]), _sums(weights[:, half:])
    joint = np.empty((len(weights), first.shape[1] + second.shape[1]))
    bits, pairs = joint.view(np.int64), second.shape[1]
    ranks = np.arange(joint.shape[1], 0, -1)
    out = np.empty(levels.shape, dtype=np.int64)
    for number, level in enumerate(levels):
        joint[:, : first.shape[1]] = first
        np.add(level[:, None], second, out=joint[:, first.shape[1] :])
        bits[:, : first.shape[1]] &= ~1
        bits[:, first.shape[1] :] |= 1
        joint.sort(axis=1)
        bits &= 1
        out[number] = np.einsum("ij,j->i", bits, ranks) - pairs * (pairs + 1) // 2
    return out
