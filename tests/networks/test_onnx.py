"""ONNX files: every operator, and what graphs look like, against ONNX Runtime."""

import contextlib

import numpy as np
import onnx
import pytest

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from dcsc.networks.readers.translation import TRANSLATIONS
from tests.networks.graphs import assert_agrees, model, node, operation, saved

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
    case("MaxPool", X2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    case("MaxPool", X2, kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1),
    case("MaxPool", X2, kernel_shape=[2, 2], dilations=[2, 3]),
    case("MaxPool", X1, kernel_shape=[3], auto_pad="SAME_UPPER", strides=[2]),
    case("MaxPool", X2, kernel_shape=[2, 4], auto_pad="SAME_UPPER", strides=[1, 1]),
    case("MaxPool", X2, kernel_shape=[2, 4], auto_pad="SAME_LOWER", strides=[1, 1]),
    case("AveragePool", X2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    case("AveragePool", X2, kernel_shape=[3, 2], pads=[1, 0, 1, 1], count_include_pad=1),
    case("AveragePool", X2, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
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
    case("Clip", X2, {"high": np.float32(0.5)}, more="x  high".replace("  ", " _ ")),
    case("Clip", {"x": whole(-3, 0, 9)}, {"low": np.array(0), "high": np.array(5)}),
    case("Relu", {"x": whole(-3, 0, 9)}),
    case("Clip", X2, opset=6, min=-0.5, max=0.5),
    case("Softmax", X2, axis=1),
    case("Softmax", X2, opset=11, axis=2),
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
    case("ReduceMax", X2, {"a": whole(1, 3)}, keepdims=0),
    case("ReduceMean", X2, opset=13, axes=[2]),
    case("ReduceMin", X2),
    case("ReduceSum", X2, {"a": whole(-1)}),
    case("ReduceSum", X2, noop_with_empty_axes=1),
    case("ReduceL2", X2, {"a": whole(1)}),
    *(case(k, POSITIVE) for k in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg")),
    *(case(k, POSITIVE) for k in ("Reciprocal", "Round", "Sign", "Sin", "Sqrt")),
    *(case(k, PAIR) for k in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")),
    *(case(k, PAIR) for k in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")),
    *(case(k, TRUTH) for k in ("And", "Or")),
    case("Not", {"x": TRUTH["x"]}),
    case("Pow", POSITIVE, {"e": whole(2)}),
    case("Div", {"x": whole(7, -7, 9)}, {"y": whole(2, 2, 3)}),
    case("Where", {"c": TRUTH["x"], "x": some(2, 3), "y": some(1, 3)}),
    ("Constant", [node("Constant", "", "c", value_ints=[2]), node("Expand", "x c", "out")],
     {"x": some(1)}, {}, 18),
    ("Constant", [node("Constant", "", "c", value_float=0.5), node("Add", "x c", "out")],
     FLAT, {}, 18),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "nodes", "inputs", "constants", "opset"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_an_operator(kind, nodes, inputs, constants, opset, tmp_path):
    for made in nodes:  # an optional input that is left out has an empty name
        made.input[:] = [name.replace("_", "") for name in made.input]
    assert_agrees(saved(model(nodes, inputs, constants, opset=opset), tmp_path), inputs)


def changes(made):
    """Yield copies of a node that each lack something, or have something else in its place."""
    for place in range(len(made.input)):
        copy = onnx.NodeProto.FromString(made.SerializeToString())
        del copy.input[place]
        yield copy
    for place, attribute in enumerate(made.attribute):
        copy = onnx.NodeProto.FromString(made.SerializeToString())
        del copy.attribute[place]
        yield copy
        for value in ("text", [3, -7, 1], 2.5, [0]):
            other = onnx.NodeProto.FromString(copy.SerializeToString())
            other.attribute.append(onnx.helper.make_attribute(attribute.name, value))
            yield other
    copy = onnx.NodeProto.FromString(made.SerializeToString())
    copy.attribute.append(onnx.helper.make_attribute("axes", "text"))
    yield copy


@pytest.mark.parametrize(
    ("kind", "nodes", "inputs", "constants", "opset"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_an_operator_that_lacks_something_is_refused_or_read(
    kind, nodes, inputs, constants, opset, tmp_path
):
    (made,) = (n for n in nodes if n.op_type == kind)
    for changed in changes(made):
        steps = [changed if n is made else n for n in nodes]
        path = saved(model(steps, inputs, constants, opset=opset), tmp_path)
        with contextlib.suppress(DcscError):  # and nothing else
            networks.load(path).forward(inputs)
    computed = {**inputs, **constants}  # and with everything computed when the file is read
    for changed in changes(made):
        steps = [changed if n is made else n for n in nodes]
        path = saved(model(steps, {"unused": inputs["x"]}, computed, opset=opset), tmp_path)
        with contextlib.suppress(DcscError):
            networks.load(path).forward(inputs["x"])


def test_every_operator_that_is_read_has_a_case():
    assert set(TRANSLATIONS) == {kind for kind, *_ in CASES}


# ---- graphs ------------------------------------------------------------------------------------


def test_a_residual_network_with_branches(tmp_path):
    constants = {
        "w0": some(4, 3, 3, 3),
        "w1": some(4, 4, 3, 3),
        "w2": some(4, 4, 1, 1),
        "w3": some(5, 8, 3, 3),
        **STATISTICS,
    }
    nodes = [
        node("Conv", "x w0", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "r"),
        node("Conv", "r w1", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c g b m v", "n"),
        node("Add", "n r", "sum"),
        node("Relu", "sum", "s"),
        node("Conv", "r w2", "side"),
        node("Concat", "s side", "both", axis=1),
        node("Conv", "both w3", "d"),
        node("LeakyRelu", "d", "e"),
        node("GlobalAveragePool", "e", "out"),
    ]
    inputs = {"x": some(2, 3, 7, 6)}
    path = saved(model(nodes, inputs, constants, outputs="out s"), tmp_path)
    network, found = assert_agrees(path, inputs)
    stem, inner, side, last = network.convolutions
    assert (stem.order, stem.then) == (("activation",), ("Convolve", "Add", "Convolve"))
    assert (inner.order, inner.then, inner.code) == (("norm",), ("Add",), "n")
    assert (side.order, side.then) == ((), ("Concatenate",))
    assert (last.order, last.output, last.then) == (("activation", "pool"), "out", ())
    assert [layer.below for layer in found.chain] == [None, "a", "a", None]
    assert found.chain[3].reason == "its signal is made by Concatenate, which lets no scale through"


def test_a_bias_and_a_factor_that_are_steps_of_their_own_become_the_convolution_s(tmp_path):
    constants = {
        "w": some(5, 3, 3),
        "b": some(5, 1),
        "f": some(1, 5, 1),
        "c": some(5),
        "l": some(5, 4),
    }
    nodes = [
        node("Constant", "", "k", value=onnx.numpy_helper.from_array(some(1))),
        node("Conv", "x w", "z"),
        node("Add", "b z", "zb"),
        node("Mul", "zb f", "zf"),
        node("Sub", "zf b", "zs"),
        node("Div", "zs k", "zd"),
        node("Relu", "zd", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 1]),
        node("MatMul", "t l", "u"),
        node("Constant", "", "h", value_floats=[0.5, 1.0, 1.5, 2.0]),
        node("Add", "u h", "out"),
    ]
    inputs = {"x": some(2, 3, 8)}
    network, _ = assert_agrees(saved(model(nodes, inputs, constants), tmp_path), inputs)
    kinds = [type(step.operation) for step in network.graph.nodes]
    assert kinds == [ops.Convolve, ops.Relu, ops.Transpose, ops.Linear]
    (convolution,) = network.convolutions
    assert (convolution.name, convolution.coefficients) == ("z", "zd")


@pytest.mark.parametrize("step", [
    node("Sub", "b z", "y"),            # the constant comes first
    node("Add", "z wide", "y"),         # a number per sample of the signal
    node("Pow", "z b", "y"),
])  # fmt: skip
def test_what_is_no_bias_stays_a_step(step, tmp_path):
    constants = {"w": some(5, 3, 3), "b": np.full((5, 1), 2, np.float32), "wide": some(6)}
    nodes = [node("Conv", "x w", "z"), step, node("Relu", "y", "out")]
    inputs = {"x": some(2, 3, 8)}
    network, _ = assert_agrees(saved(model(nodes, inputs, constants), tmp_path), inputs)
    assert len(network.graph.of_kind(ops.Elementwise)) == 1


def test_a_bias_stays_a_step_where_the_coefficients_are_used_twice(tmp_path):
    nodes = [node("Conv", "x w", "z"), node("Add", "z b", "y"), node("Mul", "z y", "out")]
    inputs = {"x": some(2, 3, 8)}
    constants = {"w": some(5, 3, 3), "b": some(5, 1)}
    network, _ = assert_agrees(saved(model(nodes, inputs, constants), tmp_path), inputs)
    assert operation(network, ops.Convolve).bias is None


def test_zero_padding_and_swish_become_one_step(tmp_path):
    constants = {"w": some(5, 3, 3), "p": whole(0, 0, 1, 0, 0, 2)}
    nodes = [
        node("Pad", "x p", "padded"),
        node("Conv", "padded w", "z", pads=[1, 1]),
        node("Sigmoid", "z", "s"),
        node("Mul", "z s", "out"),
    ]
    inputs = {"x": some(2, 3, 8)}
    network, _ = assert_agrees(saved(model(nodes, inputs, constants), tmp_path), inputs)
    (convolution,) = network.convolutions
    assert convolution.padding == ((2, 3),)
    assert convolution.activation == ops.Silu()


def test_shapes_that_are_computed(tmp_path):
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "batch"),
        node("Unsqueeze", "batch zero_list", "rows"),
        node("Concat", "rows left", "new", axis=0),
        node("Reshape", "x new", "flat"),
        node("Split", "flat sizes", "one two", axis=1),
        node("Mul", "one one", "square"),
        node("Pad", "two widths", "wider"),
        node("Add", "square wider", "out"),
    ]
    constants = {
        "zero": np.array(0),
        "zero_list": whole(0),
        "left": whole(-1),
        "sizes": whole(4, 2),
    }
    inputs = {"x": some(3, 2, 3), "widths": whole(0, 1, 0, 1)}
    assert_agrees(saved(model(nodes, inputs, constants), tmp_path), inputs)


def test_constants_alone_are_computed_when_the_file_is_read(tmp_path):
    nodes = [
        node("Add", "half half", "w"),
        node("Conv", "x w", "out"),
    ]
    inputs = {"x": some(1, 3, 8)}
    network, _ = assert_agrees(
        saved(model(nodes, inputs, {"half": some(2, 3, 3)}), tmp_path), inputs
    )
    assert len(network.graph.nodes) == 1


def test_half_precision_is_widened_and_said(tmp_path):
    nodes = [node("Conv", "x w", "z"), node("Relu", "z", "out")]
    weight = some(2, 3, 3).astype(np.float16)
    inputs = {"x": some(1, 3, 8).astype(np.float16)}
    network = networks.load(saved(model(nodes, inputs, {"w": weight}), tmp_path))
    assert network.notes == ("1 tensors are of half precision, computed with as float32",)
    np.testing.assert_array_equal(network.convolutions[0].weight, weight.astype(np.float32))


def test_float64_inputs_are_computed_in_float64(tmp_path):
    nodes = [node("Conv", "x w", "z"), node("Sigmoid", "z", "out")]
    signal, weight = some(1, 3, 8), some(2, 3, 3)
    network = networks.load(saved(model(nodes, {"x": signal}, {"w": weight}), tmp_path))
    found = network.forward(signal.astype(np.float64))["out"]
    windows = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), 3, axis=2)
    coefficients = np.einsum("bcpk,nck->bnp", windows, weight.astype(np.float64))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-coefficients)), rtol=1e-14)


def test_external_data_beside_the_file(tmp_path):
    nodes = [node("Conv", "x w", "out")]
    inputs, weight = {"x": some(1, 3, 8)}, some(64, 3, 3)
    made = model(nodes, inputs, {"w": weight})
    onnx.save(
        made, tmp_path / "net.onnx", save_as_external_data=True, location="data", size_threshold=0
    )
    assert_agrees(tmp_path / "net.onnx", inputs)


@pytest.mark.parametrize(("step", "reason"), [
    (node("LSTM", "z", "y", hidden_size=3), "no operation of dcsc does this"),
    (node("Conv", "z z", "y"), "its input 'z' is computed at run time"),
    (node("Conv", "z cube", "y"), "its filters have 3 spatial axes, not one or two"),
    (node("ConvTranspose", "z w", "y", output_shape=[9]),
     "its padding follows from an output shape"),
    (node("Gemm", "z w", "y", transA=1), "its data are transposed"),
    (node("BatchNormalization", "z s s s s", "y", training_mode=1),
     "it is in training mode, where the batch decides"),
    (node("PRelu", "z w", "y"), "its slopes have shape (2, 3, 3), not one per channel"),
    (node("Gelu", "z", "y", approximate="tanh"), "it is the approximation by a hyperbolic tangent"),
    (node("Pad", "z i _ i", "y"), "it pads chosen axes"),
    (node("ArgMax", "z", "y", select_last_index=1), "it takes the last of several"),
    (node("ScatterElements", "z i z", "y", reduction="add"), "it combines entries"),
    (node("Resize", "z _ _ i", "y"), "it is told a size, not by how much it enlarges"),
    (node("Resize", "z _ two", "y", mode="linear"),
     "it does not repeat samples a whole number of times"),
    (node("Resize", "z _ two", "y", nearest_mode="ceil"),
     "it rounds the places 'half_pixel' by 'ceil'"),
    (node("Split", "z", "y y2"), "the sizes of its parts are not given"),
    (node("Strange", "z", "y", domain="somewhere"), "the operators of 'somewhere' are not known"),
    (node("MaxPool", "z", "first y", kernel_shape=[2]), "only its first result is computed"),
])  # fmt: skip
def test_what_is_not_run_is_named_and_the_rest_runs(step, reason, tmp_path):
    step.input[:] = [name.replace("_", "") for name in step.input]
    nodes = [
        node("Conv", "x w", "z"),
        step,
        node("Relu", "y", "after"),
        node("Relu", "z", "beside"),
    ]
    inputs = {"x": some(1, 3, 8)}
    constants = {
        "w": some(2, 3, 3),
        "cube": some(2, 3, 3, 3, 3),
        "s": np.abs(some(2)),
        "i": whole(1),
        "two": np.full(3, 2.0, np.float32),
    }
    made = model(nodes, inputs, constants, outputs="after beside")
    network = networks.load(saved(made, tmp_path))
    found = network.forward(inputs["x"])
    (stop,) = network.unread
    assert (stop.operation, stop.reason) == (step.op_type, reason)
    assert found.stops == (stop,)
    assert "beside" in found.values
    with pytest.raises(DcscError, match=r"'after'; stopped at .*" + step.op_type):
        found["after"]
