"""Networks: what goes in, what comes out, and what is said of it."""

from types import SimpleNamespace

import numpy as np
import pytest

import dcsc
from dcsc import DcscError, networks
from dcsc._words import quoted
from dcsc.networks import Graph, Input, Node
from dcsc.networks import operations as ops
from dcsc.networks.analysis import analyze

RNG = np.random.default_rng(0)
CONV = ops.Convolve(RNG.normal(size=(2, 3, 3)))


def autoencoder():
    atoms, zeros = dcsc.DenseDictionary(np.eye(3)), np.zeros(3)
    return networks.Autoencoder(atoms, atoms, dcsc.ReLU(), zeros, zeros, zeros)


def branched():
    nodes = [
        Node("conv", CONV, ("x",), "conv"),
        Node("relu", ops.Relu(), ("conv",), "code"),
        Node("side", ops.Tanh(), ("code",), "side"),
        Node("cell", ops.Unread("LSTM", "no operation of dcsc does this"), ("code",), "cell"),
        Node("after", ops.Relu(), ("cell",), "after"),
        Node("index", ops.Gather(1), ("side", "chosen"), "picked"),
        Node("late", ops.Convolve(RNG.normal(size=(2, 2, 1))), ("after",), "late"),
    ]
    inputs = [Input("x", (None, 3, 8)), Input("chosen", (None,), integer=True)]
    graph = Graph(inputs, nodes, ["picked", "late"])
    return networks.ConvNetwork(graph, "some.net", ["a note"])


GIVEN = {"x": RNG.normal(size=(2, 3, 8)), "chosen": np.array([1])}


def test_what_a_pass_keeps_and_where_it_stops():
    network = branched()
    found = network.forward(GIVEN)
    assert set(found.values) == {"x", "chosen", "conv", "code", "picked"}
    (stop,) = found.stops
    assert str(stop) == "LSTM (cell): no operation of dcsc does this"
    assert found.missing == ("late",)
    assert [c.name for c in found.reached] == ["conv"]
    assert [layer.convolution.name for layer in found.layers] == ["conv"]
    np.testing.assert_array_equal(found["picked"], np.tanh(np.maximum(found["conv"], 0))[:, [1]])
    assert set(network.forward(GIVEN, keep=["side"]).values) - set(found.values) == {"side"}
    assert "side" in network.forward(GIVEN, keep="side").values


def test_results_are_read_only_and_inputs_stay_writeable():
    signal = GIVEN["x"].copy()
    found = branched().forward({"x": signal, "chosen": [0]})
    with pytest.raises(ValueError, match="read-only"):
        found["code"][:] = 0
    with pytest.raises(TypeError):
        found.values["code"] = signal
    signal[:] = 0


def test_float32_stays_float32():
    weight = RNG.normal(size=(2, 3, 3)).astype(np.float32)
    chain = Graph([Input("x")], [Node("c", ops.Convolve(weight), ("x",), "c")], ["c"])
    network = networks.ConvNetwork(chain)
    assert network.forward(GIVEN["x"].astype(np.float32))["c"].dtype == np.float32
    assert network.forward(GIVEN["x"])["c"].dtype == np.float64


def test_the_summary_says_it_all():
    assert branched().summary() == (
        "some.net: 2 Convolve, 2 Relu, 1 Tanh, 1 LSTM, 1 Gather\n"
        "conv: 2×3×3, stride (1,), padding ((0, 0),), Relu\n"
        "late: 2×2×1, stride (1,), padding ((0, 0),)\n"
        "not read: LSTM (cell): no operation of dcsc does this\n"
        "note: a note"
    )


def test_a_convolution_by_its_name():
    network = branched()
    convolution = network.convolution("conv")
    assert convolution.dictionary(8).code_shape == (2, 6)
    np.testing.assert_array_equal(
        convolution.dictionary(8).analyze(GIVEN["x"]), network.forward(GIVEN)["conv"]
    )
    with pytest.raises(DcscError, match="name: expected one of conv, late, got 'con'"):
        network.convolution("con")


def test_a_transposed_convolution_is_a_synthesis():
    operation = ops.ConvolveTransposed(RNG.normal(size=(3, 2, 4)), [1.0, -1.0], stride=2)
    graph = Graph([Input("x")], [Node("up", operation, ("x",), "up")], ["up"])
    network = networks.ConvNetwork(graph)
    found = network.forward(GIVEN["x"])
    (transposed,) = network.transposed
    dictionary = transposed.dictionary(8)
    expected = dictionary.synthesize(found[transposed.code]) + np.array([[1.0], [-1.0]])
    np.testing.assert_array_equal(found[transposed.signal], expected)
    assert str(transposed) == "up: synthesis with 3×2×4, stride (2,)"
    assert network.summary().endswith(str(transposed))


@pytest.mark.parametrize(("inputs", "message"), [
    (GIVEN["x"], "inputs: expected a mapping with x, chosen, got one array"),
    ({"x": GIVEN["x"]}, "inputs: expected x, chosen, got x"),
    (GIVEN | {"x": np.ones((3, 8))}, "inputs: x: expected shape (any, 3, 8), got (3, 8)"),
    (GIVEN | {"x": np.ones((1, 3, 9))}, "inputs: x: expected shape (any, 3, 8), got (1, 3, 9)"),
    (GIVEN | {"x": np.full((1, 3, 8), np.nan)}, "inputs: x: expected finite numbers, got nan"),
    (GIVEN | {"x": np.ones((1, 3, 8)) * 1j}, "inputs: x: expected real numbers, got dtype"),
    (GIVEN | {"chosen": [0.5]}, "inputs: chosen: expected integers, got float64"),
    (GIVEN | {"chosen": [7]}, "forward: index: Gather: cannot be applied to inputs of shape"),
])  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    with pytest.raises(DcscError) as error:
        branched().forward(inputs)
    assert str(error.value).startswith("ConvNetwork.forward: ")
    assert message in str(error.value)


def test_names_that_are_not_there_are_refused():
    network = branched()
    with pytest.raises(DcscError, match="keep: expected names of values, got 'nothing'"):
        network.forward(GIVEN, keep=["nothing"])
    with pytest.raises(DcscError, match="expected the name of a value that was computed and kept"):
        network.forward(GIVEN)["side"]


def test_numbers_that_are_not_finite_are_refused_where_a_convolution_reads_them():
    nodes = [
        Node("log", ops.Elementwise("Log"), ("x",), "log"),
        Node("conv", CONV, ("log",), "conv"),
    ]
    network = networks.ConvNetwork(Graph([Input("x")], nodes, ["conv"]))
    with pytest.raises(DcscError, match=r"forward: conv: .*expected finite numbers, got -inf"):
        network.forward(np.zeros((1, 3, 8)))


@pytest.mark.parametrize(("nodes", "outputs", "message"), [
    ([Node("a", ops.Relu(), ("y",), "z")], ["z"], "a uses 'y', which no step before it makes"),
    ([Node("a", ops.Relu(), ("x",), "x")], ["x"], "a makes 'x' a second time"),
    ([Node("a", ops.Relu(), ("x",), "z")], ["y"], "outputs: expected names of values, got 'y'"),
])  # fmt: skip
def test_graphs_that_cannot_be_are_refused(nodes, outputs, message):
    with pytest.raises(DcscError) as error:
        Graph([Input("x")], nodes, outputs)
    assert message in str(error.value)


def test_a_node_takes_operations_only():
    with pytest.raises(DcscError, match="Node: operation: expected an Operation, got 'Relu'"):
        Node("a", "Relu", ("x",), "z")


def test_networks_compare_by_value(tmp_path):
    np.savez(tmp_path / "net.npz", **{"a.weight": np.ones((2, 1, 3))})
    first, second = (networks.load(tmp_path / "net.npz") for _ in range(2))
    assert first == second
    np.savez(tmp_path / "net.npz", **{"a.weight": np.zeros((2, 1, 3))})
    assert first != networks.load(tmp_path / "net.npz")


@pytest.mark.parametrize(
    ("shape", "way"),
    [
        ((3, 8), ": x[None] has it"),
        ((2, 8, 3), ": np.moveaxis(x, -1, 1) has it"),
        ((8, 3), ": np.moveaxis(x, -1, 0)[None] has it"),
        ((2, 4, 8), ""),
        ((8,), ""),
    ],
)
def test_inputs_that_lie_otherwise_are_told_how_to_turn(shape, way):
    network = networks.ConvNetwork(Graph([Input("x", (None, 3, 8))], [], ["x"]), "net")
    x = np.zeros(shape)
    with pytest.raises(DcscError) as error:
        network.forward(x)
    message = "ConvNetwork.forward: inputs: x: expected shape (any, 3, 8), got "
    assert str(error.value) == f"{message}{shape}{way}"
    if way:
        turned = eval(way.removeprefix(": ").removesuffix(" has it"), {"x": x, "np": np})
        assert network.forward(turned).values["x"].shape[1:] == (3, 8)


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ("net.onnx", "; networks.load reads one from a file"),
        (SimpleNamespace(state_dict=dict), "; networks.from_torch makes one of a module"),
        (autoencoder(), "; networks.autoencoders.analysis.analyze_autoencoder takes autoencoders"),
        (3, ""),
    ],
)
def test_what_is_no_network_is_told_how_it_becomes_one(value, way):
    with pytest.raises(DcscError) as error:
        analyze(value, np.zeros((1, 1, 8, 8)))
    assert str(error.value) == f"analyze: network: expected a ConvNetwork, got {quoted(value)}{way}"
