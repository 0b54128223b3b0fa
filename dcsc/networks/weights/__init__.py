"""Weights: tables of layers, for files that hold named arrays and nothing else.

Such a file says neither in which order its layers run nor how they lie on a signal.
`checkpoints` gives its arrays the names and layouts that layers have here, `modules` sorts them by
their layers, `order` puts these in order where the file does not, `kinds` makes an operation of one
layer's table and arrays, `geometry` makes the graph of all, and `template` a table to begin with;
`questions` looks for the question marks that are left in it, and `sums` for what has no weights.
Files of ONNX carry a graph and need none of it.
"""

from dcsc.networks.weights.channels_last import with_defaults
from dcsc.networks.weights.checkpoints import Checkpoint, read_checkpoint
from dcsc.networks.weights.geometry import build, default_layers
from dcsc.networks.weights.kinds import KINDS
from dcsc.networks.weights.modules import Module, modules_of
from dcsc.networks.weights.order import by_number
from dcsc.networks.weights.questions import check_filled
from dcsc.networks.weights.sums import sum_notes
from dcsc.networks.weights.template import template

__all__ = [
    "KINDS",
    "Checkpoint",
    "Module",
    "build",
    "by_number",
    "check_filled",
    "default_layers",
    "modules_of",
    "read_checkpoint",
    "sum_notes",
    "template",
    "with_defaults",
]
