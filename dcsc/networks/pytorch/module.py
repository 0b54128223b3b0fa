"""Networks as modules."""

from collections.abc import Mapping
from typing import Any

import attrs
from torch import Tensor, nn

from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.networks.pytorch import plain, weighted  # noqa: F401  # they register counterparts
from dcsc.torch import counterpart

__all__ = ["TorchNetwork"]


class TorchNetwork(nn.Module):
    """A network as a module: the same steps, in PyTorch and on any device.

    Weights are parameters, other arrays of the network buffers. Dtypes are promoted as in
    `ConvNetwork.forward`: float64 inputs are computed in float64. Batch norms are float64; on a
    device that has none, ``module.float()`` comes first.

    Parameters
    ----------
    network : ConvNetwork

    Raises
    ------
    DcscError
        If an operation has no `dcsc.torch.counterpart`, or cannot be run.

    Examples
    --------
    >>> import torch
    >>> from dcsc import networks
    >>> from dcsc.networks.shipped import digits_inputs, digits_network_path
    >>> network = networks.load(digits_network_path("incoherent"))
    >>> images = digits_inputs().images[:20]
    >>> module = network.to_torch()
    >>> module(torch.tensor(images)).shape
    torch.Size([20, 10])

    The forward pass runs in PyTorch, and what it found is looked at here:

    >>> found = network.activations(module.values(torch.tensor(images)))
    >>> [layer.code.shape for layer in found.layers]
    [(20, 16, 6, 6), (20, 24, 4, 4), (20, 32, 2, 2)]
    """

    def __init__(self, network: ConvNetwork) -> None:
        super().__init__()
        self.network = network_of(network, "TorchNetwork: network")
        steps = []
        for node in network.graph.nodes:
            try:
                steps.append(counterpart(node.operation))
            except DcscError as error:
                raise DcscError(f"{error} ({node.name})") from None
        self.steps: Any = nn.ModuleList(steps)

    def forward(self, *inputs: Tensor, **named: Tensor) -> "Tensor | tuple[Tensor, ...]":
        """Return the output, or a tuple of several; inputs by their order or by their names."""
        values = self._run(self._named(inputs, named), set(self.network.outputs))
        outputs = tuple(values[name] for name in self.network.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def values(self, *inputs: Tensor, **named: Tensor) -> dict[str, Tensor]:
        """Return what `ConvNetwork.activations` takes: the values of a forward pass, by name."""
        return self._run(self._named(inputs, named), set(self.network.kept))

    def to_network(self) -> ConvNetwork:
        """Return the network with the weights that the module has now."""
        graph = self.network.graph
        pairs = zip(graph.nodes, self.steps, strict=True)
        nodes = [attrs.evolve(node, operation=step.strategy_now()) for node, step in pairs]
        return attrs.evolve(self.network, graph=attrs.evolve(graph, nodes=nodes))

    def _named(self, inputs: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        names = [needed.name for needed in self.network.inputs]
        values = dict(zip(names, inputs, strict=False)) | dict(named)
        if set(values) != set(names) or len(inputs) + len(named) != len(names):
            raise DcscError(
                f"TorchNetwork: inputs: expected {listed(names)}, got {len(inputs)} by order and "
                f"{listed(named)} by name"
            )
        for name, value in values.items():
            if not isinstance(value, Tensor):
                raise DcscError(
                    f"TorchNetwork: inputs: {name}: expected a tensor, got {quoted(value)}"
                )
        return values

    def _run(self, values: dict[str, Tensor], kept: set[str]) -> dict[str, Tensor]:
        # A value is dropped after the last step that uses it, unless it is to be kept.
        for (node, spent), step in zip(self.network.graph.steps, self.steps, strict=True):
            values[node.output] = step(*(values[name] for name in node.inputs))
            for name in spent - kept:
                values.pop(name, None)
        return {name: value for name, value in values.items() if name in kept}
