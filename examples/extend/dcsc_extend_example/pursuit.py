"""A pursuit of one's own: one hook, which never sees a sign or a border."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import Dictionary, Projection, Pursued, Pursuit


@attrs.frozen
class Matching(Pursuit):
    """Matching pursuit: what is left of the signal along its best atom, step by step.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> from dcsc.testing import check_pursuit
    >>> atoms = DenseDictionary([[1, 0.6], [0, 0.8]])
    >>> Matching(steps=30)([1.6, 0.8], atoms).code.round(6)
    array([1., 1.])
    >>> check_pursuit(Matching(steps=5))
    """

    steps: int

    def _pursue(
        self,
        signals: npt.NDArray[Any],
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        norms, every = operator.atom_norms(), np.arange(len(signals))
        code = np.zeros((len(signals), *operator.code_shape), dtype=signals.dtype)
        for _ in range(self.steps):
            left = operator.analyze(signals - operator.synthesize(code)) / norms
            best = np.abs(left).reshape(len(left), -1).argmax(axis=1)
            at = every, *np.unravel_index(best, norms.shape)
            code[at] += (left / norms)[at]
        return Pursued(code.astype(signals.dtype), np.full(len(signals), self.steps))
