"""Bounds for given supports, and given signs: held against minimisers computed elsewhere."""

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dcsc
from dcsc.bounds import (
    BasisPursuitBound,
    ExactRecoveryBound,
    FuchsBound,
    LayerInstance,
    MatchingBound,
)
from dcsc.errors import DcscError, NotCoveredError
from tests.dense_pursuits import (
    adversary,
    any_dictionary,
    greedy,
    least,
    matrix_of,
    sparse_code,
)

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
@settings(max_examples=12)
def test_given_supports_are_found_under_all_signs(seed):
    rng = np.random.default_rng(seed)
    dictionary = any_dictionary(rng, spread=4)
    matrix, code = matrix_of(dictionary), sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    support = np.flatnonzero(code)
    most = ExactRecoveryBound().max_noise(LayerInstance(dictionary, code), 0)
    if not most:
        return
    layer = LayerInstance(dictionary, code, noise=most * rng.uniform(0.1, 0.99))
    low, high = ExactRecoveryBound().evaluate(layer).thresholds[0]
    off = np.setdiff1d(np.arange(code.size), support)
    norms = np.linalg.norm(matrix, axis=0)
    for signs in itertools.product([1, -1], repeat=len(support)):
        signed = code.copy()
        signed[support] *= signs
        # each pursuit against the worst noise that its hypothesis allows
        raw = adversary(matrix, support, rng.choice(off), norms.max() * layer.noise)
        unit = adversary(matrix / norms, support, rng.choice(off), layer.noise)
        for level in (low + 1e-6 * (high - low), high - 1e-6 * (high - low)):
            found = least(matrix, matrix @ signed + raw, level)
            np.testing.assert_array_equal(np.flatnonzero(found), support)
            got = greedy(matrix / norms, matrix @ signed + unit, level)
            np.testing.assert_array_equal(got, support)


@given(seeds)
@settings(max_examples=12)
def test_matching_stops_in_time_at_lower_levels_than_basis_pursuit_may_have(seed):
    """Every level of its interval will do, under all signs, and no noise leaves more than it."""
    rng = np.random.default_rng(seed)
    dictionary = any_dictionary(rng, spread=8)
    matrix, code = matrix_of(dictionary), sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    support, norms = np.flatnonzero(code), np.linalg.norm(matrix, axis=0)
    bound = ExactRecoveryBound(pursuit="matching")
    most = bound.max_noise(LayerInstance(dictionary, code), 0)
    if not most:
        return
    layer = LayerInstance(dictionary, code, noise=most * rng.uniform(0.1, 0.99))
    low, high = bound.evaluate(layer).thresholds[0]
    of_classes = MatchingBound().evaluate(layer)
    if of_classes.holds:  # it sees the sparsity alone, and so cannot allow more
        assert low <= of_classes.thresholds[0][0] * (1 + 1e-9)
        assert high >= of_classes.thresholds[0][1] * (1 - 1e-9)
    off = np.setdiff1d(np.arange(code.size), support)
    noises = [adversary(matrix / norms, support, j, layer.noise) for j in off]
    for signs in itertools.product([1, -1], repeat=len(support)):
        signed = code.copy()
        signed[support] *= signs
        for level in (low + 1e-6 * (high - low), high - 1e-6 * (high - low)):
            got = greedy(matrix / norms, matrix @ signed + noises[0], level)
            np.testing.assert_array_equal(got, support)
    # (1 + q) eps is what an atom sees of the worst noise, unless no noise reaches it
    worst = max(float(np.abs(matrix.T @ rest).max()) for rest in residuals(matrix, support, noises))
    assert worst <= low * norms.max() * (1 + 1e-9)


def residuals(matrix, support, noises):
    """Yield what least squares on a support leaves of each noise."""
    inside = matrix[:, support]
    for noise in noises:
        yield noise - inside @ np.linalg.lstsq(inside, noise, rcond=None)[0]


def test_the_least_level_of_matching_is_sharp():
    """Two atoms at 0.3, and noise that both see: what the second sees after the first is off."""
    mu, eps = 0.3, 0.01
    pair = dcsc.DenseDictionary([[1, mu], [0, np.sqrt(1 - mu**2)]])
    layer = LayerInstance(pair, [1, 0], noise=eps)
    matching = ExactRecoveryBound().at(dcsc.OrthogonalMatchingPursuit(level=0.02))
    ((low, _),) = matching.evaluate(layer).thresholds
    assert low == pytest.approx((1 + mu) * eps)
    ((least_penalty, _),) = ExactRecoveryBound().evaluate(layer).thresholds
    assert least_penalty == pytest.approx((1 + mu) / (1 - mu) * eps)
    noise = np.linalg.solve(matrix_of(pair).T, [-eps, eps])
    for level, atoms in ((0.999 * low, [0, 1]), (1.001 * low, [0])):
        pursued = dcsc.OrthogonalMatchingPursuit(level=level)(
            pair.synthesize([1.0, 0]) + noise, pair
        )
        np.testing.assert_array_equal(np.flatnonzero(pursued.code), atoms)


@given(seeds)
@settings(max_examples=20)
def test_given_signs_are_found_and_the_condition_is_sharp(seed):
    rng = np.random.default_rng(seed)
    dictionary = any_dictionary(rng, spread=4)
    matrix, code = matrix_of(dictionary), sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    support = np.flatnonzero(code)
    layer = LayerInstance(dictionary, code, signs_independent=False)
    low, high = FuchsBound().evaluate(layer).thresholds[0]
    if low > high:
        # atoms beside the support come in at every small penalty
        found = least(matrix, matrix @ code, 1e-4 * np.abs(code[support]).min())
        assert not np.array_equal(np.flatnonzero(found), support)
        return
    assert low == 0
    top = min(high, 10 * np.abs(matrix.T @ matrix @ code).max())
    found = least(matrix, matrix @ code, (1 - 1e-6) * top)
    if top == high:
        np.testing.assert_array_equal(np.sign(found), np.sign(code))
        beyond = least(matrix, matrix @ code, (1 + 1e-6) * high)
        assert not np.array_equal(np.sign(beyond), np.sign(code))
    most = FuchsBound().max_noise(layer, 0)
    noisy = attrs.evolve(layer, noise=0.9 * most)
    low, high = FuchsBound().evaluate(noisy).thresholds[0]
    off = np.setdiff1d(np.arange(code.size), support)
    noise = adversary(matrix, support, rng.choice(off), noisy.gain[1] * noisy.noise)
    for penalty in (low + 1e-6 * (high - low), high - 1e-6 * (high - low)):
        found = least(matrix, matrix @ code + noise, penalty)
        np.testing.assert_array_equal(np.sign(found), np.sign(code))


@pytest.mark.parametrize("kind", [ExactRecoveryBound, FuchsBound])
def test_what_a_given_support_passes_on_is_what_it_is_off_by(kind):
    mu, eps = 0.3, 0.01
    below = dcsc.DenseDictionary([[1, mu], [0, np.sqrt(1 - mu**2)]])
    above = dcsc.DenseDictionary(np.eye(2))
    first = LayerInstance(below, [1, 0], noise=eps, signs_independent=False)
    second = LayerInstance(above, [1, 0], noise=None, signs_independent=False)
    chained = [attrs.evolve(first, successor=above), second]
    for level in (0.03, 0.2):
        guarantee = kind((level, 0.5)).evaluate(chained)
        assert guarantee.holds
        assert guarantee.layers[1].noise == pytest.approx(eps + level)
    # left open it is the least, by little more
    low, high = kind().evaluate(first).thresholds[0]
    assert low == pytest.approx(eps * (1 + mu) / (1 - mu))
    assert high == pytest.approx(1 - eps)
    guarantee = kind().evaluate(chained)
    assert guarantee.layers[1].noise == pytest.approx(2 * eps / (1 - mu), rel=1e-3)
    assert guarantee.thresholds[0][0] == guarantee.thresholds[0][1] > low
    # nothing bounds what a support passes on that is not found
    lost = attrs.evolve(chained[0], noise=0.6)
    assert [part.noise for part in kind().evaluate([lost, second]).layers] == [0.6, np.inf]
    with pytest.raises(DcscError, match="successor: expected the dictionary of the next layer"):
        kind().evaluate([first, second])


@pytest.mark.parametrize("kind", [ExactRecoveryBound, FuchsBound])
def test_dependent_atoms_are_no_support(kind):
    twins = dcsc.DenseDictionary([[1, 1, 0], [0, 0, 1]])
    layer = LayerInstance(twins, [1, 1, 0], signs_independent=False)
    guarantee = kind().evaluate(layer)
    assert not guarantee.holds
    assert guarantee.violations[0] == "layer 1: the atoms of each support are independent"


def test_a_signal_as_noise_counts_as_the_atoms_see_it():
    dictionary = dcsc.DenseDictionary([[1, 0, 0.6], [0, 1, 0.8], [0, 0, 0]])
    unseen = LayerInstance(dictionary, [0, 0, 1], noise=[0, 0, 100.0])
    assert ExactRecoveryBound().evaluate(unseen).thresholds[0][0] == 0
    assert not BasisPursuitBound().evaluate(unseen).holds
    loud = attrs.evolve(unseen, noise=0.1, noise_model="gauss")
    with pytest.raises(NotCoveredError, match="layer 1: its noise is Gaussian"):
        ExactRecoveryBound().evaluate(loud)
