"""The thresholds that bounds find best, and models rebuilt with them."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    measure,
    with_best_thresholds,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments import simulate
from dcsc.model import DCSCModel, Layer
from dcsc.projections import (
    HardThreshold,
    JumpReLU,
    Projection,
    ReLU,
    Selection,
    SoftThreshold,
    TopK,
)
from dcsc.testing import check_projection
from tests import strategies
from tests.sign_enumeration import equiangular

CLASS_BOUNDS = [
    UniformBound(),
    ProbabilisticBound(),
    RobustBound(),
    HybridBound(),
    LayeredBound(),
]
every_bound = pytest.mark.parametrize("bound", CLASS_BOUNDS, ids=lambda bound: type(bound).__name__)


# ---- the thresholds ------------------------------------------------------------------------------


@every_bound
@given(data=st.data())
def test_what_is_promised_without_a_threshold_holds_at_the_best_one(bound, data):
    layers = data.draw(strategies.statistics_lists())
    found = bound.evaluate(layers)
    chosen = bound.best_thresholds(layers)
    assert len(chosen) == len(layers)
    again = bound.evaluate(
        [attrs.evolve(layer, threshold=t) for layer, t in zip(layers, chosen, strict=True)]
    )
    assert again.failure_probability <= found.failure_probability * (1 + 1e-9)
    if found.holds:
        assert again.holds
        for (low, high), threshold in zip(found.thresholds, chosen, strict=True):
            assert low <= threshold <= high


@every_bound
def test_a_threshold_that_is_given_is_ignored(bound):
    free = LayerStatistics(coherence=0.01, x_min=1, x_max=1, sparsity=5, n_atoms=100, noise=0.1)
    others = (
        attrs.evolve(free, threshold=7),
        attrs.evolve(free, selection=Selection(0.01)),
        attrs.evolve(free, selection=Selection([0.1, 9], shrinkage=True), threshold=2),
    )
    (best,) = bound.best_thresholds(free)
    assert 0.49 < best < 0.51
    assert [bound.best_thresholds([other]) for other in others] == [(best,)] * 3


def test_where_the_codes_are_zero_the_threshold_has_to_meet_the_noise_alone():
    empty = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=0, n_atoms=9, noise=0.3)
    for bound in (UniformBound(), HybridBound()):
        (best,) = bound.best_thresholds(empty)
        assert best > 0.3
        assert bound.evaluate(attrs.evolve(empty, threshold=best)).failure_probability == 0
        assert bound.evaluate(attrs.evolve(empty, threshold=0.3)).failure_probability == 1


@every_bound
def test_class_bounds_do_not_tell_filters_apart(bound):
    layer = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1, n_atoms=9)
    with pytest.raises(
        NotCoveredError, match=f"{type(bound).__name__} does not tell filters apart"
    ):
        bound.best_thresholds(layer, per_filter=True)
    with pytest.raises(DcscError, match=r"best_thresholds: layers: expected LayerStatistics"):
        bound.best_thresholds([])


# ---- the rebuilt model ---------------------------------------------------------------------------


def crowded(projection=HardThreshold):
    """Return a model whose threshold is far from the best, and codes with small non-zeros."""
    rng = np.random.default_rng(1)
    dictionary = CirculantDictionary(filters.rademacher(6, 64, 5, rng=rng), 32)
    codes = np.zeros(192)
    codes[rng.choice(192, 20, replace=False)] = rng.uniform(0.6, 1, 20)
    return DCSCModel([Layer(dictionary, projection(0.2))]), codes.reshape(6, 32)


@pytest.mark.parametrize("projection", [HardThreshold, SoftThreshold, ReLU, JumpReLU])
@pytest.mark.parametrize("per_filter", [False, True])
def test_failures_fall_and_the_bound_covers_them(projection, per_filter):
    model, codes = crowded(projection)
    truth = model.draw(0).synthesize(codes)
    noise = np.random.default_rng(2).standard_normal(truth[0].shape)
    noise *= 0.1 / model.layers[0].dictionary.patch_norm(noise)
    better = with_best_thresholds(model, truth, InstanceBound(), noise, per_filter)
    threshold = better.layers[0].projection.threshold
    assert np.shape(threshold) == ((6,) if per_filter else ())
    assert type(better.layers[0].projection) is projection
    before, after = (simulate(m, codes, trials=500, noise=noise) for m in (model, better))
    promised = InstanceBound().evaluate(measure(better, truth, noise)).failure_probability
    low, rate, _ = after.interval(level=1 - 1e-6)
    assert before.failures[-1] > 300
    assert 0 < rate[-1] < 0.1
    assert low[-1] <= promised < 0.1
    if per_filter:
        alike = with_best_thresholds(model, truth, InstanceBound(), noise)
        single = InstanceBound().evaluate(measure(alike, truth, noise)).failure_probability
        assert promised <= single * 1.001


def test_the_noise_has_a_say_in_the_threshold():
    model, codes = crowded()
    truth = model.draw(0).synthesize(codes)
    bound, chosen = InstanceBound("hoeffding"), []
    for noise in (0.0, 0.25, np.full((64, 32), 0.02)):
        better = with_best_thresholds(model, truth, bound, noise)
        chosen.append(better.layers[0].projection.threshold)
        assert chosen[-1] == bound.best_threshold(measure(model, truth, noise)[0])
    assert len(set(chosen)) == 3


def test_two_layers_of_which_the_first_shrinks():
    lower = DenseDictionary(equiangular(8, 0.01, seed=0))
    upper = DenseDictionary(np.array([[0.9], [0.3], [0.3], [0], [0], [0], [0], [0]]))
    model = DCSCModel([Layer(lower, SoftThreshold(0.2)), Layer(upper, HardThreshold(0.9))])
    truth = model.draw(0).synthesize([1.0])
    for bound in (UniformBound(), RobustBound(), HybridBound(), LayeredBound(), InstanceBound()):
        assert bound.evaluate(measure(model, truth)).failure_probability == 1
        better = with_best_thresholds(model, truth, bound)
        found = bound.evaluate(measure(better, truth))
        assert found.failure_probability < 1e-3
        assert not simulate(better, [1.0], trials=50).failures.any()
        assert better.layers[0].signs == model.layers[0].signs


def test_each_layer_is_told_the_error_that_the_threshold_below_leaves():
    lower = DenseDictionary(np.eye(2))
    upper = DenseDictionary(np.array([[0.8, 0.6], [-0.6, 0.8]]))
    model = DCSCModel([Layer(lower, SoftThreshold(0.1)), Layer(upper, HardThreshold(0.9))])
    layers = measure(model, model.draw(0).synthesize([1.0, 0]), noise=0.05)
    first, second = InstanceBound().best_thresholds(layers)
    changed = [
        attrs.evolve(layers[0], threshold=first),
        attrs.evolve(layers[1], threshold=second),
    ]
    entering = InstanceBound().evaluate(changed).layers[1].noise
    assert entering == pytest.approx(np.sqrt(2) * (0.05 + first))
    assert second == InstanceBound().best_threshold(attrs.evolve(layers[1], noise=entering))


class Late(Projection):
    """A threshold of one's own, without a way to change it."""

    @property
    def selection(self):
        return Selection(0.5)

    def _project(self, coefficients, dictionary):
        return np.where(np.abs(coefficients) > 0.5, coefficients, 0)


def test_what_has_no_threshold_to_change_is_refused():
    model, codes = crowded()
    (layer,) = model.layers
    truth = model.draw(0).synthesize(codes)
    for projection, message in (
        (Late(), "Late: cannot take another threshold: it does not say how; write Late.with_thr"),
        (TopK(3), r"InstanceBound does not cover layer 1: its projection selects by no threshold"),
    ):
        other = DCSCModel([attrs.evolve(layer, projection=projection)])
        with pytest.raises(NotCoveredError, match=message):
            with_best_thresholds(other, truth, InstanceBound())
    with pytest.raises(NotCoveredError, match=r"TopK: cannot .*: it selects by no threshold"):
        TopK(3).with_threshold(0.5)
    with pytest.raises(DcscError, match="with_best_thresholds: bound: expected a BoundCalculator"):
        with_best_thresholds(model, truth, 0.5)


@pytest.mark.parametrize("kind", [HardThreshold, SoftThreshold, ReLU, JumpReLU])
@pytest.mark.parametrize("threshold", [0.25, [0.1, 0.2, 0.3]])
def test_another_threshold_and_nothing_else(kind, threshold):
    before = kind(0.9)
    after = before.with_threshold(threshold)
    assert after == kind(threshold)
    assert attrs.evolve(after.selection, threshold=0.9) == before.selection
    check_projection(after)
    with pytest.raises(DcscError, match=f"{kind.__name__}: threshold: expected at least 0"):
        before.with_threshold(-1)
