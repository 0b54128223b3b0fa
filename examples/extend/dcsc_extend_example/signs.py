"""A law of signs of one's own: one hook and its traits."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import SignPattern


@attrs.frozen
class TiledSigns(SignPattern):
    """One fair sign per atom of a small tile that repeats: few random numbers, and cheap to store.

    ``period=1`` is one sign per filter. Atoms a period apart share their sign, so ``independent``
    stays false, and the guarantees for random signs refuse this law.

    Parameters
    ----------
    period : int
        Positions after which the signs repeat, along every axis.

    Examples
    --------
    >>> TiledSigns(period=2).draw((1, 6), rng=2)
    array([[ 1., -1.,  1., -1.,  1., -1.]])
    >>> from dcsc.testing import check_signs
    >>> check_signs(TiledSigns(period=2))
    """

    period: int

    def _draw(self, code_shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[Any]:
        filters, *positions = code_shape
        tile = rng.choice([-1.0, 1.0], (filters, *(min(self.period, m) for m in positions)))
        repeat = (np.arange(m) % k for m, k in zip(code_shape, tile.shape, strict=True))
        return tile[np.ix_(*repeat)]
