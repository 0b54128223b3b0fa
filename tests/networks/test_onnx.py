"""ONNX files: every operator, and what graphs look like, against ONNX Runtime."""

import numpy as np
import onnx
import pytest

from dcsc import DcscError, TooLargeError, networks
from dcsc.networks import operations as ops
from dcsc.networks.operations import FOREIGN
from dcsc.networks.readers.translation import TRANSLATIONS
from tests.networks.graphs import assert_agrees, model, node, operation, saved
from tests.networks.operators import CASES, RNG, STATISTICS, some, whole


@pytest.mark.parametrize(
    ("kind", "nodes", "inputs", "constants", "opset"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_an_operator(kind, nodes, inputs, constants, opset, tmp_path):
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


def said_of(path, inputs, made):
    """Return what is said of a graph that cannot be run, or not to its end: it says where."""
    try:
        stops = networks.load(path).forward(inputs).stops
    except DcscError as error:
        text = str(error)
        step = text.startswith("ConvNetwork.forward: ")  # which goes on with its name
        assert step or made.op_type in text or path.name in text, text
        return text
    return "; ".join(map(str, stops))


@pytest.mark.parametrize(
    ("kind", "nodes", "inputs", "constants", "opset"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_an_operator_that_lacks_something_is_refused_or_read(
    kind, nodes, inputs, constants, opset, tmp_path
):
    """Nothing but a DcscError is raised, which says where; something that is needed is missed."""
    (made,) = (n for n in nodes if n.op_type == kind)
    told = []
    for changed in changes(made):
        steps = [changed if n is made else n for n in nodes]
        path = saved(model(steps, inputs, constants, opset=opset), tmp_path)
        told.append(said_of(path, inputs, changed))
    computed = {**inputs, **constants}  # and with everything computed when the file is read
    for changed in changes(made):
        steps = [changed if n is made else n for n in nodes]
        path = saved(model(steps, {"unused": inputs["x"]}, computed, opset=opset), tmp_path)
        told.append(said_of(path, inputs["x"], changed))
    assert any(told)


def test_every_operator_that_is_translated_has_a_case():
    refused = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
    assert set(TRANSLATIONS) - refused | {"Split"} <= {kind for kind, *_ in CASES}


FLOATING = set(FOREIGN) - {"DequantizeLinear"}  # whose numbers are whole


def with_more_digits(value):
    """Return an array with as many digits as float64 has, of which float32 knows the first."""
    if value.dtype.kind != "f":
        return value
    return value * (1 + 1e-10 * RNG.normal(size=value.shape))


@pytest.mark.parametrize(
    ("nodes", "inputs", "constants", "opset"),
    [case[1:] for case in CASES if case[0] in FLOATING],
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES) if case[0] in FLOATING],
)
def test_what_the_reference_runs_has_the_digits_of_float64(
    nodes, inputs, constants, opset, tmp_path
):
    network = networks.load(saved(model(nodes, inputs, constants, opset=opset), tmp_path))
    wide = {name: with_more_digits(value) for name, value in inputs.items()}
    narrow, result = network.forward(inputs)["out"], network.forward(wide)["out"]
    if narrow.dtype.kind != "f":
        assert result.dtype == narrow.dtype
        return
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, narrow, rtol=1e-4, atol=1e-5)
    rounded = np.round(result) == result
    assert rounded.all() or np.any(result.astype(np.float32) != result)


def test_what_the_reference_runs_is_run_in_float64_where_that_comes_in(tmp_path):
    nodes = [
        node("LayerNormalization", "x g", "n"),
        node("Mish", "n", "m"),
        node("Resize", "m _ s", "out", mode="linear"),
    ]
    signal, gain = some(2, 3, 8), some(8)
    scales = np.array([1, 1, 2], np.float32)
    made = model(nodes, {"x": signal}, {"g": gain, "s": scales})
    wide = networks.load(saved(made, tmp_path)).forward(signal.astype(np.float64))["out"]
    # By hand: norm, z · tanh(log(1 + exp(z))), and the mean of two neighbours, one of them thrice.
    centred = signal.astype(np.float64) - signal.astype(np.float64).mean(axis=-1, keepdims=True)
    z = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(1e-5)) * gain
    y = np.pad(z * np.tanh(np.log1p(np.exp(z))), [(0, 0), (0, 0), (1, 1)], "edge")
    near, before, after = y[..., 1:-1], y[..., :-2], y[..., 2:]
    expected = np.stack([0.75 * near + 0.25 * before, 0.75 * near + 0.25 * after], axis=-1)
    assert wide.dtype == np.float64
    np.testing.assert_allclose(wide, expected.reshape(2, 3, 16), rtol=1e-12)


@pytest.mark.parametrize(("step", "constants"), [
    (node("Tile", "x k", "out"), {"k": whole(1, 2**20, 2**20)}),
    (node("Tile", "x k", "out"), {"k": whole(2**40, 1, 0)}),
    (node("Tile", "x k", "out"), {"k": whole(1, 2**40, -1)}),
    (node("Resize", "x _ _ k", "out", mode="linear"), {"k": whole(1, 2**26, 1)}),
    (node("Pad", "x k _ a", "out"), {"k": whole(2**20, 2**20, 0, 0), "a": whole(1, 2)}),
    (node("CenterCropPad", "x k", "out", axes=[0, 2]), {"k": whole(2**20, 2**20)}),
    (node("OneHot", "i k v", "out"), {"i": whole(1, 2), "k": np.array(2**40), "v": whole(0, 1)}),
    (node("HannWindow", "k", "out"), {"k": np.array(2**40)}),
    (node("Einsum", "r r", "out", equation="i,j"), {"r": np.ones(2**14, np.float32)}),
    (node("Resize", "x _ _ k", "out"), {"k": whole(1, 2**40, 1)}),
    (node("Resize", "x _ k", "out"), {"k": np.array([1, 2.0**20, 2.0**20], np.float32)}),
    (node("Resize", "x _ _ k", "out"), {"k": whole(1, 2**20, 2**20)}),
])  # fmt: skip
def test_what_would_be_too_large_is_refused_before_it_is_made(step, constants, tmp_path):
    inputs = {"x": some(1, 3, 8)}
    made = model([step], inputs, constants)
    with pytest.raises(TooLargeError, match="expected at most 134217728 entries"):
        networks.load(saved(made, tmp_path)).forward(inputs)


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


INNER = onnx.helper.make_graph([node("Relu", "x", "y")], "inner", [], [])


@pytest.mark.parametrize(("step", "reason"), [
    (node("BatchNormalization", "z s s s s", "y", training_mode=1),
     "it is in training mode, where the batch decides"),
    (node("Add", "z s", "y", axis=1),
     "its attribute 'axis' is not known in version 18 of the operators"),
    (node("Dropout", "z half on", "y"), "it is in training mode, where chance decides"),
    (node("RoiAlign", "z s i", "y"), "no operation of dcsc does this"),
    (node("Cast", "z", "y", to=onnx.TensorProto.FLOAT8E5M2), "it rounds to FLOAT8E5M2"),
    (node("Dropout", "z", "first y"), "only its first result is computed"),
    (node("SequenceMap", "z", "y", body=INNER),
     "it holds a graph of its own, which decides while it runs what is computed"),
    (node("Strange", "z", "y", domain="somewhere"), "the operators of 'somewhere' are not known"),
])  # fmt: skip
def test_what_is_not_run_is_named_and_the_rest_runs(step, reason, tmp_path):
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
        "half": np.float32(0.5),
        "on": np.array(True),
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
