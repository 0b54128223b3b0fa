"""The class bounds that go beyond the published ones: exact values, orderings, enumeration."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.bounds import (
    Babel,
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    propagated_noise,
)
from dcsc.bounds.layered import likely_deviation
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Selection
from dcsc.testing import check_bound
from tests.sign_enumeration import failures_under_attack

RELU = Selection(one_sided=True, shrinkage=True)
SOFT = Selection(shrinkage=True)


def exactly(value):
    return pytest.approx(float(value), rel=1e-12, abs=0)


# ---- the hybrid bound ----------------------------------------------------------------------------

BARKER = {
    "coherence": 1 / 13,
    "sparsity": 4,
    "x_min": 1,
    "x_max": 1,
    "n_atoms": 64,
    "n_stripes": 64,
    "containing": 25,
}
HYBRID = {
    "H1": (1 / 4, "34.182634908971948"),
    "H2": (3 / 10, "19.120867232053509"),
    "H3": (1 / 2, "0"),
    "H4": (4 / 5, "3.241118305685580"),
}


@pytest.mark.parametrize("key", HYBRID)
def test_reference_rows(key):
    threshold, value = HYBRID[key]
    layer = LayerStatistics(threshold=threshold, **BARKER)
    assert layer.most_nonzeros == 10
    found = HybridBound("hoeffding").evaluate(layer)
    assert found.unclipped == exactly(value)
    assert HybridBound().evaluate(layer).unclipped <= found.unclipped
    codes = np.zeros((1, 64))
    codes[0, [0, 1, 2, 30]] = 1  # 3 in a stripe; the Babel functions of this filter are linear
    dictionary = CirculantDictionary(filters.barker(1, 1, 13), 64)
    measured = LayerInstance(dictionary, codes, threshold).statistics()
    again = HybridBound("hoeffding").evaluate(attrs.evolve(measured, sparsity=4))
    assert again.unclipped == pytest.approx(float(value), rel=1e-12, abs=0)


@pytest.mark.parametrize("tail", ["hoeffding", "bentkus"])
def test_laws(tail):
    check_bound(HybridBound(tail), rng=0)


layers = st.builds(
    LayerStatistics,
    coherence=st.floats(1e-4, 0.5),
    sparsity=st.integers(1, 60),
    x_min=st.floats(0.2, 1),
    x_max=st.floats(1, 2),
    noise=st.floats(0, 0.3),
    n_atoms=st.integers(1, 10**5),
    n_samples=st.integers(1, 3),
    n_stripes=st.integers(50, 10**4),
    containing=st.integers(1, 50),
)


@given(layers)
def test_zero_where_the_uniform_guarantee_holds(layer):
    uniform = UniformBound().evaluate(layer)
    best = HybridBound().evaluate(layer)
    if uniform.holds:
        assert best.unclipped == 0
        central = (layer.x_min + layer.coherence * layer.x_max) / 2
        lowest = uniform.thresholds[0][0] + 3e-12 * layer.x_max  # beyond a tie
        for threshold in (central, lowest, HybridBound().best_threshold(layer)):
            found = HybridBound().evaluate(attrs.evolve(layer, threshold=threshold))
            assert found.unclipped == 0
            assert found.holds
            assert found.thresholds[0] == pytest.approx(uniform.thresholds[0], rel=1e-12)


@given(layers)
def test_at_most_the_robust_bound_and_without_noise_the_published_one(layer):
    half = attrs.evolve(layer, threshold=layer.x_min / 2)
    for tail in ("best", "hoeffding"):
        value = HybridBound(tail).evaluate(half).unclipped
        assert value <= RobustBound().evaluate(half).unclipped * (1 + 1e-9)
        silent = attrs.evolve(half, noise=0)
        published = ProbabilisticBound().evaluate(silent).unclipped
        assert HybridBound(tail).evaluate(silent).unclipped <= published * (1 + 1e-9)


@given(layers, st.sampled_from(["best", "hoeffding", "bentkus"]))
def test_no_threshold_of_a_grid_is_better_than_the_best(layer, tail):
    best = HybridBound(tail).evaluate(layer)
    if best.unclipped < 1:
        ((low, high),) = best.thresholds
        assert low <= HybridBound(tail).best_threshold(layer) <= high
        for share in np.linspace(0, 1, 101):
            beta = layer.noise + share * max(layer.x_min - 2 * layer.noise, 0)
            other = HybridBound(tail).evaluate(attrs.evolve(layer, threshold=beta))
            assert best.unclipped <= other.unclipped * (1 + 1e-9)


@given(st.lists(layers, min_size=2, max_size=5), st.sampled_from(["best", "hoeffding", "bentkus"]))
def test_thresholds_found_together_are_those_of_each_layer_alone(several, tail):
    """Among them that of a layer with no atom on, which any threshold serves."""
    bound = HybridBound(tail)
    several = [*several, attrs.evolve(several[0], sparsity=0)]
    alone = [bound.best_threshold(layer) for layer in several]
    assert bound._best_thresholds(several) == alone


def test_first_order_optimum_of_two_exponentials():
    layer = LayerStatistics(
        coherence=0.01, sparsity=100, x_min=1, x_max=1, n_atoms=1000, n_stripes=1000, containing=100
    )
    assert layer.most_nonzeros == 1000
    sparse = attrs.evolve(layer, containing=199, n_stripes=200)  # 100 non-zeros
    bound = HybridBound("hoeffding")
    found = bound.evaluate(sparse)
    expected = 0.5 + 0.01 * math.log(2 * 900 / 100) / (2 * 0.5)
    assert bound.best_threshold(sparse) == pytest.approx(expected, abs=4e-3)
    fixed = bound.evaluate(attrs.evolve(sparse, threshold=0.5))
    assert found.unclipped < 0.4 * fixed.unclipped


@pytest.mark.parametrize("kind", ["circulant", "toeplitz", "dense"])
@pytest.mark.parametrize("level", [0.0, 0.04])
def test_every_code_of_the_class_fails_less_often(kind, level):
    rng = np.random.default_rng(5)
    if kind == "circulant":
        dictionary = CirculantDictionary(filters.rademacher(1, 64, 2, rng=rng), 9)
    elif kind == "toeplitz":
        dictionary = ToeplitzDictionary(filters.rademacher(2, 100, 2, rng=rng), 6)
    else:
        dictionary = DenseDictionary(filters.gaussian(9, 400, 1, rng=rng)[:, :, 0].T)
    matrix, size = dictionary.to_sparse().toarray(), math.prod(dictionary.code_shape)
    said = 0
    for support in itertools.chain(*(itertools.combinations(range(size), k) for k in (2, 4))):
        code = np.zeros(size)
        code[list(support)] = 1
        given_ = LayerInstance(dictionary, code.reshape(dictionary.code_shape), noise=level)
        numbers = given_.statistics()
        assert (code != 0).sum() <= numbers.most_nonzeros
        for threshold in (0.3, 0.45):
            layer = attrs.evolve(numbers, threshold=threshold)
            bound = HybridBound().evaluate(layer)
            instance = InstanceBound("hoeffding").evaluate(
                attrs.evolve(given_, threshold=threshold)
            )
            assert (
                instance.unclipped <= HybridBound("hoeffding").evaluate(layer).unclipped * 1.000001
            )
            if bound.unclipped < 1:
                said += 1
                failed = failures_under_attack(matrix, code, threshold, level) if said < 200 else 0
                assert np.mean(failed) <= bound.unclipped
    assert said > 10


def test_gains_columns_and_sides():
    layer = LayerStatistics(threshold=0.5, **BARKER, noise=0.05)
    loud = attrs.evolve(layer, gain=(2, 2), coherence=4 / 13, noise=0.1, threshold=2.0)
    assert HybridBound().evaluate(loud).unclipped == exactly(
        HybridBound().evaluate(layer).unclipped
    )
    busy = attrs.evolve(layer, sparsity=6, threshold=0.45)
    value = HybridBound().evaluate(busy).unclipped
    assert HybridBound().evaluate(attrs.evolve(busy, n_samples=3)).unclipped == exactly(3 * value)
    early = attrs.evolve(busy, threshold=0.3)
    one = attrs.evolve(early, selection=RELU, nonnegative=True)
    two_sided = HybridBound().evaluate(early).unclipped
    assert 2 * HybridBound().evaluate(one).unclipped == exactly(two_sided)


def test_thresholds_that_differ_between_filters():
    base = LayerStatistics(**BARKER)
    worst = [
        HybridBound().evaluate(attrs.evolve(base, sparsity=8, threshold=t)).unclipped
        for t in (0.4, 0.5, 0.6)
    ]
    mixed = attrs.evolve(base, sparsity=8, threshold=[0.4, 0.5, 0.6])
    assert HybridBound().evaluate(mixed).unclipped >= max(worst)
    quiet = attrs.evolve(base, threshold=[0.4, 0.5, 0.6])
    assert HybridBound().evaluate(quiet).unclipped == 0


def test_two_layers_pass_their_error_on():
    lower = LayerStatistics(
        coherence=0.05, sparsity=3, x_min=1, x_max=1, n_atoms=100, patch_sparsity=2, noise=0.01
    )
    upper = LayerStatistics(coherence=0.01, sparsity=20, x_min=1, x_max=1, n_atoms=100)
    found = HybridBound().evaluate([lower, upper])
    assert found.layers[1].noise == pytest.approx(math.sqrt(2) * (0.01 + 0.05 * 2))
    known = attrs.evolve(lower, babel=Babel({2: 0.06, 3: 0.07}, {2: 0.003, 3: 0.004}))
    sharper = HybridBound().evaluate([known, upper])
    assert sharper.layers[1].noise == pytest.approx(math.sqrt(2) * (0.01 + 0.06))
    assert sharper.unclipped <= found.unclipped
    shrinking = attrs.evolve(lower, selection=SOFT)
    biased = HybridBound().evaluate([shrinking, upper])
    beta = biased.thresholds[0][0]
    assert biased.layers[1].noise == pytest.approx(math.sqrt(2) * (0.01 + 0.05 * 2 + beta))


def test_values_of_the_babel_functions_bound_all_others():
    dictionary = CirculantDictionary(filters.gaussian(3, 2, 4, rng=0), 12).normalized()
    size = dictionary.stripes.size
    for known in ([1], [3, 4], [2, 9], [size]):
        layer = LayerStatistics(
            coherence=dictionary.babel(1),
            x_min=1,
            x_max=1,
            babel=Babel(
                {k: dictionary.babel(k) for k in known},
                [(k, dictionary.babel_squared(k)) for k in known],
            ),
        )
        for sparsity in range(size + 3):
            exact = dictionary.babel(sparsity), dictionary.babel_squared(sparsity)
            found = layer.babel_sum(sparsity), layer.babel_square(sparsity)
            assert found[0] >= exact[0] * (1 - 1e-12)
            assert found[1] >= exact[1] * (1 - 1e-12)
            if sparsity in known:
                assert found == pytest.approx(exact, rel=1e-12)
    with pytest.raises(DcscError, match="Babel: value at 2: expected at least 0"):
        Babel({2: -1}, {})
    with pytest.raises(DcscError, match="Babel: sparsity: expected at least 1"):
        Babel({0: 0}, {})


def test_the_number_of_non_zeros_is_limited_by_the_stripes():
    # at a border an entry lies in fewer stripes: two non-zeros for S = 1
    dictionary = ToeplitzDictionary(np.ones((1, 1, 2)), 5)
    layer = LayerInstance(dictionary, [[1, 0, 0, 1]], 0.5).statistics()
    assert (layer.sparsity, layer.n_stripes, layer.containing) == (1, 4, 2)
    assert layer.most_nonzeros == 2
    assert attrs.evolve(layer, n_stripes=None, containing=None).most_nonzeros == 4
    whole = LayerInstance(DenseDictionary(np.eye(4)), [1, 0, 0, 1], 0.5).statistics()
    assert whole.most_nonzeros == whole.sparsity == 2


def test_hybrid_refuses_what_it_does_not_cover():
    layer = LayerStatistics(**BARKER)
    for traits, message in (
        ({"selection": None}, "selects by no threshold"),
        ({"selection": RELU}, "loses the negative codes"),
        ({"signs_independent": False}, "its signs are not"),
    ):
        with pytest.raises(
            NotCoveredError, match=f"HybridBound does not cover layer 1: .*{message}"
        ):
            HybridBound().evaluate(attrs.evolve(layer, **traits))
    with pytest.raises(DcscError, match="HybridBound: tail: expected one of best, hoeffding"):
        HybridBound("exact")


# ---- the layered bound ---------------------------------------------------------------------------

TB1 = LayerStatistics(
    coherence=1 / 50, sparsity=10, x_min=1, x_max=1, noise=0.01, n_atoms=1000, patch_sparsity=2
)


def test_reference_row_of_the_layered_bound():
    deviation = likely_deviation(TB1, 0.01, 0.01)
    assert deviation == exactly("0.322487729621887")
    assert math.sqrt(2) * deviation == exactly("0.456066520930180")
    assert math.sqrt(2) * (deviation + 0.5) == exactly("1.163173302116727")
    assert propagated_noise(TB1, 0.01, 0.5) == exactly("0.268700576850888")
    bound = LayeredBound(spent=0.01)
    soft = attrs.evolve(TB1, selection=Selection(0.5, shrinkage=True))
    assert bound._error(TB1, deviation, 0.5) == exactly("0.456066520930180")
    assert bound._error(soft, deviation, 0.5) == exactly("1.163173302116727")
    # the worst signs say less here, and they are certain to be got right
    found = bound.evaluate([TB1, attrs.evolve(TB1, noise=None)])
    assert found.layers[1].noise == exactly("0.268700576850888")
    assert found.layers[0].failure_probability == 0


def test_a_single_layer_is_the_hybrid_bound():
    for threshold in (None, 0.4, 0.6):
        layer = LayerStatistics(threshold=threshold, **(BARKER | {"sparsity": 9}))
        found = LayeredBound().evaluate(layer)
        assert found.unclipped == HybridBound().evaluate(layer).unclipped
        assert found.thresholds == HybridBound().evaluate(layer).thresholds


def test_beyond_the_uniform_condition_where_the_recursion_is_useless():
    lower = LayerStatistics(
        coherence=0.01, sparsity=60, x_min=1, x_max=1, n_atoms=64, patch_sparsity=1, noise=0
    )
    upper = LayerStatistics(coherence=0.001, sparsity=5, x_min=2, x_max=2, n_atoms=64)
    assert UniformBound().max_sparsity(lower) == 50
    found = LayeredBound().evaluate([lower, upper])
    assert found.failure_probability == 0.001
    assert found.layers[1].noise < 0.4 < 0.58 < propagated_noise(lower, 0, 0.5)
    assert UniformBound().evaluate([lower, upper]).failure_probability == 1


@pytest.mark.parametrize("selection", [Selection(), SOFT], ids=["hard", "soft"])
def test_thresholds_below_the_deepest_layer(selection):
    lower = attrs.evolve(TB1, coherence=0.01, sparsity=60, selection=selection)
    upper = LayerStatistics(coherence=0.001, sparsity=5, x_min=9, x_max=9, n_atoms=64)
    deviation = likely_deviation(lower, 0.01, 0.001)
    assert deviation < 0.5 < 0.01 + 0.01 * 60
    found = LayeredBound().evaluate([lower, upper])
    assert found.failure_probability == 0.001
    if selection == SOFT:  # the smallest one is the best
        low, high = found.thresholds[0]
        assert deviation * (1 + 1e-12) < low == high < deviation * (1 + 1e-11)
        assert found.layers[1].noise == exactly(math.sqrt(2) * (deviation + low))
    else:
        assert found.thresholds[0] == (exactly(deviation), exactly(1 - deviation))
        assert found.layers[1].noise == exactly(math.sqrt(2) * deviation)
    for threshold, value in ((0.5, 0.001), (0.99 * deviation, 1), (1.01 * (1 - deviation), 1)):
        chosen = attrs.evolve(lower, threshold=threshold)
        assert LayeredBound().evaluate([chosen, upper]).failure_probability == value


def test_rectified_only_at_the_deepest_layer():
    upper = LayerStatistics(
        coherence=0.02, sparsity=9, x_min=1, x_max=1, n_atoms=64, nonnegative=True, selection=RELU
    )
    assert LayeredBound().evaluate([TB1, upper]).failure_probability < 1
    with pytest.raises(NotCoveredError, match="LayeredBound does not cover layer 1: a one-sided"):
        LayeredBound().evaluate([attrs.evolve(upper, patch_sparsity=1), upper])


def orthogonal_network(seed):
    """Return matrices: atoms of low coherence below, disjoint ones above."""
    rng = np.random.default_rng(seed)
    lower = rng.standard_normal((10000, 8))
    return lower / np.linalg.norm(lower, axis=0), np.kron(np.eye(2), np.full((4, 1), 0.5))


@pytest.mark.parametrize("shrinkage", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_against_all_signs_of_two_layers(seed, shrinkage):
    lower, upper = orthogonal_network(seed)
    code, level = np.array([1.0, 0.0]), 0.02
    selection = Selection(shrinkage=shrinkage)
    middle = upper @ code
    layers = [
        LayerInstance(
            DenseDictionary(lower),
            middle,
            noise=level,
            selection=selection,
            successor=DenseDictionary(upper),
        ),
        LayerInstance(DenseDictionary(upper), code, noise=None),
    ]
    found = LayeredBound().evaluate(layers)
    assert found.failure_probability < 1
    noise = found.layers[1].noise
    low, high = found.thresholds[0]
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=8)))
    rng = np.random.default_rng(seed)
    for threshold in {low * (1 + 1e-9), (low + high) / 2 if not shrinkage else low * (1 + 1e-9)}:
        failed, largest = [], 0.0
        for row in signs:
            operator = lower * row
            attack = operator @ rng.standard_normal(8)
            z = operator.T @ (operator @ middle + level * attack / np.linalg.norm(attack))
            wrong = ((np.abs(z) > threshold) != (middle != 0)).any()
            failed.append(wrong)
            kept = np.where(np.abs(z) > threshold, z - shrinkage * threshold * np.sign(z), 0)
            if not wrong:
                largest = max(largest, float(np.linalg.norm(kept - middle)))
        assert np.mean(failed) <= found.layers[0].failure_probability
        assert largest <= noise * (1 + 1e-9)


def test_layered_refuses_a_bad_budget():
    for spent in (0, -1, 2):
        with pytest.raises(DcscError, match="LayeredBound: spent: expected at"):
            LayeredBound(spent=spent)
    with pytest.raises(NotCoveredError, match="LayeredBound does not cover layer 1: its signs"):
        LayeredBound().evaluate(attrs.evolve(TB1, signs_independent=False))
