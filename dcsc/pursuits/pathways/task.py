"""What a pathway pursuit is given, checked."""

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, as_batch, integer, real_array
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.layer import Layer

__all__ = ["PathwayTask"]


@attrs.frozen(eq=False)
class PathwayTask:
    """A signal, the layers behind it, and noise.

    Parameters
    ----------
    signal : array of shape (*batch, *signal_shape)
    batch : tuple of int
    layers : tuple of Layer
        Layer 1 first; they chain.
    noise : dict of int to array
        What is added to the signals that enter layer l + 1: one for all, or ``(*batch, …)``.
    """

    signal: Array
    batch: Shape
    layers: tuple[Layer, ...]
    noise: dict[int, Array]

    @classmethod
    def of(cls, signal: Any, layers: tuple[Layer, ...], noise: Any, where: str) -> Self:
        """Validate a signal and noise for layers that chain."""
        array = real_array(signal, f"{where}: signal")
        shape = tuple(layers[0].dictionary.signal_shape)
        _, batch = as_batch(array, shape, f"{where}: signal", array.dtype)
        return cls(array, batch, layers, _noise(noise, layers, batch, f"{where}: noise"))

    def entering(self, number: int, estimate: Array) -> Array:
        """Return an estimate of what enters layer ``number`` + 1, with the noise."""
        return estimate + self.noise[number] if number in self.noise else estimate

    def noisy_signal(self, where: str) -> Array:
        """Return the signal with its noise, for pursuits without estimates between the layers."""
        above = sorted(set(self.noise) - {0})
        if above:
            raise DcscError(
                f"{where}: noise: expected noise of the signal alone, layer 0, got {above}"
            )
        return self.entering(0, self.signal)

    def flat(self) -> Self:
        """Return the task with exactly one batch axis."""
        if len(self.batch) == 1:
            return self
        count = int(np.prod(self.batch))
        noise = {
            number: array
            if array.ndim == len(self.layers[number].dictionary.signal_shape) and self.batch
            else array.reshape(count, *self.layers[number].dictionary.signal_shape)
            for number, array in self.noise.items()
        }
        signal = self.signal.reshape(count, *self.signal.shape[len(self.batch) :])
        return attrs.evolve(self, signal=signal, batch=(count,), noise=noise)


def _noise(noise: Any, layers: tuple[Layer, ...], batch: Shape, where: str) -> dict[int, Array]:
    if not isinstance(noise, Mapping | None):
        raise DcscError(f"{where}: expected a mapping of layer to array, got {quoted(noise)}")
    added = {}
    for key, value in (noise or {}).items():
        layer = integer(key, where, minimum=0, maximum=len(layers) - 1)
        shape = tuple(layers[layer].dictionary.signal_shape)
        array = real_array(value, f"{where}[{layer}]")
        if array.shape not in (shape, batch + shape):
            raise DcscError(f"{where}[{layer}]: expected shape {batch + shape}, got {array.shape}")
        added[layer] = array
    return added
