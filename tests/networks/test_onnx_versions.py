"""Versions of ONNX' operators: what an older or newer file means by the same name."""

import numpy as np
import onnx
import pytest

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from tests.networks.graphs import assert_agrees, model, node, saved
from tests.networks.operators import STATISTICS, some

X = {"x": some(2, 4, 6, 4)}


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_the_domain_of_the_operators_may_be_spelled_in_full(domain, tmp_path):
    made = model([node("Softmax", "x", "out")], X, opset=17)
    made.opset_import[0].domain = domain
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    found = networks.load(tmp_path / "net.onnx").forward(X["x"])["out"]
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-6)  # the last axis, since version 13


def test_a_file_without_a_version_is_refused(tmp_path):
    made = model([node("Softmax", "x", "out")], X)
    made.opset_import[0].domain = "com.example"
    with pytest.raises(DcscError, match=r"version of ONNX' own operators, got those of 'com\.exam"):
        networks.load(saved(made, tmp_path))


FOUR, PLANE = some(4), some(4, 6)
NORM = {name: value.reshape(4, 1, 1) for name, value in STATISTICS.items()}


def normed(x):
    return NORM["g"] * (x - NORM["m"]) / np.sqrt(NORM["v"] + 1e-5) + NORM["b"]


# ONNX Runtime runs none of these any more: the right values are those of the definitions.
@pytest.mark.parametrize(("step", "opset", "right"), [
    # Matched from the left: without the axis, numpy would match the last one, of the same length.
    (node("Add", "x four", "out", broadcast=1, axis=1), 6, lambda x: x + FOUR[:, None, None]),
    (node("Mul", "x four", "out", broadcast=1, axis=-3), 6, lambda x: x * FOUR[:, None, None]),
    (node("Sub", "x plane", "out", broadcast=1, axis=1), 6, lambda x: x - PLANE[:, :, None]),
    (node("Div", "x four", "out", broadcast=1), 6, lambda x: x / FOUR),
    (node("Pow", "x two", "out", broadcast=1, axis=1), 6, np.square),
    (node("PRelu", "x four", "out"), 6, lambda x: np.where(x < 0, FOUR[:, None, None] * x, x)),
    (node("BatchNormalization", "x g b m v", "out", is_test=1, spatial=1), 6, normed),
    (node("Dropout", "x", "out", is_test=1, ratio=0.5), 6, lambda x: x),
    (node("Reshape", "x", "out", shape=[0, -1]), 4, lambda x: x.reshape(2, -1)),
    (node("Relu", "x", "out", consumed_inputs=[0]), 1, lambda x: np.maximum(x, 0)),
    (node("Cast", "x", "out", to="INT32"), 5, lambda x: x.astype(np.int32)),
    (node("Pad", "x", "out", paddings=[0, 0, 1, 2, 0, 0, 0, 1]), 1,
     lambda x: np.pad(x, [(0, 0), (0, 0), (1, 0), (2, 1)])),
    (node("Upsample", "x", "out", height_scale=2.0, width_scale=3.0), 1,
     lambda x: x.repeat(2, axis=2).repeat(3, axis=3)),
])  # fmt: skip
def test_an_old_version_of_an_operator(step, opset, right, tmp_path):
    constants = STATISTICS | {"four": FOUR, "plane": PLANE, "two": np.full(4, 2, np.float32)}
    network = networks.load(saved(model([step], X, constants, opset=opset), tmp_path))
    found, expected = network.forward(X["x"])["out"], right(X["x"])
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_an_old_bias_becomes_the_convolution_s(tmp_path):
    nodes = [
        node("Conv", "x w", "c"),
        node("Add", "c b", "d", broadcast=1, axis=1),
        node("Relu", "d", "out"),
    ]
    constants = {"w": some(4, 4, 3, 1), "b": some(4)}
    (convolution,) = networks.load(
        saved(model(nodes, X, constants, opset=6), tmp_path)
    ).convolutions
    np.testing.assert_array_equal(convolution.bias, constants["b"])
    assert convolution.activation == ops.Relu()


@pytest.mark.parametrize(("step", "opset", "reason"), [
    (node("BatchNormalization", "x g b m v", "out"), 6, "it is in training mode"),
    (node("BatchNormalization", "x g b m v", "out n o p q"), 9, "it is in training mode"),
    (node("BatchNormalization", "x g b m v", "out", spatial=0), 8, "it norms every entry by"),
    (node("Dropout", "x", "out"), 6, "it is in training mode, where chance decides"),
    (node("Add", "x g", "out", axis=1), 7, "its attribute 'axis' is not known in version 7"),
    (node("Concat", "x", "out", axis=1, squeeze=1), 13, "its attribute 'squeeze' is not known"),
    (node("Gemm", "x w _ g", "out"), 13, "its input 'g' is not known"),
])  # fmt: skip
def test_what_a_version_means_otherwise_is_a_stop(step, opset, reason, tmp_path):
    constants = STATISTICS | {"w": some(4, 4)}
    path = saved(model([step], X, constants, opset=opset), tmp_path)
    assert networks.load(path).unread[0].reason.startswith(reason)


def test_attributes_that_mean_nothing_are_left_alone(tmp_path):
    nodes = [
        node("Conv", "x w", "c", kernel_shape=[3, 1]),
        node("MaxPool", "c", "p", kernel_shape=[2, 1], storage_order=1),
        node("BatchNormalization", "p g b m v", "out", momentum=0.5),
    ]
    constants = STATISTICS | {"w": some(4, 4, 3, 1)}
    assert_agrees(saved(model(nodes, X, constants, opset=19), tmp_path), X)


@pytest.mark.parametrize(("activation", "numbers"), [
    ("Relu", []), ("LeakyRelu", [0.3]), ("Clip", [0.0, 0.5]), ("Tanh", []), ("Sigmoid", []),
])  # fmt: skip
def test_a_convolution_that_was_joined_with_its_activation(activation, numbers, tmp_path):
    more = {"activation_params": numbers} if numbers else {}
    more |= {"activation": activation, "pads": [1, 0, 1, 0]}
    step = node("FusedConv", "x w b", "out", domain="com.microsoft", **more)
    made = model([step], X, {"w": some(4, 4, 3, 1), "b": some(4)})
    made.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    network, _ = assert_agrees(saved(made, tmp_path), X, ["out"])
    assert network.convolutions[0].activation.label == activation
    assert network.convolutions[0].padding == ((1, 1), (0, 0))


def test_a_convolution_that_was_joined_with_a_sum_is_a_stop(tmp_path):
    step = node("FusedConv", "x w b x", "out", domain="com.microsoft", activation="Relu")
    made = model([step], X, {"w": some(4, 4, 1, 1), "b": some(4)})
    network = networks.load(saved(made, tmp_path))
    assert network.unread[0].reason == "it joins a convolution with 'Relu' and a sum"
