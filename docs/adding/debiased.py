"""A pursuit of one's own: one hook, here on top of another pursuit."""

import attrs
import numpy as np

from dcsc import Pursued, Pursuit


@attrs.frozen
class LeastSquaresOn(Pursuit):
    """The support that another pursuit finds, with the code of least squares on it.

    Examples
    --------
    >>> from dcsc import BasisPursuit, DenseDictionary
    >>> from dcsc.testing import check_pursuit
    >>> atoms = DenseDictionary([[1, 0.6], [0, 0.8]])
    >>> LeastSquaresOn(BasisPursuit(0.1))([1.6, 0.8], atoms).code.round(6)
    array([1., 1.])
    >>> check_pursuit(LeastSquaresOn(BasisPursuit(0.5)))
    """

    pursuit: Pursuit

    @property
    def needs_projection(self):
        return self.pursuit.needs_projection

    def _pursue(self, signals, operator, projection, dictionary):
        pursued = self.pursuit(signals, operator, projection, dictionary)
        matrix = operator.to_sparse().toarray()
        code = np.zeros_like(pursued.code)
        for element, signal, support in zip(code, signals, pursued.code != 0, strict=True):
            atoms = matrix[:, support.ravel()]
            element[support] = np.linalg.lstsq(atoms, signal.ravel(), rcond=None)[0]
        return Pursued(code, pursued.iterations)
