"""Layers whose names are numbers, as those of torch.nn.Sequential, are called layers in texts."""

import re

import attrs
import pytest

from dcsc._words import as_layer
from dcsc.networks import load, pathway_stability
from dcsc.networks.analysis import Limits, analyze, compare, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.networks.tallies import tally
from dcsc.plotting import comparison_figure
from dcsc.report import at_a_glance, page, row
from dcsc.report.overview import coherence_chart
from dcsc.report.tallies import tally_rows
from dcsc.report.words import limits

FEW = Limits(inputs=4, proved=2, resynthesized=2, draws=1, placed=9, units=4, twins=1)
NAMES = ("0", "2", "4")
CALLED = [f"layer {name}" for name in NAMES]


@pytest.fixture(scope="module")
def network():
    """The digits' network with numbers in place of the names of its convolutions."""
    plain = load(digits_network_path("plain"))
    named = dict(zip((one.name for one in plain.convolutions), NAMES, strict=True))
    nodes = [attrs.evolve(node, name=named.get(node.name, node.name)) for node in plain.graph.nodes]
    return attrs.evolve(plain, graph=attrs.evolve(plain.graph, nodes=nodes))


@pytest.fixture(scope="module")
def analysis(network):
    return analyze(network, shipped_inputs(), limits=FEW, perturbation=0.01)


def first_column(record):
    return [cells[0] for cells in record._display().rows]


def test_only_numbers_are_told_to_be_layers():
    names = ["0", "0.4", "10", "", "0 / 2", "features.0", "0/Conv", "[/]"]
    assert [as_layer(name) for name in names] == [
        *("layer 0", "layer 0.4", "layer 10", "layer", "layer 0 / 2"),
        *names[5:],
    ]


def test_records_keep_the_names_and_tables_tell_that_they_are_layers(network, analysis):
    assert tuple(layer.name for layer in analysis.layers) == NAMES
    assert [layer["name"] for layer in analysis.numbers()["layers"]] == list(NAMES)
    assert analysis.to_pandas().index.tolist() == list(NAMES)
    counted = tally(network, shipped_inputs().first(4))
    stability = pathway_stability(network, shipped_inputs().first(1).values, 0.01)
    activations = network.forward(shipped_inputs().first(1).values)
    for record in (analysis, compare(analysis, analysis), counted, stability, network, activations):
        assert first_column(record) == CALLED
    assert "layer 2, 24 channels" in network._repr_html_()
    assert [row(layer)["layer"].text for layer in analysis.layers] == CALLED
    assert [cells["layer"] for cells in tally_rows(counted)] == CALLED


def test_sentences_headings_and_figures_do_as_well(analysis):
    assert any("code of layer 4 down" in text for text in at_a_glance(analysis))
    short = attrs.evolve(FEW, products=1.0)
    unknown = attrs.evolve(
        analysis,
        limits=short,
        layers=tuple(attrs.evolve(layer, resynthesis=()) for layer in analysis.layers),
    )
    assert "layer 0: resynthesis; layer 2: resynthesis" in limits(unknown)[-1]
    text = page(analysis, shown=1)
    assert re.findall("<h3>(layer .*?)</h3>", text) == CALLED
    assert re.findall("<figcaption><b>(.*?)</b>", text) == CALLED
    assert 'alt="Active units of layer 2 for input 1"' in text
    assert ">layer 2</text>" in coherence_chart(analysis.layers)
    assert "signal of layer 0 that one active unit" in text
    figure = comparison_figure(compare(analysis, analysis))
    for axes in figure.axes:
        assert [one.get_text() for one in axes.get_xticklabels()] == CALLED
