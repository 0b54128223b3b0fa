"""A Newton step for basis pursuit, on the support and the signs at hand."""

import numpy as np

from dcsc._arrays import Array
from dcsc.pursuits.descent import Descent

__all__ = ["newton_step"]

_ITERATIONS, _TOLERANCE = 15, 0.05
_SHARES = (1.0, 0.4, 0.16)
_FLAT = 1e-14


def newton_step(descent: Descent, penalty: float) -> Array | None:
    r"""Return a code with a smaller objective, or None.

    On the support T with signs s the objective is smooth, and least where
    :math:`G_{TT} d = A_T^T (y - Ax) - \lambda s` for the step d. It is taken as a whole or in part;
    entries that would change their sign become 0.
    """
    code, operator = descent.code, descent.operator
    signs = np.sign(code)
    downhill = (operator.analyze(descent.signals - descent.image) - penalty * signs) * np.abs(signs)
    step = _solved(descent, downhill, signs != 0)
    for share in _SHARES:
        trial = code + share * step
        trial[trial * signs < 0] = 0
        if not descent.rises(trial):
            return trial
    return None


def _solved(descent: Descent, right: Array, support: Array) -> Array:
    """Solve ``G_TT d = right`` roughly, by conjugate gradients on the support."""
    operator, solution = descent.operator, np.zeros_like(right)
    residual, direction = right.copy(), right.copy()
    square = float(np.vdot(residual, residual))
    enough = _TOLERANCE**2 * square
    for _ in range(_ITERATIONS):
        image = operator.synthesize(direction)
        curvature = float(np.vdot(image, image))
        # Where atoms depend on each other, there is no going on.
        flat = _FLAT * float(np.vdot(direction, direction))
        if square <= enough or curvature * descent.step <= flat:
            break
        length = square / curvature
        solution += length * direction
        residual -= length * operator.analyze(image) * support
        square, before = float(np.vdot(residual, residual)), square
        direction = residual + (square / before) * direction
    return solution
