"""The tail on a lattice, with rigorous ends for any number of weights."""

from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import number_field
from dcsc.bounds.tails.base import Rows, Tail

__all__ = ["FLOOR", "Lattice", "masses"]

_EPS = float(np.finfo(np.float64).eps)
FLOOR = 1e-300
_CANDIDATES = 64


def masses(steps: Array, last: int) -> Array:
    r"""Return the probabilities that :math:`\sum_j q_j b_j` is 0, 1, ..., last.

    Parameters
    ----------
    steps : array of int
        The :math:`q_j`, positive; the small ones first are the cheapest.
    last : int
    """
    mass = np.zeros(last + 1)
    mass[0] = 1.0
    for q in steps:
        if q <= last:
            mass[q:] = (mass[q:] + mass[: last + 1 - q]) / 2
            mass[:q] /= 2
        else:
            mass /= 2
    return mass


@attrs.frozen
class Lattice(Tail):
    r"""The tail of weights rounded to a lattice, between rigorous ends.

    With :math:`W = \sum w_j`, the sum reaches t if the weights of the negative signs add up to at
    most :math:`R = (W - t) / 2`. Each is rounded to the nearest :math:`h q_j`; what is rounded up
    or down in total, :math:`e^+` and :math:`e^-`, moves the edge:

    .. math:: P(h \textstyle\sum q_j b_j \le R - e^-) \le P \le P(h \textstyle\sum q_j b_j \le R +
        e^+), \qquad b_j \in \{0, 1\}\ \text{fair}.

    Both are counted by dynamic programming in O(m · bins), without a subtraction.

    Parameters
    ----------
    bins : int, default 2**15
        Number of lattice points in [0, R], about.

    Examples
    --------
    >>> tail = Lattice(bins=1000)
    >>> weights = 1 / np.arange(1, 41)
    >>> tail.lower(weights, 3).round(4), tail.upper(weights, 3).round(4)
    (array([0.0011]), array([0.0012]))
    """

    noise_models: ClassVar[frozenset[str]] = frozenset({"none", "independent", "adversarial"})
    smooth: ClassVar[bool] = False
    costly: ClassVar[bool] = True

    bins: int = number_field(integer, default=2**15, minimum=1)

    def _upper(self, rows: Rows) -> Array:
        return np.array(
            [self._of_row(w, t)[1] for w, t in zip(rows.weights, rows.level, strict=True)]
        )

    def _lower(self, rows: Rows) -> Array:
        return np.array(
            [self._of_row(w, t)[0] for w, t in zip(rows.weights, rows.level, strict=True)]
        )

    def _of_row(self, weights: Array, level: float) -> tuple[float, float]:
        w = weights[weights > 0]
        room = (w.sum() - level) / 2
        spacing = self._spacing(w, room)
        steps = np.rint(w / spacing)
        change = spacing * steps - w
        rounding = 4 * _EPS * (len(w) + 4) * (w.sum() + abs(level))
        low = (room + change[change < 0].sum() - rounding) / spacing
        high = (room + change[change > 0].sum() + rounding) / spacing
        if high < 0:
            return 0.0, 0.0
        mass = masses(np.sort(steps).astype(np.int64), int(np.floor(high)))
        error = 2 * (len(w) + 4) * _EPS
        least = mass[: int(np.floor(low)) + 1].sum() if low >= 0 else 0.0
        return float(least * (1 - error)), float(mass.sum() * (1 + error) + FLOOR)

    def _spacing(self, weights: Array, room: float) -> float:
        """Return the spacing, one that fits the weights well."""
        coarse = max(room, weights[0] / self.bins) / self.bins
        # equal or commensurable weights fit exactly
        whole = weights[-1] / np.arange(1, _CANDIDATES)
        spacings = np.concatenate(
            [whole[whole >= coarse], coarse * np.linspace(1, 1.5, _CANDIDATES)]
        )
        off = np.abs(spacings * np.rint(weights[:, None] / spacings) - weights[:, None]).sum(axis=0)
        # the first of those that fit to rounding is the coarsest
        return float(spacings[int(np.argmax(off <= off.min() + 1e-14 * weights.sum()))])
