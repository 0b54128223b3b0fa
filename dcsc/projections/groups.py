"""Projections that keep, drop or shrink the filters at a position together."""

import math
from abc import abstractmethod
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array, real
from dcsc._fields import number_field
from dcsc._numerics.scaling import norms
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.projections.base import Projection, Threshold

__all__ = ["GroupHardThreshold", "GroupSoftThreshold"]


class _GroupThresholding(Projection):
    """A threshold for the ℓ2 norm over all filters at a position.

    What it decides is no matter of single entries, so there is no `selection`.
    """

    threshold: float

    @property
    def needs_dictionary(self) -> bool:
        return True

    def with_threshold(self, threshold: Threshold) -> Self:
        return attrs.evolve(self, threshold=threshold)  # type: ignore[misc]  # the leaves are attrs

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        return self._price(norms(codes, (1,))).reshape(len(codes), -1).sum(axis=1)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        size = norms(coefficients, (1,))[:, None]
        if not np.isfinite(size).all():
            raise DcscError(
                f"{type(self).__name__}: coefficients: expected groups whose norms a float can "
                f"hold, got numbers up to {np.abs(coefficients).max():.3g}"
            )
        kept = size > self.threshold
        share = np.divide(self._left(size), size, out=np.zeros(size.shape), where=kept)
        return (share * coefficients).astype(coefficients.dtype)

    @abstractmethod
    def _left(self, size: Array) -> Array:
        """Return what is left of norms above the threshold."""

    @abstractmethod
    def _price(self, size: Array) -> Array:
        """Return the penalty of each position, from its norm."""


@attrs.frozen
class GroupHardThreshold(_GroupThresholding):
    r"""Keep the filters at a position if together they exceed the threshold.

    .. math:: P(z)_p = z_p \, \mathbf 1[\|z_p\|_2 > \beta]

    :math:`z_p` are the coefficients of all filters at position p. It is the proximal map of
    :math:`\beta^2/2` times the number of positions in use. With one filter it is `HardThreshold`.

    At a position that is kept, all filters are on whose coefficient is not zero. The guarantees of
    dcsc speak of supports entry by entry, and none of them covers it.

    Parameters
    ----------
    threshold : float
        β ≥ 0, in units of the coefficients.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> dictionary = CirculantDictionary(np.ones((2, 1, 1)), extent=3)
    >>> GroupHardThreshold(1)([[0.5, 3.0, 0.8], [0.5, 4.0, -0.8]], dictionary)
    array([[ 0. ,  3. ,  0.8],
           [ 0. ,  4. , -0.8]])
    """

    threshold: float = number_field(real, minimum=0)

    def _proximal(self, step: float) -> "GroupHardThreshold":
        return GroupHardThreshold(math.sqrt(step) * self.threshold)

    def _left(self, size: Array) -> Array:
        return size

    def _price(self, size: Array) -> Array:
        return np.where(size > 0, self.threshold * self.threshold / 2, 0.0)


@attrs.frozen
class GroupSoftThreshold(_GroupThresholding):
    r"""Shrink the filters at a position together, and drop them below the threshold.

    .. math:: P(z)_p = z_p \, \Big(1 - \frac{\beta}{\|z_p\|_2}\Big)_+

    :math:`z_p` are the coefficients of all filters at position p. It is the proximal map of
    :math:`\beta \sum_p \|x_p\|_2`, the penalty of the group lasso, which is convex. With one
    filter it is `SoftThreshold`.

    At a position that is kept, all filters are on whose coefficient is not zero. The guarantees of
    dcsc speak of supports entry by entry, and none of them covers it.

    Parameters
    ----------
    threshold : float
        β ≥ 0, in units of the coefficients.

    References
    ----------
    M. Yuan and Y. Lin, "Model Selection and Estimation in Regression with Grouped Variables",
    Journal of the Royal Statistical Society B 68, 2006.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> dictionary = CirculantDictionary(np.ones((2, 1, 1)), extent=3)
    >>> GroupSoftThreshold(1)([[0.5, 3.0, 0.6], [0.5, 4.0, 0.6]], dictionary)
    array([[0. , 2.4, 0. ],
           [0. , 3.2, 0. ]])
    """

    threshold: float = number_field(real, minimum=0)

    def _proximal(self, step: float) -> "GroupSoftThreshold":
        return GroupSoftThreshold(step * self.threshold)

    def _left(self, size: Array) -> Array:
        return size - self.threshold

    def _price(self, size: Array) -> Array:
        return self.threshold * size
