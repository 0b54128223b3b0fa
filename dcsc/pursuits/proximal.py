"""Iterative shrinkage and thresholding, with any projection that is a proximal map."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive, real
from dcsc._fields import flag_field, number_field
from dcsc.dictionaries import Dictionary
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.descent import Descent, safe_step

__all__ = ["ProximalGradient"]

_ROUNDINGS = 8


@attrs.frozen
class ProximalGradient(Pursuit):
    r"""Gradient steps through the layer's projection, until they change nothing any more.

    .. math:: x \leftarrow P_t\big(x + t A^T (y - A x)\big), \qquad x = 0 \text{ at first}

    :math:`P_t` is the projection's `~dcsc.Projection.proximal` map for the step t, so that the
    iteration brings down :math:`\tfrac12 \|y - Ax\|^2 + g(x)` for the projection's penalty g: ISTA
    and FISTA with a soft threshold (or ReLU, for codes that are not negative), iterative hard
    thresholding with a hard one, with `TopK` or with `StripeProjection`. Where g is convex, the
    objective goes to its minimum; else it falls to where a step changes nothing.

    Nothing is certified: for a gap, take `BasisPursuit`. A step of the record's ``iterations`` is
    one analysis and one synthesis.

    Parameters
    ----------
    accelerate : bool, default True
        Whether steps gain momentum, as FISTA has it; where the objective would rise, it begins
        anew, so that the objective never rises.
    iterations : int, default 1000
        The most steps to take.
    tolerance : float, default 1e-8
        A signal is done once a step changes its code by no more than this share of its norm, or
        than rounding does.
    step : float, optional
        t; by default just below 1/‖A‖², the largest step with which the objective falls for
        certain.

    References
    ----------
    A. Beck and M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse
    Problems", SIAM Journal on Imaging Sciences 2, 2009; B. O'Donoghue and E. Candès, "Adaptive
    Restart for Accelerated Gradient Schemes", 2015; T. Blumensath and M. Davies, "Iterative Hard
    Thresholding for Compressed Sensing", 2009.

    Examples
    --------
    >>> from dcsc import DenseDictionary, SoftThreshold
    >>> atoms = DenseDictionary([[1, 0.6], [0, 0.8]])
    >>> ProximalGradient()([1.6, 0.8], atoms, SoftThreshold(0.1)).code.round(4)
    array([0.9375, 0.9375])
    """

    accelerate: bool = flag_field(default=True)
    iterations: int = number_field(integer, default=1000, minimum=1)
    tolerance: float = number_field(real, default=1e-8, minimum=0)
    step: float | None = number_field(positive, default=None)

    @property
    def needs_projection(self) -> bool:
        return True

    def _pursue(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        assert projection is not None
        step = safe_step(operator) if self.step is None else self.step
        project, penalty = maps(projection, step, dictionary)
        descent = Descent(operator, signals, step, project, penalty, self.accelerate)
        tolerance = max(self.tolerance, _ROUNDINGS * float(np.finfo(signals.dtype).eps))
        # Whoever is done keeps the code that it had then, whatever the others need.
        code, taken = np.zeros_like(descent.code), np.zeros(len(signals), dtype=np.int64)
        running = np.ones(len(signals), dtype=bool)
        for _ in range(self.iterations):
            descent.advance()
            code[running] = descent.code[running]
            taken += running
            running &= descent.change() > tolerance
            if not running.any():
                break
        return Pursued(code, taken)


def maps(projection: Projection, step: float, dictionary: Dictionary) -> tuple[Any, Any]:
    """Return the proximal map of a projection's penalty for a step, and the penalty."""
    proximal = projection.proximal(step)
    return (
        lambda coefficients: proximal(coefficients, dictionary),
        lambda codes: projection.penalty(codes, dictionary),
    )
