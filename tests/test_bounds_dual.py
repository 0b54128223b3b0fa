"""Dual certificates: held against linear programs, and against what they do not say."""

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import dcsc
from dcsc import bounds
from dcsc.bounds import DualBound, FuchsBound, LayerInstance
from dcsc.dictionaries import filters
from dcsc.errors import DcscError, NotCoveredError, TooLargeError
from tests.dense_pursuits import least, matrix_of

SHAPES = [(4, 4, 7, 6), (2, 1, 9, 4), (8, 1, 5, 3), (3, 1, 3, 2)]


def instance_of(dictionary, code):
    return LayerInstance(dictionary, code, signs_independent=False)


def random_instance(seed):
    rng = np.random.default_rng(seed)
    n, c, k, sparsity = SHAPES[rng.integers(len(SHAPES))]
    dictionary = dcsc.CirculantDictionary(filters.gaussian(n, c, k, rng=rng), extent=20)
    return instance_of(dictionary, dcsc.codes.draw(dictionary, sparsity, rng=rng))


def smallest_reach(matrix, signs):
    """Return the least max |A_offᵀ p| of all p with A_Tᵀ p = s."""
    on, off = matrix[:, signs != 0], matrix[:, signs == 0]
    sides = [np.c_[side * off.T, -np.ones(off.shape[1])] for side in (1, -1)]
    size = len(matrix)
    solved = linprog(
        np.append(np.zeros(size), 1),
        A_ub=np.vstack(sides),
        b_ub=np.zeros(2 * off.shape[1]),
        A_eq=np.c_[on.T, np.zeros(on.shape[1])],
        b_eq=signs[signs != 0],
        bounds=[(None, None)] * (size + 1),
    )
    return solved.fun if solved.status == 0 else np.inf


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_what_is_certified_is_found_by_basis_pursuit(seed):
    layer = random_instance(seed)
    matrix, signs = matrix_of(layer.dictionary), np.sign(layer.codes.ravel())
    best = smallest_reach(matrix, signs)
    plain, searched = DualBound(), DualBound.search(layer)
    for bound in (plain, searched):
        if bound.evaluate(layer).holds:
            assert best < 1
    if plain.evaluate(layer).holds:
        assert searched.evaluate(layer).holds


def test_the_search_certifies_most_of_what_there_is():
    layers = [random_instance(seed) for seed in range(40)]
    exact = [
        smallest_reach(matrix_of(one.dictionary), np.sign(one.codes.ravel())) < 1 for one in layers
    ]
    plain = [DualBound().evaluate(one).holds for one in layers]
    searched = [DualBound.search(one).evaluate(one).holds for one in layers]
    assert sum(searched) >= 0.8 * sum(exact) > 0
    assert sum(searched) > sum(plain)


def test_a_dual_certificate_says_nothing_of_denoising():
    """It holds where the condition of Fuchs does not, and there every small penalty adds atoms."""
    layers = [
        layer
        for layer in map(random_instance, range(25))
        if not FuchsBound().evaluate(layer).holds and DualBound.search(layer).evaluate(layer).holds
    ]
    assert len(layers) >= 3
    for layer in layers[:5]:
        matrix = matrix_of(layer.dictionary)
        code = least(matrix, matrix @ layer.codes.ravel(), 1e-3)
        assert set(np.flatnonzero(layer.codes)) < set(np.flatnonzero(code))
    with pytest.raises(NotCoveredError, match="DualBound covers no pursuit"):
        DualBound().at(dcsc.BasisPursuit(1e-3))


def test_equal_atoms_pass_for_certified_unless_they_are_looked_at():
    twins = dcsc.DenseDictionary([[1, 1, 0, 0.3], [0, 0, 1, 0.3]])
    layer = instance_of(twins, [1, 2, 1, 0])
    vector = np.array([1.0, 1.0])
    seen = twins.analyze(vector)
    assert seen[:3].tolist() == [1, 1, 1]
    assert abs(seen[3]) < 1
    # [3, 0, 1, 0] has the same signal and the same size
    np.testing.assert_array_equal(twins.synthesize([3, 0, 1, 0]), twins.synthesize(layer.codes))
    for bound in (DualBound(vector), DualBound(), DualBound.search(layer)):
        guarantee = bound.evaluate(layer)
        assert not guarantee.holds
        assert guarantee.violations[0] == "layer 1: the atoms of each support are independent"


def test_what_misses_the_signs_counts():
    """Correlations below 1 off the support prove nothing if those on it are not the signs."""
    dictionary = dcsc.DenseDictionary([[1, 1.2, 0], [0, 0.1, 1]])
    layer = instance_of(dictionary, [1, 0, 0])
    shorter = np.array([0, 1, -0.1]) / 1.2
    np.testing.assert_allclose(dictionary.synthesize(shorter), dictionary.synthesize(layer.codes))
    assert np.abs(shorter).sum() < 1
    naive = np.array([0.8, 0])
    assert np.abs(dictionary.analyze(naive)[1:]).max() < 1
    assert not DualBound(naive).evaluate(layer).holds
    # a slip that leaves room does no harm
    near = dcsc.DenseDictionary([[1, 0.9, 0], [0, 0.1, 1]])
    for slip, holds in ((0, True), (1e-9, True), (0.03, True), (-0.2, False)):
        vector = np.array([1 - slip, 0])
        assert DualBound(vector).evaluate(instance_of(near, [1, 0, 0])).holds == holds


def test_signs_belong_to_the_operator_and_each_column_has_its_own_vector():
    dictionary = dcsc.DenseDictionary([[1, 0, 0.8], [0, 1, 0.6]])
    together, apart = [1.0, 1, 0], [1.0, -1, 0]
    assert (
        not DualBound.search(instance_of(dictionary, together))
        .evaluate(instance_of(dictionary, together))
        .holds
    )
    assert DualBound().evaluate(instance_of(dictionary, apart)).holds
    flipped = dcsc.SignedDictionary(dictionary, [1, -1, 1])
    assert DualBound().evaluate(instance_of(flipped, together)).holds
    both = instance_of(dictionary, [apart, [-1.0, 1, 0]])
    searched = DualBound.search(both)
    assert searched.vectors.shape == (2, 2)
    assert searched.evaluate(both).holds
    assert not attrs.evolve(searched, vectors=searched.vectors[::-1]).evaluate(both).holds
    with pytest.raises(NotCoveredError, match="it is about signs that are given"):
        DualBound.search(LayerInstance(dictionary, apart))


def test_what_it_is_not_about_is_refused():
    dictionary = dcsc.DenseDictionary([[1, 0, 0.8], [0, 1, 0.6]])
    layer = instance_of(dictionary, [1.0, 0, 0])
    with pytest.raises(NotCoveredError, match="layer 1: it is about signals without noise"):
        DualBound().evaluate(attrs.evolve(layer, noise=0.1))
    above = instance_of(dcsc.DenseDictionary(np.eye(3)), [1.0, 0, 0])
    with pytest.raises(NotCoveredError, match="layer 2: it is about one layer"):
        DualBound().evaluate([layer, above])
    with pytest.raises(DcscError, match=r"vectors: expected shape \(2,\), got \(3,\)"):
        DualBound(np.ones(3)).evaluate(layer)
    with pytest.raises(DcscError, match="seconds: expected a positive number"):
        DualBound.search(layer, seconds=0)
    with pytest.raises(NotCoveredError, match="expected a LayerInstance"):
        DualBound.search(
            bounds.LayerStatistics(coherence=0.1, x_min=1, x_max=1, signs_independent=False)
        )
    large = dcsc.CirculantDictionary(filters.gaussian(9, 1, 2, rng=0), extent=1000)
    with pytest.raises(TooLargeError, match="a support of 9000 atoms: expected at most 8192"):
        DualBound().evaluate(instance_of(large, np.ones(large.code_shape)))


def test_zeros_are_certified_and_no_time_leaves_it_undecided():
    dictionary = dcsc.CirculantDictionary(filters.gaussian(2, 1, 9, rng=3), extent=20)
    zeros = instance_of(dictionary, np.zeros(dictionary.code_shape))
    assert DualBound().evaluate(attrs.evolve(zeros, x_min=1)).holds
    layers = [random_instance(seed) for seed in range(20)]
    hurried = [DualBound.search(one, seconds=1e-9).evaluate(one).holds for one in layers]
    assert hurried == [DualBound().evaluate(one).holds for one in layers]


def test_the_vector_is_evidence(tmp_path):
    layer = next(
        one
        for one in map(random_instance, range(40))
        if not DualBound().evaluate(one).holds and DualBound.search(one).evaluate(one).holds
    )
    guarantee = DualBound.search(layer).evaluate(layer)
    bounds.Certificate.of(guarantee).write(tmp_path)
    files = tmp_path / "certificate.json", tmp_path / "evidence.npz"
    assert bounds.verify(*files).holds
    with np.load(files[1]) as entries:
        arrays = dict(entries)
    arrays["bound.vectors"] = -arrays["bound.vectors"]
    np.savez(files[1], **arrays)
    assert not bounds.verify(*files).holds
