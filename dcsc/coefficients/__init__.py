r"""What each atom of a layer sees of a column of codes, has to reach, and what counts as a tie.

For codes x with support T, signs ε and an error v, the coefficient of atom k is

.. math:: z_k = \varepsilon_k h_k, \qquad
    h_k = \sum_{j \in T} G_{kj} x_j \varepsilon_j + \langle a_k, v\rangle,

so that a threshold β finds the support if :math:`c_k^2 |x_k|`, with the norm :math:`c_k` of the
atom, exceeds it by more than all others can take away, and no sum off the support reaches it. All
theorems, the simulation of one layer, rare failures and the safety of units are about these sums.

**Ties.** A forward pass in floating point is off by no more than n·eps times :math:`e_k = (|A|^T
(|A| |x| + |v|))_k`, where n counts its roundings. A coefficient nearer to its threshold than
``tolerance`` :math:`(e_k + c_k \zeta)` is a tie. The tolerance is 1e-12, or n·eps of the dtype in
which the model computes where that is more: about n·1e-7 in single precision. A tie counts as a
failure, whichever side of the threshold that is.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.coefficients.column import Column, columns
    from dcsc.coefficients.ties import (
        LARGEST,
        SMALLEST,
        TOLERANCE,
        check_strengths,
        check_units,
        rounding_of,
        strictly_below,
        tolerance_of,
    )
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "LARGEST",
    "SMALLEST",
    "TOLERANCE",
    "Column",
    "check_strengths",
    "check_units",
    "columns",
    "rounding_of",
    "strictly_below",
    "tolerance_of",
]
