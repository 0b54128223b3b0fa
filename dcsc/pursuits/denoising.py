"""The problem of basis pursuit denoising, and how far from its minimum a code may be."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary

__all__ = ["Denoising", "Seen", "Solved"]


@attrs.frozen(eq=False)
class Solved:
    """A code of shape ``code_shape``, the steps to it, and its gap."""

    code: Array
    steps: int
    gap: float


@attrs.frozen(eq=False)
class Seen:
    """What a code leaves: Aᵀ(y − Ax), its largest size, and the gap, 1 where nothing is known."""

    slope: Array
    largest: float
    gap: float


@attrs.frozen(eq=False)
class Denoising:
    r"""To make :math:`F(x) = \tfrac12 \|y - Ax\|^2 + \lambda \|x\|_1` least, up to a gap.

    Parameters
    ----------
    operator : Dictionary
        A.
    signal : array of shape signal_shape
        y, float64.
    penalty : float
        λ.
    gap : float
        Relative to F.
    steps : int
        The most steps to take.
    """

    operator: Dictionary
    signal: Array
    penalty: float
    gap: float
    steps: int

    def look(self, code: Array) -> Seen:
        """Return what a code leaves, and how much smaller F may be for another, relative to F."""
        residual = self.signal - self.operator.synthesize(code)
        slope = self.operator.analyze(residual)
        largest = max(float(slope.max()), -float(slope.min()))
        shrunk = min(1.0, self.penalty / largest) if largest > 0 else 1.0
        energy = 0.5 * float(np.vdot(residual, residual))
        support = np.flatnonzero(code)
        entries, seen = code.ravel()[support], slope.ravel()[support]
        terms = self.penalty * np.abs(entries) - shrunk * entries * seen
        excess = (1 - shrunk) ** 2 * energy + float(np.maximum(terms, 0).sum())
        objective = energy + self.penalty * float(np.abs(entries).sum())
        share = excess / objective if objective > 0 else 0.0
        return Seen(slope, largest, min(share, 1.0) if math.isfinite(share) else 1.0)
