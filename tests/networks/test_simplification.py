"""Steps that stand between a convolution and its activation, and steps that are several in one."""

import numpy as np
import onnx
import pytest

from dcsc import networks
from dcsc.networks import operations as ops
from tests.networks.graphs import assert_agrees, model, node, saved
from tests.networks.operators import single, some, whole

SIGNAL = {"x": some(2, 3, 9)}
WEIGHT = {"w": some(4, 3, 3), "b": some(4)}
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


def between(*steps, constants=None, opset=18, outputs="out"):
    """Return a model of a convolution, steps from c to d, and a rectifier."""
    nodes = [node("Conv", "x w b", "c"), *steps, node("Relu", "d", "out")]
    return model(nodes, SIGNAL, WEIGHT | (constants or {}), outputs, opset)


@pytest.mark.parametrize(("steps", "constants"), [
    ([node("Identity", "c", "d")], {}),
    ([node("Dropout", "c", "d")], {}),
    ([node("Dropout", "c half off", "d")], {"half": single(0.5), "off": np.array(False)}),
    ([node("Cast", "c", "m", to=DOUBLE), node("Cast", "m", "d", to=FLOAT)], {}),
    ([node("Identity", "c", "m"), node("Dropout", "m", "d")], {}),
    ([node("Pad", "c p", "d")], {"p": whole(0, 0, 0, 0, 0, 0)}),
    ([node("Clip", "c", "d")], {}),
    ([node("Clip", "c low high", "d")],
     {"low": np.finfo("f").min, "high": np.finfo("f").max}),
    ([node("Resize", "c _ s", "d")], {"s": np.ones(3, "f")}),
    ([node("Clip", "c low", "d")], {"low": single(-0.5)}),
    ([node("Max", "c low", "d")], {"low": single([[[0]]])}),
    ([node("Relu", "c", "d")], {}),
])  # fmt: skip
def test_a_step_that_does_nothing_does_not_hide_the_activation(steps, constants, tmp_path):
    path = saved(between(*steps, constants=constants), tmp_path)
    network, _ = assert_agrees(path, SIGNAL)
    (convolution,) = network.convolutions
    assert convolution.activation == ops.Relu()
    assert convolution.reading().without_zeros == ()


def test_a_step_that_does_nothing_stays_where_an_output_has_its_name(tmp_path):
    nodes = [node("Conv", "x w b", "c"), node("Identity", "c", "d"), node("Relu", "c", "out")]
    path = saved(model(nodes, SIGNAL, WEIGHT, "d out"), tmp_path)
    network, found = assert_agrees(path, SIGNAL)
    assert found["d"].shape == (2, 4, 7)
    assert len(network.graph.of_kind(ops.Identity)) == 1


def test_what_reads_a_step_that_does_nothing_reads_the_step_before(tmp_path):
    nodes = [
        node("Conv", "x w b", "c"),
        node("Relu", "c", "r"),
        node("Dropout", "r", "d"),
        node("Conv", "d v", "e"),
        node("Add", "e d", "out"),
    ]
    constants = WEIGHT | {"v": some(4, 4, 1)}
    network, found = assert_agrees(saved(model(nodes, SIGNAL, constants), tmp_path), SIGNAL)
    assert [layer.below for layer in found.chain] == [None, "c"]
    assert network.convolutions[0].then == ("Convolve", "Add")


@pytest.mark.parametrize("to", [onnx.TensorProto.INT64, onnx.TensorProto.BOOL])
def test_a_cast_that_does_something_stays(to, tmp_path):
    steps = [node("Cast", "c", "m", to=to), node("Cast", "m", "d", to=FLOAT)]
    network, _ = assert_agrees(saved(between(*steps), tmp_path), SIGNAL)
    assert network.convolutions[0].activation is None
    assert len(network.graph.of_kind(ops.Cast)) == 2


def test_a_cast_of_integers_to_floats_stays(tmp_path):
    inputs = {"x": whole(1, 2, 3)}
    nodes = [node("Cast", "x", "m", to=FLOAT), node("Sqrt", "m", "out")]
    network, found = assert_agrees(saved(model(nodes, inputs), tmp_path), inputs)
    assert found["out"].dtype == np.float32
    assert len(network.graph.of_kind(ops.Cast)) == 1


@pytest.mark.parametrize(("steps", "activation"), [
    ([node("Max", "c zero", "out")], ops.Relu()),
    ([node("Max", "zero c", "out")], ops.Relu()),
    ([node("Clip", "c zero", "out")], ops.Relu()),
    ([node("Max", "c zero", "d"), node("Min", "d six", "out")], ops.Clip(0, 6)),
    ([node("Min", "c six", "d"), node("Relu", "d", "out")], ops.Clip(0, 6)),
    ([node("Clip", "c less six", "d"), node("Relu", "d", "out")], ops.Clip(0, 6)),
    ([node("Relu", "c", "d"), node("Clip", "d zero six", "out")], ops.Clip(0, 6)),
    ([node("Clip", "c zero six", "d"), node("Clip", "d _ less", "out")], ops.Clip(-1, -1)),
    ([node("Max", "c less", "out")], ops.Clip(-1)),
    ([node("Max", "c many", "out")], None),
    ([node("Max", "c deep", "out")], None),
    ([node("Max", "c zero six", "out")], None),
])  # fmt: skip
def test_bounds_are_one_activation(steps, activation, tmp_path):
    constants = WEIGHT | {
        "zero": single(0),
        "six": single([0.6]).reshape(()),
        "less": single(-1),
        "many": some(4, 1),
        "deep": single([[[[0]]]]),
    }
    if isinstance(activation, ops.Clip) and activation.high == 6:
        activation = ops.Clip(0, float(constants["six"]))
    made = model([node("Conv", "x w b", "c"), *steps], SIGNAL, constants)
    network, _ = assert_agrees(saved(made, tmp_path), SIGNAL)
    assert network.convolutions[0].activation == activation


@pytest.mark.parametrize("scale", [[1, 2, 3, 4], [0, 2, 3, 4], [0, 0, 0, 0], [0, -1, 2, 0]])
def test_a_factor_of_zero_makes_a_zero_filter(scale, tmp_path):
    steps = [node("Mul", "c s", "m"), node("Add", "m h", "d")]
    constants = {"s": np.array(scale, "f").reshape(1, 4, 1), "h": some(4, 1)}
    network, _ = assert_agrees(saved(between(*steps, constants=constants), tmp_path), SIGNAL)
    (convolution,) = network.convolutions
    assert convolution.activation == ops.Relu()
    assert convolution.reading().dead == tuple(np.flatnonzero(np.array(scale) == 0))
    shifted = WEIGHT["b"] * np.array(scale) + constants["h"][:, 0]
    np.testing.assert_allclose(convolution.bias, shifted, rtol=1e-6)


def test_a_division_by_zero_stays_a_step(tmp_path):
    constants = {"s": np.array([0, 1, 2, 3], "f").reshape(4, 1)}
    made = between(node("Div", "c s", "d"), constants=constants)
    network = networks.load(saved(made, tmp_path))
    assert len(network.graph.of_kind(ops.Elementwise)) == 1


def test_integers_of_a_float64_pass_become_float64(tmp_path):
    nodes = [
        node("Shape", "x", "s"),
        node("Cast", "s", "f", to=FLOAT),
        node("Sqrt", "f", "roots"),
        node("Gather", "roots one", "root"),
        node("Div", "x root", "out"),
    ]
    path = saved(model(nodes, SIGNAL, {"one": np.array(1)}), tmp_path)
    network, _ = assert_agrees(path, SIGNAL)
    wide = SIGNAL["x"].astype(np.float64)
    found = network.forward(wide)["out"]
    np.testing.assert_allclose(found, wide / np.sqrt(3), rtol=1e-15)
    assert network.forward(SIGNAL["x"])["out"].dtype == np.float32
