"""A projection of one's own: one hook and, if there is one, the selection."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import Dictionary, Projection, Selection, SoftThreshold


@attrs.frozen
class FirmThreshold(Projection):
    """Drop up to ``lower``, keep from ``upper`` on, and in between go linearly from 0 to ``upper``.

    Parameters
    ----------
    lower, upper : float
        ``0 <= lower < upper``, in units of the coefficients.

    References
    ----------
    H.-Y. Gao and A. G. Bruce, *WaveShrink with firm shrinkage*, Statistica Sinica 7, 1997.

    Examples
    --------
    >>> FirmThreshold(1, 2)([0.5, -1.5, 3.0])
    array([ 0., -1.,  3.])
    >>> from dcsc.testing import check_projection
    >>> check_projection(FirmThreshold(0.5, 1.5))
    """

    lower: float
    upper: float

    @property
    def selection(self) -> Selection:
        return Selection(self.lower, one_sided=False, shrinkage=True)

    def _project(
        self, coefficients: npt.NDArray[Any], dictionary: Dictionary | None
    ) -> npt.NDArray[Any]:
        soft = SoftThreshold(self.lower)(coefficients)
        stretched = soft * coefficients.dtype.type(self.upper / (self.upper - self.lower))
        return np.where(np.abs(coefficients) < self.upper, stretched, coefficients)
