"""Models and their layers as modules."""

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from dcsc import model
from dcsc._arrays import Array, Shape, instance
from dcsc.errors import DcscError
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, SignPattern
from dcsc.torch.base import Counterpart, as_array, counterpart

__all__ = ["TorchLayer", "TorchModel"]


class TorchLayer(nn.Module):
    """One layer: the projection of D Aᵀ y, with the signs D in a buffer.

    Parameters
    ----------
    layer : Layer
        Drawn.
    """

    signs: Tensor
    dictionary: Counterpart
    projection: Counterpart

    def __init__(self, layer: model.Layer) -> None:
        super().__init__()
        instance(layer, model.Layer, "TorchLayer: layer")
        self.layer = layer
        self.signal_shape: Shape = tuple(layer.dictionary.signal_shape)
        self.register_buffer("signs", torch.tensor(_shortest(layer), dtype=torch.int8))
        self.dictionary = counterpart(layer.dictionary)
        self.projection = counterpart(layer.projection)

    def forward(self, signal: Tensor) -> Tensor:
        """Return the codes ``(*batch, *code_shape)`` of signals ``(*batch, *signal_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit.
        """
        instance(signal, Tensor, "TorchLayer: signal")
        batch = signal.shape[: max(signal.ndim - len(self.signal_shape), 0)]
        if signal.shape != batch + self.signal_shape:
            raise DcscError(
                f"TorchLayer: signal: expected shape (*batch, "
                f"{', '.join(map(str, self.signal_shape))}), got {tuple(signal.shape)}"
            )
        flat = signal.reshape(math.prod(batch), *self.signal_shape)
        codes: Tensor = self.projection(self.signs * self.dictionary(flat))
        return codes.reshape(*batch, *codes.shape[1:])

    def layer_now(self) -> model.Layer:
        """Return the layer with what parameters and buffers are now."""
        every = np.broadcast_to(as_array(self.signs), self.layer.dictionary.code_shape)
        return model.Layer(
            self.dictionary.strategy_now(),
            self.projection.strategy_now(),
            FixedSigns(every, _law(self.layer)),
        )


def _law(layer: model.Layer) -> SignPattern | None:
    signs = layer.signs
    return signs.law if isinstance(signs, FixedSigns) else signs


def _shortest(layer: model.Layer) -> Array:
    """Return the signs of all atoms, or one for each filter where the law says no more."""
    signs = layer.operator.signs
    if not isinstance(_law(layer), IdentitySigns | FilterSigns):
        return signs
    return signs[(slice(None), *[slice(1)] * (signs.ndim - 1))]


class TorchModel(nn.Module):
    """A model as a module: from signals to the codes of the deepest layer.

    Filters are parameters, signs and thresholds buffers; signs are one for each filter where their
    law says no more. To train a threshold as well, put a
    parameter in its place: ``module.layers[0].projection.threshold = torch.nn.Parameter(...)``.

    Dtypes are promoted as in PyTorch: codes of float32 and float64 have the dtype that
    `DCSCModel.forward` gives them. They differ from its codes by the rounding of sums only.

    Parameters
    ----------
    drawn : DCSCModel
        Drawn.

    Raises
    ------
    NotDrawnError
        If signs are random and not drawn.
    DcscError
        If a dictionary or projection has no `counterpart`.

    Examples
    --------
    >>> import dcsc
    >>> from dcsc.dictionaries import filters
    >>> dictionary = dcsc.CirculantDictionary(filters.gaussian(4, 1, 3, rng=0), extent=8)
    >>> drawn = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.HardThreshold(0.5))]).draw(rng=0)
    >>> module = TorchModel(drawn)
    >>> module(torch.ones(2, 1, 8, dtype=torch.float64)).shape
    torch.Size([2, 4, 8])
    >>> sorted(module.state_dict())
    ['layers.0.dictionary.filters', 'layers.0.projection.threshold', 'layers.0.signs']
    """

    def __init__(self, drawn: model.DCSCModel) -> None:
        super().__init__()
        instance(drawn, model.DCSCModel, "TorchModel: drawn")
        self.layers = nn.ModuleList(TorchLayer(layer) for layer in drawn.layers)

    def forward(self, signal: Tensor) -> Tensor:
        """Return the codes of the deepest layer for signals ``(*batch, *signal_shape)``."""
        return self.pathway(signal)[-1]

    def pathway(self, signal: Tensor) -> tuple[Tensor, ...]:
        """Return the signal and the codes of all layers, X^(0) … X^(L)."""
        pathway = [signal]
        for layer in self.layers:
            pathway.append(layer(pathway[-1]))
        return tuple(pathway)

    def to_model(self) -> model.DCSCModel:
        """Return the model with the filters, signs and thresholds that the module has now.

        Raises
        ------
        DcscError
            If training gave a field a value that its strategy refuses, such as a negative
            threshold.
        """
        return model.DCSCModel([cast(TorchLayer, layer).layer_now() for layer in self.layers])
