"""Quantised files: weights and activations in whole steps."""

import numpy as np
import onnx
import onnxruntime
import pytest

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from dcsc.networks.analysis import analyze
from tests.networks.graphs import assert_agrees, model, node, saved
from tests.networks.operators import single, some

X = {"x": some(2, 3, 12)}
RNG = np.random.default_rng(1)
WEIGHT = RNG.integers(-127, 128, (4, 3, 3)).astype(np.int8)
UNITS = np.abs(RNG.normal(size=4)).astype(np.float32) / 100
CONSTANTS = {
    "wq": WEIGHT,
    "ws": UNITS,
    "wz": np.zeros(4, np.int8),
    "bq": RNG.integers(-90, 90, 4).astype(np.int32),
    "bs": UNITS / 50,
    "bz": np.zeros(4, np.int32),
    "s": single(0.02),
    "z": np.array(0, np.uint8),
    "zi": np.array(-10, np.int8),
}


def test_quantised_weights_are_constants(tmp_path):
    nodes = [
        node("DequantizeLinear", "wq ws wz", "w", axis=0),
        node("DequantizeLinear", "bq bs bz", "b", axis=0),
        node("Conv", "x w b", "c"),
        node("Relu", "c", "out"),
    ]
    network, _ = assert_agrees(saved(model(nodes, X, CONSTANTS), tmp_path), X)
    (convolution,) = network.convolutions
    expected = WEIGHT * UNITS[:, None, None]
    np.testing.assert_allclose(convolution.weight, expected, rtol=1e-6)
    assert convolution.activation == ops.Relu()
    assert network.notes == ()


def rounded(*steps):
    """Return a model whose activations are rounded, at the input and after each step."""
    nodes = [
        node("QuantizeLinear", "x s zi", "xq"),
        node("DequantizeLinear", "xq s zi", "xd"),
        node("DequantizeLinear", "wq ws wz", "w", axis=0),
        node("Conv", "xd w", "c"),
        *steps,
    ]
    return model(nodes, X, CONSTANTS)


@pytest.mark.parametrize("steps", [
    # The rounding to unsigned integers is the rectifier: no other is in the file.
    [node("QuantizeLinear", "c s z", "q"), node("DequantizeLinear", "q s z", "out")],
    [node("Relu", "c", "r"),
     node("QuantizeLinear", "r s z", "q"), node("DequantizeLinear", "q s z", "out")],
    [node("QuantizeLinear", "c s z", "q"), node("DequantizeLinear", "q s z", "d"),
     node("Relu", "d", "out")],
])  # fmt: skip
def test_roundings_are_left_out_and_their_bounds_are_kept(steps, tmp_path):
    path = saved(rounded(*steps), tmp_path)
    network = networks.load(path)
    (convolution,) = network.convolutions
    high = 255 * float(CONSTANTS["s"])
    assert convolution.activation == ops.Clip(0, high)
    assert convolution.reading().without_zeros == ()
    assert network.notes == (
        "2 roundings of activations to whole steps are left out, their bounds are kept",
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (exact,) = session.run(None, X)
    found = network.forward(X["x"])["out"]
    # Half a step at the input, through all taps, and half a step at the output.
    taps = np.abs(convolution.weight).sum(axis=(1, 2))[:, None]
    assert np.all(np.abs(found - exact) <= (taps / 2 + 0.5) * CONSTANTS["s"] + 1e-5)
    assert np.abs(found - exact).max() > 0
    assert exact.max() <= high + 1e-6


def test_a_rounding_that_comes_back_in_other_units_stays(tmp_path):
    steps = [node("QuantizeLinear", "c s z", "q"), node("DequantizeLinear", "q t z", "out")]
    made = rounded(*steps)
    made.graph.initializer.append(_tensor("t", single(0.03)))
    network = networks.load(saved(made, tmp_path))
    assert len(network.graph.of_kind(ops.Quantize)) == 1
    assert network.notes[0].startswith("1 roundings")


def _tensor(name, value):
    (tensor,) = model([node("Identity", "x", "out")], X, {name: value}).graph.initializer
    return tensor


def test_what_computes_in_integers_is_named(tmp_path):
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s2 z2"),
        node("ConvInteger", "q wq z2", "c"),
        node("Cast", "c", "out", to=1),
    ]
    network = networks.load(saved(model(nodes, X, CONSTANTS), tmp_path))
    with pytest.raises(DcscError) as error:
        analyze(network)
    assert "found none in net.onnx; not read: " in str(error.value)
    assert "1 ConvInteger (it computes with quantised numbers: give the file before" in str(
        error.value
    )


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "INT2", "FLOAT8E4M3FN", "FLOAT8E5M2"])
def test_weights_of_few_bits_are_constants(kind, tmp_path):
    numbers = np.arange(24).reshape(4, 3, 2) % 4 - (kind.startswith("INT")) * 2
    made = model(
        [node("DequantizeLinear", "wq ws", "w", axis=1, block_size=2), node("Conv", "x w", "out")],
        {"x": some(1, 3, 8)},
        {"ws": np.abs(some(4, 2, 2))},
        opset=26,
    )
    tensor = onnx.helper.make_tensor(
        "wq", getattr(onnx.TensorProto, kind), (4, 3, 2), numbers.ravel()
    )
    made.graph.initializer.append(tensor)
    units = onnx.numpy_helper.to_array(made.graph.initializer[0])
    (convolution,) = networks.load(saved(made, tmp_path)).convolutions
    np.testing.assert_allclose(convolution.weight, numbers * units[:, [0, 0, 1]], rtol=1e-6)


def test_a_rounding_to_few_bits_is_a_stop(tmp_path):
    made = model(
        [node("QuantizeLinear", "x s z", "out")], {"x": some(1, 3)}, {"s": single(0.1)}, opset=26
    )
    made.graph.initializer.append(onnx.helper.make_tensor("z", onnx.TensorProto.INT4, (), [0]))
    network = networks.load(saved(made, tmp_path))
    assert network.unread[0].reason == "it rounds to numbers of few bits"
