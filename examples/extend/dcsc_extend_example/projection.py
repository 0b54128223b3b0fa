"""A projection of one's own: one hook and, if there is one, the selection."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import Dictionary, Projection, Selection, SoftThreshold


@attrs.frozen
class PowerShrinkage(Projection):
    """Keep what exceeds the threshold, and shrink it the less, the larger it is.

    ``|z|`` becomes ``|z| - threshold**(2 - power) * |z|**(power - 1)``: the soft threshold for
    power 1, the non-negative garrote for power 0, and nearly the hard threshold far below.

    Parameters
    ----------
    threshold : float
        Positive, in units of the coefficients.
    power : float
        At most 1.

    References
    ----------
    R. Chartrand, *Nonconvex Splitting for Regularized Low-Rank + Sparse Decomposition*, IEEE
    Transactions on Signal Processing 60, 2012.

    Examples
    --------
    >>> PowerShrinkage(1, power=0)([0.5, -2.0, 4.0])
    array([ 0.  , -1.5 ,  3.75])
    >>> from dcsc.testing import check_projection
    >>> check_projection(PowerShrinkage(0.5, power=-1))
    """

    threshold: float = attrs.field(converter=float, validator=attrs.validators.gt(0))
    power: float = attrs.field(converter=float, validator=attrs.validators.le(1))

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=False, shrinkage=True)

    def _project(
        self, coefficients: npt.NDArray[Any], dictionary: Dictionary | None
    ) -> npt.NDArray[Any]:
        # The share that is left, 1 - (threshold / |z|)**(2 - power), without a cancellation: it is
        # zero exactly where the soft threshold is.
        soft = np.abs(SoftThreshold(self.threshold)(coefficients))
        left = -np.expm1((self.power - 2) * np.log1p(soft / self.threshold))
        shrunk: npt.NDArray[Any] = np.asarray(left, coefficients.dtype) * coefficients
        return shrunk
