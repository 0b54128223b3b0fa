"""The network as it is among random signs, against all sign patterns of a small layer."""

import attrs
import numpy as np
import pytest

from dcsc import DCSCModel, HardThreshold, Layer, ReLU
from dcsc._numerics import count_wrong, drawn, ways
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.networks import load
from dcsc.networks.analysis import (
    Limits,
    analyze,
    coded_layers,
    own,
    resynthesis,
    resynthesize,
    shipped_inputs,
)
from dcsc.networks.analysis.own import SIGNS, fill_with_signs
from dcsc.networks.analysis.resynthesis import found_alone
from dcsc.networks.shipped import digits_network_path
from dcsc.signs import IdentitySigns
from tests.networks import chains
from tests.sign_enumeration import patterns, toeplitz

DRAWS = 2000


@pytest.fixture(scope="module")
def small():
    """Two filters on a line, three inputs: twelve units, so that all their signs can be tried."""
    taps = np.array([[[0.8, 0.6, 0.0]], [[0.6, -0.5, 0.62]]])
    codes = np.zeros((3, 2, 6))
    codes[0, 0, 1:4] = 1.0, 1.4, 0.9
    codes[0, 1, 2] = 1.2
    codes[1, 1, [0, 3, 4]] = 1.1, 1.0, 1.3
    codes[2, 0, [0, 2, 5]] = codes[2, 1, 1] = 1.0
    return chains.layer(codes, ToeplitzDictionary(taps, 8), 1.0)


def own_facts(*args, **more):
    wrong = own.wrong_under_draws(*args, **more)
    return None if wrong is None else wrong.facts


def law(layer, inputs):
    """Return the found and the false units of some inputs under every pattern, the own one first.

    A unit whose sign is ε sees ε_k Σ_j G_kj ε_j x_j, and is on above β/2.
    """
    matrix = toeplitz(layer.dictionary.filters, 8, 0)
    signs = patterns(matrix.shape[1])
    assert (signs[0] == 1).all()
    found, raised = np.zeros((2, len(signs)), dtype=int)
    for code in layer.codes[inputs].reshape(len(inputs), -1):
        on = signs * ((signs * code) @ (matrix.T @ matrix)) > 0.5
        found += on[:, code > 0].sum(axis=1)
        raised += on[:, code == 0].sum(axis=1)
    return found, raised


@pytest.mark.parametrize("inputs", [[0], [1, 2], [0, 1, 2]])
def test_the_place_is_that_among_all_patterns(small, inputs):
    layer = attrs.evolve(small, codes=small.codes[inputs])
    facts = own_facts(layer, DRAWS, 3, 1e12, 0)
    assert (facts.draws, facts.all.inputs) == (DRAWS, len(inputs))
    active = np.count_nonzero(layer.codes)
    for place, counts in zip(
        (facts.all.found, facts.all.false_alarms), law(small, inputs), strict=True
    ):
        below = np.mean(counts < counts[0]) + np.mean(counts == counts[0]) / 2
        assert place.value == counts[0] / active
        assert abs(place.below - below) < 4 * 0.5 / np.sqrt(DRAWS)
        room = 4 * np.std(counts) / active / np.sqrt(DRAWS)
        assert abs(place.mean - np.mean(counts) / active) < room
    assert 0 < facts.all.found.below < 1


def test_classes_are_their_inputs_alone(small):
    """In the same draws, whatever the labels are, and each in its own law."""
    facts = own_facts(small, 50, 3, 1e12, 3, labels=["b", 7, "b"])
    assert [(case.label, case.inputs) for case in facts.classes] == [("7", 1), ("b", 2)]
    for case, inputs in zip(facts.classes, ([1], [0, 2]), strict=True):
        layer = attrs.evolve(small, codes=small.codes[inputs])
        alone = own_facts(layer, 50, 3, 1e12, 3).all
        assert attrs.evolve(alone, label=case.label) == case
    assert own_facts(small, 50, 3, 1e12, 3).classes == ()


def test_silent_inputs_have_no_part(small):
    codes = np.concatenate([np.zeros((1, 2, 6)), small.codes])
    layer = attrs.evolve(small, codes=codes)
    facts = own_facts(layer, 20, 4, 1e12, 0, labels=[0, 1, 2, 2])
    assert [case.label for case in facts.classes] == ["1", "2"]
    assert facts.all == own_facts(small, 20, 3, 1e12, 0).all
    assert own_facts(attrs.evolve(layer, codes=codes[:1]), 20, 4, 1e12, 0) is None


def test_work_is_kept_within_its_limit(small):
    each = 2 * small.work
    assert own_facts(small, 99, 3, each * 3 * 31, 0).draws == 30
    few = own_facts(small, 99, 3, each * 21, 0)
    assert (few.all.inputs, few.draws) == (2, 9)
    assert own_facts(small, 99, 3, each * 9.9, 0) is None
    assert own_facts(small, 8, 3, 1e12, 0) is None


def test_analyses_have_the_own_case_by_class():
    network, inputs = load(digits_network_path()), shipped_inputs()
    few = Limits(proved=0, resynthesized=12, units=2, twins=0, placed=20)
    found = analyze(network, inputs, limits=few, seed=5)
    values = {name: value.astype(np.float64) for name, value in inputs.first(12).values.items()}
    for layer, coded in zip(found.layers, coded_layers(network.forward(values)), strict=True):
        same = resynthesize([coded], IdentitySigns(), 1, 0)
        own = layer.own
        assert (own.draws, own.seed, own.all.inputs) == (20, 5, 12)
        assert own.all.found.value == pytest.approx(same.found)
        assert own.all.false_alarms.value == pytest.approx(same.false_alarms)
        labels = sorted(set(map(str, inputs.labels[:12])))
        assert [case.label for case in own.classes] == labels
        assert sum(case.inputs for case in own.classes) == 12
    assert found.numbers()["layers"][0]["own"]["all"]["found"]["below"] == 1.0
    without = analyze(network, inputs, limits=attrs.evolve(few, placed=0))
    assert [layer.own for layer in without.layers] == [None] * 3
    labelled = analyze(network, values["input"], limits=few, labels=["odd", "even"] * 6)
    assert [case.label for case in labelled.layers[0].own.classes] == ["even", "odd"]


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 5), (2, 3, 3), (7, 2, 1)])
@pytest.mark.parametrize("room", [1, 2**18])
def test_signs_drawn_together_are_those_drawn_one_by_one(shape, room, monkeypatch):
    monkeypatch.setattr(own, "_BYTES", room)
    together, one_by_one = (np.random.default_rng(3) for _ in range(2))
    signs = np.zeros((6, *shape), np.int8)
    fill_with_signs(signs, together)
    assert signs.tolist() == [SIGNS.draw(shape, one_by_one).tolist() for _ in range(6)]
    assert together.random() == one_by_one.random()


# filters, extent, and what else a dictionary is given
GEOMETRIES = {
    "lines": ((3, 2, 4), (11,), {"padding": 2}),
    "lines with gaps": ((2, 1, 3), (14,), {"stride": 2, "dilation": 3, "padding": ((1, 4),)}),
    "more stride than taps": ((9, 2, 2), (13,), {"stride": 5}),
    "pictures": ((10, 3, 3, 2), (6, 5), {"stride": (2, 1), "padding": (1, 1)}),
    "each channel alone": ((9, 1, 5, 5), (2, 3), {"groups": 9, "padding": 2}),
    "groups": ((6, 2, 3, 3), (4, 4), {"groups": 3, "stride": 2, "padding": 1}),
    "points": ((5, 12, 1, 1), (3, 7), {}),
    "points of groups": ((4, 3, 1), (9,), {"groups": 2}),
    "one point": ((17, 4, 1, 1), (1, 1), {}),
    "points of many filters": ((19, 5, 1), (9,), {}),
    "beyond the border": ((2, 1, 2), (3,), {"padding": 3}),
    "solids": ((2, 2, 2, 2, 2), (3, 2, 3), {"padding": 1}),
}


@pytest.mark.parametrize("way", ["compiled", "piecemeal", "by maps", "plain"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_units_are_counted_as_the_matrix_of_the_atoms_has_them(name, dtype, way, monkeypatch):
    shape, extent, more = GEOMETRIES[name]
    rng = np.random.default_rng(4)
    dictionary = ToeplitzDictionary(rng.normal(size=shape).astype(dtype), extent, **more)
    codes = rng.uniform(0.5, 1, (3, *dictionary.code_shape)).astype(dtype)
    codes[rng.random(codes.shape) < 0.5] = 0
    signs = rng.choice([-1, 1], (61, *dictionary.code_shape)).astype(np.int8)
    levels = rng.uniform(0, 1, len(dictionary.filters))
    # Every coefficient of every pattern from the matrix A, whose columns are the atoms.
    matrix = dictionary.to_sparse().toarray().astype(np.float64)
    drawn_codes = (codes * signs[:, None]).reshape(61 * 3, -1)
    coefficients = (drawn_codes @ matrix.T @ matrix).reshape(61, *codes.shape) * signs[:, None]
    on = coefficients > levels.reshape(-1, *[1] * len(extent))
    inside = tuple(range(2, on.ndim))
    expected = [(codes > 0) & ~on, (codes == 0) & on]
    expected = np.stack([wrong.sum(axis=inside) for wrong in expected], axis=1)
    assert (expected > 0).any()
    if way == "piecemeal":
        monkeypatch.setattr(drawn, "_SCRATCH_BYTES", 1)
        monkeypatch.setattr(drawn, "_WORTH_A_THREAD", 1)
    if way == "by maps":
        monkeypatch.setattr(drawn, "_MOST_BYTES", 0)
    if way == "plain":
        monkeypatch.setattr(ways, "_asked", lambda: True)
    taps, grid = dictionary._taps(codes), dictionary._shifted.grid
    found = count_wrong(codes, signs, taps, grid, levels)
    np.testing.assert_array_equal(found, expected)


def test_draws_that_were_counted_before_are_those_of_a_pathway_synthesised_again():
    """Of some inputs, one of which has no unit on; and where too few were counted, all anew."""
    network, inputs = load(digits_network_path()), shipped_inputs().first(5)
    (layer, *_) = coded_layers(network.forward(inputs.values["input"].astype(np.float64)))
    codes = layer.codes.copy()
    codes[1] = 0
    layer = attrs.evolve(layer, codes=codes)
    wrong = own.wrong_under_draws(layer, 9, 5, 1e12, 3)
    assert wrong.numbers.tolist() == [0, 2, 3, 4]
    expected = [
        resynthesize([layer], signs, draws, 3, 4)
        for signs, draws in ((SIGNS, 6), (IdentitySigns(), 1))
    ]
    assert found_alone(wrong, 6, codes[:4]) == expected
    assert expected[0].exact == 0.25  # the input of which nothing is on
    assert found_alone(wrong, 10, codes) is None
    fewer = own.wrong_under_draws(layer, 9, 3, 1e12, 3)
    assert found_alone(fewer, 6, codes) is None
    assert found_alone(None, 1, codes) is None


@pytest.mark.parametrize("room", [1, 2**22])
def test_pathways_that_are_drawn_together_are_those_of_models_drawn_one_by_one(room, monkeypatch):
    monkeypatch.setattr(resynthesis, "_ENTRIES", room)
    rng = np.random.default_rng(7)
    below = ToeplitzDictionary(rng.normal(size=(4, 1, 3)), 12, padding=1)
    above = ToeplitzDictionary(rng.normal(size=(5, 4, 3)), 12, stride=2, padding=1)
    codes = rng.uniform(1, 2, (3, *above.code_shape)) * (rng.random((3, *above.code_shape)) < 0.2)
    last = chains.layer(codes, above, 1.0)
    first = chains.layer(np.abs(above.synthesize(codes)), below, 2.5)
    model = DCSCModel([Layer(below, HardThreshold(1.25)), Layer(above, ReLU(0.5))])
    random = np.random.default_rng(5)
    missed, raised, exact = [], [], []
    for _ in range(6):
        drawn_model = model.draw(random)
        truth = drawn_model.synthesize(codes)
        recovery = truth.compare(drawn_model.forward(truth[0]))
        missed.append(recovery.missed[1].sum())
        raised.append(recovery.false_alarms[1].sum())
        exact.append(recovery.recovered[1].mean())
    active = np.count_nonzero(codes)
    found = resynthesize([first, last], SIGNS, 6, 5)
    assert found.missed == pytest.approx(np.mean(missed) / active)
    assert found.false_alarms == pytest.approx(np.mean(raised) / active)
    assert found.exact == pytest.approx(np.mean(exact))
    assert 0 < found.missed < 1
