"""The firm threshold, between the soft and the hard one."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._fields import array_field
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.projections.base import (
    Projection,
    Selection,
    Threshold,
    as_threshold,
    beside,
    check_per_filter,
    per_filter,
    threshold_field,
)
from dcsc.projections.thresholds import SoftThreshold

__all__ = ["FirmThreshold"]


def _upper(value: Any, record: Any, where: str) -> Threshold:
    upper, lower = as_threshold(value, record, where), record.threshold
    if np.ndim(upper) and np.ndim(lower) and np.shape(upper) != np.shape(lower):
        raise DcscError(
            f"{where}: expected one for each of {np.size(lower)} thresholds, got {np.size(upper)}"
        )
    if np.any(np.less(upper, lower)):
        raise DcscError(f"{where}: expected at least the threshold, {lower}, got {upper}")
    return upper


@attrs.frozen
class FirmThreshold(Projection):
    r"""Drop what a threshold drops, keep large entries as they are, and be continuous in between.

    .. math:: P(z) = \begin{cases} 0 & |z| \le \beta \\
        \mathrm{sign}(z)\, \gamma\, (|z| - \beta) / (\gamma - \beta) & \beta < |z| < \gamma \\
        z & |z| \ge \gamma \end{cases}

    It is the proximal map of the minimax concave penalty, the sum of
    :math:`\beta |x| - \beta x^2 / 2\gamma` up to γ and of :math:`\beta\gamma/2` from there on. With
    γ = β it is the hard threshold, and as γ grows it becomes the soft one.

    The support is that of `HardThreshold`, and no entry moves by more than β: all guarantees that
    cover `SoftThreshold` cover it, with the error that they allow for that one.

    Parameters
    ----------
    threshold : float or array_like of shape (filters,)
        β ≥ 0, in units of the coefficients.
    upper : float or array_like of shape (filters,)
        γ ≥ β, from where on entries are kept as they are. `with_threshold` leaves it, unless the
        other threshold is larger.

    References
    ----------
    H.-Y. Gao and A. G. Bruce, "WaveShrink with Firm Shrinkage", Statistica Sinica 7, 1997;
    C.-H. Zhang, "Nearly Unbiased Variable Selection under Minimax Concave Penalty", 2010.

    Examples
    --------
    >>> FirmThreshold(1, 2)([0.5, -1.5, 3.0])
    array([ 0., -1.,  3.])
    """

    threshold: Threshold = threshold_field()
    upper: Threshold = array_field(_upper, repr=repr)

    @property
    def needs_dictionary(self) -> bool:
        return np.ndim(self.threshold) > 0 or np.ndim(self.upper) > 0

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=False, shrinkage=True)

    def with_threshold(self, threshold: Threshold) -> "FirmThreshold":
        lower = as_threshold(threshold, self, "FirmThreshold: threshold")
        # What goes with no upper threshold is refused when the new one is made.
        unlike = np.ndim(lower) and np.ndim(self.upper) and np.shape(lower) != np.shape(self.upper)
        return FirmThreshold(lower, self.upper if unlike else np.maximum(self.upper, lower))

    def _proximal(self, step: float) -> "FirmThreshold":
        # From t = γ/β on nothing between 0 and γ is ever best, and the map jumps at √(tβγ).
        lower, upper = np.multiply(step, self.threshold), self.upper
        jumps = lower > upper
        root = lower * np.sqrt(upper / np.where(jumps, lower, 1.0))
        return FirmThreshold(np.where(jumps, root, lower), np.where(jumps, root, upper))

    def _check_filters(self, filters: int) -> None:
        super()._check_filters(filters)
        check_per_filter(self.upper, filters, "FirmThreshold: upper")

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        lower, upper = self._levels(codes)
        sizes = np.minimum(np.abs(codes), upper)
        share = np.divide(sizes, upper, out=np.zeros(codes.shape), where=upper > 0)
        return (lower * sizes * (1 - share / 2)).reshape(len(codes), -1).sum(axis=1)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        lower, upper = self._levels(coefficients)
        soft, size = SoftThreshold(self.threshold)(coefficients, dictionary), np.abs(coefficients)
        kept, large = soft != 0, size >= upper
        # Between the two: rounding takes no entry below the soft one's or above its own size.
        share = np.divide(
            np.abs(soft), upper - lower, out=np.zeros(soft.shape), where=kept & ~large
        )
        between = np.copysign(np.clip(share * upper, np.abs(soft), size), coefficients)
        out = np.where(large, coefficients, between.astype(soft.dtype))
        return np.where(kept, out, soft)

    def _levels(self, codes: Array) -> tuple[Array, Array]:
        """Return β and γ, float64, in shapes that go with codes."""
        name = type(self).__name__
        lower = per_filter(self.threshold, codes, f"{name}: threshold")
        upper = per_filter(self.upper, codes, f"{name}: upper")
        return beside(lower, codes), beside(upper, codes)
