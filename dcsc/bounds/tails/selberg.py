"""Both ends of a tail from the characteristic function, for any number of weights."""

import math
from functools import lru_cache
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc._fields import number_field
from dcsc._numerics import selberg_sums
from dcsc.bounds.tails.base import NOISE_MODELS, Rows, Tail

__all__ = ["LARGEST_DEGREE", "Selberg", "middles", "rounding_error"]

LARGEST_DEGREE = 2**20
_EPS = float(np.finfo(np.float64).eps)
_MOMENT_ERROR = 2.0**-45  # of what `selberg_sums` multiplies, for each cosine
_LEAST = 2.0**-50  # a moment that is smaller is left out anyway ...
_LEFT_OUT = 1 / 32  # ... and larger ones, as long as they make up this share of what may be open
ORDERS = 16
_AROUND = 8
_BEYOND = 10


@attrs.frozen
class Selberg(Tail):
    r"""Both ends of the tail by Selberg's polynomials: rigorous for any number of weights.

    Laid around a circle of circumference L, the sums that exceed t lie on the arc from t to L/2.
    Selberg's trigonometric polynomials of degree K lie above and below the indicator of an arc, so
    that with :math:`\alpha = t/L`, :math:`u_k = k/(K+1)` and the moments
    :math:`\varphi_k = e^{-2 (\pi k s / L)^2} \prod_j \cos(2\pi k w_j / L)`

    .. math:: P \lessgtr \tfrac12 - \alpha + \sum_{k=1}^K \frac{f(u_k)}{K+1} \varphi_k
        \sin 2\pi k\alpha \pm \frac1{K+1} \Big(1 + \sum_{k=1}^K (1-u_k) \varphi_k
        \big(\cos 2\pi k\alpha + (-1)^k\big)\Big),

    where :math:`f(u) = -(1-u) \cot \pi u - 1/\pi`, and s is the deviation of Gaussian noise. The
    ends are apart by about L/K times the density at t, however the weights lie: nothing is rounded
    to a lattice. The circle is as large as the sums, or as what they exceed with a probability
    that is added; so are the errors of rounding, which are below 1e-11 for some tens of weights.
    All levels of a row share the moments. (Selberg's polynomials as in J. D. Vaaler, Bulletin of
    the AMS 12(2), 1985, and H. L. Montgomery, Ten lectures, 1994, chapter 1.)

    Parameters
    ----------
    degree : int, default 1024
        K: twice as many take up to twice as long, and halve the distance of the ends.

    Examples
    --------
    >>> weights = 1 / np.arange(1, 41)
    >>> Selberg().lower(weights, 3).round(4), Selberg().upper(weights, 3).round(4)
    (array([0.0011]), array([0.0012]))
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS)
    smooth: ClassVar[bool] = False
    monotone: ClassVar[bool] = False
    costly: ClassVar[bool] = True

    degree: int = number_field(integer, default=1024, minimum=1, maximum=LARGEST_DEGREE)

    def _upper(self, rows: Rows) -> Array:
        return self._ends(rows, rows.level[None][:0], rows.level[None], np.zeros(len(rows)))[1][0]

    def _lower(self, rows: Rows) -> Array:
        return self._ends(rows, rows.level[None], rows.level[None][:0], np.zeros(len(rows)))[0][0]

    def _ends(
        self, rows: Rows, lower_at: Array, upper_at: Array, gap: Array
    ) -> tuple[Array, Array]:
        degrees = np.full(len(rows), self.degree)
        middle, distance = middles(rows, lower_at, upper_at, degrees, np.zeros(len(rows)))
        count = len(lower_at)
        return (middle - distance)[:count], (middle + distance)[count:]


def middles(
    rows: Rows, lower_at: Array, upper_at: Array, degree: Array, gap: Array
) -> tuple[Array, Array]:
    """Return numbers, and how near to them the probabilities lie to reach levels, (levels, rows).

    Parameters
    ----------
    rows : Rows
    lower_at, upper_at : arrays of shape (levels, rows)
        Levels of which the ends are wanted, the lower ones first: rounding moves either outwards.
    degree : array of int, shape (rows,)
        One less than a multiple of ``ORDERS`` wastes nothing.
    gap : array of shape (rows,)
        So far apart the ends may be: moments that are small beside it are left out, and what they
        could be added to the distance.
    """
    reach, variance, count = rows.reach, rows.variance, rows.count
    levels = np.concatenate([lower_at, upper_at])
    farthest = np.abs(levels).max(axis=0)
    # Half of the circle: the sums reach no further, or with a probability that is small beside P.
    noisy = rows.spread > 0
    beyond = (farthest**2 / variance + 2 * np.log(_BEYOND * degree)) / 2
    half = np.sqrt(2 * beyond * variance)
    whole = reach * (1 + _AROUND / degree)
    around = ~noisy & (whole < half)
    half = np.where(around, whole, half)
    missed = np.where(around, 0.0, np.exp(-beyond))
    # Angles in turns are rounded; what this does to a sum, it does to the level instead.
    rounding = 4 * _EPS * (reach + farthest) + np.ldexp((count + 4) * half, -62)
    outward = np.repeat([1.0, -1.0], [len(lower_at), len(upper_at)])[:, None]
    alpha = (levels + outward * rounding) / (2 * half)
    # The sums of Selberg's polynomials, without the moments that can only move them by so much.
    weight = _weight(degree)
    least = np.maximum(_LEAST, _LEFT_OUT * gap / weight)
    straight, waves, alternating = selberg_sums(
        rows.weights,
        2.0**63 / half,
        count,
        _turns(alpha.T),
        2 * (math.pi * rows.spread / (2 * half)) ** 2,
        least,
        *_together(degree),
    )
    apart = np.maximum(1 / (degree + 1) + (waves + alternating).T, 0.0)
    added = missed * (1 + 1e-9) + least * weight * (1 + 1e-9) + rounding_error(rows, degree)
    return 0.5 - alpha + straight.T, apart + added


def rounding_error(rows: Rows, degree: Array) -> Array:
    """Return what rounding alone keeps the ends from the number between them, (rows,)."""
    return _MOMENT_ERROR * (rows.count + 4) * _weight(degree)


def _weight(degree: Array) -> Array:
    """Return by how much the ends move at the most if every moment does by 1."""
    degrees, which = np.unique(degree, return_inverse=True)
    return np.array([_coefficients(one)[1] for one in degrees.tolist()])[which]


def _together(degree: Array) -> tuple[Array, Array]:
    """Return the coefficients of all degrees, and where those of each row begin and end."""
    degrees, which = np.unique(degree, return_inverse=True)
    each = [_coefficients(one)[0] for one in degrees.tolist()]
    ends = np.cumsum([0, *(one.shape[1] for one in each)])
    joint = np.concatenate(each, axis=1) if each else np.zeros((2, 0))
    return joint, np.stack([ends[:-1], ends[1:]], axis=1)[which]


def _turns(fractions: Array) -> Array:
    """Return fractions of a turn, from -1/2 to 1/2, in units of 2^-64 turns."""
    return (fractions * 2.0**64).astype(np.int64).view(np.uint64)


@lru_cache(maxsize=64)
def _coefficients(degree: int) -> tuple[Array, float]:
    """Return the coefficients of the polynomials, and by how much moments off by 1 move the ends.

    They are those of Vaaler's polynomial, and of Fejér's kernel beside its mean, from k = 0 on.
    Zeros fill them up to a number of orders that `selberg_sums` takes.
    """
    u = np.arange(1, degree + 1) / (degree + 1)
    out = np.zeros((2, -(-(degree + 1) // ORDERS) * ORDERS))
    out[0, 1 : degree + 1] = -(1 - u) / np.tan(np.pi * u) - 1 / np.pi
    out[1, 1 : degree + 1] = 1 - u
    out /= degree + 1
    straight, waves = np.abs(out).sum(axis=1)
    return out, float(straight + 2 * waves)
