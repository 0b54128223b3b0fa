"""What the mean of bounded numbers is at the most, from independent draws of them."""

import math

import numpy as np

from dcsc._arrays import Array

__all__ = ["INEQUALITIES", "largest_mean"]

INEQUALITIES = "Hoeffding, empirical Bernstein"
"""What an interval over draws rests on."""

_HALVINGS = 60


def largest_mean(values: Array, most: float, delta: float) -> float:
    r"""Return what exceeds the mean of numbers from 0 to ``most``, except with probability δ.

    The smaller of two ends that hold with half of δ each, for n independent draws of mean
    :math:`\bar x` and sample variance V in units of ``most``: the largest m with

    .. math:: n\, \mathrm{kl}(\bar x, m) \le \ln \tfrac2\delta

    (Hoeffding, 1963, Theorem 1), where kl is the relative entropy of two coins; and

    .. math:: \bar x + \sqrt{\tfrac{2V}{n} \ln \tfrac4\delta} +
        \tfrac{7}{3(n - 1)} \ln \tfrac4\delta

    (the empirical Bernstein inequality of Maurer and Pontil, 2009, Theorem 4).

    Parameters
    ----------
    values : array of shape (n,)
        At least one.
    most : float
    delta : float
        Above 0.
    """
    if most == 0:
        return 0.0
    shares = np.clip(values / most, 0.0, 1.0)
    count, mean = len(shares), math.fsum(shares.tolist()) / len(shares)
    ends = [_entropy_end(mean, math.log(2 / delta) / count)]
    if count > 1:
        variance, cost = float(shares.var(ddof=1)), math.log(4 / delta)
        ends.append(mean + math.sqrt(2 * variance * cost / count) + 7 * cost / (3 * (count - 1)))
    return min(1.0, *ends) * most


def _entropy_end(mean: float, budget: float) -> float:
    """Return the largest m of which the relative entropy to the mean is no more than a budget."""
    low, high = mean, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _entropy(mean, middle) <= budget else (low, middle)
    return high


def _entropy(one: float, other: float) -> float:
    """Return the relative entropy of coins that fall on one side with these probabilities."""
    if other >= 1:
        return 0.0 if one >= 1 else math.inf
    heads = one * math.log(one / other) if one else 0.0
    tails = (1 - one) * math.log((1 - one) / (1 - other)) if one < 1 else 0.0
    return heads + tails
