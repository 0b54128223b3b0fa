"""Operations in a file that dcsc does not compute."""

import attrs

from dcsc._arrays import Array
from dcsc.errors import NotCoveredError
from dcsc.networks.operations.base import Operation

__all__ = ["Unread"]


@attrs.frozen
class Unread(Operation):
    """An operation that is named, but not run: the forward pass stops at it.

    Parameters
    ----------
    kind : str
        What the file calls it.
    reason : str
        Why it is not run.
    """

    kind: str
    reason: str

    @property
    def label(self) -> str:
        return self.kind

    def _apply(self, *values: Array) -> Array:
        raise NotCoveredError(f"{self.kind}: {self.reason}")
