"""Tails of weights that are nearly whole multiples of one unit: the multiples are added."""

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.tails.base import Rows
from dcsc.bounds.tails.lattice import FLOOR, masses

__all__ = ["added", "worth_adding"]

_LARGEST, _WIDEST = 8, 4096  # units of a weight, and of a row: more are not worth what they cost
_NEAR = 0.1  # of a unit: how far sums of the same multiples may lie from each other
_EPS = float(np.finfo(np.float64).eps)


def worth_adding(rows: Rows) -> Array:
    """Return which rows are worth a look: no noise, and no weight many times the smallest."""
    if not rows.weights.shape[1]:
        return np.zeros(len(rows), dtype=bool)
    least = _least(rows)
    like = (rows.weights[:, 0] < (_LARGEST + 0.5) * least) & (rows.reach < _WIDEST * least)
    return np.asarray((rows.spread == 0) & like)


def added(rows: Rows, lower_at: Array, upper_at: Array) -> tuple[Array, Array, Array]:
    r"""Return which rows are decided, and lower and upper ends at some levels, each (levels, rows).

    Let :math:`w_j = u n_j + e_j` with whole n, :math:`N = \sum_j n_j`, :math:`r = \sum_j |e_j|` and
    fair :math:`b_j \in \{0, 1\}`. The sum :math:`\sum_j w_j \varepsilon_j` lies within r of
    :math:`u (2 \sum_j n_j b_j - N)`. So it reaches t only if :math:`\sum_j n_j b_j` is at least
    :math:`(N + (t - r) / u) / 2`, and always if it is at least :math:`(N + (t + r) / u) / 2`. Where
    these are between the same whole numbers, for all levels, the row is decided.
    """
    steps = np.rint(rows.weights / _least(rows)[:, None])
    units = np.asarray(steps.sum(axis=1))
    unit = rows.reach / units
    room = np.abs(rows.weights - unit[:, None] * steps).sum(axis=1)
    room += 8 * _EPS * (rows.weights.shape[1] + units) * rows.reach
    levels = np.concatenate([lower_at, upper_at])
    needed, enough = (np.ceil((units + (levels + r) / unit) / 2) for r in (-room, room))
    decided = (room < _NEAR * unit) & (needed == enough).all(axis=0)
    low, high = np.zeros(lower_at.shape), np.ones(upper_at.shape)
    # Rows of the same multiples, in whichever order, have the same distribution.
    kinds, kind = np.unique(steps[decided].astype(int), axis=0, return_inverse=True)
    at = np.clip(needed, 0, units + 1).astype(int)
    for number, row in enumerate(kinds):
        here = np.flatnonzero(decided)[kind == number]
        multiples = row[row > 0]
        # heads and tails are alike, so that from b units up it is as likely as up to N - b
        share = np.cumsum(masses(multiples, multiples.sum()))[::-1]
        error = 2 * _EPS * (len(share) + len(multiples) + 4)
        least = np.append(np.maximum(share * (1 - error) - FLOOR, 0.0), 0.0)
        most = np.append(share * (1 + error) + FLOOR, 0.0)
        low[:, here], high[:, here] = least[at[: len(low), here]], most[at[len(low) :, here]]
    return decided, low, high


def _least(rows: Rows) -> Array:
    """Return the smallest weight of each row that is not zero."""
    last = np.maximum(rows.count - 1, 0)[:, None]
    return np.take_along_axis(rows.weights, last, axis=1)[:, 0]
