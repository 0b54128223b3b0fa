"""Monte Carlo: the fast engine counts what the model itself counts, draw by draw."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom

from dcsc import (
    CirculantDictionary,
    DcscError,
    DCSCModel,
    FilterSigns,
    FixedSigns,
    HardThreshold,
    IdentitySigns,
    Layer,
    RademacherSigns,
    ReLU,
    SoftThreshold,
    ToeplitzDictionary,
    TopK,
    codes,
)
from dcsc.dictionaries import filters
from dcsc.experiments import Tally, clopper_pearson, simulate
from dcsc.experiments.draws import Draws

BARKER = CirculantDictionary(filters.barker(1, 1, 13), extent=64)


def naive_failures(model, x, trials, rng, noise):
    """Run every draw through the model, and compare supports by hand."""
    draws = Draws.of(model, x, rng, noise)
    count = np.zeros(len(model.layers) + 1, dtype=int)
    for block in draws.blocks(trials):
        for draw in range(len(block)):
            drawn = block.model(model, draw)
            truth = drawn.synthesize(x)
            guess = drawn.forward(truth[0] + block.noise_of(draw))
            wrong = [bool(((a != 0) != (b != 0)).any()) for a, b in zip(truth, guess, strict=True)]
            count += [*wrong[1:], any(wrong[1:])]
    return count


@pytest.mark.parametrize(
    "projection",
    [HardThreshold(0.31), SoftThreshold(0.31), ReLU(0.31), HardThreshold([0.2, 0.3, 0.4, 0.5])],
    ids=repr,
)
@pytest.mark.parametrize("noise", [0.0, 0.2, "array"])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_gram_rows_count_what_the_model_counts(projection, noise, batch):
    dictionary = ToeplitzDictionary(filters.rademacher(4, 16, 5, rng=0), 20, stride=2, padding=3)
    amplitudes = codes.UniformAmplitudes(0.6, signed=not isinstance(projection, ReLU))
    x = codes.draw(dictionary, 4, batch, amplitudes, rng=1)
    if noise == "array":
        noise = np.random.default_rng(2).normal(size=(*batch, *dictionary.signal_shape)) * 0.02
    model = DCSCModel([Layer(dictionary, projection)])
    tally = simulate(model, x, 300, rng=3, noise=noise)
    np.testing.assert_array_equal(tally.failures, naive_failures(model, x, 300, 3, noise))
    assert tally.failures[-1] > 0


@pytest.mark.parametrize("threshold", [0.5, 6 / 13, 5 / 13, 7 / 13])
def test_thresholds_that_coefficients_hit_exactly(threshold):
    """Barker interference is a multiple of 1/13: rounding decides, and decides alike."""
    x = codes.draw(BARKER, 8, amplitudes=codes.ConstantAmplitudes(), rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(threshold))])
    tally = simulate(model, x, 300, rng=1)
    np.testing.assert_array_equal(tally.failures, naive_failures(model, x, 300, 1, 0.0))


def test_float32_and_layers_without_a_threshold_agree_too():
    dictionary = CirculantDictionary(filters.gaussian(4, 8, 3, rng=0).astype(np.float32), 12)
    x = codes.draw(dictionary, 2, amplitudes=codes.ConstantAmplitudes(), rng=1)
    for projection in (HardThreshold(0.3), TopK(int((x != 0).sum()))):
        model = DCSCModel([Layer(dictionary, projection)])
        tally = simulate(model, x.astype(np.float32), 200, rng=3)
        np.testing.assert_array_equal(tally.failures, naive_failures(model, x, 200, 3, 0.0))


def test_deep_models_count_layer_by_layer():
    lower = CirculantDictionary(filters.rademacher(6, 24, 3, rng=0), 12)
    upper = CirculantDictionary(filters.sparse_rademacher(4, 6, 3, 2, rng=1), 12)
    model = DCSCModel([Layer(lower, HardThreshold(0.3)), Layer(upper, HardThreshold(0.5))])
    x = codes.draw(upper, 1, amplitudes=codes.ConstantAmplitudes(), rng=2)
    tally = simulate(model, x, 200, rng=3, noise=0.3)
    np.testing.assert_array_equal(tally.failures, naive_failures(model, x, 200, 3, 0.3))
    assert 0 < tally.failures[0] <= tally.failures[-1] <= tally.failures[:-1].sum()


def test_rates_agree_with_the_enumeration_of_all_signs():
    """Two adjacent atoms of [1, 1]/√2 fail in exactly half of all sign patterns."""
    dictionary = CirculantDictionary([[[1, 1]]], extent=8).normalized()
    x = np.zeros((1, 8))
    x[0, [0, 2]] = 1
    wrong = 0
    for signs in itertools.product([-1.0, 1.0], repeat=2):
        between = (signs[0] + signs[1]) / 2
        wrong += abs(between) > 0.6
    tally = simulate(DCSCModel([Layer(dictionary, HardThreshold(0.6))]), x, 4000, rng=0)
    low, _, high = clopper_pearson(tally.failures, 4000, level=1 - 1e-9)
    assert wrong == 2
    assert np.all((low <= wrong / 4) & (wrong / 4 <= high))


def test_signs_come_from_the_law_of_a_drawn_model():
    x = codes.draw(BARKER, 14, amplitudes=codes.ConstantAmplitudes(), rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(0.5))])
    again = simulate(model.draw(5), x, 300, rng=1)
    assert again == simulate(model, x, 300, rng=1)
    assert 0 < again.failures[-1] < 300
    for signs in (IdentitySigns(), FilterSigns(), FixedSigns(np.ones((1, 64)))):
        fixed = DCSCModel([Layer(BARKER, HardThreshold(0.5), signs)])
        assert simulate(fixed, x, 50, rng=1).failures[-1] in (0, 50)


def test_trials_extend_one_another_and_a_draw_can_be_made_again():
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45), RademacherSigns())])
    x = codes.draw(BARKER, 8, rng=0)
    draws = Draws.of(model, x, 7, 0.1)
    long, short = draws.block(1), draws.block(1, 10)
    np.testing.assert_array_equal(long.signs[0][:10], short.signs[0])
    np.testing.assert_array_equal(long.noise[:10], short.noise)
    np.testing.assert_allclose(BARKER.patch_norm(long.noise), 0.1)
    assert not np.array_equal(long.signs[0], draws.block(0).signs[0])


def test_the_same_seed_gives_the_same_tally_and_generators_move_on():
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    x = codes.draw(BARKER, 6, rng=0)
    seeds = (3, np.random.SeedSequence(3))
    assert simulate(model, x, 500, rng=seeds[0]) == simulate(model, x, 500, rng=seeds[1])
    source = np.random.default_rng(3)
    first, second = (simulate(model, x, 500, rng=source) for _ in range(2))
    assert first != second


def test_tallies_add_up():
    total = Tally(10, [1, 2, 3]) + Tally(5, [0, 1, 1])
    assert total == Tally(15, [1, 3, 4])
    assert total != Tally(15, [1, 3, 5])
    with pytest.raises(DcscError, match="same number of layers"):
        Tally(10, [1, 2]) + total


@pytest.mark.parametrize(("failures", "trials"), [(0, 10), (3, 10), (10, 10), (57, 400)])
def test_clopper_pearson_by_its_definition(failures, trials):
    low, best, high = clopper_pearson(failures, trials)
    assert best == failures / trials
    if failures > 0:
        assert math.isclose(binom.sf(failures - 1, trials, low), 0.025, rel_tol=1e-9)
    if failures < trials:
        assert math.isclose(binom.cdf(failures, trials, high), 0.025, rel_tol=1e-9)
    assert (low, high) == (0.0 if failures == 0 else low, 1.0 if failures == trials else high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 0}, "simulate: trials: expected at least 1, got 0"),
        ({"noise": -1}, "simulate: noise: expected at least 0, got -1"),
        ({"noise": np.zeros((1, 3))}, "simulate: noise: expected shape"),
        ({"rng": -1}, "simulate: rng: expected None"),
        ({"codes": np.zeros((1, 3))}, "simulate: codes: expected shape"),
    ],
)
def test_bad_input_is_named(arguments, message):
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    given = {"codes": np.zeros(BARKER.code_shape), "trials": 10} | arguments
    with pytest.raises(DcscError, match=message.replace("(", r"\(")):
        simulate(model, **given)
