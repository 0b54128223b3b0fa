"""Projections that keep what exceeds a threshold."""

import math
from abc import abstractmethod
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics import select
from dcsc.dictionaries import Dictionary
from dcsc.projections.base import (
    Projection,
    Selection,
    Threshold,
    beside,
    per_filter,
    threshold_field,
)

__all__ = ["HardThreshold", "JumpReLU", "ReLU", "SoftThreshold"]


class _Thresholding(Projection):
    """A projection with one threshold, or one per filter."""

    threshold: Threshold

    @property
    def needs_dictionary(self) -> bool:
        return np.ndim(self.threshold) > 0

    def with_threshold(self, threshold: Threshold) -> Self:
        return attrs.evolve(self, threshold=threshold)  # type: ignore[misc]  # the leaves are attrs

    @property
    @abstractmethod
    def selection(self) -> Selection: ...

    def _proximal(self, step: float) -> Self:
        # What shrinks by β is the proximal map of β‖x‖₁, and what does not that of β²/2·‖x‖₀; of
        # non-negative codes only, if it is one-sided.
        factor = step if self.selection.shrinkage else math.sqrt(step)
        return self.with_threshold(np.multiply(factor, self.threshold))

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        beta, chosen = beside(self._exact(codes), codes), self.selection
        terms = beta * np.abs(codes) if chosen.shrinkage else beta**2 / 2 * (codes != 0)
        sums = terms.reshape(len(codes), -1).sum(axis=1)
        negative = (codes < 0).reshape(len(codes), -1).any(axis=1)
        return np.where(negative & chosen.one_sided, np.inf, sums)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        chosen = self.selection
        return select(coefficients, self._levels(coefficients), chosen.one_sided, chosen.shrinkage)

    def _levels(self, coefficients: Array) -> Array:
        """Return the threshold in the coefficients' dtype, one or one per filter.

        It is rounded downwards, which leaves the comparison ``z > β`` as it was: no number of
        that dtype lies between.
        """
        exact = self._exact(coefficients)
        levels = np.minimum(exact, np.finfo(coefficients.dtype).max).astype(coefficients.dtype)
        return np.where(levels > exact, np.nextafter(levels, levels.dtype.type(0)), levels)

    def _exact(self, codes: Array) -> Array:
        return per_filter(self.threshold, codes, f"{type(self).__name__}: threshold")


@attrs.frozen
class HardThreshold(_Thresholding):
    r"""Keep what exceeds the threshold: :math:`z \mathbf 1[|z| > \beta]`.

    Parameters
    ----------
    threshold : float or array_like of shape (filters,)
        β ≥ 0, in units of the coefficients.

    Examples
    --------
    >>> HardThreshold(0.5)([0.5, -0.6, 0.1])
    array([ 0. , -0.6,  0. ])
    """

    threshold: Threshold = threshold_field()

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=False, shrinkage=False)


@attrs.frozen
class SoftThreshold(_Thresholding):
    r"""Keep what exceeds the threshold, less the threshold: :math:`\mathrm{sign}(z)(|z|-\beta)_+`.

    The support is that of `HardThreshold`; what is kept carries a bias of β.

    Parameters
    ----------
    threshold : float or array_like of shape (filters,)
        β ≥ 0, in units of the coefficients.

    Examples
    --------
    >>> SoftThreshold(0.5)([0.5, -0.75, 0.1])
    array([ 0.  , -0.25,  0.  ])
    """

    threshold: Threshold = threshold_field()

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=False, shrinkage=True)


@attrs.frozen
class ReLU(_Thresholding):
    r"""The rectifier of a CNN with bias −β: :math:`\max(z - \beta, 0)`.

    Negative entries of a code are lost, so guarantees need non-negative codes.

    Parameters
    ----------
    threshold : float or array_like of shape (filters,), default 0
        β ≥ 0, in units of the coefficients.

    Examples
    --------
    >>> ReLU(0.5)([0.5, -0.75, 0.75])
    array([0.  , 0.  , 0.25])
    """

    threshold: Threshold = threshold_field(default=0.0)

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=True, shrinkage=True)


@attrs.frozen
class JumpReLU(_Thresholding):
    r"""Keep what exceeds the threshold on the positive side: :math:`z \mathbf 1[z > \beta]`.

    The nonlinearity of many sparse autoencoders, whose bias belongs to the coefficients. Negative
    entries of a code are lost, so guarantees need non-negative codes.

    Parameters
    ----------
    threshold : float or array_like of shape (filters,)
        β ≥ 0, in units of the coefficients.

    References
    ----------
    S. Rajamanoharan et al., "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse
    Autoencoders", arXiv:2407.14435.

    Examples
    --------
    >>> JumpReLU(0.5)([0.5, -0.75, 0.75])
    array([0.  , 0.  , 0.75])
    """

    threshold: Threshold = threshold_field()

    @property
    def selection(self) -> Selection:
        return Selection(self.threshold, one_sided=True, shrinkage=False)
