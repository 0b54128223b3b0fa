"""The enumeration of all sign patterns, against loops over signs and explicit matrices."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from dcsc import (
    BlockSigns,
    CirculantDictionary,
    DCSCModel,
    DenseDictionary,
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
from dcsc.errors import DcscError, NotCoveredError, TooLargeError
from dcsc.experiments import Enumeration, enumerate_signs, simulate
from dcsc.experiments.simulation.engines import ENGINES
from dcsc.signs import SignPattern
from tests.sign_enumeration import (
    circulant,
    equiangular,
    failures,
    rectified_failure,
    share,
    spike_on_plateau,
    toeplitz,
)


def patterns_of(signs, shape):
    """Return all patterns of a law, written out."""
    size = int(np.prod(shape))
    if isinstance(signs, RademacherSigns):
        listed = itertools.product([1.0, -1.0], repeat=size)
        return [np.array(pattern).reshape(shape) for pattern in listed]
    if isinstance(signs, FilterSigns):
        listed = itertools.product([1.0, -1.0], repeat=shape[0])
        return [np.multiply.outer(pattern, np.ones(shape[1:])) for pattern in listed]
    if isinstance(signs, BlockSigns):
        sides = (signs.filters, signs.positions)
        blocks = [-(-n // side) for n, side in zip(shape, sides, strict=True)]
        listed = itertools.product([1.0, -1.0], repeat=math.prod(blocks))
        tile = np.ones(sides)
        return [
            np.kron(np.reshape(pattern, blocks), tile)[: shape[0], : shape[1]] for pattern in listed
        ]
    return [np.ones(shape) if isinstance(signs, IdentitySigns) else signs.values]


def by_hand(model, x, noise=0.0):
    """Run every pattern of all layers through the model, and compare supports."""
    depth = len(model.layers)
    listed = [patterns_of(layer.signs, layer.dictionary.code_shape) for layer in model.layers]
    failed, missed, alarms = np.zeros(depth + 1, int), np.zeros(depth, int), np.zeros(depth, int)
    for chosen in itertools.product(*listed):
        drawn = DCSCModel(
            [
                Layer(layer.dictionary, layer.projection, FixedSigns(signs))
                for layer, signs in zip(model.layers, chosen, strict=True)
            ]
        )
        truth = drawn.synthesize(x)
        guess = drawn.forward(truth[0] + noise)
        true, kept = truth.supports, guess.supports
        wrong = [bool((a != b).any()) for a, b in zip(true, kept, strict=True)]
        failed += [*wrong, any(wrong)]
        missed += [int((a & ~b).sum()) for a, b in zip(true, kept, strict=True)]
        alarms += [int((b & ~a).sum()) for a, b in zip(true, kept, strict=True)]
    return Enumeration(int(np.prod([len(each) for each in listed])), failed, missed, alarms)


def assert_same_shares(result, expected):
    """Coins that decide nothing are left out, so that counts agree up to a power of two."""
    factor = expected.patterns // result.patterns
    assert factor * result.patterns == expected.patterns
    for name in ("failures", "missed", "false_alarms"):
        np.testing.assert_array_equal(factor * getattr(result, name), getattr(expected, name))


TWO_TAPS = CirculantDictionary(filters.gaussian(2, 8, 2, rng=1), extent=3)
ON_TOP = CirculantDictionary(filters.sparse_rademacher(1, 2, 2, nonzeros=2, rng=2), extent=3)


def deep(lower=None, upper=None, projection=None):
    return DCSCModel(
        [
            Layer(TWO_TAPS, HardThreshold(0.35), lower or RademacherSigns()),
            Layer(ON_TOP, projection or HardThreshold(0.5), upper or RademacherSigns()),
        ]
    )


MODELS = {
    "one layer": DCSCModel([Layer(TWO_TAPS, HardThreshold(0.6))]),
    "soft": DCSCModel([Layer(TWO_TAPS, SoftThreshold([0.4, 0.7]))]),
    "rectified": DCSCModel([Layer(TWO_TAPS, ReLU(0.4))]),
    "largest": DCSCModel([Layer(TWO_TAPS, TopK(4))]),
    "by filter": DCSCModel([Layer(TWO_TAPS, HardThreshold(0.8), FilterSigns())]),
    "in blocks": DCSCModel([Layer(TWO_TAPS, HardThreshold(0.6), BlockSigns(2, 2))]),
    "in blocks below": deep(BlockSigns(1, 2)),
    "no signs": DCSCModel([Layer(TWO_TAPS, HardThreshold(0.6), IdentitySigns())]),
    "two layers": deep(),
    "rectified above": deep(projection=ReLU(0.3)),
    "largest above": deep(projection=TopK(2)),
    "signs of each kind": deep(FilterSigns(), FixedSigns([[1, -1, -1]])),
}


def code_for(model, seed=0):
    dictionary = model.layers[-1].dictionary
    sparsity = int(np.prod(dictionary.code_shape)) // 2 + 1
    return np.abs(codes.draw(dictionary, sparsity, rng=seed))


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_against_a_loop_over_the_signs_of_all_layers(name, noisy):
    model = MODELS[name]
    noise = 0.4 * np.random.default_rng(3).normal(size=TWO_TAPS.signal_shape) if noisy else 0.0
    x = code_for(model)
    expected = by_hand(model, x, noise)
    result = enumerate_signs(model, x, noise)
    assert_same_shares(result, expected)
    for engine in ENGINES:
        if engine.covers(model):
            assert enumerate_signs(model, x, noise, engine.name) == result


def test_the_models_fail_for_some_patterns_and_not_for_others():
    """So that the comparison above could fail."""
    rates = [enumerate_signs(model, code_for(model)).probability[-1] for model in MODELS.values()]
    assert sum(0 < rate < 1 for rate in rates) >= 5


def test_columns_of_a_batch_share_their_signs():
    x = codes.draw(TWO_TAPS, 2, (3,), rng=5)
    noise = 0.2 * np.random.default_rng(6).normal(size=(3, *TWO_TAPS.signal_shape))
    model = MODELS["one layer"]
    assert_same_shares(enumerate_signs(model, x, noise), by_hand(model, x, noise))


def test_a_drawn_model_stands_for_its_law():
    model = MODELS["two layers"]
    assert enumerate_signs(model.draw(3), code_for(model)) == enumerate_signs(
        model, code_for(model)
    )


@pytest.mark.parametrize(
    ("name", "coins"),
    [
        ("one layer", 1),
        ("rectified", 6),
        ("largest", 6),
        ("by filter", 1),
        ("no signs", 0),
        ("two layers", 6 + 1),
        ("rectified above", 6 + 3),
        ("signs of each kind", 2),
    ],
)
def test_only_coins_that_decide_are_tossed(name, coins):
    model = MODELS[name]
    x = np.zeros(model.layers[-1].dictionary.code_shape)
    x[0, 1] = 1
    assert enumerate_signs(model, x).patterns == 2**coins


# ---- explicit matrices -----------------------------------------------------------------------


def dictionaries():
    circle, line = spike_on_plateau(16, 0.0515), filters.gaussian(2, 2, 3, rng=4)
    tall = equiangular(12, 0.05, seed=1)
    return {
        "circulant": (CirculantDictionary(circle, 16), circulant(circle, 16), 12, None),
        "toeplitz": (ToeplitzDictionary(line, 7, padding=1), toeplitz(line, 7, 1), 8, 0.5),
        "dense": (DenseDictionary(tall), tall, 11, 0.53),
    }


@pytest.mark.parametrize("name", ["circulant", "toeplitz", "dense"])
def test_against_the_matrix(name):
    dictionary, matrix, nonzeros, threshold = dictionaries()[name]
    threshold = threshold or (np.linalg.norm(matrix, axis=0).min() ** 2) / 2
    code = np.zeros(matrix.shape[1])
    code[:nonzeros] = 1
    result = enumerate_signs(
        DCSCModel([Layer(dictionary, HardThreshold(threshold))]),
        code.reshape(dictionary.code_shape),
    )
    assert result.patterns == 2**nonzeros
    exact = share(failures(matrix, code, threshold))
    assert 0 < exact < 1
    assert Fraction(int(result.failures[-1]), result.patterns) == exact


def test_rectified_against_the_matrix():
    dictionary, matrix, *_ = dictionaries()["circulant"]
    code = np.zeros(16)
    code[:12] = 1
    model = DCSCModel([Layer(dictionary, ReLU(0.5))])
    result = enumerate_signs(model, code.reshape(dictionary.code_shape))
    assert result.patterns == 2**16
    assert result.probability[-1] == pytest.approx(rectified_failure(matrix, code, 0.5), rel=1e-12)


def test_simulation_estimates_it():
    model = MODELS["two layers"]
    x = code_for(model)
    exact = enumerate_signs(model, x).probability
    rate = simulate(model, x, 4000, rng=0).interval(level=1 - 1e-6)
    assert ((rate.low <= exact) & (exact <= rate.high)).all()


# ---- what is refused -------------------------------------------------------------------------


class Unknown(SignPattern):
    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)


def test_too_many_patterns_are_refused_with_their_number():
    dictionary = CirculantDictionary(filters.barker(1, 1, 13), 64)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    with pytest.raises(TooLargeError, match=r"at most 1048576 sign patterns, got 2\^64"):
        enumerate_signs(model, np.ones(dictionary.code_shape))
    x = np.zeros(dictionary.code_shape)
    x[0, :3] = 1
    with pytest.raises(TooLargeError, match=r"at most 7 sign patterns, got 2\^3"):
        enumerate_signs(model, x, most=7)
    assert enumerate_signs(model, x, most=8).patterns == 8


def test_a_noise_that_would_have_to_be_drawn_is_refused():
    with pytest.raises(DcscError, match="enumerate_signs: noise: expected a signal"):
        enumerate_signs(MODELS["one layer"], np.ones(TWO_TAPS.code_shape), 0.5)


def test_a_law_that_does_not_tell_of_its_coins_is_refused():
    model = DCSCModel([Layer(TWO_TAPS, HardThreshold(0.6), Unknown())])
    with pytest.raises(NotCoveredError, match=r"write Unknown\._coins"):
        enumerate_signs(model, np.ones(TWO_TAPS.code_shape))
