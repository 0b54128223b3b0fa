"""Operations: what the steps of a network compute.

A new one is a subclass of `Operation` with ``_apply``, and a line where files name it: in
`dcsc.networks.readers.translation` for ONNX, in `dcsc.networks.weights.kinds` for tables of layers.
ONNX operators that the package onnx runs right need their name in `foreign`, others a function in
`definitions`, and nothing else.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.operations.activations import (
        Activation,
        Clip,
        Elu,
        Gelu,
        HardSigmoid,
        HardSwish,
        LeakyRelu,
        LogSoftmax,
        PRelu,
        Relu,
        Sigmoid,
        Silu,
        Softmax,
        Softplus,
        Tanh,
        TanhGelu,
    )
    from dcsc.networks.operations.arrangement import (
        Cast,
        Concatenate,
        Constant,
        Expand,
        Fill,
        Flatten,
        Identity,
        Pad,
        Part,
        Range,
        Repeat,
        Reshape,
        ShapeOf,
        Slice,
        Squeeze,
        Transpose,
        Unsqueeze,
    )
    from dcsc.networks.operations.base import Equivariance, Operation
    from dcsc.networks.operations.convolve import Convolve, ConvolveTransposed, as_dictionary
    from dcsc.networks.operations.elementwise import FUNCTIONS, Elementwise
    from dcsc.networks.operations.foreign import FOREIGN, Foreign
    from dcsc.networks.operations.indexing import Gather, GatherElements, ScatterElements
    from dcsc.networks.operations.linear import BatchNorm, Linear, MatMul
    from dcsc.networks.operations.norms import GroupNorm, InstanceNorm, LocalResponseNorm
    from dcsc.networks.operations.pooling import (
        AveragePool,
        GlobalAveragePool,
        GlobalMaxPool,
        MaxPool,
    )
    from dcsc.networks.operations.quantized import Dequantize, Quantize
    from dcsc.networks.operations.reductions import REDUCTIONS, ArgMax, Largest, Reduce
    from dcsc.networks.operations.unread import Unread
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "FOREIGN",
    "FUNCTIONS",
    "REDUCTIONS",
    "Activation",
    "ArgMax",
    "AveragePool",
    "BatchNorm",
    "Cast",
    "Clip",
    "Concatenate",
    "Constant",
    "Convolve",
    "ConvolveTransposed",
    "Dequantize",
    "Elementwise",
    "Elu",
    "Equivariance",
    "Expand",
    "Fill",
    "Flatten",
    "Foreign",
    "Gather",
    "GatherElements",
    "Gelu",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNorm",
    "Largest",
    "LeakyRelu",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Operation",
    "PRelu",
    "Pad",
    "Part",
    "Quantize",
    "Range",
    "Reduce",
    "Relu",
    "Repeat",
    "Reshape",
    "ScatterElements",
    "ShapeOf",
    "Sigmoid",
    "Silu",
    "Slice",
    "Softmax",
    "Softplus",
    "Squeeze",
    "Tanh",
    "TanhGelu",
    "Transpose",
    "Unread",
    "Unsqueeze",
    "as_dictionary",
]
