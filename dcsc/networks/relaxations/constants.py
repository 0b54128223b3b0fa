"""Operations of which two ends are known, and no more."""

import attrs

from dcsc._arrays import Array
from dcsc.networks.relaxations.base import Parts, Relaxation, negative, positive, weighted

__all__ = ["Constants"]


@attrs.frozen(eq=False)
class Constants(Relaxation):
    """Ends that depend on no input: a combination is at least that of the ends, sign by sign.

    Parameters
    ----------
    low, high : array, shape (batch, ...)
    inputs : int, default 1
        The number of inputs of the operation.
    """

    low: Array
    high: Array
    inputs: int = 1

    def _lower(self, rows: Array) -> tuple[Parts, Array]:
        least = weighted(positive, rows, self.low) + weighted(negative, rows, self.high)
        return (None,) * self.inputs, least
