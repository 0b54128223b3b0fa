"""Packings that are neither small nor on a line: branch and bound, and what it proved."""

from itertools import pairwise

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.projections.stripe.packing import Packing

__all__ = ["Choice", "searched"]

# HiGHS closes gaps, and cuts branches, up to 1e-6 in the unit of the objective, whatever relative
# gap it is asked for; in this unit that is a share of 1e-12 of the energy that is kept.
_UNITS = 1e6
_SLACK = 1e-6


@attrs.frozen(eq=False)
class Choice:
    """The entries to keep, and the share of their energy by which others could surpass it."""

    entries: Array
    excess: float = 0.0


def searched(packing: Packing, sizes: Array, seconds: float) -> Choice:
    """Return the best entries that are found in a time, never worse than the largest that fit."""
    from scipy import optimize  # noqa: PLC0415  # takes a quarter of a second, and few need it

    entries = packing.entries
    order = np.lexsort((entries, -sizes[entries]))
    energy = np.square(sizes[entries] / sizes[entries].max())
    kept = _filled(packing, order)
    unit = _UNITS / energy[kept].sum()
    bound = unit * _bound(packing, energy)
    if seconds > 0:
        out = optimize.milp(
            -unit * energy,
            integrality=np.ones(len(entries)),
            bounds=optimize.Bounds(0, 1),
            constraints=optimize.LinearConstraint(packing.matrix(), -np.inf, packing.limit),
            options={"time_limit": seconds, "mip_rel_gap": 0},
        )
        if out.x is not None:
            # What is next to one is kept first, the rest as it fits: whole numbers, and feasible.
            preferred = order[np.argsort(-out.x[order].round(), kind="stable")]
            kept = max(kept, _filled(packing, preferred), key=lambda choice: energy[choice].sum())
        if out.mip_dual_bound is not None and np.isfinite(out.mip_dual_bound):
            bound = min(bound, _SLACK - out.mip_dual_bound)
    total = unit * energy[kept].sum()
    return Choice(entries[kept], max(bound / total - 1, 0.0))


def _filled(packing: Packing, order: Array) -> Array:
    """Return the numbers of the entries that still fit when they are taken in this order."""
    room = np.full(packing.n_windows, packing.limit)
    group_of, kept = packing.group_of, []
    for number in order:
        windows = packing.windows[group_of[number]]
        if room[windows].all():
            room[windows] -= 1
            kept.append(number)
    return np.array(kept)


def _bound(packing: Packing, energy: Array) -> float:
    """Return what no choice surpasses: of what an entry brings each of its windows an equal share.

    A window keeps no more than its S largest shares.
    """
    held = packing.matrix()
    shares = (held * (energy / held.sum(axis=0))).tocsr()
    rows = [np.sort(shares.data[start:stop])[::-1] for start, stop in pairwise(shares.indptr)]
    return float(sum(row[: packing.limit].sum() for row in rows))
