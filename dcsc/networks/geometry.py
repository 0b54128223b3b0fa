"""Where tables of layers were; they are in `dcsc.networks.weights`."""

from dcsc.networks.weights.geometry import build, default_layers

__all__ = ["build", "default_layers"]
