"""Perturbations that switch units: what no proof can promise."""

import numpy as np

from dcsc._arrays import Array
from dcsc.networks.stability.enclosure import Enclosure

__all__ = ["flips"]

_BLOCK = 2**20
_STEPS = 15


def flips(enclosure: Enclosure, name: str, units: Array, active: Array) -> Array:
    """Return which units of a value were switched by a perturbation that was looked for.

    Each unit is pushed over zero by itself, along the gradient and within the ball (Frank and
    Wolfe's method, twice: from the input itself, and from the far side of the ball).

    Parameters
    ----------
    enclosure : Enclosure
    name : str
    units : array of int
        Flat indices.
    active : array of bool, shape (units,)
        Whether each is on at the input itself.
    """
    switched = np.zeros(len(units), bool)
    widest = max(
        (enclosure.relaxations[node.output].low.size for node in enclosure.steps), default=1
    )
    block = max(1, _BLOCK // widest)
    for start in range(0, len(units), block):
        part = slice(start, start + block)
        for far in (False, True):
            left = np.flatnonzero(~switched[part]) + start
            switched[left] = _attack(enclosure, name, units[left], active[left], far)
    return switched


def _attack(
    enclosure: Enclosure,
    name: str,
    units: Array,
    active: Array,
    far: bool,
) -> Array:
    switched = np.zeros(len(units), bool)
    if not len(units):
        return switched
    shape = enclosure.boxes[name].low.shape[1:]
    # Active units are pushed down, the others up.
    rows = np.zeros((len(units), int(np.prod(shape))))
    rows[np.arange(len(units)), units] = np.where(active, 1.0, -1.0)
    rows = rows.reshape(-1, *shape)
    points = {
        source: np.repeat(ball.centre, len(units), axis=0)
        for source, ball in enclosure.balls.items()
    }
    for step in range(_STEPS):
        values, local = enclosure.at(name, points)
        seen = values.reshape(len(units), -1)[np.arange(len(units)), units]
        switched |= (seen > 0) != active
        ways = enclosure.gradient(name, rows, local)
        stride = 2 / (step + 2)
        for source, ball in enclosure.balls.items():
            way = ways.get(source, np.zeros_like(points[source]))
            corner = ball.corner(-way if far and not step else way)
            points[source] = points[source] + stride * (corner - points[source])
    return switched
