"""The bounds against exact failure probabilities, over all sign patterns of one layer."""

import itertools
import math

import attrs
import numpy as np
import pytest

from dcsc.bounds import (
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    measure,
    propagated_noise,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters
from dcsc.errors import NotCoveredError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, Selection
from dcsc.signs import FilterSigns, IdentitySigns, RademacherSigns
from tests.reference_values import JOINT
from tests.sign_enumeration import (
    circulant,
    equiangular,
    failures,
    failures_under_attack,
    patterns,
    rectified_failure,
    share,
    signed_codes,
    spike_on_plateau,
    toeplitz,
    wrong,
)

UNIFORM, PUBLISHED, ROBUST = UniformBound(), ProbabilisticBound(), RobustBound()
RELU = Selection(one_sided=True, shrinkage=True)


def on_support(size, support, amplitudes=1.0):
    code = np.zeros(size)
    code[list(support)] = amplitudes
    return code


# ---- random signs: models whose bound is below 1, and that fail now and then ---------------------


def cut_off(coherence, scale=1.0):
    """Return filters that lose energy, but no coherence, where the border cuts them."""
    kernel = np.zeros((1, 2, 31))
    kernel[0, 0] = spike_on_plateau(31, coherence, place=15)
    kernel[0, 1, 20] = 0.15
    return scale * kernel / np.linalg.norm(kernel)


def models(coherence):
    circle = spike_on_plateau(16, coherence)
    line = spike_on_plateau(16, 1.65 * coherence)
    tall = equiangular(16, coherence, seed=1)
    cut = cut_off(coherence)
    unequal = np.linspace(0.97, 1, 12)
    return {
        "circulant": (CirculantDictionary(circle, 16), circulant(circle, 16), 1.0, 1.0),
        "louder": (CirculantDictionary(1.3 * circle, 16), circulant(1.3 * circle, 16), 1.0, 1.3),
        "softer": (CirculantDictionary(0.7 * circle, 16), circulant(0.7 * circle, 16), 1.0, 0.7),
        "unequal": (CirculantDictionary(circle, 16), circulant(circle, 16), unequal, 1.0),
        "toeplitz": (ToeplitzDictionary(line, 31), toeplitz(line, 31, 0), 1.0, 1.0),
        "cut off": (ToeplitzDictionary(cut, 16, padding=15), toeplitz(cut, 16, 15), 1.0, 1.0),
        "dense": (DenseDictionary(tall), tall, 1.0, 1.0),
    }


NAMES = sorted(models(0.05))


def model(name, coherence, **traits):
    dictionary, matrix, amplitudes, loudness = models(coherence)[name]
    code = on_support(16, range(12), amplitudes)
    codes = code.reshape(dictionary.code_shape)

    def instance(level):
        return LayerInstance(dictionary, codes, noise=level * loudness, **traits)

    return instance, matrix, code, loudness


def half_way(matrix, code):
    return (np.linalg.norm(matrix, axis=0).min() ** 2) * np.abs(code[code != 0]).min() / 2


@pytest.mark.parametrize("name", NAMES)
def test_constants_of_the_models_are_those_of_their_matrices(name):
    instance, matrix, code, _ = model(name, 0.05)
    found, gram = instance(0).statistics(), np.abs(matrix.T @ matrix)
    norms = np.sqrt(np.diag(gram))
    assert found.coherence == pytest.approx((gram - np.diag(norms**2)).max(), abs=1e-14)
    assert found.gain == pytest.approx((norms.min(), norms.max()), abs=1e-14)
    assert (found.sparsity, found.n_atoms) == ((code != 0).sum(), 16)
    assert (norms.max() - norms.min() > 0.01) == (name == "cut off")


@pytest.mark.parametrize("name", NAMES)
def test_random_signs_without_noise(name):
    instance, matrix, code, _ = model(name, 0.0515)
    exact = share(failures(matrix, code, half_way(matrix, code)))
    for bound in (PUBLISHED, ROBUST):
        guarantee = bound.evaluate(instance(0))
        assert guarantee.thresholds[0][0] == pytest.approx(half_way(matrix, code), rel=1e-12)
        assert 0 < exact <= guarantee.failure_probability < 1


@pytest.mark.parametrize("name", NAMES)
def test_random_signs_and_noise_that_ignores_them(name):
    instance, matrix, code, loudness = model(name, 0.0445)
    level = 0.07
    guarantee = PUBLISHED.evaluate(instance(level))
    assert guarantee.layers[0].noise == level * loudness
    atoms = matrix / np.linalg.norm(matrix, axis=0)
    directions = [atoms[:, 14], atoms[:, 0], atoms[:, 12:].sum(axis=1)]
    exact = [
        share(failures(matrix, code, half_way(matrix, code), level * loudness * v))
        for v in (v / np.linalg.norm(v) for v in directions)
    ]
    assert 0 < max(exact) <= guarantee.failure_probability < 1


@pytest.mark.parametrize("name", NAMES)
def test_random_signs_and_noise_chosen_after_them(name):
    instance, matrix, code, loudness = model(name, 0.0415)
    level = 0.1
    attacked = failures_under_attack(matrix, code, half_way(matrix, code), level * loudness)
    for bound in (PUBLISHED, ROBUST):  # the published one by having 4 tests or more
        assert 0 < share(attacked) <= bound.evaluate(instance(level)).failure_probability < 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("coherence", "level"), [(0.0515, 0.0), (0.0415, 0.1)])
def test_rectified_non_negative_codes(name, coherence, level):
    instance, matrix, code, loudness = model(name, coherence, selection=RELU)
    two_sided, *_ = model(name, coherence)
    exact = rectified_failure(matrix, code, half_way(matrix, code), level * loudness)
    for bound in (PUBLISHED, ROBUST):
        guarantee = bound.evaluate(instance(level))
        assert 0 < exact <= guarantee.failure_probability < 1
        assert 2 * guarantee.unclipped == bound.evaluate(two_sided(level)).unclipped


@pytest.mark.parametrize("row", [pytest.param(row, id=key) for key, row in JOINT.items()])
def test_joint_failure_of_the_reference_models(row):
    family, arguments, extent, support, threshold, expected = row
    kernels = getattr(filters, family)(*arguments)
    dictionary = CirculantDictionary(kernels, extent)
    code = np.zeros(dictionary.code_shape)
    for position, number in support:
        code[number, position] = 1
    assert share(failures(circulant(kernels, extent), code.ravel(), threshold)) == expected
    # signs of the codes do what signs of the atoms do
    still = DCSCModel([Layer(dictionary, HardThreshold(threshold), IdentitySigns())])
    truth = still.synthesize(signed_codes(code.ravel()).reshape(-1, *code.shape))
    assert share(~truth.compare(still.forward(truth[0])).pathway_recovered) == expected


# ---- all signs: the uniform guarantee ------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_uniform_interval_is_exact_where_all_inner_products_are_equal(scale):
    kernel = scale * spike_on_plateau(16, 0.05)
    dictionary, matrix = CirculantDictionary(kernel, 16), circulant(kernel, 16)
    level = 0.1 * scale
    most = UNIFORM.max_sparsity(LayerInstance(dictionary, np.eye(1, 16), noise=level))
    assert most == 8
    code = on_support(16, range(8))
    guarantee = UNIFORM.evaluate(LayerInstance(dictionary, [code], noise=level))
    (low, high) = guarantee.thresholds[0]
    assert guarantee.holds
    for threshold in (low * (1 + 1e-6), (low + high) / 2, high * (1 - 1e-6)):
        assert not failures_under_attack(matrix, code, threshold, level).any()
    for threshold in (low * (1 - 1e-6), high * (1 + 1e-6)):
        assert failures_under_attack(matrix, code, threshold, level).any()
    crowded = on_support(16, range(9))
    assert not UNIFORM.evaluate(LayerInstance(dictionary, [crowded], noise=level)).holds
    for threshold in np.linspace(low - 0.1, high + 0.1, 41) + 1e-4:
        assert failures_under_attack(matrix, crowded, threshold, level).any()


@pytest.mark.parametrize("level", [0.0, 0.03])
@pytest.mark.parametrize("kind", ["barker", "wide", "cut off"])
def test_uniform_guarantee_over_all_small_supports(kind, level):
    if kind == "barker":
        kernels = filters.barker(1, 1, 7)
        dictionary, matrix = CirculantDictionary(kernels, 14), circulant(kernels, 14)
    elif kind == "wide":
        kernels = filters.rademacher(2, 64, 2, rng=3)
        dictionary, matrix = CirculantDictionary(kernels, 4), circulant(kernels, 4)
    else:
        kernels = cut_off(0.08, scale=1.1)
        dictionary = ToeplitzDictionary(kernels, 10, padding=15)
        matrix = toeplitz(kernels, 10, 15)
    atoms, covered = matrix.shape[1], 0
    constants = LayerInstance(dictionary, np.ones(dictionary.code_shape), noise=level).statistics()
    for amplitudes in ([1], [1, 1], [1, 0.8], [0.9, 1, 1]):
        for support in itertools.combinations(range(atoms), len(amplitudes)):
            code = on_support(atoms, support, amplitudes)
            sparsity = dictionary.stripe_sparsity(code.reshape(dictionary.code_shape))
            guarantee = UNIFORM.evaluate(
                attrs.evolve(constants, sparsity=sparsity, x_min=min(amplitudes))
            )
            if guarantee.holds:
                covered += 1
                low, high = guarantee.thresholds[0]
                for threshold in (low + 1e-6, high - 1e-6):
                    assert not failures_under_attack(matrix, code, threshold, level).any()
    assert covered > 10


def test_uniform_guarantee_is_tight():
    # limit 1.5; two equal non-zeros give the same coefficient on and off the support
    kernel = np.full((1, 1, 2), math.sqrt(0.5))
    matrix, code = circulant(kernel, 8), on_support(8, [0, 2])
    assert UNIFORM.max_sparsity(LayerInstance(CirculantDictionary(kernel, 8), [code])) == 1
    coefficients = matrix.T @ matrix @ code
    assert coefficients[[0, 1, 2]] == pytest.approx([1, 1, 1])
    for threshold in (0.49, 0.51, 0.9, 0.99, 1.01):
        assert failures(matrix, code, threshold).any()


# ---- the error of a recovered layer --------------------------------------------------------------


def worst_error(matrix, code, threshold, level, shrinkage):
    """Return the largest norm of the error of an exactly recovered code, one patch over all."""
    attacks = level * (matrix / np.linalg.norm(matrix, axis=0)).T @ matrix
    rows, worst = signed_codes(code), 0.0
    for attack in (*attacks, *-attacks):
        z = rows @ matrix.T @ matrix + attack
        fine = ~wrong(z, code, threshold).any(axis=1)
        kept = np.where(code != 0, z - shrinkage * threshold * np.sign(z), 0)
        worst = max(worst, np.linalg.norm(kept - rows, axis=1)[fine].max(initial=0))
    return worst


@pytest.mark.parametrize(
    ("scale", "sparsity", "level", "shrinkage", "attained"),
    [
        (1, 8, 0, 0, 1),  # equal signs: every entry is off by mu (S - 1)
        (1.3, 5, 0, 0, 1),  # ... and by c^2 - 1
        (0.8, 2, 0, 0, 1),  # opposite signs
        (0.8, 2, 0, 1, 1),  # ... and by the threshold
        (1, 1, 0.1, 0, 1),
        (0.8, 1, 0.1, 1, 1),
        (1.3, 4, 0.1, 0, 0.75),  # no noise of norm zeta spoils all entries at once
        (0.8, 4, 0.1, 1, 0.6),
    ],
)
def test_recursion_bounds_the_worst_error(scale, sparsity, level, shrinkage, attained):
    matrix = circulant(scale * spike_on_plateau(12, 0.03), 12)
    layer = LayerStatistics(
        coherence=0.03 * scale**2,
        x_min=1,
        x_max=1,
        sparsity=sparsity,
        noise=level,
        gain=(scale, scale),
        patch_sparsity=sparsity,
        selection=Selection(shrinkage=bool(shrinkage)),
    )
    threshold = scale**2 / 2
    bound = propagated_noise(layer, level, threshold)
    worst = worst_error(matrix, on_support(12, range(sparsity)), threshold, level, shrinkage)
    assert worst <= bound * (1 + 1e-12)
    assert worst >= attained * bound * (1 - 1e-12)


# ---- counterexamples -----------------------------------------------------------------------------


def test_one_sign_per_filter_breaks_the_published_bound():
    taps, positions = 101, 202
    plateau = 0.005
    for _ in range(50):  # solves 2 spike plateau + 100 plateau^2 = 1.5 / 101
        spike = math.sqrt(1 - 1.5 / taps - plateau**2)
        plateau = 1.5 / taps / (2 * spike + 100 * plateau)
    kernel = np.full((1, 1, taps), plateau)
    kernel[0, 0, 50] += spike
    dictionary = CirculantDictionary(kernel, positions)
    codes = np.zeros((1, positions))
    codes[0, np.r_[1:34, -33:0]] = 1

    shared, independent = (
        DCSCModel([Layer(dictionary, HardThreshold(0.5), signs)])
        for signs in (FilterSigns(), RademacherSigns())
    )
    failed = []
    for seed in range(10):
        drawn = shared.draw(seed)
        truth = drawn.synthesize(codes)
        failed.append(not truth.compare(drawn.forward(truth[0])).pathway_recovered)
    assert all(failed)
    claimed = PUBLISHED.evaluate(measure(independent, truth))
    assert claimed.failure_probability == pytest.approx(0.0754, abs=1e-4)
    for bound in (PUBLISHED, ROBUST):
        with pytest.raises(NotCoveredError, match="layer 1: its signs"):
            bound.evaluate(measure(shared, truth))


def test_noise_that_knows_the_signs_breaks_the_step_for_one_atom():
    angle, level = math.radians(15), 0.25 + 1e-6
    kernel = np.array([[[math.cos(angle), math.sin(angle)]]])
    matrix, code = circulant(kernel, 8), on_support(8, [0])
    for sign in (1, -1):
        noise = level * sign * matrix[:, 1]
        errors = wrong((matrix @ (sign * code) + noise) @ matrix, code, 0.5)
        assert errors[1]
    layer = {"coherence": 0.25, "x_min": 1, "x_max": 1, "sparsity": 1, "noise": level}
    step = PUBLISHED.evaluate(LayerStatistics(n_atoms=1, **layer))
    assert step.failure_probability == pytest.approx(2 / math.e, rel=1e-5)
    assert "the noise is independent of the signs" in step.assumptions
    assert ROBUST.evaluate(LayerStatistics(n_atoms=1, **layer)).failure_probability == 1
    assert PUBLISHED.evaluate(LayerStatistics(n_atoms=8, **layer)).failure_probability == 1


def test_noise_that_knows_the_sign_breaks_the_one_sided_bound_for_a_single_atom():
    # z = 1 - 1/2 for either sign, which is not above 1/2
    kept = [sign * (sign * 1.0 - sign * 0.5) > 0.5 for sign in patterns(1).ravel()]
    assert not any(kept)
    layer = LayerInstance(DenseDictionary([[1.0]]), [1.0], noise=0.5, selection=RELU)
    guarantee = PUBLISHED.evaluate(layer)
    assert guarantee.unclipped == pytest.approx(math.exp(-0.5))  # what the formula would claim
    assert guarantee.failure_probability == 1
    assert ROBUST.evaluate(layer).failure_probability == 1
