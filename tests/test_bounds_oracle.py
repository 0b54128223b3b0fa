"""Layers above the first for given signs below, against all signs of theirs, from matrices."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.bounds import (
    EffectiveDictionary,
    Hypothesis,
    InstanceBound,
    LayerInstance,
    UniformBound,
    measure,
    oracle_layers,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError, NotDrawnError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, ReLU, SoftThreshold, TopK
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, RademacherSigns
from tests.sign_enumeration import patterns, signed_codes

EDGE = 1e-12
SAMPLES = 30


def unit(rng, samples, atoms, density=1.0):
    """Return random atoms with some zeros, so that supports are strict."""
    matrix = rng.standard_normal((samples, atoms)) * (rng.random((samples, atoms)) < density)
    matrix[rng.integers(0, samples, atoms), np.arange(atoms)] += 1
    return matrix / np.linalg.norm(matrix, axis=0)


def network(seed, depth, thresholds):
    """Return a drawn model, its matrices with the signs below the deepest layer, and a code."""
    rng = np.random.default_rng(seed)
    sizes = [SAMPLES, 8, 7, 6][: depth + 1]
    matrices = [
        unit(rng, m, n, 1 if number == 0 else 0.4)
        for number, (m, n) in enumerate(itertools.pairwise(sizes))
    ]
    signs = [rng.choice([-1.0, 1.0], matrix.shape[1]) for matrix in matrices]
    model = DCSCModel(
        [
            Layer(DenseDictionary(a), HardThreshold(beta), FixedSigns(s, law=RademacherSigns()))
            for a, beta, s in zip(matrices, thresholds, signs, strict=True)
        ]
    )
    code = np.zeros(sizes[-1])
    code[rng.choice(sizes[-1], 3, replace=False)] = rng.choice([-1, 1], 3) * rng.uniform(0.7, 1, 3)
    return model, matrices, signs, code


def oracle_pass(matrices, signs, code, noise, told=True):
    """Return, for all signs of the deepest layer, its coefficients in a pass told the supports.

    The coefficients come without the signs of their own layer.
    """
    rows = signed_codes(code)
    pathway = [rows]
    for matrix, sign in zip(matrices[::-1], [np.ones(len(code)), *signs[-2::-1]], strict=True):
        pathway.insert(0, (pathway[0] * sign) @ matrix.T)
    seen = pathway[0] + noise
    for matrix, sign, true in zip(matrices[:-1], signs, pathway[1:], strict=False):
        seen = (seen @ matrix) * sign * (np.abs(true) > EDGE)
    return rows, seen @ matrices[-1], pathway


def shares(rows, coefficients, code, threshold):
    on = code != 0
    short = (np.sign(rows) * coefficients <= threshold + EDGE).mean(axis=0)
    far = (np.abs(coefficients) >= threshold - EDGE).mean(axis=0)
    return np.where(on, short, far)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 3]),
    st.sampled_from([0.2, 0.5]),
    st.sampled_from([0.0, 0.3]),
)
def test_each_atom_is_exact(seed, depth, threshold, size):
    model, matrices, signs, code = network(seed, depth, [0.1] * (depth - 1) + [threshold])
    noise = np.random.default_rng(seed).standard_normal(SAMPLES)
    noise *= size / np.linalg.norm(noise)
    layers = oracle_layers(model, model.synthesize(code), noise)
    rows, coefficients, pathway = oracle_pass(matrices, signs, code, noise)
    same = all((abs(x) > EDGE).all(axis=0).sum() == (abs(x[0]) > EDGE).sum() for x in pathway)
    assert layers[-1].hypotheses[1].holds is same is True
    expected = shares(rows, coefficients, code, threshold)
    found = InstanceBound().atoms(layers[-1])
    assert found == pytest.approx(expected, rel=1e-12, abs=0)
    assert len(layers) == depth
    assert InstanceBound().evaluate(layers[-1]).unclipped == pytest.approx(expected.sum(), rel=1e-9)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_pass_is_the_actual_one_while_the_layers_below_recover(depth):
    agreed = 0
    for seed in range(40):
        model, _, _, code = network(seed, depth, [0.05] * depth)
        for signs_on_top in patterns(len(code))[:8]:
            top = attrs.evolve(model.layers[-1], signs=FixedSigns(signs_on_top))
            drawn = DCSCModel([*model.layers[:-1], top])
            truth = drawn.synthesize(code)
            guess = drawn.forward(truth[0], keep_coefficients=True)
            if truth.compare(guess).recovered[:-1].all():
                agreed += 1
                effective = oracle_layers(drawn, truth)[-1].dictionary
                seen = signs_on_top * effective.analyze(truth[0])
                assert guess.coefficients[-1] == pytest.approx(seen, rel=1e-10, abs=1e-13)
                assert effective.synthesize(signs_on_top * code) == pytest.approx(
                    truth[0], rel=1e-10, abs=1e-13
                )
    assert agreed > 30


def test_averaged_over_the_signs_it_bounds_the_failures_of_the_pathway():
    for seed in range(2):
        model, matrices, _, code = network(seed, 2, [0.15, 0.45])
        support, middle = np.flatnonzero(code), matrices[1].shape[0]
        promised, failed = [], []
        lower = patterns(middle)[: 2 ** (middle - 1)]  # a common sign changes nothing
        for above in patterns(len(support))[:2]:
            on_top = np.ones(len(code))
            on_top[support] = above
            for below in lower[::4]:
                drawn = DCSCModel(
                    [
                        attrs.evolve(layer, signs=FixedSigns(s, law=RademacherSigns()))
                        for layer, s in zip(model.layers, (below, on_top), strict=True)
                    ]
                )
                truth = drawn.synthesize(code)
                promised.append(InstanceBound().evaluate(oracle_layers(drawn, truth)).unclipped)
                failed.append(not truth.compare(drawn.forward(truth[0])).pathway_recovered)
        assert np.mean(failed) <= np.mean(promised)


def convolutional(seed=0):
    rng = np.random.default_rng(seed)
    below = CirculantDictionary(filters.gaussian(8, 64, 3, rng=rng), 12)
    above = CirculantDictionary(filters.gaussian(4, 8, 2, rng=rng), 12)
    model = DCSCModel([Layer(below, HardThreshold(0.03)), Layer(above, HardThreshold(0.5))])
    codes = np.zeros((4, 12))
    codes[0, 3] = codes[1, 7] = codes[3, 8] = 1
    return model.draw(1), codes


def test_far_below_what_any_error_of_that_size_could_do():
    model, codes = convolutional()
    truth = model.synthesize(codes)
    layers = oracle_layers(model, truth)
    found = InstanceBound().evaluate(layers)
    assert InstanceBound().evaluate(measure(model, truth)).layers[1].failure_probability == 1
    assert found.layers[1].failure_probability == 0.5
    assert found.conditional
    assert found.layers[1].hypotheses[:3] == (
        Hypothesis("layer 2: what enters is the signal given, for all signs"),
        Hypothesis(
            "layer 2: the signs of layer 1 are those drawn; the bound is joint with their success"
        ),
        Hypothesis("layer 2: its signs do not change the supports of layer 1", True),
    )
    (chain,) = found.layers[1].hypotheses[3:]
    assert chain.holds is True
    assert chain.statement.startswith("layer 2: its signals are the codes of layer 1")
    best = InstanceBound().best_thresholds(layers)
    better = [attrs.evolve(layer, threshold=t) for layer, t in zip(layers, best, strict=True)]
    assert InstanceBound().evaluate(better).unclipped <= found.unclipped * 1.001
    assert layers[0] == attrs.evolve(
        measure(model, truth, noise=np.zeros((64, 12)))[0], successor=None
    )


def test_a_batch_of_one_and_the_noise():
    model, codes = convolutional()
    noise = 0.05 * np.random.default_rng(0).standard_normal((64, 12))
    single = oracle_layers(model, model.synthesize(codes), noise)
    listed = oracle_layers(model, model.synthesize([codes]), noise)
    assert single == listed
    each = InstanceBound().atoms(single[1])
    assert each.shape == (4, 12)
    assert (each != InstanceBound().atoms(oracle_layers(model, model.synthesize(codes))[1])).any()


# ---- supports that depend on the signs -----------------------------------------------------------


def two(above, count):
    eye = DenseDictionary(np.eye(len(above)))
    model = DCSCModel(
        [Layer(eye, HardThreshold(0.01)), Layer(DenseDictionary(above), HardThreshold(0.01))]
    ).draw(0)
    return model, oracle_layers(model, model.synthesize(np.ones(count)))[1]


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        ([3, 2, 0.5], True),  # one is larger than the others together
        ([3, 2, 2], True),  # no signs add up to zero
        ([3, 2, 1], False),  # 3 = 2 + 1
        ([1, 1, 0], False),
        ([0, 0, 0], True),
        ([1, 1e-17, 0], True),
        ([0.1, 0.2, 0.3], False),  # but for rounding
        ([1] * 23, True),  # an odd number of them
        ([1] * 24, False),
        ([1] * 25, None),  # too many to try
        ([40] + [1] * 30, True),
    ],
)
def test_whether_signs_can_change_the_supports_below(row, holds):
    above = np.vstack([row, 7 * np.eye(len(row))])
    _, layer = two(above, len(row))
    assert layer.hypotheses[1].holds is holds
    found = InstanceBound("hoeffding").evaluate(layer)
    sentence = "layer 2: its signs do not change the supports of layer 1"
    assert (sentence in found.assumptions) == (holds is None)
    assert (sentence in found.violations) == (holds is False)
    if holds is False:
        assert found.failure_probability == 1
        assert UniformBound().evaluate(layer).failure_probability == 1


def test_supports_two_layers_below():
    # the codes of layer 2 never change their support, but they meet again below
    top = DenseDictionary(np.array([[1, 0], [0, 1]]))
    for gap, holds in ((0.0, False), (0.1, True)):
        middle = DenseDictionary(np.array([[1, 1 + gap], [1, -5]]))
        layers = [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.01))]
        layers += [Layer(d, HardThreshold(0.01)) for d in (middle, top)]
        drawn = DCSCModel(layers).draw(0)
        records = oracle_layers(drawn, drawn.synthesize([1.0, 1]))
        statement = "layer 3: its signs do not change the supports of layers 1 to 2"
        assert records[2].hypotheses[1] == Hypothesis(statement, holds)


def test_what_cancels_for_all_signs_changes_nothing():
    # 0.1 + 0.2 - 0.3 is a rounding residue two layers below, and no support
    top, middle = DenseDictionary([[0.1], [0.2], [-0.3]]), DenseDictionary([[1, 1, 1], [1, -1, 0]])
    layers = [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.01))]
    layers += [Layer(d, HardThreshold(0.01), IdentitySigns()) for d in (middle, top)]
    model = DCSCModel(layers).draw(0)
    truth = model.synthesize([1.0])
    assert (truth[1] != 0).tolist() == [False, True]
    assert oracle_layers(model, truth)[2].hypotheses[1].holds is True


def test_codes_without_non_zeros():
    model, codes = convolutional()
    layers = oracle_layers(model, model.synthesize(0 * codes))
    assert InstanceBound().evaluate(layers).failure_probability == 0
    assert layers[1].hypotheses[1].holds is True


# ---- the joint guarantee is not a conditional one ------------------------------------------------


def test_given_that_the_layer_below_recovers_a_layer_can_fail_more_often_than_promised():
    # where the two atoms meet, opposite signs leave 1/√13, which layer 1 misses: whenever it
    # recovers, the signs are equal, and then the middle atom above sees both of its neighbours
    below = np.kron(np.eye(3), [[0.8], [0.6]])
    above = np.array([[3, 2, 0], [2, 0, 3], [0, 3, 2]]) / math.sqrt(13)
    code, thresholds = np.array([1.0, 0, 1]), (0.45, 0.5)
    joint = recovered = 0
    for signs in patterns(2):
        on_top = np.array([signs[0], 1, signs[1]])
        model = DCSCModel(
            [
                Layer(DenseDictionary(a), HardThreshold(beta), FixedSigns(s, RademacherSigns()))
                for a, beta, s in zip((below, above), thresholds, (np.ones(3), on_top), strict=True)
            ]
        )
        truth = model.synthesize(code)
        found = truth.compare(model.forward(truth[0])).recovered
        recovered += found[0]
        joint += found[0] and not found[1]
        promised = InstanceBound().evaluate(oracle_layers(model, truth)[1]).failure_probability
        assert promised == 0.5
    assert recovered == 2
    assert joint / 4 <= promised < joint / recovered


# ---- refusals ------------------------------------------------------------------------------------


def test_what_is_not_covered():
    model, codes = convolutional()
    truth = model.synthesize(codes)
    lower, upper = model.layers
    for projection, message in (
        (SoftThreshold(0.1), "above layer 1: its projection shrinks what it keeps"),
        (ReLU(0.1), "above layer 1: its projection shrinks"),
        (TopK(3), "above layer 1: its projection selects by no threshold"),
    ):
        other = DCSCModel([attrs.evolve(lower, projection=projection), upper])
        with pytest.raises(NotCoveredError, match=f"oracle_layers does not cover.*{message}"):
            oracle_layers(other, truth)
    soft = DCSCModel([lower, attrs.evolve(upper, projection=SoftThreshold(0.5))])
    hard = InstanceBound().evaluate(oracle_layers(model, truth))
    assert InstanceBound().evaluate(oracle_layers(soft, truth)).unclipped == hard.unclipped
    shared = DCSCModel(
        [lower, attrs.evolve(upper, signs=FixedSigns(np.ones((4, 12)), FilterSigns()))]
    )
    with pytest.raises(NotCoveredError, match="layer 2: its signs are not one independent"):
        InstanceBound().evaluate(oracle_layers(shared, truth))
    with pytest.raises(NotDrawnError):
        oracle_layers(DCSCModel([attrs.evolve(lower, signs=RademacherSigns()), upper]), truth)
    with pytest.raises(
        DcscError, match=r"oracle_layers: truth: expected one column, got batch \(2,\)"
    ):
        oracle_layers(model, model.synthesize([codes, codes]))
    with pytest.raises(DcscError, match="oracle_layers: truth: expected a Pathway of 3 arrays"):
        oracle_layers(model, codes)
    with pytest.raises(DcscError, match=r"LayerInstance: noise: expected .* \(64, 12\), got"):
        oracle_layers(model, truth, np.zeros(12))
    with pytest.raises(
        DcscError, match="LayerInstance: hypotheses: expected a tuple of Hypothesis"
    ):
        LayerInstance(lower.dictionary, np.zeros((8, 12)), hypotheses=["true"])


def test_both_ways_are_the_product_of_the_matrices():
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal(shape) for shape in ((3, 4), (4, 5), (5, 2))]
    supports = [rng.random(n) < 0.6 for n in (4, 5)]
    product = matrices[0] * supports[0] @ (matrices[1] * supports[1]) @ matrices[2]
    whole = EffectiveDictionary([DenseDictionary(a) for a in matrices], supports)
    assert whole.synthesize(np.eye(2)) == pytest.approx(product.T, rel=1e-12)
    assert whole.analyze(np.eye(3)) == pytest.approx(product, rel=1e-12)


def test_operators_and_supports_that_do_not_chain():
    wide, tall = DenseDictionary(np.ones((2, 3))), DenseDictionary(np.ones((3, 2)))
    for arguments, message in (
        (([wide, wide], [[1, 1, 1]]), r"number 1 has codes of shape \(3,\), but number 2"),
        (([wide, tall], []), r"supports: expected shapes \[\(3,\)\], got \[\]"),
        (([wide, tall], [[1, 0]]), r"supports: expected shapes \[\(3,\)\], got \[\(2,\)\]"),
        (([], []), "operators: expected dictionaries, got"),
    ):
        with pytest.raises(DcscError, match=f"EffectiveDictionary: .*{message}"):
            EffectiveDictionary(*arguments)
    one, other = (EffectiveDictionary([wide, tall], [s]) for s in ([1, 0, 1], [1, 1, 1]))
    assert one == EffectiveDictionary([wide, tall], [[True, False, True]]) != other
    assert one != EffectiveDictionary([wide], [])
