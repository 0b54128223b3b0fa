"""Basis pursuit denoising, to a duality gap."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive, real
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary
from dcsc.errors import NotProvedError
from dcsc.projections import Projection, SoftThreshold
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.descent import Descent, safe_step
from dcsc.pursuits.newton import newton_step
from dcsc.pursuits.proximal import maps

__all__ = ["BasisPursuit"]

# Every so many steps it looks at the signs and at the gap.
_LOOK = 10
# A Newton step is tried once fewer than this share of the support has changed since the last look.
_SETTLED = 0.1
_AFTER_NEWTON = 3
_LEAST, _LARGEST = 5e-324, float(np.finfo(np.float64).max)


@attrs.frozen
class BasisPursuit(Pursuit):
    r"""The code of least squares and least size, to a certified gap.

    .. math:: \min_x F(x), \qquad F(x) = \tfrac12 \|y - Ax\|^2 + \lambda \|x\|_1

    FISTA with restarts brings F down until the signs of the code settle; then Newton steps solve,
    by conjugate gradients, for the support and signs at hand, and few of them suffice. It ends
    where the duality gap says that no code has an F below (1 − gap) times that of this one: with
    :math:`r = y - Ax` and :math:`s = \min(1, \lambda / \|A^T r\|_\infty)`, s·r is feasible for the
    dual problem, and

    .. math:: F(x) - \min F \le \tfrac12 (1 - s)^2 \|r\|^2
        + \sum_k \big(\lambda |x_k| - s\, x_k \langle a_k, r \rangle\big),

    a sum of terms that are not negative.

    It selects by itself, and leaves the layer's projection out. All sums are in float64; a code of
    float32 is rounded at the end, and the record tells the gap of the rounded one. Steps are
    counted in ``iterations``, Newton steps among them.

    Parameters
    ----------
    penalty : float
        λ > 0, in units of the coefficients: from ``max |Aᵀy|`` on, the code is 0.
    gap : float, default 1e-6
        Relative to F, at least 1e-12.
    iterations : int, default 20000
        The most steps to take.

    Raises
    ------
    NotProvedError
        By a call, if the gap is larger after that many steps.

    Notes
    -----
    With unit atoms of coherence μ, noise v with
    :math:`|\langle a_k, v \rangle| \le \varepsilon`, and :math:`c = 1 - (2S - 1)\mu > 0` for
    the true code's stripe sparsity S, any :math:`\lambda \ge \varepsilon (1 + \mu) / c` gives a
    support inside the true one, and the least of them an error of at most 2ε/c in each entry.
    Nothing in it asks how large the code is. Atoms that a border cuts are not of unit norm.

    References
    ----------
    S. Chen, D. Donoho and M. Saunders, "Atomic Decomposition by Basis Pursuit", SIAM Review 43,
    2001; A. Beck and M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear
    Inverse Problems", 2009.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> pursued = BasisPursuit(0.1)([1.0, 0.4], DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]]))
    >>> pursued.code.round(3)
    array([0.638, 0.   , 0.438])
    >>> bool(pursued.gap <= 1e-6)
    True
    """

    penalty: float = number_field(positive)
    gap: float = number_field(real, default=1e-6, minimum=1e-12, maximum=1)
    iterations: int = number_field(integer, default=20000, minimum=1)

    def _pursue(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        step, exact = safe_step(operator), signals.astype(np.float64)
        solved = [self._solve_scaled(operator, signal[None], step) for signal in exact]
        codes, taken, left = (np.concatenate(parts) for parts in zip(*solved, strict=True))
        if (left > self.gap).any():
            raise NotProvedError(
                f"BasisPursuit: iterations: expected a gap of {self.gap:g} within "
                f"{self.iterations}, got {left.max():.2g}: raise them, or ask for a larger gap"
            )
        if signals.dtype != np.float64:
            codes = codes.astype(signals.dtype)
            pairs = zip(exact[:, None], codes[:, None].astype(np.float64), strict=True)
            left = np.array([gap_of(operator, self.penalty, *pair) for pair in pairs])
        return Pursued(codes, taken, left)

    def _solve_scaled(
        self, operator: Dictionary, signal: Array, step: float
    ) -> tuple[Array, Array, Array]:
        """Solve for a signal of any size: it and the penalty are divided by a power of two."""
        exponent = int(np.frexp(np.abs(signal).max())[1])
        with np.errstate(over="ignore"):
            penalty = float(np.clip(np.ldexp(self.penalty, -exponent), _LEAST, _LARGEST))
        scaled = attrs.evolve(self, penalty=penalty)
        code, taken, left = scaled._solve(operator, np.ldexp(signal, -exponent), step)
        return np.ldexp(code, exponent), taken, left

    def _solve(
        self, operator: Dictionary, signal: Array, step: float
    ) -> tuple[Array, Array, Array]:
        """Return code, steps and gap of one signal, each with a batch axis."""
        project, penalty = maps(SoftThreshold(self.penalty), step, operator)
        descent = Descent(operator, signal, step, project, penalty)
        taken, attempt, wait = 0, _LOOK, _LOOK
        signs = np.sign(descent.code)
        left = gap_of(operator, self.penalty, signal, descent.code)
        while left > self.gap and taken < self.iterations:
            descent.advance()
            taken += 1
            if taken % _LOOK and taken != attempt:
                continue
            left = gap_of(operator, self.penalty, signal, descent.code)
            if taken != attempt or left <= self.gap:
                continue
            # Newton's steps are for a support that has settled.
            last, signs = signs, np.sign(descent.code)
            changed = np.count_nonzero(signs != last)
            if changed >= _SETTLED * np.count_nonzero(signs):
                attempt = taken + _LOOK
                continue
            better = newton_step(descent, self.penalty)
            taken += 1
            if better is None:
                wait *= 2
                attempt = taken + wait
            else:
                descent.move(better)
                wait, attempt = _LOOK, taken + _AFTER_NEWTON
        return descent.code, np.array([taken]), np.array([left])


def gap_of(operator: Dictionary, penalty: float, signal: Array, code: Array) -> float:
    """Return how much smaller F may be for another code, relative to F; 1 if nothing is known."""
    residual = signal - operator.synthesize(code)
    slope = operator.analyze(residual)
    largest = float(np.abs(slope).max())
    shrunk = min(1.0, penalty / largest) if largest > 0 else 1.0
    energy = 0.5 * float(np.vdot(residual, residual))
    terms = penalty * np.abs(code) - shrunk * code * slope
    excess = (1 - shrunk) ** 2 * energy + float(np.maximum(terms, 0).sum())
    objective = energy + penalty * float(np.abs(code).sum())
    if objective == 0:
        return 0.0
    return min(excess / objective, 1.0) if math.isfinite(excess / objective) else 1.0
