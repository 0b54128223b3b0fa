"""One of a thing is no plural in the titles of records."""

import numpy as np

import dcsc
from dcsc._words import counted
from dcsc.networks import pathway_stability
from dcsc.networks.analysis import Limits, analyze, compare
from dcsc.networks.operations import Relu
from dcsc.networks.tallies import tally
from tests.networks.chains import convolve, network, shown

FEW = Limits(inputs=1, proved=1, resynthesized=1, draws=1, placed=0, units=2, twins=1)


def test_counts_of_none_one_and_more():
    assert [counted(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
    assert [counted(n, "class") for n in (1, 2)] == ["1 class", "2 classes"]


def test_titles_of_records_of_one_layer():
    dictionary = dcsc.DenseDictionary(np.eye(2))
    model = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.HardThreshold(0.5))]).draw(rng=0)
    assert repr(model).startswith("DCSCModel of 1 layer, ")
    assert repr(model.synthesize(np.array([1.0, 0.0]))).startswith("Pathway of 1 layer\n")


def test_titles_of_records_of_a_network_of_one_layer_and_one_input():
    one = network(convolve(3, 2, (3, 3), np.full(3, -0.1)), Relu(), lengths=(6, 6))
    inputs = shown(1, 2, 6, 6)
    analysis = analyze(one, inputs, limits=FEW)
    assert ": 1 layer, 1 of 1 input\n" in repr(analysis)
    assert ": 1 layer\n" in repr(compare(analysis, analysis))
    assert repr(one).split("\n")[0].endswith(": 2 steps, 1 convolution")
    assert " over 1 input\n" in repr(tally(one, inputs))
    assert "3 values, 1 convolution" in repr(one.forward(inputs.values))


def test_what_an_attack_leaves_is_shown_where_one_ran_and_only_there():
    one = network(convolve(3, 2, (3, 3), np.full(3, -0.1)), Relu(), lengths=(6, 6))
    values = shown(1, 2, 6, 6).values
    for attack in (False, True):
        stability = pathway_stability(one, values, 0.1, attack=attack)
        for record in (stability, stability.layers[0]):
            display = record._display()
            assert ("attack leaves" in display.headings) is attack
            assert all(len(row) == len(display.headings) for row in display.rows)
            assert display.rows[0][-1] == "affine"
            assert "1 input" in display.title
            assert "1 inputs" not in display.title
    assert "attacked" in stability.to_pandas().columns
