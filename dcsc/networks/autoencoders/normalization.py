"""What becomes of an activation before it is encoded, and is undone in what is decoded."""

from abc import ABC, abstractmethod

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, real_array
from dcsc._numerics.scaling import norms
from dcsc.errors import DcscError

__all__ = ["ConstantNorm", "LayerNorm", "Normalization", "Statistics", "Unchanged"]

_EPSILON = 1e-5


@attrs.frozen(eq=False)
class Statistics:
    """What was subtracted and divided by, and is multiplied by and added; shapes broadcast."""

    shift: Array
    divisor: Array
    factor: Array


class Normalization(ABC):
    """A map of activations, each by itself: ``(x − shift) / divisor``, and ``y·factor + shift``.

    A subclass supplies ``_statistics``.
    """

    def statistics(self, activations: "npt.ArrayLike") -> Statistics:
        """Return what activations of shape ``(batch, samples)`` are normalised by."""
        where = f"{type(self).__name__}.statistics: activations"
        array = real_array(activations, where)
        if array.ndim != 2:
            raise DcscError(f"{where}: expected shape (batch, samples), got {array.shape}")
        with np.errstate(all="ignore"):  # what no float holds is refused by who uses it
            return self._statistics(array)

    @abstractmethod
    def _statistics(self, activations: Array) -> Statistics:
        """Return numbers, or arrays of shape ``(batch, 1)``, in the dtype of the activations."""


@attrs.frozen
class Unchanged(Normalization):
    """Activations are encoded as they are."""

    def _statistics(self, activations: Array) -> Statistics:
        one = np.ones((), activations.dtype)
        return Statistics(np.zeros_like(one), one, one)


@attrs.frozen
class ConstantNorm(Normalization):
    """Every activation is brought to the norm √d, for d samples."""

    def _statistics(self, activations: Array) -> Statistics:
        size = norms(activations, (1,))[:, None]
        if not size.all():
            raise DcscError(
                "ConstantNorm: expected activations that are not zero, got zero at "
                f"{int(np.flatnonzero(size == 0)[0])}"
            )
        factor = (size / np.sqrt(activations.shape[-1])).astype(activations.dtype)
        return Statistics(np.zeros((), activations.dtype), factor, factor)


@attrs.frozen
class LayerNorm(Normalization):
    """The mean is subtracted, and the rest divided by its standard deviation plus 1e-5.

    The deviation is that of a sample, with d − 1 in the denominator, as PyTorch's ``std`` has it
    (its ``layer_norm`` has d); and it is multiplied by without the 1e-5.
    """

    def _statistics(self, activations: Array) -> Statistics:
        if activations.shape[1] < 2:
            raise DcscError("LayerNorm: expected two samples or more, got 1")
        mean = activations.mean(axis=-1, keepdims=True)
        deviation = (activations - mean).std(axis=-1, keepdims=True, ddof=1)
        return Statistics(mean, deviation + activations.dtype.type(_EPSILON), deviation)
