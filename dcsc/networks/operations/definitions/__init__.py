"""ONNX operators by their definition, where the reference implementation errs or takes minutes.

Each is a function of the version of the operators, the attributes and the inputs, with None for
those that are left out, to the tuple of its results; a line in `DEFINITIONS` names it.
"""

from collections.abc import Callable

from dcsc._arrays import Array
from dcsc.networks.operations.definitions import (
    grids,
    norms,
    picking,
    quantized,
    recurrent,
    states,
    sums,
    transforms,
    windows,
)
from dcsc.networks.operations.definitions.resizing import resize

__all__ = ["DEFINITIONS"]

DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "AffineGrid": grids.affine_grid,
    "CastLike": picking.cast_like,
    "CausalConvWithState": states.causal_conv,
    "Col2Im": windows.column_to_image,
    "Conv": windows.convolve,
    "ConvTranspose": windows.scatter,
    "DFT": transforms.dft,
    "DeformConv": grids.deform_conv,
    "DequantizeLinear": quantized.dequantize,
    "Einsum": sums.einsum,
    "GRU": recurrent.gru,
    "GridSample": grids.grid_sample,
    "GlobalLpPool": windows.global_power_pool,
    "GroupNormalization": norms.group_norm,
    "Hardmax": norms.hardmax,
    "LSTM": recurrent.lstm,
    "LinearAttention": states.linear_attention,
    "LpNormalization": norms.to_unit_norm,
    "LpPool": windows.power_pool,
    "MaxPool": windows.max_pool,
    "MaxUnpool": windows.max_unpool,
    "MeanVarianceNormalization": norms.mean_variance,
    "PRelu": norms.slopes,
    "Pad": picking.pad,
    "RNN": recurrent.rnn,
    "Resize": resize,
    "STFT": transforms.stft,
    "TopK": picking.top_k,
    "Unique": picking.unique,
    "Upsample": resize,
}
