"""One line per operation and per reader: every law is tested on what the line makes.

The inputs of operations are arrays, with an ellipsis in the place of data of shape
(batch, 4, 6, 6). A reader has a function that writes a sound file into a folder.
"""

import json
import struct

import numpy as np

from dcsc.networks import operations as ops
from dcsc.networks import readers
from dcsc.networks.readers.later import Later
from dcsc.networks.readers.translation import Call, translated
from tests import extras
from tests.networks.graphs import model, node, saved

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(6, 4, 3, 2))
FOUR = RNG.normal(size=4)
INDICES = np.array([[[[2, 0, 1]]], [[[1, 1, 0]]]])

CLIP = Call("Clip", ("x", "low"), ("y",), {}, {}, 13)

OPERATIONS = {
    ops.ArgMax: (ops.ArgMax(2), (...,)),
    ops.AveragePool: (ops.AveragePool(kernel=(3, 2), stride=2, padding=1, ceil=True), (...,)),
    ops.BatchNorm: (ops.BatchNorm(FOUR, FOUR[::-1]), (...,)),
    ops.Cast: (ops.Cast("float64"), (...,)),
    ops.Clip: (ops.Clip(0, 0.5), (...,)),
    ops.Concatenate: (ops.Concatenate(1), (..., np.ones((2, 1, 6, 6)))),
    ops.Constant: (ops.Constant(FOUR), ()),
    ops.Convolve: (ops.Convolve(WEIGHT, RNG.normal(size=6), stride=(2, 1), padding=1), (...,)),
    ops.ConvolveTransposed: (ops.ConvolveTransposed(RNG.normal(size=(4, 3, 2, 2))), (...,)),
    ops.Dequantize: (ops.Dequantize(), (..., FOUR)),
    ops.Elementwise: (ops.Elementwise("Add"), (..., np.ones((4, 1, 1)))),
    ops.Elu: (ops.Elu(0.5), (...,)),
    ops.Expand: (ops.Expand(), (np.ones((3, 1)), np.array([2, 1, 4]))),
    ops.Fill: (ops.Fill(2.5), (np.array([2, 3]),)),
    ops.Flatten: (ops.Flatten(), (...,)),
    ops.Foreign: (ops.Foreign("LayerNormalization", 17, {"axis": 2}, (0, 1)), (..., np.ones(6))),
    ops.Gather: (ops.Gather(1), (..., np.array([0, 3]))),
    ops.GatherElements: (ops.GatherElements(3), (..., INDICES)),
    ops.Gelu: (ops.Gelu(), (...,)),
    ops.GlobalAveragePool: (ops.GlobalAveragePool(), (...,)),
    ops.GlobalMaxPool: (ops.GlobalMaxPool(), (...,)),
    ops.GroupNorm: (ops.GroupNorm(FOUR, FOUR[::-1], 2), (...,)),
    ops.HardSigmoid: (ops.HardSigmoid(), (...,)),
    ops.HardSwish: (ops.HardSwish(), (...,)),
    ops.Identity: (ops.Identity(), (...,)),
    ops.InstanceNorm: (ops.InstanceNorm(FOUR, FOUR), (...,)),
    ops.Largest: (ops.Largest(1), (..., np.array([3]))),
    Later: (Later(CLIP, 0, translated), (..., np.array(-0.5))),
    ops.LeakyRelu: (ops.LeakyRelu(0.2), (...,)),
    ops.Linear: (ops.Linear(RNG.normal(size=(3, 6)), RNG.normal(size=3)), (...,)),
    ops.LocalResponseNorm: (ops.LocalResponseNorm(3, 0.5), (...,)),
    ops.LogSoftmax: (ops.LogSoftmax(1), (...,)),
    ops.MatMul: (ops.MatMul(), (..., RNG.normal(size=(6, 2)))),
    ops.MaxPool: (ops.MaxPool(kernel=(2, 3), stride=2, padding=((0, 1), (1, 0))), (...,)),
    ops.PRelu: (ops.PRelu(FOUR), (...,)),
    ops.Pad: (ops.Pad(((0, 0), (0, 0), (1, 0), (2, -1)), "reflect"), (...,)),
    ops.Part: (ops.Part(1, 4, 2), (...,)),
    ops.Quantize: (ops.Quantize(), (..., np.abs(FOUR))),
    ops.Range: (ops.Range(), (np.array(1), np.array(9), np.array(3))),
    ops.Repeat: (ops.Repeat((1, 1, 2, 3)), (...,)),
    ops.Reduce: (ops.Reduce("Sum", (2, 3)), (...,)),
    ops.Relu: (ops.Relu(), (...,)),
    ops.Reshape: (ops.Reshape((0, -1)), (...,)),
    ops.ScatterElements: (ops.ScatterElements(3), (..., INDICES, RNG.normal(size=INDICES.shape))),
    ops.ShapeOf: (ops.ShapeOf(), (...,)),
    ops.Sigmoid: (ops.Sigmoid(), (...,)),
    ops.Silu: (ops.Silu(), (...,)),
    ops.Slice: (ops.Slice(((1,), (5,), (2,), (2,))), (...,)),
    ops.Softmax: (ops.Softmax(1), (...,)),
    ops.Softplus: (ops.Softplus(), (...,)),
    ops.Squeeze: (ops.Squeeze((1,)), (np.ones((2, 1, 3)),)),
    ops.Tanh: (ops.Tanh(), (...,)),
    ops.TanhGelu: (ops.TanhGelu(), (...,)),
    ops.Transpose: (ops.Transpose((0, 2, 3, 1)), (...,)),
    ops.Unread: (ops.Unread("LSTM", "no operation of dcsc does this"), (...,)),
    ops.Unsqueeze: (ops.Unsqueeze((1,)), (...,)),
}

WHOLE = {ops.Constant, ops.Expand, ops.Fill, ops.Range, ops.ShapeOf}
"""Those that know no batch: they make arrays of numbers and shapes."""


# ---- readers -------------------------------------------------------------------------------------

LAYER = RNG.normal(size=(2, 3, 3)).astype(np.float32)
SIGNAL = np.zeros((1, 3, 8), np.float32)


def write_npz(folder, weight=LAYER):
    np.savez(folder / "net.npz", **{"a.weight": weight})
    return folder / "net.npz"


def write_safetensors(folder, weight=LAYER, shape=None, dtype="F32"):
    content = weight.tobytes()
    declared = weight.shape if shape is None else shape
    entry = {"dtype": dtype, "shape": list(declared), "data_offsets": [0, len(content)]}
    header = json.dumps({"a.weight": entry}).encode()
    path = folder / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + content)
    return path


def write_onnx(folder, weight=LAYER):
    return saved(model([node("Conv", "x w", "out")], {"x": SIGNAL}, {"w": weight}), folder)


def write_state_dict(folder, weight=LAYER):
    torch = extras.torch()
    torch.save({"a.weight": torch.tensor(weight)}, folder / "net.pt")
    return folder / "net.pt"


READERS = {
    readers.NpzReader: write_npz,
    readers.OnnxReader: write_onnx,
    readers.SafetensorsReader: write_safetensors,
    readers.StateDictReader: write_state_dict,
}
