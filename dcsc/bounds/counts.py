r"""How many of some events happen at the most, from their probabilities: E = Σ W_k.

Every function is a statement about one and the same E, so that the smallest of their counts is
proved as well.
"""

import math

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, integer, real, real_array
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.intervals import Interval

__all__ = ["block_chernoff", "cantelli", "energy_cap", "ruger", "ruger_ends"]

_EPS = float(np.finfo(np.float64).eps)
_MULTIPLIERS = 65
_ZOOMS = 3
_STEEPEST = 700.0  # of exponents: beyond it exp is no number
_BLOCK_ENTRIES = 2**20


def ruger(probabilities: "npt.ArrayLike", delta: float) -> int:
    r"""Return the smallest t ≥ 1 for which Rüger's inequality proves :math:`P(E \ge t) \le \delta`.

    .. math:: t = \min_r \max\left\{r + 1, \left\lceil r +
        \tfrac1\delta \sum_{k > r} p_{(k)} \right\rceil\right\}

    where the r likeliest events are written off. Upper bounds of the probabilities may stand for
    them. (Rüger, 1978.)

    Parameters
    ----------
    probabilities : array_like
    delta : float
        From 0 to 1.

    Examples
    --------
    >>> ruger([1, 0.004, 0.001], 0.01)
    2
    """
    p = _probabilities(probabilities, "ruger: probabilities")
    limit = real(delta, "ruger: delta", minimum=0, maximum=1)
    if limit == 1:
        return 1
    rest, written = _suffix_sums(p), np.arange(len(p) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.ceil(written + rest / limit)
    least = np.where(rest == 0, written, least)
    return int(np.maximum(least, written + 1).min())


def ruger_ends(probabilities: "npt.ArrayLike", count: int) -> Interval[float]:
    r"""Return between what :math:`P(E \ge t)` lies for events of these probabilities.

    .. math:: P(E \ge t) \le \min_{0 \le r < t} \frac{1}{t - r} \sum_{k > r} p_{(k)},

    and the lower end is this for the events that do not happen. Both ends are attained.

    Parameters
    ----------
    probabilities : array_like
    count : int
        t.

    Examples
    --------
    >>> ruger_ends([1, 0.5, 0.25], 2).high
    0.75
    """
    p = _probabilities(probabilities, "ruger_ends: probabilities")
    t = integer(count, "ruger_ends: count", minimum=0, maximum=len(p) + 1)
    return Interval(max(0.0, 1 - _ruger(1 - p, len(p) - t + 1)), _ruger(p, t))


def block_chernoff(
    means: "npt.ArrayLike", sizes: "npt.ArrayLike", chromatic: float, delta: float
) -> int:
    r"""Return the smallest t for which a Chernoff bound over blocks proves P(E ≥ t) ≤ δ.

    Block p has :math:`n_p` events, whose probabilities add up to :math:`m_p` at most, and blocks
    that are no neighbours in a graph of fractional chromatic number χ are independent, sets of them
    as well. For every s > 0, by Hölder's inequality over the colours,

    .. math:: P(E \ge t) \le \exp\Big(\tfrac1\chi \Big(\sum_p
        \ln\big(1 + \tfrac{m_p}{n_p} (e^{s n_p} - 1)\big) - s t\Big)\Big).

    Parameters
    ----------
    means : array_like, shape (blocks,)
    sizes : array_like of int, shape (blocks,)
    chromatic : float
        χ, or more.
    delta : float
        From 0 to 1.

    Examples
    --------
    >>> block_chernoff(1000 * [0.01], 1000 * [1], chromatic=1, delta=0.05)
    19
    """
    m = real_array(means, "block_chernoff: means").astype(np.float64)
    n = real_array(sizes, "block_chernoff: sizes").astype(np.float64)
    chi = real(chromatic, "block_chernoff: chromatic", minimum=1)
    limit = real(delta, "block_chernoff: delta", minimum=0, maximum=1)
    if m.shape != n.shape or m.ndim != 1 or (m < 0).any() or (m > n * (1 + len(n) * _EPS)).any():
        raise DcscError(
            "block_chernoff: means, sizes: expected one of each per block, 0 <= mean <= size, got "
            f"{quoted(means)} and {quoted(sizes)}"
        )
    m, n = np.minimum(m, n)[n > 0], n[n > 0]
    total = math.fsum(n.tolist())
    if not len(n) or limit == 0:
        return int(total) + 1
    # Blocks that are alike come once; then the multiplier, on a grid that is made finer.
    (shares, each), times = np.unique(np.stack([m / n, n]), axis=1, return_counts=True)
    cost = chi * -math.log(limit)
    low, high = math.log(1e-6 / n.max()), math.log(_STEEPEST / n.max())
    for _ in range(_ZOOMS):
        grid = np.linspace(low, high, _MULTIPLIERS)
        reached = _reached(np.exp(grid), shares, each, times, cost)
        best = int(reached.argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, _MULTIPLIERS - 1)]
    return math.ceil(min(float(reached[best]) * (1 + 1e-12), total + 1))


def cantelli(mean: float, variance: float, delta: float) -> int | None:
    r"""Return the smallest t for which Cantelli's inequality proves P(E ≥ t) ≤ δ.

    .. math:: P(E \ge t) \le \frac{V}{V + (t - E[E])^2}, \quad t > E[E].

    Upper bounds may stand for the probabilities behind both numbers, but for both of them the same
    ones: events may be joined with independent coins until they have those. None for δ = 0, and
    where t is beyond all numbers.

    Parameters
    ----------
    mean : float
    variance : float
        V, or more.
    delta : float
        From 0 to 1.

    Examples
    --------
    >>> cantelli(10, 8, 0.1)
    19
    """
    middle = real(mean, "cantelli: mean", minimum=0)
    spread = real(variance, "cantelli: variance", minimum=0)
    limit = real(delta, "cantelli: delta", minimum=0, maximum=1)
    if limit == 0:
        return None
    above = middle + math.sqrt(spread) * (math.sqrt(1 - limit) / math.sqrt(limit))
    if math.isinf(above):
        return None
    return max(math.ceil(above * (1 + 8 * _EPS)), math.floor(middle * (1 + 8 * _EPS)) + 1)


def energy_cap(levels: "npt.ArrayLike", energy: float) -> int:
    r"""Return the most events that can happen at once if each takes its share of an energy.

    It is the largest n whose n smallest :math:`(t_k)_+^2` sum to at most the energy.

    Parameters
    ----------
    levels : array_like
        :math:`t_k`: of sums :math:`I_k`, none of which makes its event happen below its level.
    energy : float
        A bound of :math:`\sum_k I_k^2`.

    Examples
    --------
    >>> energy_cap([-1, 1, 2, 3], 5)
    3
    """
    t = real_array(levels, "energy_cap: levels").astype(np.float64).ravel()
    most = real(energy, "energy_cap: energy", minimum=0)
    with np.errstate(over="ignore"):  # what is infinite exceeds every energy
        squares = np.sort(np.square(np.maximum(t, 0.0)))
        sums = np.cumsum(squares) * (1 - 2 * (len(t) + 1) * _EPS)
    return int(np.searchsorted(sums, most, side="right"))


def _probabilities(value: "npt.ArrayLike", where: str) -> Array:
    """Return probabilities as a line, from large to small."""
    p = real_array(value, where).astype(np.float64).ravel()
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise DcscError(f"{where}: expected numbers from 0 to 1, got {quoted(value)}")
    return np.sort(p)[::-1]


def _suffix_sums(p: Array) -> Array:
    """Return the sums of all but the first r numbers, r from 0 on, with more digits than they."""
    return np.append(np.cumsum(p[::-1], dtype=np.longdouble)[::-1], np.longdouble(0))


def _ruger(p: Array, t: int) -> float:
    """Return Rüger's bound of the probability that t or more of some events happen."""
    if t == 0:
        return 1.0
    written = np.arange(min(t, len(p) + 1))
    rest = _suffix_sums(np.sort(p)[::-1])[: len(written)]
    return min(1.0, float((rest / (t - written)).min()))


def _reached(multipliers: Array, shares: Array, sizes: Array, times: Array, cost: float) -> Array:
    """Return the t at which the bound is δ, for each multiplier s; ``cost`` is χ ln(1/δ)."""
    out = np.empty(len(multipliers))
    step = max(1, _BLOCK_ENTRIES // len(sizes))
    for start in range(0, len(multipliers), step):
        s = multipliers[start : start + step]
        exponent = s[:, None] * sizes
        # ln(1 + q (e^y - 1)), which for large y is y + ln(q + (1 - q) e^-y)
        small = np.log1p(shares * np.expm1(np.minimum(exponent, 1.0)))
        with np.errstate(divide="ignore"):
            large = exponent + np.log(shares + (1 - shares) * np.exp(-exponent))
        each = np.where(exponent < 1, small, large)
        out[start : start + step] = (np.maximum(each, 0.0) @ times + cost) / s
    return out
