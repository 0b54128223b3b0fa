"""The largest of several numbers."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.networks.relaxations.base import Parts, Relaxation

__all__ = ["Picks"]

Cut = tuple[Any, ...]


@attrs.frozen(eq=False)
class Picks(Relaxation):
    """The largest of the taps of each window.

    It is at least the tap with the best lower end, and that tap itself where no other reaches up to
    it; elsewhere it is at most the largest upper end.

    Parameters
    ----------
    low, high : array, shape (batch, channels, *places)
    best : array of int of that shape
        Number of the tap with the best lower end.
    clear : array of bool of that shape
        Whether it is the largest for all inputs.
    cuts : tuple of index
        What each tap sees of the padded signal at all places.
    padded : tuple of int
        Shape of the padded signal, without the batch.
    inside : index
        Where the signal itself lies in it.
    """

    low: Array
    high: Array
    best: Array
    clear: Array
    cuts: tuple[Cut, ...]
    padded: Shape
    inside: Cut

    @property
    def vague(self) -> Array:
        signal = np.zeros((len(self.low), *self.padded), bool)
        for cut in self.cuts:
            signal[cut] |= ~self.clear
        vague: Array = signal[self.inside]
        return vague

    def _lower(self, rows: Array) -> tuple[Parts, Array]:
        picked = np.where((rows > 0) | self.clear, rows, 0)
        signal = np.zeros((len(rows), *self.padded))
        for number, cut in enumerate(self.cuts):
            signal[cut] += np.where(self.best == number, picked, 0)
        constant = np.where(self.clear, 0, np.minimum(rows, 0) * self.high)
        return (signal[self.inside],), constant.reshape(len(rows), -1).sum(axis=1)
