"""Where in an input units are that a perturbation may switch."""

from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array
from dcsc.networks.analysis import LayerAnalysis

__all__ = ["undecided_share"]


def undecided_share(
    layers: Sequence[LayerAnalysis], number: int, extent: Sequence[int]
) -> Array | None:
    """Return which share of the units is undecided at each sample of an input, a mean over layers.

    The positions of a layer are stretched over the input, each over its part of it.

    Parameters
    ----------
    layers : sequence of LayerAnalysis
    number : int
        Of the input.
    extent : sequence of int
        Its lengths.

    Returns
    -------
    array of shape extent, or None
        None where no layer of as many axes has bounds for this input.
    """
    maps = [
        layer.stability.undecided[number]
        for layer in layers
        if layer.stability is not None and number < layer.stability.inputs
    ]
    stretched = [_stretched(one, extent) for one in maps if one.ndim == len(extent)]
    return np.mean(stretched, axis=0) if stretched else None


def _stretched(share: Array, extent: Sequence[int]) -> Array:
    """Return what is at ⌊q M / E⌋ for each sample q of E, of M positions along each axis."""
    places = [
        np.arange(length) * size // length for length, size in zip(extent, share.shape, strict=True)
    ]
    return share[np.ix_(*places)]
