"""Basis pursuit denoising, to a duality gap."""

from collections.abc import Callable
from functools import cache, partial

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive, real
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import DcscError, NotProvedError
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.denoising import Denoising, Solved
from dcsc.pursuits.descent import safe_step
from dcsc.pursuits.settling import descend_everywhere
from dcsc.pursuits.working_set import descend_on_support

__all__ = ["BasisPursuit"]

_LEAST, _LARGEST = 5e-324, float(np.finfo(np.float64).max)


@attrs.frozen
class BasisPursuit(Pursuit):
    r"""The code of least squares and least size, to a certified gap.

    .. math:: \min_x F(x), \qquad F(x) = \tfrac12 \|y - Ax\|^2 + \lambda \|x\|_1

    It goes from coordinate to coordinate among few atoms, those of the support and those that stand
    out in what is left of the signal, with the rows that these have in their Gram matrix; sweeps
    are extrapolated. Round by round the penalty falls to λ, and new atoms come in. Where the Gram
    matrix of these atoms is too large to keep, or the dictionary has no quick way to it, FISTA
    with restarts goes over the whole code, with Newton steps once the signs of the code settle. It
    ends where the duality gap says that no code has an F below (1 − gap) times that of this one:
    with :math:`r = y - Ax` and :math:`s = \min(1, \lambda / \|A^T r\|_\infty)`, s·r is feasible for
    the dual problem, and

    .. math:: F(x) - \min F \le \tfrac12 (1 - s)^2 \|r\|^2
        + \sum_k \big(\lambda |x_k| - s\, x_k \langle a_k, r \rangle\big),

    a sum of terms that are not negative.

    It selects by itself, and leaves the layer's projection out. All sums are in float64; a code of
    float32 is rounded at the end, and the record tells the gap of the rounded one. Sweeps, or
    steps over the whole code, are counted in ``iterations``.

    Parameters
    ----------
    penalty : float
        λ > 0, in units of the coefficients: from ``max |Aᵀy|`` on, the code is 0.
    gap : float, default 1e-6
        Relative to F, at least 1e-12.
    iterations : int, default 20000
        The most sweeps or steps to take.

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
    Inverse Problems", 2009; T. Johnson and C. Guestrin, "Blitz: A Principled Meta-Algorithm for
    Scaling Sparse Optimization", 2015; Q. Bertrand and M. Massias, "Anderson Acceleration of
    Coordinate Descent", 2021.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> pursued = BasisPursuit(0.1)([1.0, 0.4], DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]]))
    >>> pursued.code.round(2)
    array([0.64, 0.  , 0.44])
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
        if isinstance(operator, SignedDictionary):
            return self._without_signs(signals, operator)
        exact, step = signals.astype(np.float64), cache(partial(safe_step, operator))
        solved = [self._solve(operator, signal, step) for signal in exact]
        codes, left = np.stack([x.code for x in solved]), np.array([x.gap for x in solved])
        if (left > self.gap).any():
            raise NotProvedError(
                f"BasisPursuit: iterations: expected a gap of {self.gap:g} within "
                f"{self.iterations}, got {left.max():.2g}: raise them, or ask for a larger gap"
            )
        if signals.dtype != np.float64:
            codes = codes.astype(signals.dtype)
            pairs = zip(exact, codes.astype(np.float64), strict=True)
            left = np.array([self._problem(operator, y).look(code).gap for y, code in pairs])
        return Pursued(codes, np.array([x.steps for x in solved]), left)

    def _problem(self, operator: Dictionary, signal: Array) -> Denoising:
        return Denoising(operator, signal, self.penalty, self.gap, self.iterations)

    def _solve(self, operator: Dictionary, signal: Array, step: Callable[[], float]) -> Solved:
        """Solve for a signal of any size: it and the penalty are divided by a power of two."""
        exponent = int(np.frexp(np.abs(signal).max())[1])
        with np.errstate(over="ignore"):
            penalty = float(np.clip(np.ldexp(self.penalty, -exponent), _LEAST, _LARGEST))
        scaled = np.ldexp(signal, -exponent)
        problem = attrs.evolve(self._problem(operator, scaled), penalty=penalty)
        solved = descend_on_support(problem) or descend_everywhere(problem, step())
        with np.errstate(over="ignore"):
            code = np.ldexp(solved.code, exponent)
        held, left = bool(np.isfinite(code).all()), solved.gap
        if held and not np.array_equal(rounded := np.ldexp(code, -exponent), solved.code):
            left = problem.look(rounded).gap  # numbers near the smallest there are have lost digits
        if not held or left > self.gap >= solved.gap:
            raise DcscError(
                "BasisPursuit: signals: expected a code whose entries a float can hold, got a "
                f"signal of numbers up to {np.abs(signal).max():.3g}, and atoms of norm "
                f"{operator.atom_norms().max():.3g}"
            )
        return attrs.evolve(solved, code=code, gap=left)
