"""The same network in fewer steps, and what is worth noting about it."""

import attrs
import numpy as np

from dcsc.networks.network import ConvNetwork

__all__ = ["simplified"]


def simplified(network: ConvNetwork) -> ConvNetwork:
    """Return a network that computes the same, with notes on its filters."""
    notes = []
    for convolution in network.convolutions:
        dead = np.flatnonzero(
            ~convolution.weight.any(axis=tuple(range(1, convolution.weight.ndim)))
        )
        if len(dead):
            listed = ", ".join(map(str, dead[:12])) + ("" if len(dead) <= 12 else ", …")
            notes.append(f"{convolution.name}: {len(dead)} filters are zero: {listed}")
    return attrs.evolve(network, notes=(*network.notes, *notes))
