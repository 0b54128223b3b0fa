"""Thresholds by objective: against all thresholds of small layers, and against what is tempting."""

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.bounds import (
    ExpectedWrong,
    FewestMissed,
    InstanceBound,
    LayerInstance,
    Objective,
    PartialBound,
    measure,
    with_best_thresholds,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, Selection
from tests.test_units import RELU, random_layer, truth

EPS = 1e-9
kinds = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(["dense", "circle", "cut"]))


def at_all_places(matrix, code, one_sided):
    """Return expected misses and false alarms just above every place where one of them jumps."""
    signs = np.array(list(itertools.product([-1, 1], repeat=int((code != 0).sum()))))
    rows = np.zeros((len(signs), len(code)))
    rows[:, code != 0] = signs * code[code != 0]
    jumps = np.unique(np.abs(rows @ matrix.T @ matrix))
    places = np.concatenate([[1e-6], jumps[np.append(np.diff(jumps) > 1e-6, True)] + 3e-7])
    wrong = np.array([truth(matrix, code, beta, one_sided)[1] for beta in places])
    return wrong[:, code != 0].sum(axis=1), wrong[:, code == 0].sum(axis=1)


@settings(max_examples=12)
@given(kinds, st.booleans(), st.sampled_from([0.0, 0.3, 1.0, 3.0]))
def test_no_threshold_does_better(kind, one_sided, budget):
    dictionary, matrix, code = random_layer(*kind)
    code = np.abs(code) if one_sided else code
    layer = LayerInstance(
        dictionary,
        code.reshape(dictionary.code_shape),
        selection=RELU if one_sided else Selection(),
    )
    missed, raised = at_all_places(matrix, code, one_sided)
    best = PartialBound().best_threshold(layer)
    low, high = truth(matrix, code, best.threshold, one_sided)
    assert low.sum() - EPS <= best.missed.high + best.false_alarms.high <= high.sum() + EPS
    # the search looks at places, and is near the best of them
    assert best.missed.high + best.false_alarms.high <= (missed + raised).min() * 1.25 + 0.25
    kept = PartialBound().best_threshold(layer, FewestMissed(budget))
    assert kept.false_alarms.high <= budget + EPS
    assert kept.missed.high <= missed[raised <= budget + EPS].min() * 1.25 + 0.25


def test_a_budget_is_shared_out_among_filters():
    """By all pairs of thresholds of two filters, of which one is loud and one quiet."""
    rng = np.random.default_rng(3)
    bank = rng.standard_normal((2, 2, 3))
    dictionary = CirculantDictionary(bank * np.array([0.5, 1.5])[:, None, None], 8)
    code = np.zeros((2, 8))
    code.ravel()[rng.choice(16, 6, replace=False)] = rng.uniform(0.5, 1.5, 6)
    layer = LayerInstance(dictionary, code)
    matrix = dictionary.to_sparse().toarray()
    grid = np.linspace(0, 12, 61)
    tables = np.array([truth(matrix, code.ravel(), beta, False)[1] for beta in grid])
    tables = tables.reshape(61, 2, 8)
    on = code != 0
    missed = np.where(on, tables, 0).sum(axis=2)
    raised = np.where(on, 0, tables).sum(axis=2)
    joint = raised[:, 0][:, None] + raised[:, 1]
    for budget in (0.5, 2.0, 4.0):
        best = PartialBound().best_threshold(layer, FewestMissed(budget), per_filter=True)
        single = PartialBound().best_threshold(layer, FewestMissed(budget))
        assert best.threshold.shape == (2,)
        assert best.false_alarms.high <= budget + EPS
        assert single.false_alarms.high <= budget + EPS
        least = (missed[:, 0][:, None] + missed[:, 1])[joint <= budget].min()
        assert best.missed.high <= least + 0.3
        assert best.missed.high <= single.missed.high + EPS


# ---- what is tempting, and false -----------------------------------------------------------------


def dense_layer():
    rng = np.random.default_rng(0)
    dictionary = CirculantDictionary(filters.gaussian(4, 1, 5, rng=rng), 24)
    code = rng.uniform(0.5, 1, (4, 24)) * (rng.random((4, 24)) < 0.3)
    return LayerInstance(dictionary, code, selection=RELU)


def test_the_fewest_wrong_units_may_be_next_to_none_found():
    """All units off is hard to beat where layers are dense, and no recall says so by itself."""
    layer = dense_layer()
    active = int((layer.codes != 0).sum())
    best = PartialBound().best_threshold(layer, ExpectedWrong(), per_filter=True)
    assert best.missed.high + best.false_alarms.high <= active + EPS
    assert best.recall.high < 0.4
    half = PartialBound().evaluate(attrs.evolve(layer, threshold=0.25)).layers[0]
    assert half.recall.low > 0.6
    assert half.missed.low + half.false_alarms.low > active
    # a budget of false alarms finds what it allows to be found, and both ends are said
    finds = [
        PartialBound().best_threshold(layer, FewestMissed(share * active)) for share in (0.25, 1, 2)
    ]
    assert finds[0].recall.low < finds[1].recall.low < finds[2].recall.low
    text = repr(finds[1])
    assert "recall" in text
    assert "false alarms per active unit" in text


def test_nothing_but_false_alarms_are_quiet_at_the_end():
    """The largest place is beyond what the silent unit sees, not only beyond what is on."""
    dictionary = DenseDictionary([[0.2, 1.0], [0.0, 1.0]])
    layer = LayerInstance(dictionary, [3.0, 0.0])
    best = PartialBound().best_threshold(layer, FewestMissed(0.0))
    assert best.false_alarms.high == 0
    assert best.missed.low == 1
    assert best.threshold > 0.6


# ---- whole models, and refusals ------------------------------------------------------------------


def test_models_are_rebuilt_for_an_objective():
    layer = dense_layer()
    model = DCSCModel([Layer(layer.dictionary, HardThreshold(0.1))])
    pathway = model.draw(0).synthesize(layer.codes)
    for objective in (None, FewestMissed(5.0)):
        better = with_best_thresholds(model, pathway, PartialBound(), 0.01, objective=objective)
        record = measure(model, pathway, 0.01)[0]
        best = PartialBound().best_threshold(record, objective)
        assert better.layers[0].projection == HardThreshold(best.threshold)
        part = PartialBound().evaluate(measure(better, pathway, 0.01)).layers[0]
        assert part == best.part
    with pytest.raises(NotCoveredError, match="InstanceBound is about whole supports"):
        with_best_thresholds(model, pathway, InstanceBound(), objective=ExpectedWrong())


def test_two_layers_one_after_the_other():
    lower, upper = DenseDictionary(np.eye(2)), DenseDictionary([[0.8, 0.6], [-0.6, 0.8]])
    model = DCSCModel([Layer(lower, HardThreshold(0.1)), Layer(upper, HardThreshold(0.9))])
    layers = measure(model, model.draw(0).synthesize([1.0, 0]), noise=0.05)
    first, second = PartialBound().best_thresholds(layers)
    known = [attrs.evolve(x, threshold=t) for x, t in zip(layers, (first, second), strict=True)]
    level = InstanceBound()._levels(known)[1]
    assert second == PartialBound().best_threshold(attrs.evolve(layers[1], noise=level)).threshold
    with pytest.raises(NotCoveredError, match="expected a LayerInstance, got LayerStatistics"):
        PartialBound().best_thresholds(layers[0].statistics())


def test_an_objective_of_ones_own():
    @attrs.frozen
    class Weighed(Objective):
        weight: float

        def _costs(self, missed, false_alarms):
            return missed + self.weight * false_alarms

    layer = dense_layer()
    finds = [PartialBound().best_threshold(layer, Weighed(w)) for w in (0.1, 1.0, 10.0)]
    assert finds[0].missed.high < finds[1].missed.high <= finds[2].missed.high
    assert finds[1].threshold == PartialBound().best_threshold(layer).threshold


def test_what_is_refused():
    layer = dense_layer()
    for call, message in (
        (lambda: PartialBound().best_threshold(1), r"best_threshold: instance: expected a LayerI"),
        (
            lambda: PartialBound().best_threshold(layer, "wrong"),
            "objective: expected an? Objective",
        ),
        (lambda: PartialBound().best_threshold(layer, per_filter=2), "per_filter"),
        (lambda: FewestMissed(-1), "FewestMissed: false_alarms: expected at least 0, got -1"),
        (
            lambda: PartialBound().best_threshold(attrs.evolve(layer, noise=None)),
            "noise: expected a number or a signal",
        ),
    ):
        with pytest.raises(DcscError, match=message):
            call()
