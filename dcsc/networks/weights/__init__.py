"""Weights: tables of layers, for files that hold named arrays and nothing else.

Such a file says neither in which order its layers run nor how they lie on a signal. `modules`
sorts its arrays by the layers that own them, `kinds` makes an operation of one layer's table and
arrays, and `geometry` makes the graph of all. Files of ONNX carry a graph and need none of it.
"""

from dcsc.networks.weights.geometry import build, default_layers
from dcsc.networks.weights.kinds import KINDS
from dcsc.networks.weights.modules import Module, modules_of
from dcsc.networks.weights.order import by_number

__all__ = ["KINDS", "Module", "build", "by_number", "default_layers", "modules_of"]
