"""The counterparts of dictionaries: from signals to Aᵀ y."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.torch.base import Counterpart, counterpart

__all__ = ["Correlation", "Product"]

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


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
        # No more can be cut off than there is: atoms may lie in the padding before it alone.
        after = [max(axis.places - axis.before, 0) - axis.extent for axis in flat]
        widths = [(a.places - a.extent - n, n) for a, n in zip(flat, after, strict=True)]
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
