"""Bounds of other pursuits: held against minimisers and greedy steps computed elsewhere."""

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
    LayerStatistics,
    MatchingBound,
    UniquenessBound,
)
from dcsc.dictionaries import filters
from dcsc.errors import DcscError, NotCoveredError
from tests.dense_pursuits import (
    adversary,
    any_dictionary,
    greedy,
    least,
    matrix_of,
    small_dictionary,
    sparse_code,
)

seeds = st.integers(0, 2**32 - 1)
BOTH = [BasisPursuitBound, MatchingBound]


def margins(matrix, code):
    """Return c and c_min² − μ₁(S − 1) by their definitions, all atoms in one stripe."""
    gram = np.abs(matrix.T @ matrix)
    least_norm, off = np.diag(gram).min(), np.sort(gram - np.diag(np.diag(gram)))[:, ::-1]
    count = np.count_nonzero(code)
    reach = [off[:, :many].sum(axis=1).max() for many in (count - 1, count, 2 * count - 1)]
    return least_norm - reach[0] - reach[1], least_norm - reach[0], least_norm - reach[2]


# ---- the theorem of basis pursuit ----------------------------------------------------------------


@given(seeds)
@settings(max_examples=12)
def test_the_minimiser_has_the_support_against_the_worst_noise(seed):
    rng = np.random.default_rng(seed)
    dictionary = small_dictionary(rng)
    code = sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    layer, matrix = LayerInstance(dictionary, code), matrix_of(dictionary)
    support = np.flatnonzero(code)
    most = BasisPursuitBound().max_noise(layer, 0)
    if not most:
        return
    layer = attrs.evolve(layer, noise=most * rng.uniform(0.1, 1))
    eps = layer.gain[1] * layer.noise
    off = np.setdiff1d(np.arange(code.size), support)
    noise = adversary(matrix, support, rng.choice(off), eps)
    signal = matrix @ code.ravel() + noise
    guarantee = BasisPursuitBound().evaluate(layer)
    assert guarantee.holds
    low, high = guarantee.thresholds[0]
    for penalty in (low + 1e-6 * (high - low), (low + high) / 2, high - 1e-6 * (high - low)):
        assert BasisPursuitBound(penalty).evaluate(layer).holds
        np.testing.assert_array_equal(np.flatnonzero(least(matrix, signal, penalty)), support)
    for penalty in (0.9 * low, 1.1 * high):
        assert not BasisPursuitBound(penalty).evaluate(layer).holds


@given(seeds)
@settings(max_examples=12)
def test_the_numbers_are_those_of_the_theorem(seed):
    rng = np.random.default_rng(seed)
    dictionary = any_dictionary(rng)
    code = sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    matrix, eps = matrix_of(dictionary), 0.01
    c, kept, unique = margins(matrix, code)
    layer = LayerInstance(dictionary, code)
    norms = np.linalg.norm(matrix, axis=0)
    x_min = np.abs(code[code != 0]).min()
    parts = {
        kind: kind().evaluate(attrs.evolve(layer, noise=eps / norm)).layers[0]
        for kind, norm in ((BasisPursuitBound, norms.max()), (MatchingBound, norms.min()),
                           (UniquenessBound, norms.min()))
    }  # fmt: skip
    for kind, spare in ((BasisPursuitBound, c), (MatchingBound, c), (UniquenessBound, unique)):
        holds = spare * x_min > 2 * eps
        assert parts[kind].failure_probability == (0 if holds else 1), kind
    if c > 0:
        expected = eps * (2 * kept - c) / c, kept * x_min - eps
        np.testing.assert_allclose(parts[BasisPursuitBound].threshold, expected, rtol=1e-9)
        unit = eps / norms.min()
        expected = unit * (2 * kept - c) / kept, kept * x_min / norms.min() - unit
        np.testing.assert_allclose(parts[MatchingBound].threshold, expected, rtol=1e-9)


def test_the_error_of_basis_pursuit_is_attained_and_enters_the_next_layer():
    """One atom, another at coherence μ, and noise along both: the error is 2ε/c."""
    mu, eps = 0.3, 0.01
    below = dcsc.DenseDictionary([[1, mu], [0, np.sqrt(1 - mu**2)]])
    matrix = matrix_of(below)
    noise = np.linalg.solve(matrix.T, [-eps, eps])
    penalty = eps * (1 + mu) / (1 - mu) * (1 + 1e-9)
    code = least(matrix, matrix @ [1.0, 0] + noise, penalty)
    error = 2 * eps / (1 - mu)
    np.testing.assert_allclose(code, [1 - error, 0], atol=1e-9)
    above = dcsc.DenseDictionary(np.eye(2))
    records = [
        LayerInstance(below, [1, 0], noise=eps, successor=above),
        LayerInstance(above, [1, 0], noise=None),
    ]
    guarantee = BasisPursuitBound().evaluate(records)
    assert guarantee.holds
    assert guarantee.layers[1].noise == pytest.approx(error, rel=1e-9)
    # matching solves by least squares, and its error is smaller
    assert MatchingBound().evaluate(records).layers[1].noise == pytest.approx(eps, rel=1e-9)
    # spurious entries come in just below the least penalty
    assert least(matrix, matrix @ [1.0, 0] + noise, 0.99 * penalty)[1] != 0


def test_the_published_numbers_follow_and_are_loose():
    """S < (1 + 1/μ)/3 with λ = 4ε and errors below 7.5ε is a special case, and no more."""
    for mu, sparsity in itertools.product((0.01, 0.03, 0.1), range(1, 40)):
        layer = LayerStatistics(
            coherence=mu, x_min=1, x_max=1, sparsity=sparsity, noise=1e-3, patch_sparsity=1
        )
        if sparsity >= (1 + 1 / mu) / 3:
            continue
        assert BasisPursuitBound(4e-3).evaluate(attrs.evolve(layer, x_min=7.5e-3)).holds
        upper = attrs.evolve(layer, noise=None)
        assert BasisPursuitBound().evaluate([layer, upper]).layers[1].noise <= 6e-3 / (1 + mu)
    beyond = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=5, noise=1e-3)
    assert BasisPursuitBound().evaluate(beyond).holds  # (1 + 1/μ)/3 is 3.67, (1 + 1/μ)/2 is 5.5


@pytest.mark.parametrize("kind", BOTH)
def test_the_largest_entry_has_no_part_in_it(kind):
    layer = LayerStatistics(coherence=1 / 13, x_min=1e-3, x_max=1, sparsity=6)
    assert kind().evaluate(layer).holds
    assert not dcsc.UniformBound().evaluate(layer).holds
    assert kind().max_sparsity(layer) == UniquenessBound().max_sparsity(layer) == 6
    empty = attrs.evolve(layer, sparsity=0, noise=1)
    assert kind().evaluate(empty).holds


# ---- matching ------------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=15)
def test_greedy_steps_find_the_support_against_the_worst_noise(seed):
    rng = np.random.default_rng(seed)
    dictionary = small_dictionary(rng)
    code = sparse_code(dictionary, int(rng.integers(1, 4)), rng)
    matrix, support = matrix_of(dictionary), np.flatnonzero(code)
    most = MatchingBound().max_noise(LayerInstance(dictionary, code), 0)
    if not most:
        return
    layer = LayerInstance(dictionary, code, noise=0.999 * most * rng.uniform(0.1, 1))
    unit = matrix / np.linalg.norm(matrix, axis=0)
    off = np.setdiff1d(np.arange(code.size), support)
    noise = adversary(unit, support, rng.choice(off), layer.noise)
    signal = matrix @ code.ravel() + noise
    guarantee = MatchingBound().evaluate(layer)
    assert guarantee.holds
    low, high = guarantee.thresholds[0]
    for level in (low + 1e-6 * (high - low), high - 1e-6 * (high - low)):
        assert MatchingBound(level).evaluate(layer).holds
        np.testing.assert_array_equal(greedy(unit, signal, level), support)
        pursuit = dcsc.OrthogonalMatchingPursuit(level=level)
        got = pursuit(signal.reshape(dictionary.signal_shape), dictionary).code
        np.testing.assert_array_equal(np.flatnonzero(got), support)


def test_noise_itself_is_too_low_a_level():
    """ε as the level goes on to fit noise, which dcsc's interval leaves out."""
    mu, eps = 0.3, 0.01
    dictionary = dcsc.DenseDictionary([[1, mu], [0, np.sqrt(1 - mu**2)]])
    noise = np.linalg.solve(matrix_of(dictionary).T, [-eps, eps])
    signal = matrix_of(dictionary) @ [1.0, 0] + noise
    layer = LayerInstance(dictionary, [1, 0], noise=eps)
    assert len(greedy(matrix_of(dictionary), signal, eps)) == 2
    assert not MatchingBound(eps).evaluate(layer).holds
    level = eps * (1 + mu) * (1 + 1e-6)
    assert MatchingBound(level).evaluate(layer).holds
    assert len(greedy(matrix_of(dictionary), signal, level)) == 1


# ---- what is true only with a hypothesis ---------------------------------------------------------


def test_atoms_that_a_border_cuts_break_the_claim_for_unit_norms():
    pair = dcsc.ToeplitzDictionary(np.full((1, 1, 2), 0.5**0.5), extent=6, padding=1)
    code, eps = np.zeros(pair.code_shape), 0.01
    code[0, 0] = 1
    matrix = matrix_of(pair)
    noise = adversary(matrix, [0], 1, eps)
    # μ = 1/2 and S = 1: c = 1/2, λ = 3ε, and an error of at most 4ε, if norms were 1
    naive = least(matrix, matrix @ code.ravel() + noise, 3 * eps)
    assert np.count_nonzero(naive) > 1
    assert np.abs(naive - code.ravel()).max() > 2 * 4 * eps
    layer = LayerInstance(pair, code, noise=eps)
    assert pair.babel(1) == pytest.approx(0.5)
    for kind in (BasisPursuitBound, MatchingBound, UniquenessBound):
        assert not kind().evaluate(layer).holds
    assert not ExactRecoveryBound(3 * eps).evaluate(layer).holds


@pytest.mark.parametrize("kind", [BasisPursuitBound, FuchsBound])
def test_a_penalty_of_zero_is_least_squares(kind):
    """λ = 0 has many minimisers: only λ > 0 tells the sparse one."""
    dictionary = dcsc.DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    matrix = matrix_of(dictionary)
    others = np.linalg.lstsq(matrix, matrix @ [0, 0, 1.0], rcond=None)[0]
    assert np.count_nonzero(np.abs(others) > 0.1) == 3
    np.testing.assert_allclose(matrix @ others, [0.6, 0.8])
    with pytest.raises(DcscError, match="penalty: expected a positive number, got 0"):
        kind(0)
    layer = LayerInstance(dictionary, [0, 0, 1], signs_independent=False)
    assert FuchsBound().evaluate(layer).thresholds[0] == (0, 1)
    assert FuchsBound().evaluate(layer).holds


def test_layers_above_exact_ones_are_exact_for_a_positive_penalty_only():
    upper = LayerStatistics(coherence=0.1, x_min=1e-5, x_max=1, sparsity=2)
    layer = attrs.evolve(upper, x_min=1, noise=0, patch_sparsity=3)
    assert MatchingBound().evaluate([layer, upper]).layers[1].noise == 0
    guarantee = BasisPursuitBound().evaluate([layer, upper])
    penalty = guarantee.thresholds[0][0]
    assert penalty > 0
    assert guarantee.layers[1].noise == pytest.approx(3**0.5 * penalty / (1 - 0.1))
    assert guarantee.holds
    assert not BasisPursuitBound((0.5, 1e-6)).evaluate([layer, upper]).holds


def test_a_condition_for_recovery_is_none_for_uniqueness():
    """Three atoms that both pursuits find, of a signal that two others explain."""
    atoms = np.zeros((4, 5))
    atoms[:3, :3] = np.eye(3)
    atoms[:, 3], atoms[:, 4] = (0.9, 0, 0, 0.436), (0, 0.45, 0.45, -0.771)
    atoms /= np.linalg.norm(atoms, axis=0)
    dictionary = dcsc.DenseDictionary(atoms)
    two = np.array([0, 0, 0, 1.0, 0])
    two[4] = -atoms[3, 3] / atoms[3, 4]
    three = np.append((atoms @ two)[:3], [0, 0])
    np.testing.assert_allclose(atoms @ two, atoms @ three, atol=1e-15)
    layer = LayerInstance(dictionary, three)
    assert ExactRecoveryBound().evaluate(layer).holds
    assert not UniquenessBound().evaluate(layer).holds
    np.testing.assert_array_equal(np.flatnonzero(least(atoms, atoms @ two, 1e-4)), [0, 1, 2])
    np.testing.assert_array_equal(greedy(atoms, atoms @ two, 1e-9), [0, 1, 2])


# ---- uniqueness ----------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=25)
def test_no_other_support_of_that_size_explains_the_signal(seed):
    rng = np.random.default_rng(seed)
    dictionary = any_dictionary(rng, atoms=7, spread=6)
    matrix, code = matrix_of(dictionary), np.zeros(7)
    count = int(rng.integers(1, 3))
    code[:count] = rng.uniform(1, 2, count)
    layer = LayerInstance(dictionary, code)
    most = UniquenessBound().max_noise(layer, 0)
    if not most:
        return
    # Of every other support the nearest signal is further than two errors of that size.
    worst = np.inf
    for other in itertools.combinations(range(7), count):
        if other == tuple(range(count)):
            continue
        inside = matrix[:, list(other)]
        rest = matrix @ code - inside @ np.linalg.lstsq(inside, matrix @ code, rcond=None)[0]
        worst = min(worst, np.linalg.norm(rest))
    assert worst > 2 * most * (1 - 1e-9)


def test_what_is_unique_is_no_pursuit_that_succeeds():
    layer = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=2)
    shown = repr(UniquenessBound().evaluate(layer))
    assert "another pathway as sparse explains the signal with probability at most 0" in shown
    assert "the pathway fails with probability at most 0" in repr(MatchingBound().evaluate(layer))


def test_the_babel_function_says_more_than_the_coherence():
    dictionary = dcsc.CirculantDictionary(filters.gaussian(8, 16, 3, rng=0), extent=12)
    code = dcsc.codes.draw(dictionary, 4, rng=0)
    layer = LayerInstance(dictionary, code)
    known = UniquenessBound()._wanted(layer)
    assert known.babel_sum(2 * 4 - 1) == pytest.approx(dictionary.babel(7))
    assert dictionary.babel(7) < 7 * dictionary.babel(1)


# ---- which pursuit -------------------------------------------------------------------------------


def test_each_bound_says_which_pursuit_it_speaks_of():
    basis, matching = dcsc.BasisPursuit(0.1), dcsc.OrthogonalMatchingPursuit(level=0.2)
    assert dcsc.UniformBound().at() == dcsc.UniformBound()
    assert BasisPursuitBound().at(basis) == BasisPursuitBound(0.1)
    assert MatchingBound().at(dcsc.Layered(matching)) == MatchingBound(0.2)
    assert ExactRecoveryBound().at(dcsc.Layered([basis, matching])) == ExactRecoveryBound(
        (0.1, 0.2)
    )
    assert FuchsBound().at(basis) == FuchsBound(0.1)
    with pytest.raises(
        NotCoveredError, match="UniformBound covers no pursuit but the forward pass"
    ):
        dcsc.UniformBound().at(basis)
    for pursuit in (None, matching, dcsc.Holistic(basis), dcsc.Layered([basis, matching])):
        with pytest.raises(NotCoveredError, match="BasisPursuitBound covers no pursuit but Basis"):
            BasisPursuitBound().at(pursuit)
    with pytest.raises(NotCoveredError, match=r"UniquenessBound covers no pursuit$"):
        UniquenessBound().at(basis)
    for counted in ({"sparsity": 3}, {"sparsity": 3, "level": 0.1}):
        for kind in (MatchingBound, ExactRecoveryBound):
            with pytest.raises(NotCoveredError, match="by its level alone"):
                kind().at(dcsc.OrthogonalMatchingPursuit(**counted))


def test_thresholds_of_projections_are_not_chosen_by_bounds_of_other_pursuits():
    dictionary = dcsc.CirculantDictionary(filters.barker(1, 1, 13), extent=40)
    model = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.HardThreshold(0.5))])
    truth = model.draw(0).synthesize(dcsc.codes.draw(dictionary, 1, rng=0))
    with pytest.raises(NotCoveredError, match="covers no pursuit but BasisPursuit"):
        dcsc.bounds.with_best_thresholds(model, truth, BasisPursuitBound())
    why = dcsc.bounds.explain(model, truth, bounds=[MatchingBound(), dcsc.UniformBound()])
    assert [refusal.bound for refusal in why.refusals] == ["MatchingBound"]
    assert len(why.guarantees) == 1


def test_signs_that_are_random_are_no_given_signs():
    dictionary = dcsc.DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    with pytest.raises(NotCoveredError, match="FuchsBound does not cover layer 1: it is about"):
        FuchsBound().evaluate(LayerInstance(dictionary, [0, 0, 1]))


@pytest.mark.parametrize("kind", [*BOTH, ExactRecoveryBound])
def test_one_number_for_each_layer(kind):
    layer = LayerInstance(dcsc.DenseDictionary(np.eye(2)), [1, 0])
    with pytest.raises(DcscError, match="expected one for each of 1 layer, got 2"):
        kind((0.1, 0.2)).evaluate(layer)
