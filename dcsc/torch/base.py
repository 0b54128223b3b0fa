"""What a counterpart is, and where those of strategies are registered."""

from functools import singledispatch
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from dcsc.errors import DcscError

__all__ = ["Counterpart", "as_array", "counterpart"]


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
        return attrs.evolve(self.strategy, **{name: as_array(t) for name, t in tensors.items()})


def as_array(tensor: Tensor) -> Any:
    """Return a tensor as an array, float64 where numpy has no such dtype."""
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
