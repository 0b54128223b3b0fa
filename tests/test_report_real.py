"""Page and table of networks as they are outside: residual, deep, channels last."""

import attrs
import numpy as np
import pytest

from dcsc._words import without_common
from dcsc.networks import ConvNetwork, Graph, Input, Node, Sum, load, operations
from dcsc.networks.analysis import Inputs, Limits, analyze, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.report import at_a_glance, page, row, sentences
from dcsc.report.overview import coherence_chart
from dcsc.report.table import columns
from tests.drawings import Drawn

RNG = np.random.default_rng(0)
FEW = Limits(proved=2, resynthesized=1, draws=1, units=5, twins=1)


def conv(name, source, shape=(3, 3, 3), bias=-0.1, pad=1):
    weight = RNG.normal(size=shape)
    convolve = operations.Convolve(weight, np.full(shape[0], bias), padding=pad)
    return Node(name, convolve, (source,), name)


def step(operation, sources, output):
    return Node(output, operation, tuple(sources.split()), output)


def residual(after=None, add="Add", outputs=("out",)):
    """Return a block x, conv, relu, conv + x, relu, or one with another activation."""
    after = operations.Relu() if after is None else after
    nodes = [
        conv("first", "x"),
        step(operations.Relu(), "first", "r"),
        conv("second", "r"),
        step(operations.Elementwise(add), "second r", "sum"),
        step(after, "sum", "out"),
    ]
    return ConvNetwork(Graph([Input("x", (None, 3, 20))], nodes, outputs), "block.onnx")


def test_a_layer_of_a_residual_network_says_into_which_sum_it_goes():
    first, second = residual().convolutions
    assert first.summed is None
    assert second.summed == Sum(("r",), operations.Relu(), "out")
    assert str(second).endswith("goes into a sum with r, then Relu")


@pytest.mark.parametrize("network", [
    residual(operations.BatchNorm(np.ones(3), np.ones(3))),
    residual(add="Mul"),
    residual(outputs=("out", "sum")),
    residual(outputs=("out", "second")),
])  # fmt: skip
def test_what_is_no_sum_before_an_activation(network):
    assert network.convolutions[1].summed is None


def test_layers_that_go_into_sums_are_not_counted_as_without_zeros():
    signals = RNG.normal(size=(2, 3, 20))
    found = analyze(residual(), Inputs("noise", {"x": signals}), limits=FEW)
    texts = at_a_glance(found)
    assert any(text.startswith("1 layer of 2 goes into a sum before the act") for text in texts)
    assert not any("no zeros" in text for text in texts)
    assert [row(layer)["outside"].text for layer in found.layers] == ["0 of 3", "0 of 3 (summed)"]
    (said,) = (t for t in sentences.of_layer(found.layers[1], 0.05)["Filters"] if "sum" in t)
    assert said.startswith("It goes into a sum with r, then Relu: the code is that of the sum")
    assert found.numbers()["layers"][1]["filters"]["summed"] == "goes into a sum with r, then Relu"


def test_layers_without_zeros_are_marked():
    network = residual(operations.LeakyRelu(0.1), add="Mul")
    found = analyze(network, limits=FEW)
    assert [row(layer)["outside"].text for layer in found.layers] == ["0 of 3", "0 of 3 (no zeros)"]
    assert any("1 layer of 2 leaves no zeros" in text for text in at_a_glance(found))


def coherent(*facts):
    """Return what is said first of layers with these shapes, of a part of which too much work."""
    nodes = [conv(f"c{i}", "x", shape, pad=0) for i, shape in enumerate(facts)]
    graph = Graph([Input("x", (None, 3, 20))], nodes, [n.output for n in nodes])
    return " ".join(at_a_glance(analyze(ConvNetwork(graph, "net"), limits=Limits(products=2e6))))


def test_coherence_says_of_how_many_layers_it_is():
    assert "Coherence is between 0." in coherent((3, 3, 3), (4, 3, 3))
    assert "much work" not in coherent((3, 3, 3), (4, 3, 3))
    text = coherent((3, 3, 3), (400, 3, 17))
    assert "Coherence is 0." in text
    assert " in 1 of 2 layers; in others it was too much work. It is lower than that of " in text
    assert "random filters in 0 of 1 layer." in text or "random filters in 1 of 1 layer." in text
    assert "Coherence was too much work in 2 of 2 layers." in coherent((400, 3, 17), (400, 3, 17))
    # One filter of one tap meets no other; it is no layer of coherence 0.
    assert "Coherence is between 0." in coherent((3, 3, 3), (4, 3, 3), (1, 3, 1))
    assert "Coherence" not in coherent((1, 3, 1))


def test_columns_of_theorems_are_left_out_where_none_holds():
    signals = {"x": RNG.normal(size=(2, 3, 20))}
    dense = analyze(residual(), Inputs("noise", signals), limits=FEW)
    assert not any(t.holds for layer in dense.layers for t in layer.theorems)
    headings = columns(dense)
    assert not {"(2)", "(3)", "(3R)", "sharp"} & set(headings)
    assert {"S", "noise steady", "found"} <= set(headings)
    assert "nothing is proved of any whole code" in " ".join(at_a_glance(dense))


def test_names_lose_what_they_have_in_common():
    names = [f"/net/layer_{i}/conv/Conv" for i in range(3)]
    assert without_common(names) == ["layer_0", "layer_1", "layer_2"]
    assert without_common(["a.b", "a.b.c"]) == ["b", "b.c"]
    assert without_common(["only.one"]) == ["only.one"]
    assert without_common([]) == []
    assert without_common(["conv1", "conv2"]) == ["conv1", "conv2"]


def test_names_below_a_chart_differ():
    nodes = [
        conv("/encoder/very_long_name/layer_1/Conv", "x"),
        conv("/encoder/very_long_name/layer_2/Conv", "x"),
    ]
    graph = Graph([Input("x", (None, 3, 20))], nodes, [n.output for n in nodes])
    found = analyze(ConvNetwork(graph, "net"), limits=FEW)
    ticks = [
        text for text in Drawn(coherence_chart(found.layers)).texts if text and "layer" in text
    ]
    assert len(set(ticks)) == 2


def test_a_picture_whose_channels_come_last_is_drawn_as_one():
    nodes = [
        step(operations.Transpose((0, 3, 1, 2)), "x", "t"),
        conv("conv", "t", (2, 3, 2, 2), pad=0),
        step(operations.Relu(), "conv", "out"),
    ]
    network = ConvNetwork(Graph([Input("x", (None, 6, 8, 3))], nodes, ["out"]), "net")
    found = analyze(network, Inputs("noise", {"x": RNG.normal(size=(1, 6, 8, 3))}), limits=FEW)
    assert 'width="8" height="6"' in page(found, shown=1)


def test_what_is_said_first_is_true_where_layers_were_left_out():
    """Of how many layers something is proved or drawn is said, and of how many there are."""
    found = analyze(
        load(digits_network_path("incoherent")),
        shipped_inputs(),
        limits=Limits(inputs=10, proved=2, resynthesized=2, twins=1, placed=20),
        perturbation=0.01,
    )
    first, *rest = found.layers
    bare = attrs.evolve(
        first,
        own=None,
        partial=None,
        stability=None,
        theorems=tuple(
            attrs.evolve(x, of=0, holds=0, reason="too much work") for x in first.theorems
        ),
    )
    whole, part = (
        " ".join(at_a_glance(found)),
        " ".join(at_a_glance(with_layers(found, bare, rest))),
    )
    assert "In 3 layers it is proved how much" in whole
    assert "In 2 of 3 layers it is proved how much" in part
    assert "found in conv3, and in no other layer." in whole
    assert "found in conv3, and in no other layer (1 layer of 3 could not be asked about)." in part
    assert " of 3 layers. None were drawn" not in whole
    assert " of 2 layers. None were drawn for 1 other layer." in part
    assert ", in 2 of 3 layers" in part
    assert ", in 2 of 3 layers" not in whole
    empty = [
        attrs.evolve(x, theorems=tuple(attrs.evolve(t, holds=0) for t in x.theorems)) for x in rest
    ]
    texts = at_a_glance(with_layers(found, bare, empty))
    assert (
        "The theorems are empty for every layer that they were asked about (1 layer of 3 could not "
        "be asked about): nothing is proved of any whole code."
    ) in texts


def with_layers(found, first, rest):
    return attrs.evolve(found, layers=(first, *rest))
