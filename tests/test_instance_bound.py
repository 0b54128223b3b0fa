"""The bound for given codes against all sign patterns, from explicit matrices."""

import itertools
import math

import attrs
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from dcsc import bounds
from dcsc.bounds import (
    InstanceBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    measure,
)
from dcsc.bounds.instance import bound as module
from dcsc.bounds.tails import Bentkus, Chernoff, Exact, Hoeffding, Lattice, Tail
from dcsc.coefficients import terms
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, Selection, SoftThreshold, TopK
from dcsc.signs import IdentitySigns, RademacherSigns
from tests.reference_values import JOINT
from tests.sign_enumeration import signed_codes

RELU = Selection(one_sided=True, shrinkage=True)
TOTALS = {"I1": 0.5, "I2": 1.0, "I3": 1.0, "I4": 2.0, "I5": 691 / 4096, "I6": 1.75}
EDGE = 1e-12


def interference_of(matrix, code):
    """Return c_k² |x_k| and, per sign pattern, the interference that counts against |x_k|."""
    norms = np.linalg.norm(matrix, axis=0)
    signal = norms**2 * np.abs(code)
    rows = signed_codes(code)
    coefficients = rows @ matrix.T @ matrix
    against = np.where(code != 0, signal - np.sign(rows) * coefficients, coefficients)
    return signal, against, norms


def per_atom(matrix, code, threshold, level=0.0, one_sided=False):
    """Return the exact one-sided probability of each atom under the worst noise for it."""
    signal, against, norms = interference_of(matrix, code)
    reach = np.where(code != 0, against, np.abs(against)) + level * norms
    goal = np.where(code != 0, signal - threshold, threshold)
    hits = reach >= goal - EDGE
    still = (code == 0) & (np.abs(against).max(axis=0) + level * norms < EDGE)
    share = np.where(still, 0.0, hits.mean(axis=0))
    if one_sided:  # off the support the sign of the atom is one more fair coin
        sums = np.where(code != 0, against, 0)
        share = np.where(code != 0, (sums + level * norms >= goal - EDGE).mean(axis=0), share)
        both = (
            (against + level * norms >= goal - EDGE).mean(axis=0)
            + (-against + level * norms >= goal - EDGE).mean(axis=0)
        ) / 2
        share = np.where((code == 0) & ~still, both, share)
    return share


def worst_joint(matrix, code, threshold, level):
    """Return the largest failure probability over noises that each attack one atom."""
    signal, against, norms = interference_of(matrix, code)
    z = np.where(code != 0, signal - against, np.abs(against))
    quiet = np.where(code != 0, np.abs(z) > threshold, z <= threshold).all(axis=1)
    on_fails = np.abs(z) <= threshold + level * norms
    off_fails = z + level * norms > threshold
    return quiet, np.where(code != 0, on_fails, off_fails)


def random_problem(seed, kind):
    """Return a dictionary, its matrix, and a code of few non-zeros."""
    rng = np.random.default_rng(seed)
    if kind == "dense":
        dictionary = DenseDictionary(rng.standard_normal((6, 9)) / math.sqrt(6))
    elif kind == "circulant":
        dictionary = CirculantDictionary(filters.gaussian(3, 2, 3, rng=rng) * 1.1, 8)
    elif kind == "wrapped":
        dictionary = CirculantDictionary(filters.gaussian(2, 1, 5, rng=rng), 4)
    else:
        dictionary = ToeplitzDictionary(filters.rademacher(2, 2, 3, rng=rng), 6, padding=2)
    size = math.prod(dictionary.code_shape)
    code = np.zeros(size)
    support = rng.choice(size, int(rng.integers(1, 8)), replace=False)
    code[support] = rng.choice([-1, 1], len(support)) * rng.uniform(0.5, 1.5, len(support))
    return dictionary, dictionary.to_sparse().toarray(), code


problems = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from(["dense", "circulant", "wrapped", "toeplitz"])
)
levels = st.sampled_from([0.0, 0.05, 0.2])
thresholds = st.sampled_from([0.2, 0.5, 0.9])


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", JOINT)
def test_reference_rows(key):
    family, arguments, extent, support, threshold, joint = JOINT[key]
    kernels = getattr(filters, family)(*arguments)
    dictionary = CirculantDictionary(kernels, extent)
    code = np.zeros(dictionary.code_shape)
    for position, number in support:
        code[number, position] = 1
    found = InstanceBound().evaluate(LayerInstance(dictionary, code, threshold))
    assert found.unclipped == pytest.approx(TOTALS[key], rel=1e-12)
    assert found.lower <= float(joint) <= found.unclipped * (1 + 1e-12)
    exact = per_atom(dictionary.to_sparse().toarray(), code.ravel(), threshold)
    assert found.lower == pytest.approx(exact.max(), rel=1e-12)
    each = InstanceBound().atoms(LayerInstance(dictionary, code, threshold))
    assert each.ravel() == pytest.approx(exact, rel=1e-12, abs=0)


@given(problems, thresholds, levels)
def test_each_atom_is_exact_under_the_worst_noise(problem, threshold, level):
    dictionary, matrix, code = random_problem(*problem)
    given_ = LayerInstance(dictionary, code.reshape(dictionary.code_shape), threshold, level)
    exact = per_atom(matrix, code, threshold, level)
    each = InstanceBound().atoms(given_)
    assert each.shape == dictionary.code_shape
    assert each.ravel() == pytest.approx(exact, rel=1e-12, abs=0)
    found = InstanceBound().evaluate(given_)
    assert found.unclipped == pytest.approx(exact.sum(), rel=1e-12, abs=0)
    quiet, fails = worst_joint(matrix, code, threshold, level)
    if level == 0:
        assert 1 - quiet.mean() <= found.unclipped * (1 + 1e-12)
    assert fails.any(axis=1).mean() <= found.unclipped * (1 + 1e-12)  # a noise for each pattern
    # a threshold apart from ties, so that the largest single atom is exact
    assert found.lower == pytest.approx(fails.mean(axis=0).max(), rel=1e-12, abs=0)


@given(problems, thresholds, levels)
def test_rectified_codes(problem, threshold, level):
    dictionary, matrix, code = random_problem(*problem)
    codes = np.abs(code).reshape(dictionary.code_shape)
    given_ = LayerInstance(dictionary, codes, threshold, level, selection=RELU)
    exact = per_atom(matrix, np.abs(code), threshold, level, one_sided=True)
    each = InstanceBound().atoms(given_).ravel()
    assert each == pytest.approx(exact, rel=1e-12, abs=0)


@given(problems, thresholds, levels)
def test_orderings_of_the_tails(problem, threshold, level):
    dictionary, _, code = random_problem(*problem)
    given_ = LayerInstance(dictionary, code.reshape(dictionary.code_shape), threshold, level)
    value = {
        tail: InstanceBound(tail).evaluate(given_).unclipped
        for tail in ("exact", "lattice", "chernoff", "hoeffding", "bentkus", "l1")
    }
    slop = 1 + 1e-9
    assert value["exact"] <= value["lattice"] * slop
    assert value["exact"] <= value["chernoff"] * slop
    assert value["exact"] <= value["bentkus"] * slop
    assert value["chernoff"] <= value["hoeffding"] * slop
    assert value["hoeffding"] <= 2 * value["l1"] * slop
    if value["l1"] == 0:
        assert set(value.values()) == {0}


@given(problems, st.sampled_from([0.0, 0.1]))
def test_the_published_bound_is_the_instance_bound_at_its_worst(problem, level):
    dictionary, _, code = random_problem(*problem)
    dictionary = dictionary.normalized()
    codes = code.reshape(dictionary.code_shape)
    half = np.abs(code[code != 0]).min() / 2
    layer = LayerInstance(dictionary, codes, half, level, "independent")
    instance = InstanceBound("hoeffding").evaluate(layer).unclipped
    numbers = layer.statistics()
    root = math.sqrt(dictionary.babel_squared(numbers.sparsity) / max(numbers.sparsity, 1))
    squared = ProbabilisticBound().evaluate(attrs.evolve(numbers, coherence=root)).unclipped
    assert instance <= squared * (1 + 1e-9)
    assert squared <= ProbabilisticBound().evaluate(layer).unclipped * (1 + 1e-9)


def test_columns_add_up_and_thresholds_may_differ_between_filters():
    rng = np.random.default_rng(4)
    dictionary = CirculantDictionary(filters.gaussian(3, 2, 3, rng=rng), 8)
    codes = rng.standard_normal((2, 3, 3, 8)) * (rng.random((2, 3, 3, 8)) < 0.2)
    beta = np.array([0.3, 0.5, 0.8])
    matrix = dictionary.to_sparse().toarray()
    expected = np.stack(
        [per_atom(matrix, code, np.repeat(beta, 8)) for code in codes.reshape(6, -1)]
    )
    given_ = LayerInstance(dictionary, codes, beta)
    assert InstanceBound().atoms(given_) == pytest.approx(
        expected.reshape(codes.shape), rel=1e-12, abs=0
    )
    found = InstanceBound().evaluate(given_)
    assert found.unclipped == pytest.approx(expected.sum(), rel=1e-3)
    assert found.thresholds == ((0.3, 0.8),)
    single = LayerInstance(dictionary, codes.astype(np.float32), beta)
    assert InstanceBound().evaluate(single).unclipped == pytest.approx(expected.sum(), rel=1e-3)


def test_codes_without_non_zeros():
    dictionary = CirculantDictionary(filters.gaussian(2, 1, 3, rng=0), 8)
    for level, value in ((0.0, 0), (0.4, 0), (0.6, 16)):
        layer = LayerInstance(dictionary, np.zeros((2, 8)), 0.5, level)
        assert InstanceBound().evaluate(layer).unclipped == value
    nothing = LayerInstance(dictionary, np.zeros((2, 8)), 0.0)
    assert InstanceBound().evaluate(nothing).failure_probability == 0  # 0 is not above 0
    empty = LayerInstance(dictionary, np.zeros((0, 2, 8)), 0.5)
    assert InstanceBound().evaluate(empty).failure_probability == 0
    assert InstanceBound().atoms(empty).shape == (0, 2, 8)


# ---- noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["exact", "lattice", "chernoff", "bentkus", "hoeffding"])
@given(problems, thresholds)
def test_noise_that_ignores_the_signs(tail, problem, threshold):
    dictionary, matrix, code = random_problem(*problem)
    rng = np.random.default_rng(problem[0])
    v = rng.standard_normal(matrix.shape[0])
    v *= 0.2 / dictionary.patch_norm(v.reshape(dictionary.signal_shape))
    codes = code.reshape(dictionary.code_shape)
    found = InstanceBound(tail).evaluate(
        LayerInstance(dictionary, codes, threshold, 0.2 * (1 + 1e-12), "independent")
    )
    signs = signed_codes(code)
    both = np.concatenate([signs, signs])  # a sign of the noise is a sign of all atoms at once
    noisy = both @ matrix.T + np.repeat([v, -v], len(signs), axis=0)
    z = np.abs(noisy @ matrix)
    failed = np.where(code != 0, z <= threshold, z > threshold)
    assert failed.any(axis=1).mean() <= found.unclipped * (1 + 1e-9)
    worst = InstanceBound(tail).evaluate(LayerInstance(dictionary, codes, threshold, 0.2))
    assert found.unclipped <= worst.unclipped * (1 + 1e-9) or tail in (
        "chernoff",
        "bentkus",
        "hoeffding",
    )


@pytest.mark.parametrize("tail", ["chernoff", "bentkus", "hoeffding"])
@given(problems, thresholds)
def test_gaussian_noise(tail, problem, threshold):
    dictionary, matrix, code = random_problem(*problem)
    deviation = 0.15
    codes = code.reshape(dictionary.code_shape)
    found = InstanceBound(tail).atoms(
        LayerInstance(dictionary, codes, threshold, deviation, "gauss")
    )
    signal, against, norms = interference_of(matrix, code)
    spread = deviation * norms
    on = scipy.special.ndtr((against - signal + threshold) / spread).mean(axis=0)
    off = (
        scipy.special.ndtr((against - threshold) / spread)
        + scipy.special.ndtr((-against - threshold) / spread)
    ).mean(axis=0)
    assert (np.where(code != 0, on, off) <= found.ravel() * (1 + 1e-9)).all()


def two_layers(seed):
    """Return dense dictionaries, codes, and the oracle errors of layer 1 over all signs."""
    rng = np.random.default_rng(seed)
    lower = rng.standard_normal((12, 5))
    upper = rng.standard_normal((5, 7))
    lower, upper = (a / np.linalg.norm(a, axis=0) for a in (lower, upper))
    code = np.zeros(7)
    code[rng.choice(7, 3, replace=False)] = rng.uniform(0.7, 1, 3)
    top = signed_codes(code)
    below = np.array(list(itertools.product([1.0, -1.0], repeat=5)))
    middle = top @ upper.T  # (8, 5)
    gram = lower.T @ lower
    # D G D x on the support, which is everything here
    seen = below[None] * ((below[None] * middle[:, None]) @ gram)
    return lower, upper, code, top, seen - middle[:, None]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tail", ["chernoff", "hoeffding"])
def test_the_error_of_the_layer_below_has_mean_zero(tail, seed):
    lower, upper, code, top, error = two_layers(seed)
    assert error.mean(axis=1) == pytest.approx(np.zeros((8, 5)), abs=1e-12)
    level = np.linalg.norm(error, axis=2).max()
    z = np.abs((top @ upper.T)[:, None] @ upper + error @ upper)
    for threshold in (0.2, 0.35, 0.5):
        layers = [
            LayerInstance(DenseDictionary(lower), np.ones(5), 0.1),
            LayerInstance(DenseDictionary(upper), code, threshold, level, "martingale"),
        ]
        layer = InstanceBound(tail).evaluate(layers).layers[1]
        failed = np.where(code != 0, z <= threshold, z > threshold)
        assert failed.any(axis=2).mean() <= layer.unclipped
        assert (failed.mean(axis=(0, 1)) <= InstanceBound(tail).atoms(layers[1]) + EDGE).all()
        assert "mean zero" in " ".join(h.statement for h in layer.hypotheses)


# ---- counterexamples -----------------------------------------------------------------------------


def test_noise_that_knows_the_signs_breaks_the_independent_bound_of_an_atom():
    angle, level = math.radians(15), 0.25 + 1e-6
    dictionary = CirculantDictionary([[[math.cos(angle), math.sin(angle)]]], 8)
    codes = np.eye(1, 8)
    claimed, proved = (
        InstanceBound("hoeffding").atoms(LayerInstance(dictionary, codes, 0.5, level, model))
        for model in ("independent", "adversarial")
    )
    assert claimed[0, 1] == pytest.approx(2 / math.e, rel=1e-4)
    assert proved[0, 1] == 1  # and it fails always, test_bounds_enumeration shows


def test_shrinkage_below_leaves_a_bias_that_is_not_of_mean_zero():
    # unit atoms below, and their mean above: the shrunk code is 4 times x/2 - 0.3, its mean 0.4
    below, above = DenseDictionary(np.eye(4)), DenseDictionary(np.full((4, 1), 0.5))
    model = DCSCModel(
        [
            Layer(below, SoftThreshold(0.3), signs=RademacherSigns()),
            Layer(above, HardThreshold(0.5), signs=RademacherSigns()),
        ]
    )
    codes = np.array([1.0])
    for seed in range(5):
        drawn = model.draw(seed)
        truth = drawn.synthesize(codes)
        assert not truth.compare(drawn.forward(truth[0])).pathway_recovered
    layers = measure(model, truth)
    wrong = attrs.evolve(layers[1], noise=0.6, noise_model="martingale")
    with pytest.raises(NotCoveredError, match="layer 2: layer 1 leaves an error"):
        InstanceBound("chernoff").evaluate([layers[0], wrong])
    alone = InstanceBound("hoeffding").evaluate(wrong)  # what it would claim
    assert alone.failure_probability == pytest.approx(math.exp(-0.25 / 0.72), rel=1e-9)
    for tail in ("exact", "chernoff"):
        assert InstanceBound(tail).evaluate(layers).failure_probability == 1


# ---- layers, refusals, ways of computing ---------------------------------------------------------


def small_model(selection=HardThreshold, **traits):
    rng = np.random.default_rng(0)
    dictionaries = [
        CirculantDictionary(filters.gaussian(4, 16, 3, rng=rng), 12),
        CirculantDictionary(filters.sparse_rademacher(2, 4, 3, nonzeros=2, rng=rng), 12),
    ]
    layers = [Layer(d, selection(0.3), signs=RademacherSigns()) for d in dictionaries]
    model = DCSCModel(layers)
    codes = np.zeros((2, 12))
    codes[0, 3] = 1
    return measure(model, model.draw(0).synthesize(codes))


def test_the_error_of_a_layer_below_comes_from_the_recursion():
    layers = small_model()
    found = InstanceBound().evaluate(layers)
    by_class = bounds.UniformBound().evaluate(layers)
    assert 0 < found.layers[1].noise <= by_class.layers[1].noise
    assert found.conditional
    assert found.unclipped == math.fsum(layer.unclipped for layer in found.layers)
    assert found.lower == found.layers[0].lower


@pytest.mark.parametrize("model", ["independent", "gauss"])
def test_the_error_of_a_layer_below_is_not_independent(model):
    layers = small_model()
    changed = attrs.evolve(layers[1], noise_model=model)
    with pytest.raises(NotCoveredError, match="layer 2: the error of layer 1 depends on its signs"):
        InstanceBound("hoeffding").evaluate([layers[0], changed])
    with pytest.raises(NotCoveredError, match="layer 2: the error of layer 1"):
        InstanceBound("hoeffding", noise_model=model).evaluate(layers)


def test_what_is_not_covered_is_refused():
    dictionary = DenseDictionary(np.eye(3))
    codes, plain = np.array([1.0, -1, 0]), LayerStatistics(coherence=0.1, x_min=1, x_max=1)
    for traits, message in (
        ({"selection": None}, "selects by no threshold"),
        ({"selection": RELU}, "loses the negative codes"),
        ({"signs_independent": False}, "its signs are not"),
        ({"noise": 0.1, "noise_model": "martingale"}, "is no bound for the noise model"),
        ({"noise": 0.1, "noise_model": "gauss"}, "is no bound for the noise model"),
    ):
        layer = LayerInstance(dictionary, codes, 0.5, **traits)
        with pytest.raises(
            NotCoveredError, match=f"InstanceBound does not cover layer 1: .*{message}"
        ):
            InstanceBound("lattice").evaluate(layer)
    with pytest.raises(NotCoveredError, match=r"expected a LayerInstance, got LayerStatistics"):
        InstanceBound().evaluate(plain)
    with pytest.raises(NotCoveredError, match="it has no max_sparsity"):
        InstanceBound().max_sparsity(plain)
    with pytest.raises(NotCoveredError, match=r"noise model is none, but the noise is 0.1"):
        InstanceBound(noise_model="none").evaluate(LayerInstance(dictionary, codes, 0.5, 0.1))
    for traits, message in (
        ({}, "layer 1 has none: give one"),
        ({"threshold": [0.5, 0.5]}, "expected one, or one per filter, 3, got 2"),
    ):
        with pytest.raises(DcscError, match=message):
            InstanceBound().evaluate(LayerInstance(dictionary, codes, **traits))
    with pytest.raises(DcscError, match=r"InstanceBound.atoms: noise: expected a number"):
        InstanceBound().atoms(LayerInstance(dictionary, codes, 0.5, None))
    for arguments, message in (
        ({"tail": "student"}, "tail: expected a Tail"),
        ({"noise_model": "pink"}, "noise_model: expected one of"),
        ({"tolerance": -1}, "tolerance: expected at least 0"),
    ):
        with pytest.raises(DcscError, match=message):
            InstanceBound(**arguments)


def test_noise_models_of_instances():
    dictionary, codes = DenseDictionary(np.eye(3)), np.array([1.0, -1, 0])
    with pytest.raises(DcscError, match=r"noise_model: expected one of none, .*, got 'pink'"):
        LayerInstance(dictionary, codes, 0.5, 0.1, "pink")
    with pytest.raises(DcscError, match="noise: expected 0 with noise_model"):
        LayerInstance(dictionary, codes, 0.5, 0.1, "none")
    with pytest.raises(DcscError, match="Gaussian noise has no bound"):
        LayerInstance(dictionary, codes, 0.5, 0.1, "gauss").statistics()
    assert LayerInstance(dictionary, codes, 0.5, 0.1).noise_model == "adversarial"


def test_signs_of_the_measured_model_are_asked_for():
    dictionary = CirculantDictionary(filters.gaussian(2, 4, 3, rng=0), 8)
    for signs, projection, message in (
        (IdentitySigns(), HardThreshold(0.5), "its signs"),
        (RademacherSigns(), TopK(3), "its projection"),
    ):
        model = DCSCModel([Layer(dictionary, projection, signs=signs)])
        truth = model.draw(0).synthesize(np.eye(2, 8))
        with pytest.raises(NotCoveredError, match=message):
            InstanceBound().evaluate(measure(model, truth))


def crowd():
    rng = np.random.default_rng(3)
    dictionary = CirculantDictionary(filters.gaussian(20, 30, 5, rng=rng), 64)
    codes = np.zeros(20 * 64)
    codes[rng.choice(codes.size, 50, replace=False)] = rng.choice([-1, 1], 50)
    return dictionary, codes.reshape(20, 64)


@pytest.mark.parametrize("threshold", [0.4, 0.6, 0.75])
def test_screening_costs_no_more_than_the_tolerance(threshold):
    layer = LayerInstance(*crowd(), threshold)
    exact = InstanceBound(tolerance=0).evaluate(layer)
    for tolerance in (1e-3, 0.1):
        screened = InstanceBound(tolerance=tolerance).evaluate(layer)
        assert exact.unclipped <= screened.unclipped * (1 + 1e-12)
        assert screened.unclipped <= exact.unclipped * (1 + tolerance)
        assert screened.lower == exact.lower
    each = InstanceBound().atoms(layer)
    assert exact.unclipped == pytest.approx(each.sum(), rel=1e-12)
    assert exact.lower <= each.max()
    assert InstanceBound("chernoff").evaluate(layer).lower == 0


def test_computing_in_small_pieces_changes_nothing(monkeypatch):
    layer = LayerInstance(*crowd(), 0.6, 0.05)
    whole = [InstanceBound(tail).evaluate(layer) for tail in ("exact", "chernoff")]
    monkeypatch.setattr(terms, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(terms, "_BLOCK_ENTRIES", 1000)
    monkeypatch.setattr(module, "_BATCH_ENTRIES", 1000)
    monkeypatch.setattr(module, "_STEP", 16)
    for before, tail in zip(whole, ("exact", "chernoff"), strict=True):
        again = InstanceBound(tail).evaluate(layer)
        assert again.unclipped == pytest.approx(before.unclipped, rel=1e-3)
        assert again.lower == pytest.approx(before.lower, rel=1e-12)


def test_rows_too_long_to_enumerate_are_left_to_the_lattice():
    layer = LayerInstance(*crowd(), 0.6)
    exact = InstanceBound(tolerance=0).evaluate(layer)
    mixed = InstanceBound(Exact(most=3), tolerance=0).evaluate(layer)
    lattice = InstanceBound(Lattice(), tolerance=0).evaluate(layer)
    for other in (mixed, lattice):
        assert exact.unclipped <= other.unclipped <= exact.unclipped * 1.01
        assert other.lower <= exact.lower
        assert other.lower == pytest.approx(exact.lower, rel=0.01)


def test_a_tail_of_ones_own():
    @attrs.frozen
    class Least(Tail):
        noise_models = Chernoff.noise_models & Bentkus.noise_models

        def _upper(self, rows):
            return np.minimum(Chernoff()._upper(rows), Bentkus()._upper(rows))

    layer = LayerInstance(*crowd(), 0.6, 0.05)
    own, chernoff, bentkus, hoeffding = (
        InstanceBound(tail).evaluate(layer).unclipped
        for tail in (Least(), Chernoff(), Bentkus(), Hoeffding())
    )
    assert own <= min(chernoff, bentkus)
    assert chernoff <= hoeffding


# ---- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.0, 0.05])
def test_the_best_threshold_beats_a_grid(seed, level):
    rng = np.random.default_rng(seed)
    dictionary = CirculantDictionary(filters.gaussian(3, 12, 3, rng=rng), 10)
    codes = (rng.random((2, 3, 10)) < 0.15) * rng.uniform(0.6, 1, (2, 3, 10))
    layer = LayerInstance(dictionary, codes, 0.9, level)
    bound = InstanceBound(tolerance=0)

    def value(threshold):
        return bound.evaluate(attrs.evolve(layer, threshold=threshold)).unclipped

    best, each = bound.best_threshold(layer), bound.best_threshold(layer, per_filter=True)
    assert each.shape == (3,)
    grid = [value(x) for x in np.linspace(level, 1, 41)]
    assert value(best) <= 1.1 * min(grid) + 1e-12
    assert value(each) <= 1.1 * min(grid) + 1e-12
    assert value(best) <= value(codes[codes != 0].min() / 2) * (1 + 1e-9)


def test_the_best_threshold_is_certain_where_one_is():
    # at half of x_min a single non-zero fails always; where the uniform condition holds, never
    dictionary = CirculantDictionary(filters.dct(8, 1, 8), 64)
    codes = np.zeros((8, 64))
    codes[3, 5] = 1
    layer = LayerInstance(dictionary, codes)
    best = InstanceBound().best_threshold(layer)
    assert InstanceBound().evaluate(attrs.evolve(layer, threshold=best)).unclipped == 0
    assert InstanceBound().evaluate(attrs.evolve(layer, threshold=0.5)).unclipped > 1
    with pytest.raises(DcscError, match="best_threshold: noise: expected a number"):
        InstanceBound().best_threshold(attrs.evolve(layer, noise=None))
