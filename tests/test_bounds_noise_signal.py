"""Noise that is known, as one more weight of every atom, against all sign patterns."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayerInstance,
    ProbabilisticBound,
    UniformBound,
    measure,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments import simulate
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, Selection
from tests.sign_enumeration import signed_codes
from tests.test_instance_bound import problems, random_problem

RELU = Selection(one_sided=True, shrinkage=True)
EDGE = 1e-12
thresholds = st.sampled_from([0.2, 0.5, 0.9])
sizes = st.sampled_from([0.0, 0.1, 0.4])


def signal_for(dictionary, seed, size):
    """Return a noise of that patch norm."""
    v = np.random.default_rng(seed).standard_normal(dictionary.signal_shape)
    return v * size / dictionary.patch_norm(v)


def outcomes(matrix, code, threshold, noise, one_sided=False):
    """Return the share of signs for which each atom fails on the near side, and the joint share.

    On the support the near side is a coefficient that comes down to the threshold, or lower.
    """
    rows = signed_codes(code)
    seen = (rows @ matrix.T + noise) @ matrix
    on = code != 0
    short = np.sign(rows) * seen <= threshold + EDGE
    still = np.abs(seen).max(axis=0) < EDGE
    up, down = (sign * seen >= threshold - EDGE for sign in (1, -1))
    off = ((up.mean(axis=0) + down.mean(axis=0)) / 2) if one_sided else (up | down).mean(axis=0)
    fails = np.where(on, np.abs(seen) <= threshold + EDGE, (up | down) & ~still)
    return np.where(on, short.mean(axis=0), np.where(still, 0, off)), fails


@given(problems, thresholds, sizes)
def test_each_atom_is_exact(problem, threshold, size):
    dictionary, matrix, code = random_problem(*problem)
    v = signal_for(dictionary, problem[0], size)
    layer = LayerInstance(dictionary, code.reshape(dictionary.code_shape), threshold, v)
    exact, fails = outcomes(matrix, code, threshold, v.ravel())
    assert InstanceBound().atoms(layer).ravel() == pytest.approx(exact, rel=1e-12, abs=0)
    found = InstanceBound().evaluate(layer)
    assert found.unclipped == pytest.approx(exact.sum(), rel=1e-12, abs=0)
    assert found.lower == pytest.approx(fails.mean(axis=0).max(), rel=1e-12, abs=0)
    assert found.lower <= fails.any(axis=1).mean() <= found.unclipped * (1 + 1e-12)
    assert found.layers[0].noise == pytest.approx(size, rel=1e-12)


@settings(max_examples=50)
@given(problems, thresholds, sizes)
def test_each_rectified_atom_is_exact(problem, threshold, size):
    dictionary, matrix, code = random_problem(*problem)
    v = signal_for(dictionary, problem[0], size)
    codes = np.abs(code).reshape(dictionary.code_shape)
    layer = LayerInstance(dictionary, codes, threshold, v, selection=RELU)
    exact, _ = outcomes(matrix, np.abs(code), threshold, v.ravel(), one_sided=True)
    assert InstanceBound().atoms(layer).ravel() == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize("tail", ["lattice", "chernoff", "bentkus", "hoeffding"])
@settings(max_examples=30)
@given(problems, thresholds)
def test_between_the_exact_value_and_what_the_size_alone_allows(tail, problem, threshold):
    dictionary, matrix, code = random_problem(*problem)
    v = signal_for(dictionary, problem[0], 0.2)
    layer = LayerInstance(dictionary, code.reshape(dictionary.code_shape), threshold, v)
    exact, _ = outcomes(matrix, code, threshold, v.ravel())
    each = InstanceBound(tail).atoms(layer).ravel()
    assert (exact <= each * (1 + 1e-12)).all()
    size = layer.noise_level * (1 + 1e-12)
    unknown = InstanceBound(tail).atoms(attrs.evolve(layer, noise=size)).ravel()
    assert (each <= unknown * (1 + 1e-9)).all() or tail == "lattice"
    worst = attrs.evolve(layer, noise=size, noise_model="adversarial")
    assert (exact <= InstanceBound(tail).atoms(worst).ravel() * (1 + 1e-12)).all()


def test_each_column_has_a_noise_of_its_own():
    rng = np.random.default_rng(1)
    dictionary = CirculantDictionary(filters.gaussian(3, 2, 3, rng=rng), 8)
    matrix = dictionary.to_sparse().toarray()
    codes = rng.standard_normal((2, 2, 3, 8)) * (rng.random((2, 2, 3, 8)) < 0.2)
    own, common = 0.2 * rng.standard_normal((2, 2, 2, 8)), 0.2 * rng.standard_normal((2, 8))
    for noise in (own, common):
        flat = np.broadcast_to(noise, own.shape).reshape(4, -1)
        pairs = zip(codes.reshape(4, -1), flat, strict=True)
        expected = [outcomes(matrix, x, 0.5, v)[0] for x, v in pairs]
        layer = LayerInstance(dictionary, codes, 0.5, noise)
        found = InstanceBound().atoms(layer).reshape(4, -1)
        assert found == pytest.approx(np.stack(expected), rel=1e-12, abs=0)
    levels = dictionary.patch_norm(own)
    assert LayerInstance(dictionary, codes, 0.5, own).noise_level == levels.max()


def test_a_silent_signal_is_no_noise():
    dictionary = CirculantDictionary(filters.gaussian(3, 2, 3, rng=0), 8)
    codes = np.eye(3, 8)
    silent = InstanceBound().evaluate(LayerInstance(dictionary, codes, 0.4, np.zeros((2, 8))))
    assert (
        silent.unclipped
        == InstanceBound().evaluate(LayerInstance(dictionary, codes, 0.4)).unclipped
    )
    tails = ("exact", "chernoff", "hoeffding", "bentkus", "l1")
    empty = LayerInstance(dictionary, 0 * codes, 0.15, signal_for(dictionary, 0, 0.4))
    seen = np.abs(dictionary.analyze(empty.noise))
    for tail in tails:  # without codes the coefficients are those of the noise, up to signs
        assert InstanceBound(tail).evaluate(empty).unclipped >= (seen > 0.15).sum() > 0
    assert InstanceBound().evaluate(empty).unclipped == (seen > 0.15).sum()


def test_class_bounds_take_the_patch_norm():
    dictionary = CirculantDictionary(filters.gaussian(2, 40, 2, rng=0), 12)
    v = signal_for(dictionary, 0, 0.1)
    layer = LayerInstance(dictionary, np.eye(2, 12), noise=v)
    assert layer.noise_model == "independent"
    assert layer.statistics().noise == dictionary.patch_norm(v) == pytest.approx(0.1)
    number = attrs.evolve(layer, noise=layer.noise_level, noise_model="adversarial")
    for bound in (UniformBound(), ProbabilisticBound(), HybridBound()):
        known, sized = bound.evaluate(layer), bound.evaluate(number)
        assert known.layers == sized.layers


def test_measured_with_a_noise_that_is_known():
    rng = np.random.default_rng(5)
    dictionary = CirculantDictionary(filters.rademacher(8, 64, 9, rng=rng), 64)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    codes = np.zeros((8, 64))
    codes.ravel()[rng.choice(512, 56, replace=False)] = 1
    v = signal_for(dictionary, 3, 0.5)
    truth = model.draw(0).synthesize(codes)
    layers = measure(model, truth, noise=v)
    assert np.array_equal(layers[0].noise, v)
    assert layers[0] == measure(model, truth, noise=v)[0] != measure(model, truth, noise=2 * v)[0]
    found = InstanceBound().evaluate(layers)
    low, rate, _ = simulate(model, codes, trials=2000, noise=v).interval(level=1 - 1e-6)
    assert low[-1] <= found.failure_probability <= 1.5 * rate[-1]
    blind = InstanceBound().evaluate(measure(model, truth, noise=layers[0].noise_level))
    assert found.unclipped < 0.1 * blind.unclipped
    assert "layer 1: what enters is the signal given, for all signs" in found.assumptions


def test_a_signal_above_the_first_layer_is_an_assumption():
    eye = DenseDictionary(np.eye(3))
    first = LayerInstance(eye, [1.0, 1, 0], 0.5)
    found = InstanceBound().evaluate([first, LayerInstance(eye, [1.0, 0, 0], 0.5, [0.4, 0, 0])])
    assert found.failure_probability == 0
    assert "layer 2: what enters is the signal given, for all signs" in found.assumptions


def test_another_noise_model_sees_the_size_of_the_signal_only():
    dictionary = DenseDictionary(np.eye(3))
    layer = LayerInstance(dictionary, [1.0, 0, 0], 0.5, [0.0, 0, 0.3])
    loud = attrs.evolve(layer, noise=[0, 0.6, 0])
    for threshold_crossed, given_ in ((0, layer), (1, loud)):
        assert InstanceBound().evaluate(given_).unclipped == threshold_crossed
    adversarial = InstanceBound(noise_model="adversarial")
    assert adversarial.evaluate(loud).unclipped == 3  # it could be anywhere
    assert InstanceBound("chernoff", noise_model="martingale").evaluate(layer).unclipped < 1
    with pytest.raises(NotCoveredError, match="layer 1: a signal that is given is not Gaussian"):
        InstanceBound("chernoff", noise_model="gauss").evaluate(layer)
    with pytest.raises(NotCoveredError, match=r"the noise model is none, but the noise is 0.3"):
        InstanceBound(noise_model="none").evaluate(layer)


def test_the_best_threshold_knows_the_noise():
    rng = np.random.default_rng(2)
    dictionary = CirculantDictionary(filters.gaussian(3, 12, 3, rng=rng), 10)
    codes = (rng.random((3, 10)) < 0.15) * rng.uniform(0.6, 1, (3, 10))
    layer = LayerInstance(dictionary, codes, noise=signal_for(dictionary, 0, 0.3))
    best = InstanceBound().best_threshold(layer)
    values = [
        InstanceBound(tolerance=0).evaluate(attrs.evolve(layer, threshold=t)).unclipped
        for t in (best, *np.linspace(0.05, 1, 39))
    ]
    assert values[0] <= 1.1 * min(values[1:]) + 1e-12


def test_what_cannot_be_a_noise_is_refused():
    dictionary, codes = CirculantDictionary(np.ones((2, 3, 2)), 4), np.zeros((5, 2, 4))
    for noise, message in (
        (np.zeros((3, 5)), r"LayerInstance: noise: expected a number or shape \(5, 3, 4\)"),
        (np.zeros((4, 3, 4)), r"shape \(5, 3, 4\), got \(4, 3, 4\)"),
        (np.full((3, 4), math.nan), "LayerInstance: noise: expected finite"),
        ("0.5", "LayerInstance: noise: expected a real number"),
        (-1, "LayerInstance: noise: expected at least 0"),
    ):
        with pytest.raises(DcscError, match=message):
            LayerInstance(dictionary, codes, 0.5, noise)
    for model in ("adversarial", "none", "gauss", "martingale"):
        with pytest.raises(DcscError, match='noise_model: expected "independent" with a signal'):
            LayerInstance(dictionary, codes, 0.5, np.zeros((3, 4)), model)
    kept = np.zeros((3, 4))
    layer = LayerInstance(dictionary, codes, 0.5, kept)
    kept[0] = 1
    assert not layer.noise.any()
    assert not layer.noise.flags.writeable
