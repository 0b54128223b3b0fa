"""Models as PyTorch modules: the same forward pass, with filters that can be trained.

A strategy's counterpart is the module that does in PyTorch what it does here. `counterpart` knows
those of dcsc, and `dcsc.networks.pytorch` those of operations of networks; register one for a
strategy of your own.
"""

import math
from functools import singledispatch
from typing import Any, cast

import attrs
import numpy as np

from dcsc import model
from dcsc._arrays import Array, Shape, instance
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.projections import (
    BatchTopK,
    HardThreshold,
    JumpReLU,
    PositiveTopK,
    ReLU,
    SoftThreshold,
    TopK,
)
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, SignPattern

try:
    import torch
except ModuleNotFoundError:
    raise DcscError(
        "dcsc.torch: expected PyTorch to be installed: pip install 'dcsc[torch]'"
    ) from None
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Counterpart", "TorchLayer", "TorchModel", "counterpart"]

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


class Counterpart(nn.Module):
    """The module that does what a strategy does; a subclass writes ``forward``.

    Its parameters and buffers have the names of the strategy's fields, so that `strategy_now` can
    make a strategy of them again.

    Parameters
    ----------
    strategy : Dictionary, Projection or Operation
        An attrs class.
    """

    def __init__(self, strategy: Any) -> None:
        super().__init__()
        self.strategy = strategy

    def strategy_now(self) -> Any:
        """Return the strategy with the fields that parameters and buffers are now."""
        tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return attrs.evolve(self.strategy, **{name: _array(t) for name, t in tensors.items()})


def _array(tensor: Tensor) -> Any:
    known = not tensor.is_floating_point() or tensor.dtype in (torch.float32, torch.float64)
    return (tensor if known else tensor.double()).detach().cpu().numpy()


@singledispatch
def counterpart(strategy: Any) -> Counterpart:
    """Return the counterpart of a dictionary, a projection, or an operation of networks.

    That of a dictionary maps signals ``(batch, *signal_shape)`` to Aᵀ y, ``(batch, *code_shape)``;
    that of a projection coefficients ``(batch, *code_shape)`` to codes of the same shape; that of
    an operation its inputs to what it returns.

    Raises
    ------
    DcscError
        If none is registered for the strategy's class.

    Examples
    --------
    A projection of one's own, and its counterpart:

    >>> import attrs, dcsc, torch
    >>> @attrs.frozen
    ... class Magnitude(dcsc.Projection):
    ...     def _project(self, coefficients, dictionary):
    ...         return abs(coefficients)
    >>> @counterpart.register(Magnitude)
    ... class TorchMagnitude(Counterpart):
    ...     def forward(self, coefficients):
    ...         return coefficients.abs()
    >>> dictionary = dcsc.DenseDictionary([[1.0, 0.6], [0.0, 0.8]])
    >>> model = dcsc.DCSCModel([dcsc.Layer(dictionary, Magnitude(), dcsc.IdentitySigns())])
    >>> model.to_torch()(torch.tensor([-1.0, 0.0])).tolist()
    [1.0, 0.6]
    """
    raise DcscError(
        f"to_torch: {type(strategy).__name__} has no counterpart in PyTorch; register one with "
        "dcsc.torch.counterpart.register"
    )


# ---- dictionaries --------------------------------------------------------------------------------


@counterpart.register(CirculantDictionary)
@counterpart.register(ToeplitzDictionary)
class Correlation(Counterpart):
    """Aᵀ of a convolutional dictionary; ``filters`` is the parameter."""

    filters: nn.Parameter

    def __init__(self, strategy: CirculantDictionary | ToeplitzDictionary) -> None:
        super().__init__(strategy)
        axes = len(strategy.extent)
        if axes not in _CONVOLUTIONS:
            raise DcscError(
                f"to_torch: {type(strategy).__name__} has no counterpart in PyTorch with {axes} "
                f"spatial axes, at most {max(_CONVOLUTIONS)}"
            )
        self.convolve = _CONVOLUTIONS[axes]
        self.filters = nn.Parameter(torch.tensor(strategy.filters))

    def forward(self, signals: Tensor) -> Tensor:
        dictionary = self.strategy
        signals, filters = _alike(signals, self.filters)
        for number, axis in enumerate(dictionary.axes, start=2):
            if axis.circular:
                places = torch.arange(axis.places, device=signals.device) % axis.extent
                signals = signals.index_select(number, places)
        # What lies between zeros is padded, or cut off, to the places that atoms reach.
        flat = [axis for axis in reversed(dictionary.axes) if not axis.circular]
        widths = [(axis.before, axis.places - axis.before - axis.extent) for axis in flat]
        if any(map(any, widths)):
            signals = functional.pad(signals, [n for pair in widths for n in pair])
        return self.convolve(
            signals,
            filters,
            stride=dictionary.stride,
            dilation=dictionary.dilation,
            groups=dictionary.groups,
        )


@counterpart.register(DenseDictionary)
class Product(Counterpart):
    """Aᵀ of a matrix A; ``matrix`` is the parameter."""

    matrix: nn.Parameter

    def __init__(self, strategy: DenseDictionary) -> None:
        super().__init__(strategy)
        self.matrix = nn.Parameter(torch.tensor(strategy.matrix))

    def forward(self, signals: Tensor) -> Tensor:
        signals, matrix = _alike(signals, self.matrix)
        return signals @ matrix


def _alike(signals: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the dtype that holds both."""
    dtype = torch.promote_types(signals.dtype, weights.dtype)
    return signals.to(dtype), weights.to(dtype)


# ---- projections ---------------------------------------------------------------------------------


@counterpart.register(HardThreshold)
@counterpart.register(SoftThreshold)
@counterpart.register(ReLU)
@counterpart.register(JumpReLU)
class Thresholding(Counterpart):
    """Keep what exceeds ``threshold``, a buffer, as the strategy's selection says."""

    threshold: Tensor

    def __init__(self, strategy: HardThreshold | SoftThreshold | ReLU | JumpReLU) -> None:
        super().__init__(strategy)
        self.register_buffer("threshold", torch.tensor(strategy.threshold, dtype=torch.float64))

    def forward(self, coefficients: Tensor) -> Tensor:
        selection = self.strategy.selection
        levels = _rounded_down(self.threshold, coefficients.dtype)
        if levels.ndim:
            levels = levels.view(-1, *[1] * (coefficients.ndim - 2))
        if selection.one_sided and selection.shrinkage:
            return functional.relu(coefficients - levels)
        size = coefficients if selection.one_sided else coefficients.abs()
        kept = coefficients - coefficients.sign() * levels if selection.shrinkage else coefficients
        return torch.where(size > levels, kept, torch.zeros_like(kept))


def _rounded_down(threshold: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the threshold in another dtype, so that every comparison ``z > β`` stays as it was."""
    kind = torch.finfo(dtype)
    levels = threshold.clamp(max=kind.max).to(dtype)
    with torch.no_grad():
        # One unit in the last place less: that of the smallest numbers is the same for all.
        least = kind.smallest_normal * kind.eps
        below = torch.where(
            levels > kind.smallest_normal, levels * (1 - kind.eps / 2) - levels, -least
        )
        step = torch.where(levels.double() > threshold.double(), below, torch.zeros_like(below))
    return levels + step


@counterpart.register(TopK)
class Largest(Counterpart):
    """Keep the k largest sizes of each sample, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        return _largest(coefficients.flatten(1), self.strategy.k).view_as(coefficients)


@counterpart.register(PositiveTopK)
class LargestPositive(Counterpart):
    """Keep the k largest of the positive entries of each sample, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        return _largest(coefficients.flatten(1).relu(), self.strategy.k).view_as(coefficients)


@counterpart.register(BatchTopK)
class LargestOfBatch(Counterpart):
    """Keep the k·B largest sizes of all B samples together, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        count = self.strategy.k * len(coefficients)
        return _largest(coefficients.reshape(1, -1), count).view_as(coefficients)


def _largest(rows: Tensor, count: int) -> Tensor:
    sizes = rows.abs()
    count = min(count, rows.shape[1])
    if not rows.numel() or not count:
        return torch.zeros_like(rows)
    # All that exceeds the last of the largest, and of its equals as many as there is room for.
    last = sizes.topk(count, dim=1).values[:, -1:]
    above, equal = sizes > last, sizes == last
    room = count - above.long().sum(dim=1, keepdim=True)
    kept = above | (equal & (equal.long().cumsum(dim=1) <= room))
    return torch.where(kept, rows, torch.zeros_like(rows))


# ---- models --------------------------------------------------------------------------------------


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
        every = np.broadcast_to(_array(self.signs), self.layer.dictionary.code_shape)
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
