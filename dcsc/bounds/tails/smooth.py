"""Tails with a formula."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics import best_moments
from dcsc.bounds.tails.base import NOISE_MODELS, Rows, Tail, summing

__all__ = ["L1", "Bentkus", "Chernoff", "Hoeffding", "least_moment"]

_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.nextafter(0.0, 1.0))
_FAR = 1e3
_erfc = np.frompyfunc(math.erfc, 1, 1)  # SciPy's is slow to import
CONSTANT = 1 / (2 * math.erfc(1))
"""c* of Bentkus and Dzindzalieta, 1 / (4 Q(√2))."""


def _exp_up(exponent: Array, error: Array) -> Array:
    """Return an upper bound of the exponential of a number known to an absolute error."""
    return np.maximum(np.exp(exponent + error) * (1 + 2 * _EPS), _TINY)


def _deviations(rows: Rows) -> Array:
    """Return t in standard deviations, cut off at 0 and where larger values change nothing."""
    t, deviation = np.maximum(rows.level, 0.0), np.sqrt(rows.variance)
    far = t >= _FAR * deviation
    ratio = np.divide(t, deviation, out=np.full_like(t, _FAR), where=~far)
    return np.where((t == 0) | (deviation == 0), 0.0, ratio)


@attrs.frozen
class L1(Tail):
    r"""No sum exceeds the ℓ1 norm: 0 if :math:`\sum |w_j| < t`, else 1.

    Examples
    --------
    >>> L1().upper([[0.5, 0.25], [0.5, 0.5]], 0.8)
    array([0., 1.])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS) - {"gauss"}

    def _upper(self, rows: Rows) -> Array:
        return np.ones(len(rows))


@attrs.frozen
class Hoeffding(Tail):
    r"""The sub-Gaussian tail: :math:`e^{-t^2 / 2\sigma^2}`, :math:`\sigma^2 = \sum_j w_j^2`.

    Noise that is a weight or Gaussian adds its square to σ². (Hoeffding, 1963.)

    Examples
    --------
    >>> Hoeffding().upper([1, 1], 2).round(6)
    array([0.367879])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS)

    def _upper(self, rows: Rows) -> Array:
        ratio = _deviations(rows) ** 2 / 2
        return _exp_up(-ratio, (8 * _EPS + summing(rows.count)) * ratio)


@attrs.frozen
class Chernoff(Tail):
    r"""The best exponential moment: :math:`\inf_\lambda e^{-\lambda t} \prod_j \cosh\lambda w_j`.

    At most `Hoeffding`. Noise of mean zero and size up to z multiplies it by cosh λz, Gaussian
    noise by exp(λ²z²/2). Any λ gives a bound; the best one is found by Newton's method, which
    approaches it from below because the derivative is concave. (Chernoff, 1952.)

    Examples
    --------
    >>> Chernoff().upper(12 * [1], 8).round(6)
    array([0.05442])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS)

    def _upper(self, rows: Rows) -> Array:
        out = np.ones(len(rows))
        active = np.flatnonzero(rows.level > 0)
        if active.size:
            part = rows.take(active)
            multiplier, growth = best_moments(part.weights, part.level, part.spread)
            out[active] = least_moment(multiplier * part.level, growth, part.count)
        return out


def least_moment(pull: Array, growth: Array, used: Array) -> Array:
    """Return an upper bound of E exp(λ (Σ − t)), from λ t, log E exp(λ Σ), and so many weights.

    The logarithm is λ Σ w less at most log 2 for each weight, and both are sums.
    """
    reach = growth + used * math.log(2)
    return _exp_up(growth - pull, 8 * _EPS * (growth + pull + used) + summing(used) * reach)


@attrs.frozen
class Bentkus(Tail):
    r"""A constant times the Gaussian tail: :math:`c_* Q(t / \sigma)`, :math:`c_* = 1 / 4Q(\sqrt2)`.

    Below `Hoeffding` from :math:`t / \sigma = 0.6705` on. Not valid for noise that is only known
    to have mean zero. (Bentkus and Dzindzalieta, Bernoulli 21(2), 2015.)

    Examples
    --------
    >>> Bentkus().upper([1, 1, 1, 1], 3).round(6)
    array([0.212357])
    """

    noise_models: ClassVar[frozenset[str]] = frozenset(NOISE_MODELS) - {"martingale"}

    def _upper(self, rows: Rows) -> Array:
        ratio = _deviations(rows)
        tail = np.asarray(_erfc(ratio / math.sqrt(2)), dtype=np.float64) / 2
        # what rounds t/σ moves the tail by its square times that; the tiniest tails have few digits
        rounding = (8 * _EPS + summing(rows.count)) * (2 + ratio**2)
        return CONSTANT * tail * np.exp(rounding) + 4 * _TINY
