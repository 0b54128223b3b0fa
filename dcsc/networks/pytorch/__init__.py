"""PyTorch's modules in memory: read as networks, and made of networks.

`tracing` asks PyTorch for a module's steps, `aten` and `layers` translate PyTorch's operators, and
`building` makes the graph. The way back are `weighted` and `plain`, the counterparts of operations,
and `module`. All of it imports PyTorch; `dcsc.networks.from_torch` and `ConvNetwork.to_torch` do so
when they are called.
"""

from dcsc.networks.pytorch.module import TorchNetwork

__all__ = ["TorchNetwork"]
