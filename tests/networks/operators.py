"""Every ONNX operator that is read, as a graph of one step or two with its inputs."""

import numpy as np
import onnx

from tests.networks.graphs import node

RNG = np.random.default_rng(0)


def some(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def single(number):
    return np.array(number, np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


X2 = {"x": some(2, 4, 9, 8)}
X1 = {"x": some(2, 4, 11)}
FLAT = {"x": some(3, 6)}
POSITIVE = {"x": np.abs(some(2, 3, 5)) + 0.1}
PAIR = {"x": some(2, 3, 5), "y": some(3, 1)}
TRUTH = {"x": some(2, 3) > 0, "y": some(2, 3) > 0}


def case(kind, inputs, constants=None, opset=18, more="", **attributes):
    """A model of one operator: its inputs are those of the model and then the constants."""
    constants = constants or {}
    names = more or " ".join([*inputs, *constants])
    nodes = [node(kind, names, "out", **attributes)]
    return kind, nodes, inputs, constants, opset


W2, W1 = some(6, 4, 3, 2), some(6, 4, 4)
STATISTICS = {"g": some(4), "b": some(4), "m": some(4), "v": np.abs(some(4)) + 0.1}
INDICES = np.array([[0, 2, 1], [1, 1, 0]], np.int64)
UNIT = {"x": RNG.uniform(-0.9, 0.9, size=(2, 3, 5)).astype(np.float32)}
TIES = {"x": np.round(some(2, 4, 3, 5))}

CASES = [
    case("Conv", X2, {"w": W2, "b": some(6)}, strides=[2, 1], pads=[1, 0, 1, 0]),
    case("Conv", X2, {"w": W2}, pads=[2, 0, 1, 1]),
    case("Conv", X2, {"w": W2}, dilations=[2, 3], pads=[1, 2, 1, 2]),
    case("Conv", X2, {"w": some(6, 2, 3, 2)}, group=2, dilations=[1, 2]),
    case("Conv", X2, {"w": some(8, 1, 3, 3)}, group=4, pads=[1, 1, 1, 1]),
    # Of 9 × 8 samples, a kernel of 3 × 2 at stride 1 lacks one on the second axis: an odd number.
    case("Conv", X2, {"w": W2}, auto_pad="SAME_UPPER", strides=[1, 1]),
    case("Conv", X2, {"w": W2}, auto_pad="SAME_LOWER", strides=[1, 1]),
    case("Conv", X2, {"w": W2}, auto_pad="SAME_UPPER", strides=[2, 3]),
    case("Conv", X1, {"w": W1}, auto_pad="SAME_UPPER"),
    case("Conv", X1, {"w": W1}, auto_pad="SAME_LOWER"),
    case("Conv", X2, {"w": W2}, auto_pad="VALID"),
    case("Conv", X1, {"w": W1, "b": some(6)}, strides=[3], pads=[2, 1]),
    case("Conv", X1, {"w": some(4, 1, 5)}, group=4, dilations=[2]),
    case("ConvTranspose", X2, {"w": some(4, 3, 3, 2), "b": some(3)}, strides=[2, 3]),
    case("ConvTranspose", X2, {"w": some(4, 3, 3, 2)}, strides=[2, 2], pads=[1, 0, 1, 0]),
    case("ConvTranspose", X2, {"w": some(4, 3, 3, 3)}, strides=[2, 2], output_padding=[1, 1]),
    case("ConvTranspose", X2, {"w": some(4, 2, 3, 2)}, group=2, dilations=[2, 1]),
    case("ConvTranspose", X1, {"w": some(4, 3, 4), "b": some(3)}, strides=[2], pads=[1, 2]),
    case("ConvTranspose", X1, {"w": some(4, 3, 4)}, strides=[2], auto_pad="VALID"),
    case("MaxPool", X2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    case("MaxPool", X2, kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1),
    case("MaxPool", X2, kernel_shape=[2, 2], dilations=[2, 3]),
    case("MaxPool", {"x": some(1, 2, 2, 1)}, kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1),
    case("MaxPool", X1, kernel_shape=[3], auto_pad="SAME_UPPER", strides=[2]),
    case("MaxPool", X2, kernel_shape=[2, 4], auto_pad="SAME_UPPER", strides=[1, 1]),
    case("MaxPool", X2, kernel_shape=[2, 4], auto_pad="SAME_LOWER", strides=[1, 1]),
    case("AveragePool", X2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    case("AveragePool", X2, kernel_shape=[3, 2], pads=[1, 0, 1, 1], count_include_pad=1),
    case("AveragePool", X2, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    case("AveragePool", {"x": some(1, 2, 2, 1)}, opset=19, kernel_shape=[3, 3], strides=[2, 3],
         ceil_mode=1, pads=[0, 1, 0, 0]),
    case("AveragePool", X2, kernel_shape=[4, 2], auto_pad="SAME_UPPER", strides=[1, 1]),
    case("AveragePool", X2, kernel_shape=[4, 2], auto_pad="SAME_LOWER", strides=[1, 1]),
    case("GlobalAveragePool", X2),
    case("GlobalMaxPool", X2),
    case("BatchNormalization", X2, STATISTICS, epsilon=1e-3),
    case("BatchNormalization", {"x": some(5, 4)}, STATISTICS),
    case("InstanceNormalization", X2, {"g": some(4), "b": some(4)}, epsilon=1e-3),
    case("Gemm", FLAT, {"w": some(6, 5), "b": some(5)}, alpha=0.5, beta=2.0),
    case("Gemm", FLAT, {"w": some(5, 6), "b": some(1)}, transB=1),
    case("Gemm", FLAT, {"w": some(5, 6)}, transB=1),
    case("MatMul", FLAT, {"w": some(6, 5)}),
    case("MatMul", {"x": some(2, 3, 4), "y": some(2, 4, 3)}),
    case("MatMul", FLAT, {"w": some(4, 3)}, more="w x"),
    case("Relu", X2),
    case("LeakyRelu", X2, alpha=0.2),
    case("PRelu", X2, {"s": some(4, 1, 1)}),
    case("PRelu", X2, {"s": some(1)}),
    case("PRelu", FLAT, {"s": some(6)}),
    case("Sigmoid", X2),
    case("HardSigmoid", X2, alpha=0.3, beta=0.4),
    case("HardSwish", {"x": 4 * some(2, 3, 5)}),
    case("Tanh", X2),
    case("Elu", X2, alpha=0.7),
    case("Softplus", X2),
    case("Gelu", X2, opset=20),
    case("Clip", X2, {"low": np.float32(0), "high": np.float32(0.5)}),
    case("Clip", X2, {"high": np.float32(0.5)}, more="x _ high"),
    case("Clip", {"x": whole(-3, 0, 9)}, {"low": np.array(0), "high": np.array(5)}),
    case("Relu", {"x": whole(-3, 0, 9)}),
    case("Clip", X2, opset=6, min=-0.5, max=0.5),
    case("Softmax", X2, axis=1),
    case("Softmax", X2, opset=11, axis=2),
    case("LogSoftmax", X2, axis=1),
    case("LogSoftmax", X2),
    case("LogSoftmax", X2, opset=11),
    case("LogSoftmax", X2, opset=9, axis=2),
    case("Reshape", X2, {"s": whole(0, -1, 4)}),
    case("Flatten", X2, axis=2),
    case("Flatten", X2, axis=-1),
    case("Transpose", X2, perm=[0, 2, 3, 1]),
    case("Transpose", FLAT),
    case("Squeeze", {"x": some(2, 1, 3, 1)}, {"a": whole(1)}),
    case("Squeeze", {"x": some(2, 1, 3, 1)}, opset=11, axes=[3]),
    case("Squeeze", {"x": some(2, 1, 3, 1)}),
    case("Unsqueeze", FLAT, {"a": whole(0, -1)}),
    case("Unsqueeze", FLAT, opset=11, axes=[1]),
    case("Concat", {"x": some(2, 3, 4), "y": some(2, 1, 4)}, axis=1),
    case("Slice", X2, {"s": whole(1, 0), "e": whole(100, -1), "a": whole(2, 3), "t": whole(2, 1)}),
    case("Slice", X2, {"s": whole(-1), "e": whole(-100), "a": whole(2), "t": whole(-1)}),
    case("Slice", X2, {"s": whole(0, 1), "e": whole(1, 3)}),
    case("Slice", X2, {"s": whole(-100), "e": whole(-200), "a": whole(2), "t": whole(-1)}),
    case("Slice", X2, {"s": whole(-9), "e": whole(-200), "a": whole(2), "t": whole(-2)}),
    ("Split", [node("Split", "x", "a out", axis=1)], X2, {}, 13),
    ("Split", [node("Split", "x", "a b out", axis=2, num_outputs=3)], X1, {}, 18),
    ("Split", [node("Split", "x", "a b c out", axis=2, num_outputs=4)], X1, {}, 18),
    ("Split", [node("Split", "x s", "a out", axis=-1)], X2, {"s": whole(5, 3)}, 13),
    ("Split", [node("Split", "x", "a out", axis=3, split=[1, 7])], X2, {}, 9),
    case("Upsample", X2, {"s": np.array([1, 1, 2, 3], np.float32)}, opset=9),
    case("Upsample", X2, opset=7, scales=[1.0, 1.0, 3.0, 2.0]),
    case("Upsample", X2, {"s": np.array([1, 1, 2, 1.5], np.float32)}, opset=9, mode="linear"),
    case("Slice", X2, opset=9, starts=[1], ends=[-1], axes=[3]),
    case("Pad", X2, {"p": whole(0, 0, 1, 2, 0, 0, 3, 0), "v": np.float32(0.5)}),
    case("Pad", X2, {"p": whole(0, 0, 1, 2, 0, 0, -3, 0)}),
    case("Pad", X2, {"p": whole(0, 0, 1, 2, 0, 0, 3, 0)}, mode="reflect"),
    case("Pad", X2, {"p": whole(0, 0, 1, 2, 0, 0, 3, 0)}, mode="edge"),
    case("Pad", X2, opset=10, pads=[0, 0, 1, 2, 0, 0, 3, 0], value=0.5),
    case("Range", {"x": np.array(1), "y": np.array(9), "z": np.array(3)}),
    case("Range", {"x": single(1), "y": single(-2), "z": single(-0.5)}),
    case("Resize", X2, {"s": np.array([1, 1, 2, 3], np.float32)}, more="x _ s"),
    case("Resize", X2, {"s": np.array([1, 1, 4, 1], np.float32)}, more="x _ s",
         coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    case("Resize", X2, {"s": np.array([1, 1, 2, 5], np.float32)}, more="x _ s",
         nearest_mode="round_prefer_ceil"),
    case("Resize", X2, {"s": np.array([1, 1, 2, 2], np.float32)}, opset=10, mode="nearest"),
    case("Resize", X2, {"s": np.array([1, 1, 2, 1.5], np.float32)}, opset=10, mode="linear"),
    case("Resize", X2, {"s": np.array([1, 1, 2, 1], np.float32)}, more="x _ s", axes=[0, 1, 3, 2]),
    case("Resize", X2, {"s": np.array([3, 2], np.float32)}, more="x _ s", axes=[-1, 2]),
    case("Shape", X2, start=1, end=3),
    case("Shape", X2),
    case("ConstantOfShape", {"x": whole(2, 3)}, value=onnx.numpy_helper.from_array(whole(7))),
    case("ConstantOfShape", {"x": whole(2, 3)}),
    case("Expand", {"x": some(3, 1)}, {"s": whole(2, 1, 4)}),
    case("Gather", X2, {"i": INDICES}, axis=1),
    case("GatherElements", {"x": some(2, 3)}, {"i": INDICES}, axis=1),
    case("ScatterElements", {"x": some(2, 3)}, {"i": INDICES[:1], "u": some(1, 3)}, axis=1),
    case("ArgMax", X2, axis=1, keepdims=0),
    case("Cast", X2, to=onnx.TensorProto.INT64),
    case("Cast", {"x": whole(1, 2)}, to=onnx.TensorProto.FLOAT),
    case("Cast", X2, to=onnx.TensorProto.DOUBLE),
    case("Identity", X2),
    case("Dropout", X2),
    case("Dropout", X2, {"r": single(0.5), "t": np.array(False)}, seed=1),
    case("Dropout", X2, {"r": single(0), "t": np.array(True)}),
    case("ReduceMax", X2, {"a": whole(1, 3)}, keepdims=0),
    case("ReduceMean", X2, opset=13, axes=[2]),
    case("ReduceMin", X2),
    case("ReduceSum", X2, {"a": whole(-1)}),
    case("ReduceSum", X2, noop_with_empty_axes=1),
    case("ReduceL2", X2, {"a": whole(1)}),
    *(case(f"Reduce{k}", X2, noop_with_empty_axes=1) for k in ("L2", "L1", "SumSquare")),
    *(case(k, POSITIVE) for k in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg")),
    *(case(k, POSITIVE) for k in ("Reciprocal", "Round", "Sign", "Sin", "Sqrt")),
    *(case(k, PAIR) for k in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")),
    *(case(k, PAIR) for k in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")),
    *(case(k, TRUTH) for k in ("And", "Or")),
    case("Not", {"x": TRUTH["x"]}),
    case("Pow", POSITIVE, {"e": whole(2)}),
    case("Pow", {"x": whole(4, 9, 2)}, {"e": single(0.5)}),
    case("Pow", {"x": whole(4, 1, -1)}, {"e": whole(-1)}),
    case("Pow", {"x": whole(3, -2)}, {"e": whole(3)}),
    case("Div", {"x": whole(7, -7, 9)}, {"y": whole(2, 2, 3)}),
    case("Where", {"c": TRUTH["x"], "x": some(2, 3), "y": some(1, 3)}),
    # ---- run by the reference implementation ----
    *(case(k, X2) for k in ("Asinh", "Atan", "Cosh", "Sinh", "Tan")),
    *(case(k, UNIT) for k in ("Acos", "Asin", "Atanh")),
    case("Acosh", {"x": 1 + POSITIVE["x"]}),
    *(case(k, X2) for k in ("Celu", "Hardmax", "Mish", "Selu", "Softsign")),
    case("Celu", X2, alpha=0.7),
    case("Selu", X2, alpha=1.5, gamma=1.1),
    case("Shrink", X2, bias=0.2, lambd=0.3),
    case("ThresholdedRelu", X2, alpha=0.3),
    ("IsInf", [node("Log", "x", "l"), node("IsInf", "l", "out")], {"x": single([0, 1])}, {}, 18),
    ("IsNaN", [node("Log", "x", "l"), node("IsNaN", "l", "out")], {"x": single([-1, 1])}, {}, 18),
    case("Mean", PAIR),
    case("Mod", {"x": some(2, 3), "y": 1 + np.abs(some(2, 3))}, fmod=1),
    case("Mod", {"x": whole(7, -7, 9)}, {"y": whole(3, 3, -4)}),
    case("Xor", TRUTH),
    case("Gemm", {"x": some(6, 3)}, {"w": some(6, 5), "b": some(5)}, transA=1),
    case("LayerNormalization", X2, {"g": some(9, 8), "b": some(9, 8)}, axis=2, epsilon=1e-3),
    case("LayerNormalization", X2, {"g": some(8)}),
    case("ArgMax", TIES, axis=1, select_last_index=1),
    case("ArgMin", TIES, axis=1),
    case("ArgMin", TIES, axis=-1, keepdims=0, select_last_index=1),
    case("CumSum", X2, {"a": np.array(1)}),
    case("CumSum", X2, {"a": np.array(-1)}, exclusive=1, reverse=1),
    *(case(f"Reduce{k}", POSITIVE, {"a": whole(1)}) for k in ("L1", "LogSum", "LogSumExp")),
    *(case(f"Reduce{k}", POSITIVE, {"a": whole(0, 2)}, keepdims=0) for k in ("Prod", "SumSquare")),
    *(case(f"Reduce{k}", X2, opset=11, axes=[1, 3]) for k in ("L1", "LogSumExp", "SumSquare")),
    case("DepthToSpace", X2, blocksize=2),
    case("DepthToSpace", X2, blocksize=2, mode="CRD"),
    case("SpaceToDepth", {"x": some(2, 3, 6, 4)}, blocksize=2),
    case("GatherND", X2, {"i": whole(0, 1, 1, 2).reshape(2, 2)}),
    case("ScatterND", X2, {"i": whole(0, 1, 1, 2).reshape(2, 2), "u": some(2, 9, 8)}),
    case("ScatterElements", {"x": some(2, 3)}, {"i": INDICES[:1], "u": some(1, 3)}, axis=1,
         reduction="add"),
    case("NonZero", TIES),
    case("Size", X2),
    case("Tile", X2, {"r": whole(1, 2, 1, 3)}),
    case("Trilu", X2, {"k": np.array(1)}, upper=0),
    case("Trilu", X2),
    case("Resize", X2, {"s": np.array([1, 1, 2, 3], np.float32)}, more="x _ s", mode="linear"),
    case("Resize", X2, {"s": np.array([1, 1, 0.6, 2.3], np.float32)}, more="x _ s", mode="linear",
         coordinate_transformation_mode="asymmetric"),
    case("Resize", X2, {"s": np.array([1, 1, 0.6, 2.3], np.float32)}, more="x _ s", mode="linear",
         coordinate_transformation_mode="pytorch_half_pixel"),
    case("Resize", X2, {"s": np.array([1, 1, 0.6, 2.3], np.float32)}, more="x _ s",
         nearest_mode="ceil"),
    case("Resize", X2, {"s": whole(2, 4, 13, 5)}, more="x _ _ s", mode="linear",
         coordinate_transformation_mode="align_corners"),
    case("Resize", X2, {"s": whole(2, 4, 5, 16)}, more="x _ _ s", nearest_mode="floor"),
    # As PyTorch writes it: what is left out is empty, and a coefficient means nothing.
    case("Resize", X2, {"r": some(0), "c": some(0), "s": whole(2, 4, 13, 5)}, mode="linear",
         cubic_coeff_a=-0.75),
    case("Resize", X2, {"r": some(0), "s": np.array([1, 1, 2, 1.5], np.float32)}, mode="linear",
         cubic_coeff_a=-0.75, nearest_mode="floor"),
    ("Constant", [node("Constant", "", "c", value_ints=[2]), node("Expand", "x c", "out")],
     {"x": some(1)}, {}, 18),
    ("Constant", [node("Constant", "", "c", value_float=0.5), node("Add", "x c", "out")],
     FLAT, {}, 18),
]  # fmt: skip
