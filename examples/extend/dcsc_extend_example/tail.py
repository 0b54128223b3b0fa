"""A tail of one's own: one hook that sees many sums at once."""

from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from dcsc.bounds.tails import Rows, Tail


@attrs.frozen
class FourthMoment(Tail):
    r"""Markov's inequality for the fourth power: half of :math:`E X^4 / t^4`, as X is symmetric.

    For a signed sum :math:`E X^4 = 3 \sigma^4 - 2 \sum_j w_j^4`; Gaussian noise adds its variance
    to σ². It is below Hoeffding's tail wherever t is 1.43 to 2.63 deviations.

    Examples
    --------
    >>> from dcsc.bounds.tails import Bentkus, Hoeffding
    >>> weights = [0.5, 0.5, 0.5, 0.5]
    >>> [round(float(tail.upper(weights, 1.5)[0]), 3) for tail in (Hoeffding(), FourthMoment())]
    [0.325, 0.247]
    >>> from dcsc.testing import check_tail
    >>> check_tail(FourthMoment())
    """

    # Symmetric noise is one more weight, and an adversary moves t; noise of mean zero is neither.
    noise_models: ClassVar[frozenset[str]] = frozenset(
        {"none", "independent", "adversarial", "gauss"}
    )

    def _upper(self, rows: Rows) -> npt.NDArray[Any]:
        fourth = 3 * rows.variance**2 - 2 * (rows.weights**4).sum(axis=1)
        nearest = (fourth / 2) ** 0.25  # below this t it says nothing
        share: npt.NDArray[Any] = (nearest / np.maximum(rows.level, nearest)) ** 4
        return np.minimum(share * (1 + 1e-12), 1)  # rounding must not make it smaller
