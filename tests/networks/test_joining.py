"""Sums before an activation as one convolution: the same numbers, and the dictionary [W V]."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.model import DCSCModel, Layer
from dcsc.networks import (
    ConvNetwork,
    Graph,
    Input,
    JoinedSum,
    Node,
    Term,
    from_torch,
    pathway_stability,
)
from dcsc.networks import operations as ops
from dcsc.networks.analysis import Limits, analyze
from dcsc.networks.shapes import Length, sizes
from dcsc.report import at_a_glance, row, sentences
from dcsc.signs import IdentitySigns
from tests.networks.graphs import assert_agrees, model, node, reference, saved
from tests.networks.modules import randomize
from tests.networks.operators import some
from tests.networks.residual import CHANNELS, residual_networks, residual_sums

RNG = np.random.default_rng(0)


def largest(value):
    return np.abs(value).max(initial=1e-30)


# ---- the same numbers ----------------------------------------------------------------------------


@settings(max_examples=60)
@given(residual_sums(), st.data())
def test_a_joined_network_has_the_same_numbers_at_every_extent(drawn, data):
    network, alike, axes = drawn
    joined = network.joined()
    if alike:
        assert (len(joined.sums), joined.notes) == (1, ())
        assert all(layer.summed is None for layer in joined.convolutions)
    else:
        assert len(joined.sums) + len(joined.notes) <= 1
    for extent in data.draw(
        st.lists(st.tuples(*[st.integers(3, 9)] * axes), min_size=1, max_size=3)
    ):
        signals = RNG.normal(size=(2, CHANNELS, *extent))
        expected, found = network.forward(signals, ["sum"]), joined.forward(signals, ["sum"])
        for name in ("sum", "out"):
            scale = largest(expected[name])
            np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * scale)


@settings(max_examples=30)
@given(residual_sums(), st.tuples(st.integers(3, 9), st.integers(3, 9)))
def test_shapes_are_those_of_the_values(drawn, extent):
    network, _, axes = drawn
    extent = extent[:axes]
    names = [node.output for node in network.graph.nodes]
    found = network.forward(np.zeros((2, CHANNELS, *extent)), names)
    lengths = {}
    for name, shape in sizes(network.graph).items():
        assert len(shape) == 2 + axes
        for size, length in zip(shape, found[name].shape, strict=True):
            # Lengths that are written alike are the same.
            assert lengths.setdefault(size, length) == length
            assert isinstance(size, Length) or size == length
    fixed = Input("x", (2, CHANNELS, *extent))
    known = sizes(Graph([fixed], network.graph.nodes, network.graph.outputs))
    assert known == {name: found[name].shape for name in known}


@pytest.mark.parametrize(("name", "module", "sums"), list(residual_networks()))
def test_residual_networks_of_pytorch(name, module, sums):
    randomize(module)
    example = torch.randn(2, 1, 10, 13, dtype=torch.float64)
    network = from_torch(module, example)
    joined = network.joined()
    assert (len(joined.sums), joined.notes) == (sums, network.notes)
    with torch.no_grad():
        expected = module(example).numpy()
    assert (expected > 0).mean() > 0.1
    (output,) = joined.outputs
    found = joined.forward(example)
    np.testing.assert_allclose(found[output], expected, rtol=0, atol=1e-12 * largest(expected))
    with torch.no_grad():
        again = joined.to_torch()(example)
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-12 * largest(expected))
    # The code of the last layer is that of the block, and has zeros.
    layer = found.layers[-1]
    assert layer.convolution.joined == joined.sums[-1]
    assert layer.reading.without_zeros == ()
    np.testing.assert_array_equal(found[layer.convolution.code], found[output])
    assert ((layer.code > 0) == (expected > 1e-9)).all()


def test_an_onnx_file_by_onnx_runtime(tmp_path):
    signal = {"x": some(2, 4, 12)}
    nodes = [
        node("Conv", "x a", "c1", strides=[2], pads=[1, 1]),
        node("Relu", "c1", "r"),
        node("Conv", "r b", "c2", auto_pad="SAME_LOWER"),
        node("Conv", "x d", "c3", strides=[2]),
        node("BatchNormalization", "c3 s h m v", "n3"),
        node("Add", "n3 c2", "sum"),
        node("Relu", "sum", "out"),
    ]
    weights = {"a": some(6, 4, 3), "b": some(6, 6, 2), "d": some(6, 4, 1)}
    norm = {"s": some(6), "h": some(6), "m": some(6), "v": some(6) ** 2}
    path = saved(model(nodes, signal, weights | norm), tmp_path)
    network, _ = assert_agrees(path, signal)
    joined = network.joined()
    found = joined.forward(signal["x"], ["sum"])
    for name, expected in reference(path, signal, ["sum", "out"]).items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-6 * largest(expected))
    assert str(joined.convolutions[-1]).endswith("Relu, joined: c2 on r, c3 on x[::2]")


# ---- the dictionary [W V] ------------------------------------------------------------------------


def block(*terms, more=(), outputs=("out",), activation=None, axes=1):
    """Return r = relu(first(x)), conv = W r + b, and the rectified sum of some terms."""
    weights = RNG.normal(size=(2, 3, 3, *[3] * axes))
    nodes = [
        Node("first", ops.Convolve(weights[0], padding=1), ("x",), "first"),
        Node("relu", ops.Relu(), ("first",), "r"),
        Node("conv", ops.Convolve(weights[1], [-0.5, -0.1, -0.2], padding=1), ("r",), "conv"),
        *more,
        Node("add", ops.Elementwise("Sum"), terms, "sum"),
        Node("end", activation or ops.Relu(), ("sum",), "out"),
    ]
    return ConvNetwork(Graph([Input("x", (None, 3, *[None] * axes))], nodes, outputs), "block")


def test_the_filters_of_a_joined_layer_are_those_of_its_terms():
    network = block("x", "conv")
    joined = network.joined()
    layer = joined.convolution("conv")
    assert joined.sums == (JoinedSum("conv", [Term("conv", "r", (0, 3)), Term("", "x", (3, 6))]),)
    # whichever the file names first
    assert block("conv", "x").joined().sums == joined.sums
    delta = np.zeros((3, 3, 3))
    delta[range(3), range(3), 1] = 1
    w = network.convolution("conv").weight
    np.testing.assert_array_equal(layer.weight, np.concatenate([w, delta], axis=1))
    norms = np.sqrt((w**2).sum(axis=(1, 2)) + 1)
    np.testing.assert_allclose(layer.reading().scale, norms, rtol=1e-12)
    np.testing.assert_allclose(layer.reading().threshold, [0.5, 0.1, 0.2] / norms, rtol=1e-12)


def test_a_joined_layer_is_a_layer_of_a_model():
    signals = RNG.normal(size=(2, 3, 9))
    found = block("conv", "x").joined().forward(signals)
    layer = found.layers[-1]
    np.testing.assert_array_equal(layer.signal, np.concatenate([found["r"], signals], axis=1))
    model = DCSCModel([Layer(layer.dictionary, layer.reading.projection, IdentitySigns())])
    np.testing.assert_allclose(model.forward(layer.signal)[1], layer.code, atol=1e-12)
    assert 0 < layer.density.mean() < 1
    assert (
        found.chain[-1].reason == "its signal is made by Concatenate, which lets no scale through"
    )


@pytest.mark.parametrize("axes", [1, 2])
def test_no_two_filters_become_more_alike_by_the_identity(axes):
    # Shifted filters meet where the identity has no tap in common: only their norms grow.
    network = block("conv", "x", axes=axes)
    alone, both = (n.convolution("conv").dictionary(7) for n in (network, network.joined()))
    np.testing.assert_allclose(
        both.gram_rows(np.arange(20)).toarray() - np.eye(20, np.prod(both.code_shape)),
        alone.gram_rows(np.arange(20)).toarray(),
        atol=1e-12,
    )
    assert both.mutual_coherence() < alone.mutual_coherence()


# ---- what reads what -----------------------------------------------------------------------------


def conv(name, source, taps=1, **more):
    operation = ops.Convolve(RNG.normal(size=(3, 3, taps)), padding=taps // 2, **more)
    return Node(name, operation, (source,), name)


def agrees(network, joined):
    signals = RNG.normal(size=(2, 3, 9))
    expected, found = network.forward(signals), joined.forward(signals)
    for name in {*network.outputs, "r"}:
        scale = largest(expected[name])
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * scale)


def test_what_the_terms_read_is_there_for_others_as_well():
    more = [conv("other", "r"), Node("more", ops.Elementwise("Add"), ("other", "x"), "more")]
    network = block("conv", "x", more=more, outputs=("out", "more", "r"))
    joined = network.joined()
    assert len(joined.sums) == 1
    agrees(network, joined)


def test_sums_of_the_same_signals_share_one():
    more = [conv(name, "r", stride=2) for name in "ac"]
    more += [conv("b", "x", stride=2), conv("d", "x", stride=2)]
    for number, terms in enumerate([("a", "b"), ("c", "d")]):
        more.append(Node(f"s{number}", ops.Elementwise("Add"), terms, f"s{number}"))
        more.append(Node(f"o{number}", ops.Relu(), (f"s{number}",), f"o{number}"))
    # a third and a fourth see every second sample of the same signals
    more += [conv("h", "r", 3, stride=2), conv("e", "h"), conv("f", "r", stride=2)]
    more += [conv("g", "h"), conv("i", "r", stride=2)]
    for number, terms in enumerate([("e", "f"), ("g", "i")], 2):
        more.append(Node(f"s{number}", ops.Elementwise("Add"), terms, f"s{number}"))
        more.append(Node(f"o{number}", ops.Relu(), (f"s{number}",), f"o{number}"))
    network = block("conv", "x", more=more, outputs=("out", "o0", "o1", "o2", "o3"))
    joined = network.joined()
    assert [one.convolution for one in joined.sums] == ["a", "c", "e", "g", "conv"]
    assert [str(term) for term in joined.sums[3].terms] == ["g on h", "i on r[::2]"]
    kinds = (ops.Concatenate, ops.Slice)
    made = [n.output for n in joined.graph.nodes if isinstance(n.operation, kinds)]
    assert made == ["[r, x]", "r[::2]", "[h, r[::2]]"]
    agrees(network, joined)


def test_joining_twice_is_joining_once():
    joined = block("conv", "x").joined()
    assert joined.joined() == joined


@pytest.mark.parametrize(("terms", "more", "outputs"), [
    (("r", "x"), [], ("out",)),
    (("conv", "x"), [], ("out", "conv")),
    (("conv", "x"), [], ("out", "sum")),
    (("conv", "x"), [Node("use", ops.Relu(), ("conv",), "use")], ("out", "use")),
])  # fmt: skip
def test_sums_that_are_of_no_convolution_alone_stay(terms, more, outputs):
    network = block(*terms, more=more, outputs=outputs)
    assert network.joined() == network


def test_a_convolution_whose_result_is_read_elsewhere_is_a_shortcut_to_another():
    more = [conv("other", "x", 3), Node("use", ops.Relu(), ("other",), "use")]
    network = block("conv", "other", more=more, outputs=("out", "use"))
    joined = network.joined()
    assert [str(term) for term in joined.sums[0].terms] == ["conv on r", "the identity on other"]
    agrees(network, joined)


WIDE = ops.Convolve(RNG.normal(size=(3, 3, 3)), stride=2, padding=1)


@pytest.mark.parametrize(("terms", "more", "reason"), [
    (("conv", "m"), [Node("m", ops.Reduce("Mean", (2,)), ("x",), "m")],
     "the sum of conv, m is not joined: the steps do not tell the shape of m"),
    (("conv", "m"), [Node("m", ops.GlobalAveragePool(), ("x",), "m")],
     "the sum of conv, m is not joined: conv and m need not have the same shape"),
    (("conv", "m"), [Node("m", ops.Constant(np.ones((1, 3, 1))), (), "m")],
     "the sum of conv, m is not joined: conv and m need not have the same shape"),
    (("w", "h"), [Node("w", WIDE, ("x",), "w"),
                  Node("h", ops.MaxPool((1,), stride=2), ("x",), "h")],
     "the sum of w, h is not joined: w moves faster than others, and has more than one tap"),
    (("w", "h"), [Node("w", ops.Convolve(np.ones((3, 3, 3)), stride=2), ("l",), "w"),
                  Node("h", ops.MaxPool((1,), stride=2), ("x",), "h")],
     "the sum of w, h is not joined: w moves faster than others, and has more than one tap"),
    (("w", "v"), [Node("w", ops.Convolve(np.ones((3, 3, 3)), stride=2, padding="same_upper"),
                       ("x",), "w"), conv("v", "x", stride=2)],
     "the sum of w, v is not joined: the padding of w depends on the extent of its signal"),
    (("conv", "v"), [Node("v", ops.Convolve(np.ones((3, 3, 3)), padding=0), ("l",), "v")],
     "the sum of conv, v is not joined: the signals of conv and v need not have the same extent"),
    (("conv", "v"), [Node("v", ops.Convolve(np.ones((3, 3, 3)), dilation=10**7, padding=10**7),
                          ("x",), "v")],
     "the sum of conv, v is not joined: its filters would be too large"),
])  # fmt: skip
def test_sums_that_cannot_be_one_convolution_stay_and_the_notes_say_why(terms, more, reason):
    if "l" in {name for step in more for name in step.inputs}:
        more = [Node("l", ops.Pad(((0, 0), (0, 0), (1, 1))), ("x",), "l"), *more]
    network = block(*terms, more=more)
    joined = network.joined()
    assert (joined.graph, joined.sums) == (network.graph, ())
    assert joined.notes == (reason,)


# ---- what is proved of it ------------------------------------------------------------------------


def test_units_of_a_joined_layer_that_no_perturbation_switches():
    joined = block("conv", "x").joined()
    signals, size = RNG.normal(size=(1, 3, 9)), 0.05
    stable = pathway_stability(joined, signals, eps=size)
    layer = stable.layers[-1]
    assert layer.name == "conv"
    codes = [
        joined.forward(signals + size * RNG.uniform(-1, 1, signals.shape))["out"] for _ in range(50)
    ]
    on = np.array([code > 0 for code in codes])
    assert 0.3 < layer.decided <= 1
    assert layer.on <= on.all(axis=0).mean()
    assert layer.off <= (~on).all(axis=0).mean()


# ---- the page and the table ----------------------------------------------------------------------


def test_the_page_says_what_is_joined():
    network = block("conv", "x")
    few = Limits(proved=2, resynthesized=1, draws=1, units=5, twins=1)
    found = analyze(network.joined(), RNG.normal(size=(2, 3, 9)), limits=few)
    said = "Read as one dictionary of all terms: 1 sum before an activation."
    assert said in at_a_glance(found)
    assert [row(layer)["outside"].text for layer in found.layers] == ["0 of 3", "0 of 3 (joined)"]
    terms = "joined: conv on r, the identity on x"
    assert found.numbers()["layers"][1]["filters"]["joined"] == terms
    (text,) = (t for t in sentences.of_layer(found.layers[1], 0.05)["Filters"] if "sum" in t)
    assert text.endswith(f"read as one dictionary ({terms}).")
    # The units are those of the code that the network computes.
    code = found.layers[1].coded.codes
    assert found.layers[1].codes.density == pytest.approx(np.mean(code != 0, axis=(1, 2)))
    leaky = block("conv", "x", activation=ops.LeakyRelu(0.1)).joined()
    marks = [row(layer)["outside"].text for layer in analyze(leaky, limits=few).layers]
    assert marks[1] == "0 of 3 (joined, no zeros)"


def test_the_command_joins_unless_told_otherwise(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes = [
        node("Conv", "x w", "c", pads=[1, 1]),
        node("Add", "c x", "s"),
        node("Relu", "s", "out"),
    ]
    saved(model(nodes, {"x": some(1, 3, 8)}, {"w": some(3, 3, 3)}), tmp_path)
    for options, said in (((), "joined"), (("--no-joined", "--force"), "summed")):
        done = called("analyze", "net.onnx", *options)
        assert (done.code, done.err) == (0, "")
        assert "before an activation" in done.out or "before the activation" in done.out
        (layer,) = json.loads((tmp_path / "report.json").read_text())["layers"]
        words_of = {key for key in ("joined", "summed") if layer["filters"][key]}
        assert words_of == {said}
