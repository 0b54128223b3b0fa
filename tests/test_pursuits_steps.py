"""Least squares on supports, hard thresholding, steps through layers, and units of atoms."""

import numpy as np
import pytest
import scipy.optimize

from dcsc import DCSCModel, Layer
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import (
    HardThreshold,
    JumpReLU,
    SoftThreshold,
    StripeProjection,
    StripeTopK,
    TopK,
)
from dcsc.pursuits import (
    MLFISTA,
    BasisPursuit,
    Debiased,
    HardThresholdingPursuit,
    OneStep,
    OrthogonalMatchingPursuit,
    ProximalGradient,
)
from dcsc.pursuits.descent import safe_step
from dcsc.signs import IdentitySigns
from tests import strategies
from tests.contracts.test_pursuits import DICTIONARIES, PROJECTIONS, orthogonal, signals_for
from tests.test_pursuits import explicit, sparse_signal

HARD = {name: PROJECTIONS[name] for name in ("hard", "jump", "top", "stripe")}

# ---- least squares -------------------------------------------------------------------------------


def nearest(matrix, signal, code):
    """Of all codes of least squares on the support of a code, the one nearest to it."""
    atoms, out = matrix[:, code != 0], code.copy()
    left = signal - atoms @ code[code != 0]
    out[code != 0] += np.linalg.pinv(atoms, rcond=1e-10) @ left
    return out


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES)
@pytest.mark.parametrize("threshold", [1.5, 0.5, 0.0])
def test_debiased_is_least_squares_nearest_to_the_code(dictionary, threshold):
    """Supports from a few atoms to all of them, which depend on each other."""
    signals, matrix = signals_for(dictionary, 4), explicit(dictionary)
    begin = OneStep()(signals, dictionary, SoftThreshold(threshold)).code
    code = Debiased(OneStep())(signals, dictionary, SoftThreshold(threshold)).code
    for element, signal, first in zip(code, signals, begin, strict=True):
        expected = nearest(matrix, signal.ravel(), first.astype(float).ravel())
        np.testing.assert_allclose(element.ravel(), expected, atol=1e-9)
        assert not element[first == 0].any()


def test_debiasing_what_is_least_squares_already_changes_nothing():
    dictionary = DICTIONARIES["border"]
    matching = OrthogonalMatchingPursuit(sparsity=5)
    signals = signals_for(dictionary)
    code, plain = (pursuit(signals, dictionary).code for pursuit in (Debiased(matching), matching))
    np.testing.assert_allclose(code, plain, atol=1e-12)


def test_without_noise_the_debiased_code_is_exact():
    dictionary = CirculantDictionary(filters.gaussian(8, 2, (5, 5), rng=0), extent=(16, 16))
    code = np.zeros(dictionary.code_shape)
    code[1, 3, 4], code[5, 4, 4], code[0, 12, 9] = 1.0, -0.4, 0.01
    signal = dictionary.synthesize(code)
    debiased = Debiased(BasisPursuit(1e-3, gap=1e-9))(signal, dictionary)
    np.testing.assert_allclose(debiased.code, code, atol=1e-12)
    assert debiased.iterations < 500
    few = Debiased(BasisPursuit(1e-3, gap=1e-9), iterations=1)(signal, dictionary)
    assert few.iterations < debiased.iterations


@pytest.mark.parametrize("exponent", [-700, 700])
def test_least_squares_scale_with_the_units_of_signals(exponent):
    dictionary, matching = DICTIONARIES["circle"], Debiased(OrthogonalMatchingPursuit(sparsity=3))
    signals = signals_for(dictionary)
    code = matching(np.ldexp(signals, exponent), dictionary).code
    expected = np.ldexp(matching(signals, dictionary).code, exponent)
    np.testing.assert_allclose(code, expected, rtol=1e-12)


# ---- hard thresholding pursuit -------------------------------------------------------------------


def plain(dictionary, signal, projection, step, steps):
    """The pursuit as it is defined, on the explicit matrix."""
    matrix, code = explicit(dictionary), np.zeros(dictionary.code_shape)
    supports = [code != 0]
    for _ in range(steps):
        slope = matrix.T @ (signal.ravel() - matrix @ code.ravel())
        ahead = projection.proximal(step)(code + step * slope.reshape(code.shape), dictionary)
        if np.array_equal(supports[-1], ahead != 0):
            break
        supports.append(ahead != 0)
        code = nearest(matrix, signal.ravel(), ahead.ravel()).reshape(code.shape)
    return code, len(supports) - 1


@pytest.mark.parametrize("projection", HARD.values(), ids=HARD)
@pytest.mark.parametrize("name", ["circle", "stride", "border", "dense"])
def test_hard_thresholding_pursuit_is_what_it_is_defined_to_be(name, projection):
    dictionary = DICTIONARIES[name]
    signals, step = signals_for(dictionary, 3), safe_step(dictionary)
    pursued = HardThresholdingPursuit()(signals, dictionary, projection)
    for code, taken, signal in zip(pursued.code, pursued.iterations, signals, strict=True):
        expected, count = plain(dictionary, signal, projection, step, 100)
        np.testing.assert_allclose(code, expected, atol=1e-8)
        assert taken == count < 100


@pytest.mark.parametrize("projection", HARD.values(), ids=HARD)
def test_on_orthogonal_atoms_its_first_step_is_the_last(projection):
    dictionary = orthogonal()
    signals = signals_for(dictionary)
    pursued = HardThresholdingPursuit(step=1.0)(signals, dictionary, projection)
    one = OneStep()(signals, dictionary, projection)
    np.testing.assert_allclose(pursued.code, one.code, atol=1e-12)
    assert (pursued.iterations <= 1).all()


@pytest.mark.parametrize("projection", HARD.values(), ids=HARD)
def test_its_objective_never_rises(projection):
    dictionary = DICTIONARIES["border"]
    signals, last = signals_for(dictionary), np.inf
    for iterations in (1, 2, 3, 4, 6):
        code = HardThresholdingPursuit(iterations)(signals, dictionary, projection).code
        loss = 0.5 * np.square(signals - dictionary.synthesize(code)).sum(axis=(1, 2))
        objective = loss + projection.penalty(code, dictionary)
        assert (objective <= last + 1e-12).all()
        last = objective


def test_it_needs_fewer_steps_than_iterative_hard_thresholding():
    dictionary = CirculantDictionary(filters.gaussian(16, 4, 9, rng=0), extent=64)
    signal = sparse_signal(dictionary, 12, noise=0.01)
    steps = [
        pursuit(signal, dictionary, TopK(12))
        for pursuit in (HardThresholdingPursuit(), ProximalGradient())
    ]
    np.testing.assert_allclose(steps[0].code, steps[1].code, atol=1e-5)
    assert 3 * steps[0].iterations < steps[1].iterations


def test_what_is_no_proximal_map_has_no_steps():
    dictionary = DICTIONARIES["circle"]
    layer = Layer(dictionary, StripeTopK(1), IdentitySigns())
    for pursue in (HardThresholdingPursuit(), MLFISTA()):
        with pytest.raises(NotCoveredError, match="is the proximal map of no penalty"):
            DCSCModel([layer]).forward(signals_for(dictionary), pursuit=pursue)


# ---- steps through all layers --------------------------------------------------------------------


def two_layers(seed, penalties=(0.3, 0.05)):
    rng = np.random.default_rng(seed)
    below, above = rng.standard_normal((6, 8)), rng.integers(-1, 2, (8, 5)).astype(float)
    below, above = (a / np.maximum(np.linalg.norm(a, axis=0), 1) for a in (below, above))
    layers = [
        Layer(DenseDictionary(a), SoftThreshold(penalty), IdentitySigns())
        for a, penalty in zip((below, above), penalties, strict=True)
    ]
    signal = below @ above @ [1, 0, 0.5, -0.7, 0] + 0.3 * rng.standard_normal(6)
    return layers, signal, below, above


@pytest.mark.parametrize("accelerate", [True, False])
def test_iterations_are_those_of_two_nested_gradient_steps(accelerate):
    """With a gradient mapping for the inner penalty, as the method is derived."""
    layers, signal, below, above = two_layers(1)
    inner, outer = (safe_step(layer.operator) for layer in layers)
    first, second = (layer.projection.threshold for layer in layers)
    code = before = np.zeros(5)
    momentum = 1.0

    def soft(z, level):
        return np.sign(z) * np.maximum(np.abs(z) - level, 0)

    for _ in range(7):
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2 if accelerate else 1.0
        ahead = code + (momentum - 1) / following * (code - before)
        momentum, before = following, code
        middle = above @ ahead
        slope = below.T @ (below @ middle - signal)
        mapping = (middle - soft(middle - inner * slope, inner * first)) / inner
        step = inner * outer
        code = soft(ahead - step * above.T @ mapping, step * second)
    pathway = MLFISTA(7, accelerate)(signal, layers)
    np.testing.assert_allclose(pathway[2], code, atol=1e-12)
    np.testing.assert_allclose(pathway[1], above @ code, atol=1e-12)


def test_it_comes_the_nearer_to_the_minimum_the_smaller_its_steps():
    layers, signal, below, above = two_layers(2)
    first, second = (layer.projection.threshold for layer in layers)

    def objective(code):
        loss = 0.5 * np.square(signal - below @ above @ code).sum()
        return loss + first * np.abs(above @ code).sum() + second * np.abs(code).sum()

    # The minimum, with bounds of |A₂x| and of |x| as variables of their own.
    rows, columns = above.shape
    ends = [[sign * above, np.eye(rows), np.zeros((rows, columns))] for sign in (1, -1)] + [
        [sign * np.eye(columns), np.zeros((columns, rows)), np.eye(columns)] for sign in (1, -1)
    ]
    within = np.block(ends)

    def relaxed(z):
        loss = 0.5 * np.square(signal - below @ above @ z[:columns]).sum()
        return loss + first * z[columns:-columns].sum() + second * z[-columns:].sum()

    least = scipy.optimize.minimize(
        relaxed,
        np.ones(rows + 2 * columns),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda z: within @ z, "jac": lambda z: within},
        options={"maxiter": 1000, "ftol": 1e-15},
    ).fun
    excess = [
        objective(MLFISTA(2000, step=step, tolerance=1e-12)(signal, layers)[2]) - least
        for step in (0.2, 0.05)
    ]
    assert -1e-9 < excess[1] < 0.35 * excess[0]
    assert excess[1] < 0.05 * least


def test_one_iteration_of_size_one_is_the_forward_pass():
    layers, signal, *_ = two_layers(3)
    model = DCSCModel(layers)
    once = model.forward(signal, pursuit=MLFISTA(1, step=1.0))
    forward = model.forward(signal)
    np.testing.assert_array_equal(once[2], forward[2])
    # The codes above are what the deepest one makes.
    np.testing.assert_allclose(once[1], model.synthesize(forward[2])[1], atol=1e-15)


@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=PROJECTIONS)
def test_on_orthogonal_layers_nothing_follows_the_forward_pass(projection):
    layers = [
        Layer(orthogonal(), TopK(4), IdentitySigns()),
        Layer(
            DenseDictionary(np.linalg.qr(strategies.normal((8, 8), 1))[0]),
            projection,
            IdentitySigns(),
        ),
    ]
    model, signal = DCSCModel(layers), strategies.normal((3, 8), 2)
    pathway = model.forward(signal, pursuit=MLFISTA(step=1.0))
    np.testing.assert_allclose(pathway[2], model.forward(signal)[2], atol=1e-12)


def test_of_one_layer_it_is_fista():
    dictionary = DICTIONARIES["border"]
    layer, signals = Layer(dictionary, SoftThreshold(0.2), IdentitySigns()), signals_for(dictionary)
    code = MLFISTA(4000, tolerance=1e-10)(signals, [layer])[1]
    expected = BasisPursuit(0.2, gap=1e-12)(signals, dictionary).code
    np.testing.assert_allclose(code, expected, atol=1e-6)


def test_noise_between_the_layers_has_no_place():
    layers, signal, *_ = two_layers(0)
    with pytest.raises(DcscError, match="MLFISTA: noise: expected noise of the signal alone"):
        MLFISTA()(signal, layers, {1: np.zeros(8)})
    shifted = MLFISTA(5)(signal + 1, layers)
    for code, other in zip(
        shifted.arrays[1:], MLFISTA(5)(signal, layers, {0: np.ones(6)}).arrays[1:], strict=True
    ):
        np.testing.assert_array_equal(code, other)


# ---- the units of atoms --------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-240, 240])
def test_steps_fit_atoms_of_any_size(exponent):
    dictionary = DICTIONARIES["circle"]
    scaled = CirculantDictionary(np.ldexp(dictionary.filters, exponent), 11)
    assert safe_step(scaled) == np.ldexp(safe_step(dictionary), -2 * exponent)
    signals = signals_for(dictionary)
    cases = (
        (BasisPursuit(0.1), BasisPursuit(np.ldexp(0.1, exponent)), None, None),
        (ProximalGradient(), ProximalGradient(), TopK(3), TopK(3)),
        (HardThresholdingPursuit(), HardThresholdingPursuit(), TopK(3), TopK(3)),
        (
            ProximalGradient(),
            ProximalGradient(),
            SoftThreshold(0.1),
            SoftThreshold(np.ldexp(0.1, exponent)),
        ),
    )
    for pursuit, in_units, projection, projection_in_units in cases:
        code = pursuit(signals, dictionary, projection).code
        other = in_units(signals, scaled, projection_in_units).code
        np.testing.assert_allclose(np.ldexp(other, exponent), code, rtol=1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e-77, 1e77, 1e200])
def test_atoms_whose_fourth_powers_no_float_holds_are_refused(size):
    dictionary = CirculantDictionary(size * DICTIONARIES["circle"].filters, 11)
    signals = signals_for(dictionary)
    for pursuit in (ProximalGradient(), Debiased(OneStep())):
        with pytest.raises(DcscError, match="expected atoms of norms from 1e-75 to 1e75"):
            pursuit(signals, dictionary, HardThreshold(0))


def test_jump_relu_keeps_what_is_positive():
    dictionary = DICTIONARIES["dense"]
    code = HardThresholdingPursuit(1)(signals_for(dictionary), dictionary, JumpReLU(0.3)).code
    chosen = JumpReLU(0.3).proximal(safe_step(dictionary))(
        safe_step(dictionary) * dictionary.analyze(signals_for(dictionary))
    )
    np.testing.assert_array_equal(code != 0, chosen != 0)
    assert StripeProjection(2).penalty(code, dictionary).shape == (3,)
