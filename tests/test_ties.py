"""Ties: no guarantee says less than what the model's own floating-point arithmetic does."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc import bounds, codes, coefficients
from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    with_best_thresholds,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError
from dcsc.experiments import estimate_failure, simulate
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, JumpReLU, SoftThreshold
from dcsc.signs import FixedSigns
from tests import strategies

WHOLE = (UniformBound(), HybridBound(), InstanceBound())
HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2


def model_of(dictionary, threshold, kind=HardThreshold):
    return DCSCModel([Layer(dictionary, kind(threshold))])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1.0, 1e-6, 1e3])
def test_the_tolerance_is_that_of_rounding_where_this_is_more(dtype, share):
    """Atoms are counted only where their number can matter, and they are whenever it does."""
    dictionary = CirculantDictionary(filters.gaussian(3, 2, 5, rng=0).astype(dtype), 9)
    code = np.zeros(dictionary.code_shape, dtype)
    for active in (0, 2, len(code) - 1):
        code[:active] = 1
        expected = coefficients.rounding_of(dictionary, code) * share
        found = coefficients.tolerance_of(dictionary, code, share)
        assert found == max(coefficients.TOLERANCE, expected)
        assert (found > coefficients.TOLERANCE) == (np.finfo(dtype).eps * share > 1e-13)


def failing_share(model, code):
    """The share of sign patterns under which the model itself gets the support wrong."""
    flat = np.flatnonzero(code)
    fails = []
    for choice in itertools.product([-1.0, 1.0], repeat=len(flat)):
        pattern = np.ones(code.size)
        pattern[flat] = choice
        signs = FixedSigns(pattern.reshape(code.shape))
        drawn = attrs.evolve(model.layers[0], signs=signs)
        one = DCSCModel([drawn])
        truth = one.synthesize(code)
        fails.append(not truth.compare(one.forward(truth[0])).pathway_recovered)
    return np.mean(fails)


# ---- thresholds of 0, orthogonal atoms -----------------------------------------------------------


def orthogonal():
    dictionary = CirculantDictionary(HADAMARD[:, None], extent=8, stride=4)
    code = np.zeros((4, 2))
    code[:3, 0] = [1 / 3, 0.7, 0.9]
    return dictionary, code


def test_at_threshold_0_rounding_is_a_false_alarm():
    dictionary, code = orthogonal()
    model = model_of(dictionary, 0.0)
    assert failing_share(model, code) > 0.5  # the residues of 1e-17 exceed 0
    layers = bounds.measure(model, model.draw(0).synthesize(code))
    assert [bound.evaluate(layers).failure_probability for bound in WHOLE] == [1, 1, 1]
    assert estimate_failure(model, code, 100).high == 1


def test_what_nothing_lies_under_is_0_in_any_arithmetic():
    code = np.array([1.0, 0, 0, 0])
    layer = LayerInstance(DenseDictionary(np.eye(4)), code, 0.0)
    assert failing_share(model_of(DenseDictionary(np.eye(4)), 0.0), code) == 0
    assert InstanceBound().evaluate(layer).failure_probability == 0


@pytest.mark.parametrize(
    ("dictionary", "code"),
    [
        orthogonal(),
        (
            CirculantDictionary(filters.haar(4, 1, 4), extent=32, stride=4),
            codes.draw(CirculantDictionary(filters.haar(4, 1, 4), extent=32, stride=4), 2, rng=0),
        ),
    ],
    ids=["hadamard", "haar"],
)
def test_the_best_threshold_of_orthogonal_atoms_is_the_middle_and_works(dictionary, code):
    model = model_of(dictionary, 0.2)
    truth = model.draw(0).synthesize(code)
    best = with_best_thresholds(model, truth, InstanceBound())
    smallest = np.abs(code[code != 0]).min()
    assert best.layers[0].projection.threshold == pytest.approx(smallest / 2, rel=1e-6)
    assert InstanceBound().evaluate(bounds.measure(best, truth)).failure_probability == 0
    assert simulate(best, code, 500).failures.tolist() == [0, 0]
    assert estimate_failure(best, code, 500).best == 0


# ---- both ends of an interval --------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_both_ends_of_the_reported_interval_are_failures(seed):
    rng = np.random.default_rng(seed)
    dictionary = CirculantDictionary(rng.standard_normal((2, 1, 3)), extent=7).normalized()
    code = np.zeros((2, 7))
    code[rng.integers(2), rng.integers(7)] = rng.uniform(0.01, 1)
    ends = UniformBound().evaluate(LayerInstance(dictionary, code)).thresholds[0]
    if ends[0] >= ends[1]:
        return  # its atoms are too coherent: there is no interval
    for end in ends:
        model = model_of(dictionary, end)
        layers = bounds.measure(model, model.draw(0).synthesize(code))
        said = [bound.evaluate(layers).failure_probability for bound in WHOLE]
        assert said[:2] == [1, 1]
        assert said[2] >= failing_share(model, code)


def test_one_threshold_is_met_within_the_tolerance():
    layer = LayerStatistics(coherence=1e-3, x_min=0.3, x_max=1, sparsity=5, n_atoms=100)
    for bound in (ProbabilisticBound(), RobustBound()):
        for threshold in (0.15, 0.15 * (1 + 1e-13), 0.15 * (1 - 1e-13)):
            assert bound.evaluate(attrs.evolve(layer, threshold=threshold)).holds
        for threshold in (0.15 * (1 + 1e-11), 0.15 * (1 - 1e-11)):
            assert not bound.evaluate(attrs.evolve(layer, threshold=threshold)).holds
        single = attrs.evolve(layer, tolerance=1e-6, threshold=0.15 * (1 + 1e-7))
        assert bound.evaluate(single).holds


@pytest.mark.parametrize("kind", [HardThreshold, SoftThreshold])
def test_a_residue_between_orthogonal_atoms_says_nothing_of_a_tie(kind):
    # the taps are antisymmetric, and their inner product with equal ones is a residue of 1e-16
    taps = np.array([0.9737337088692345, 0.7128225479347612, 0.26091116093447325])
    bank = np.array([np.full((2, 3), 0.49428543968942273), [taps, -taps[::-1] * (1 - 2e-16)]])
    dictionary = CirculantDictionary(bank, extent=6, stride=3)
    assert 0 < dictionary.babel(1) < 1e-15
    code = np.array([[0, 0.4257379698543864], [0, 0.8405229678013646]])
    level = float(dictionary.atom_norms()[0, 1] ** 2 * code[0, 1])
    share = 0.0
    for ulps in range(-12, 13):
        threshold = np.array([level + ulps * math.ulp(level), level / 2])
        model = model_of(dictionary, threshold, kind)
        layers = bounds.measure(model, model.draw(0).synthesize(code))
        fails = failing_share(model, code)
        share = max(share, fails * (fails < 1))
        for bound in (HybridBound(), HybridBound("hoeffding"), LayeredBound()):
            assert bound.evaluate(layers).failure_probability >= fails
    assert share > 0  # some patterns are right at the tie, and others wrong


# ---- single precision ----------------------------------------------------------------------------


@pytest.mark.parametrize("below", [2e-8, 5e-8])
def test_float32_is_not_decided_as_float64(below):
    rng = np.random.default_rng(0)
    failed = 0
    for _ in range(60):
        dictionary = CirculantDictionary(
            rng.standard_normal((2, 2, 4)).astype(np.float32), extent=9
        ).normalized()
        code = np.zeros((2, 9), dtype=np.float32)
        code[0, 3] = 1
        square = float(dictionary.atom_norms()[0, 0] ** 2)
        model = model_of(dictionary, square - below)
        share = failing_share(model, code)
        failed += share > 0
        layers = bounds.measure(model, model.draw(0).synthesize(code))
        for bound in WHOLE:
            assert bound.evaluate(layers).failure_probability >= share
    assert failed  # there is something to be missed


# ---- the best threshold --------------------------------------------------------------------------


@pytest.mark.parametrize("strongest", [1e1, 1e3, 1e5])
def test_the_interval_is_found_at_any_range_of_amplitudes(strongest):
    matrix = np.eye(20, 12)
    matrix[12:, :3] = 0.02
    dictionary = DenseDictionary(matrix / np.linalg.norm(matrix, axis=0))
    code = np.zeros(12)
    code[5], code[0] = strongest, 1
    (best,) = InstanceBound().best_thresholds(LayerInstance(dictionary, code))
    # atom 0 sees nothing else, and the others of its group see it with their inner product
    inner = float((dictionary.matrix.T @ dictionary.matrix)[0, 1])
    assert best == pytest.approx((1 + inner) / 2, rel=1e-9)
    layer = LayerInstance(dictionary, code, best)
    assert InstanceBound().evaluate(layer).failure_probability == 0


# ---- units ---------------------------------------------------------------------------------------


def layer_in_units(filter_size, code_size):
    taps = np.array([[[0.1, 0.995]]]) * filter_size
    code = np.zeros((1, 8))
    code[0, [0, 2, 5]] = code_size, code_size, 0.9 * code_size
    return LayerInstance(
        CirculantDictionary(taps, extent=8), code, 0.5 * filter_size * filter_size * code_size
    )


@pytest.mark.parametrize("filter_exponent", [-240, -64, 0, 64, 240])
@pytest.mark.parametrize("code_exponent", [-490, -70, 0, 70, 490])
def test_powers_of_two_change_no_answer(filter_exponent, code_exponent):
    total = 2 * filter_exponent + code_exponent
    filter_size, code_size = 2.0**filter_exponent, 2.0**code_exponent
    layer, unit = layer_in_units(filter_size, code_size), layer_in_units(1.0, 1.0)
    if abs(total) > 495:
        with pytest.raises(DcscError, match=r"between 1e-150 and 1e\+150, got"):
            InstanceBound().evaluate(layer)
        return
    for bound in (*WHOLE, ProbabilisticBound(), RobustBound(), LayeredBound()):
        assert bound.evaluate(layer).failure_probability == bound.evaluate(unit).failure_probability
        ours, theirs = (bound.evaluate(one).thresholds[0] for one in (layer, unit))
        np.testing.assert_array_equal(ours, np.ldexp(theirs, total))
    for bound in (UniformBound(), HybridBound(), InstanceBound()):
        noise, expected = (bound.max_noise(one) for one in (layer, unit))
        assert 0.1 < expected < 1
        assert noise == math.ldexp(expected, filter_exponent + code_exponent)
    model, plain = (model_of(one.dictionary, one.threshold) for one in (layer, unit))
    found = estimate_failure(model, layer.codes, 300)
    assert found == estimate_failure(plain, unit.codes, 300)


@pytest.mark.parametrize("size", [2e154, 4e154, 1e-160, 1e300])
def test_constants_whose_squares_are_no_numbers_are_refused(size):
    layer = LayerStatistics(
        coherence=0.05, sparsity=20, x_min=size, x_max=size, n_atoms=1000, noise=0
    )
    for bound in (UniformBound(), ProbabilisticBound(), RobustBound(), HybridBound()):
        with pytest.raises(DcscError, match=rf"{type(bound).__name__}: expected coefficients"):
            bound.evaluate(layer)
    with pytest.raises(DcscError, match="expected coefficients"):
        UniformBound().sparsity_limit(layer)


@pytest.mark.parametrize("norm", [1e-90, 2.0**257])
def test_filters_out_of_range_are_refused(norm):
    dictionary = CirculantDictionary(np.array([[[0.6, 0.8]]]) * norm, extent=8)
    code = np.eye(1, 8)
    with pytest.raises(DcscError, match="expected coefficients"):
        estimate_failure(model_of(dictionary, 0.5 * norm * norm), code, 10)
    with pytest.raises(DcscError, match="expected coefficients"):
        HybridBound().evaluate(LayerInstance(dictionary, code))


def test_the_largest_noise_is_in_the_units_of_the_signal():
    for norm in (1e20, 1e-19, 1e70):
        dictionary = CirculantDictionary(np.array([[[0.1, 0.995]]]) * norm, extent=8)
        code = np.zeros((1, 8))
        code[0, [0, 2]] = 1
        # 2 c ζ < c² - μ (2S - 1), with c² = 0.01 + 0.990025 and μ = 0.0995 of norm²
        square, inner = 0.1**2 + 0.995**2, 0.1 * 0.995
        sparsity = int(dictionary.stripe_sparsity(code))
        expected = (square - inner * (2 * sparsity - 1)) / (2 * math.sqrt(square)) * norm
        for bound in (UniformBound(), HybridBound()):
            assert bound.max_noise(LayerInstance(dictionary, code)) >= expected * (1 - 1e-9)
        assert UniformBound().max_noise(LayerInstance(dictionary, code)) == pytest.approx(
            expected, rel=1e-9
        )


# ---- records that do not chain -------------------------------------------------------------------


def two_layers():
    lower = CirculantDictionary(np.eye(4)[:, :, None], extent=32)
    taps = np.zeros((1, 4, 8))
    taps[0, 0] = 8**-0.5
    upper = CirculantDictionary(taps, extent=32, stride=8)
    model = DCSCModel([Layer(lower, HardThreshold(0.17)), Layer(upper, HardThreshold(0.6))])
    truth = model.draw(0).synthesize([[1.0, 0, 0, 0]])
    return bounds.measure(model, truth, noise=0.17)


def test_a_successor_that_is_not_the_next_layer_is_refused():
    one, two = two_layers()
    assert UniformBound().evaluate([one, two]).failure_probability == 1
    other = CirculantDictionary(np.ones((1, 4, 1)), extent=32)
    with pytest.raises(DcscError, match="layers 1 and 2 do not chain: the dictionary"):
        UniformBound().evaluate([attrs.evolve(one, successor=other), two])


@pytest.mark.parametrize("bound", [UniformBound(), InstanceBound()], ids=lambda b: type(b).__name__)
def test_records_of_other_shapes_are_refused(bound):
    one, two = two_layers()
    stranger = LayerInstance(DenseDictionary(np.eye(3)), np.ones(3), 0.5, noise=0.1)
    with pytest.raises(DcscError, match=r"codes of shape \(4, 32\) are no signals of shape \(3,\)"):
        bound.evaluate([one, stranger])
    batched = attrs.evolve(two, codes=two.codes[None])
    with pytest.raises(DcscError, match=r"batch \(\), those of the other \(1,\)"):
        bound.evaluate([one, batched])


def test_a_guarantee_and_its_certificate_state_that_records_chain():
    guarantee = UniformBound().evaluate(two_layers())
    (stated,) = [
        h for h in guarantee.layers[1].hypotheses if "its signals are the codes" in h.statement
    ]
    assert stated.holds is True
    assert stated.statement in bounds.Certificate.of(guarantee).text


# ---- the room itself -----------------------------------------------------------------------------


@given(strategies.small_layers())
def test_safe_and_lost_are_what_enumeration_says(layer):
    dictionary, code, threshold, one_sided = layer
    (column,) = coefficients.columns(dictionary, code[None], threshold, one_sided=one_sided)
    kind = JumpReLU if one_sided else HardThreshold
    matrix = dictionary.to_sparse().toarray()
    flat = code.ravel()
    right, wrong, held = (np.ones(flat.size, bool) for _ in range(3))
    for signs in itertools.product([-1.0, 1.0], repeat=flat.size):
        z = np.array(signs) * (matrix.T @ (matrix @ (np.array(signs) * flat)))
        found = (kind(threshold)(z.reshape(code.shape), dictionary) != 0).ravel()
        right &= found == (flat != 0)
        wrong &= found != (flat != 0)
        held &= np.where(flat != 0, np.sign(flat) * z > threshold, ~found)
    assert (column.safe <= right).all()
    assert (column.lost <= wrong).all()
    # but for ties it is all that keep their own sign
    tie = np.abs(column.level - column.total) <= 1e-9
    assert (column.safe | tie)[held].all()


@given(strategies.small_layers())
def test_some_atoms_see_what_all_of_them_see(layer):
    dictionary, code, threshold, one_sided = layer
    (every,) = coefficients.columns(dictionary, code[None], threshold, one_sided=one_sided)
    atoms = np.arange(0, code.size, 2)
    (some,) = coefficients.columns(
        dictionary, code[None], threshold, one_sided=one_sided, atoms=atoms
    )
    np.testing.assert_allclose(some.total, every.total[atoms], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(some.deviation, every.deviation[atoms], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(some.safe, every.safe[atoms])
    places = np.arange(len(atoms))
    ours, theirs = some.weights(places), every.weights(atoms)
    np.testing.assert_allclose(
        np.sort(ours, axis=1).sum(axis=1), np.sort(theirs, axis=1).sum(axis=1), rtol=1e-12
    )
