"""The forward pass of one layer, as a pursuit."""

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit

__all__ = ["OneStep"]


@attrs.frozen
class OneStep(Pursuit):
    r"""One analysis and one projection, the layer of a convolutional network: :math:`P(A^T y)`.

    It is a single step of size 1 of `ProximalGradient`, from a code of zeros: what atoms see of
    each other stays in the coefficients, and only the projection keeps it out of the support.

    Examples
    --------
    >>> from dcsc import DenseDictionary, HardThreshold
    >>> atoms = DenseDictionary([[1, 0.6], [0, 0.8]])
    >>> OneStep()([2.0, 0.0], atoms, HardThreshold(1.5)).code
    array([2., 0.])
    """

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
        code = projection(operator.analyze(signals), dictionary)
        return Pursued(code, np.ones(len(signals), dtype=np.int64))
