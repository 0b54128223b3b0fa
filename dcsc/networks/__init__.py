"""Networks: trained convolutional networks, read from files and run from their weights.

`load` reads a file into a `ConvNetwork`, its steps are `dcsc.networks.operations`, and formats
are `dcsc.networks.readers`. `ConvNetwork.forward` returns `Activations`, each of whose layers is
also a layer of the D-CSC model.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks import operations
    from dcsc.networks.activations import Activations, Stop
    from dcsc.networks.autoencoders.autoencoder import Autoencoder
    from dcsc.networks.autoencoders.loading import load_autoencoder
    from dcsc.networks.chain import NetworkLayer
    from dcsc.networks.convolution import Convolution, Sum, TransposedConvolution
    from dcsc.networks.graph import Graph, Input, Node
    from dcsc.networks.joining import JoinedSum, Term
    from dcsc.networks.loading import from_torch, load, template
    from dcsc.networks.network import ConvNetwork
    from dcsc.networks.reading import Reading
    from dcsc.networks.stability import LayerStability, PathwayStability, pathway_stability
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "Activations",
    "Autoencoder",
    "ConvNetwork",
    "Convolution",
    "Graph",
    "Input",
    "JoinedSum",
    "LayerStability",
    "NetworkLayer",
    "Node",
    "PathwayStability",
    "Reading",
    "Stop",
    "Sum",
    "Term",
    "TransposedConvolution",
    "from_torch",
    "load",
    "load_autoencoder",
    "operations",
    "pathway_stability",
    "template",
]
