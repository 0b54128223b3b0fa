"""The support of another pursuit, with least squares on it."""

import attrs
import numpy as np

from dcsc._arrays import Array, instance_of, integer
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.descent import safe_step
from dcsc.pursuits.least_squares import least_squares

__all__ = ["Debiased"]


@attrs.frozen
class Debiased(Pursuit):
    r"""The support T that a pursuit finds, with the code of least squares on it.

    .. math:: \min_x \|y - A x\|, \qquad \operatorname{supp} x \subseteq T

    Soft thresholds and basis pursuit take something off every entry, and one step leaves in a
    coefficient what other atoms add. Once the support is right, least squares has neither fault:
    without noise the code is exact.

    Where the atoms of T depend on each other, among them always where T has more atoms than the
    signal has samples, least squares leaves many codes, and this is the one nearest to the
    pursuit's; or to a multiple of it, where that would make a signal a thousand times as large, as
    after one step on atoms of large norms. Where they nearly do, conjugate gradients may end before
    they are there, with a code between the pursuit's and that of least squares. Their steps are
    counted in ``iterations``, those of the pursuit too.

    Parameters
    ----------
    pursuit : Pursuit
    iterations : int, default 1000
        The most steps of conjugate gradients.

    Examples
    --------
    >>> from dcsc import BasisPursuit, DenseDictionary
    >>> atoms = DenseDictionary([[1, 0.6], [0, 0.8]])
    >>> BasisPursuit(0.1)([1.6, 0.8], atoms).code.round(4)
    array([0.9375, 0.9375])
    >>> Debiased(BasisPursuit(0.1))([1.6, 0.8], atoms).code.round(4)
    array([1., 1.])
    """

    pursuit: Pursuit = attrs.field(validator=instance_of(Pursuit))
    iterations: int = number_field(integer, default=1000, minimum=1)

    @property
    def needs_projection(self) -> bool:
        return self.pursuit.needs_projection

    def _pursue(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        pursued = self.pursuit._run(signals, operator, projection, dictionary)
        begin, exact = (array.astype(np.float64) for array in (pursued.code, signals))
        step = safe_step(operator)
        code, taken = least_squares(operator, exact, begin, step, self.iterations)
        return Pursued(code.astype(signals.dtype), pursued.iterations + taken)
