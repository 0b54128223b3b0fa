"""Hard thresholding pursuit: a gradient step chooses the support, least squares the code."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.descent import safe_step
from dcsc.pursuits.least_squares import least_squares

__all__ = ["HardThresholdingPursuit"]

_STEPS = 1000


@attrs.frozen
class HardThresholdingPursuit(Pursuit):
    r"""Least squares on the support of each gradient step, until the support stays.

    .. math:: T = \operatorname{supp} P_t(x + t A^T (y - A x)), \qquad
        x \leftarrow \operatorname{argmin}_{\operatorname{supp} u \subseteq T} \|y - A u\|,
        \qquad x = 0 \text{ at first}

    :math:`P_t` is the projection's `~dcsc.Projection.proximal` map for the step t, of which only
    the support is used. With `TopK`, `StripeProjection` and `HardThreshold` the objective of
    `ProximalGradient` falls with each step up to 1/‖A‖², so that a support never comes back, and
    the pursuit ends by itself; it needs few steps, for it does not wait until the entries have
    settled. With soft thresholds it may go in circles until ``iterations`` end it. Where a
    support has more atoms than there are samples, as it may with `GroupMax`, many codes are least
    squares, and rounding may decide to which of them the steps lead.

    A step of the record's ``iterations`` is one gradient step with its least squares.

    Parameters
    ----------
    iterations : int, default 100
        The most steps to take.
    step : float, optional
        t; by default just below 1/‖A‖².

    References
    ----------
    S. Foucart, "Hard Thresholding Pursuit: An Algorithm for Compressive Sensing", SIAM Journal on
    Numerical Analysis 49, 2011.

    Examples
    --------
    >>> from dcsc import DenseDictionary, TopK
    >>> atoms = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    >>> HardThresholdingPursuit()([1, 0.3], atoms, TopK(2)).code.round(4)
    array([0.775, 0.   , 0.375])
    """

    iterations: int = number_field(integer, default=100, minimum=1)
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
        safe = safe_step(operator)
        step = safe if self.step is None else self.step
        proximal, exact = projection.proximal(step), signals.astype(np.float64)
        code: Array = np.zeros((len(signals), *operator.code_shape))
        support: Any = np.zeros(code.shape, dtype=bool)
        taken, rows = np.zeros(len(signals), dtype=np.int64), np.arange(len(signals))
        for _ in range(self.iterations):
            slope = operator.analyze(exact[rows] - operator.synthesize(code[rows]))
            ahead = proximal(code[rows] + step * slope, dictionary)
            # Those whose support stays are done.
            changed = ((ahead != 0) != support[rows]).reshape(len(rows), -1).any(axis=1)
            rows, ahead = rows[changed], ahead[changed]
            if not len(rows):
                break
            code[rows], _ = least_squares(operator, exact[rows], ahead, safe, _STEPS)
            support[rows] = ahead != 0
            taken[rows] += 1
        return Pursued(code.astype(signals.dtype), taken)
