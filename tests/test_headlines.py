"""The first sentence of explanations, and explanations of other pursuits than the forward pass."""

import math

import attrs
import numpy as np
import pytest

import dcsc
from dcsc import bounds
from dcsc.bounds import LayerInstance, LayerStatistics, explain
from dcsc.errors import DcscError
from dcsc.plotting import explanation
from tests.dense_pursuits import greedy, matrix_of
from tests.test_explain import barker, chain

MATCHING = dcsc.OrthogonalMatchingPursuit(level=2)


@pytest.fixture(scope="module")
def failing():
    """One non-zero beside an atom at 0.85, which sees more than the threshold: no sign helps."""
    pair = dcsc.DenseDictionary([[1, 0.85], [0, math.sqrt(1 - 0.85**2)]])
    return LayerInstance(pair, [1, 0], 0.5)


def crowd(**changes):
    known = {"coherence": 0.05, "sparsity": 8, "x_min": 1, "x_max": 1, "noise": 0, "n_atoms": 100}
    return LayerStatistics(**{**known, **changes})


def test_what_is_proved_comes_first(failing):
    assert explain(barker(6)).headline == "Proved: the pathway cannot fail, by UniformBound."
    free = explain(attrs.evolve(barker(6), threshold=None), bounds=dcsc.UniformBound())
    assert free.headline == (
        "Proved: the pathway cannot fail at a threshold between 0.4615 and 0.6154, by UniformBound."
    )
    model, truth = chain(2, sparsity=1)
    assert explain(model, truth).headline.startswith("Proved: the pathway cannot fail, by ")
    likely = explain(barker(), failure_probability=0.5)
    assert likely.headline == (
        "Proved: the pathway fails with probability at most 0.169, by InstanceBound."
    )
    assert str(likely).startswith(likely.headline)
    assert likely.headline in repr(likely)


def test_what_is_proved_to_fail_comes_first_with_the_threshold_that_does_not(failing):
    found = explain(failing)
    assert found.headline == (
        "Proved: the layer fails with probability at least 1, by InstanceBound. With threshold "
        "0.925 it cannot fail, by UniformBound."
    )
    for bound in (dcsc.UniformBound(), dcsc.InstanceBound()):
        assert bound.evaluate(attrs.evolve(failing, threshold=0.925)).failure_probability == 0
    (layer,) = found.layers
    assert (layer.lost.bound, layer.lost.guarantee.least) == ("InstanceBound", 1)
    texts = [text.get_text() for text in explanation(found).axes[1].texts]
    assert texts == ["at least 1\nInstanceBound"]
    assert explain(barker(6)).layers[0].lost is None


def test_the_threshold_is_named_where_it_is_all_that_is_missing(failing):
    found = explain(failing, bounds=dcsc.UniformBound())
    assert found.headline == (
        "Nothing is proved of layer 1: the threshold 0.5 is not one between 0.85 and 1, as "
        "UniformBound asks. With threshold 0.925 it cannot fail, by UniformBound."
    )
    # and x_min, which is large enough already, is not asked for
    changes = str(found).split("For delta: ")[1]
    assert changes.startswith("threshold 0.925 gives 0; ")
    assert "x_min" not in changes.split(".\n")[0]


def test_a_larger_amplitude_asks_for_another_threshold_and_says_so():
    layer = crowd(threshold=0.3, x_min=0.5, sparsity=6)
    (change,) = [
        change
        for change in explain(layer, bounds=dcsc.UniformBound()).layers[0].verdicts[0].changes
        if change.quantity == "x_min"
    ]
    assert (change.met, change.keeps_threshold) == (False, False)
    assert change.needed == pytest.approx(0.55)
    text = " ".join(str(explain(layer, bounds=dcsc.UniformBound())).split())
    assert "x_min at least 0.55 (now 0.5), with a threshold chosen anew" in text
    grown = layer.changed(x_min=0.6)
    assert not dcsc.UniformBound().evaluate(grown.changed(threshold=0.32)).violations
    shown = repr(explain(layer, bounds=dcsc.UniformBound()).layers[0].verdicts[0])
    assert "at least 0.55, with a threshold chosen anew" in shown
    free = explain(layer.without_threshold(), bounds=dcsc.UniformBound())
    assert free.layers[0].verdicts[0].change("x_min").keeps_threshold


def test_the_nearest_remedy_leads_to_a_proof():
    """S by 12 to 10, or the noise by any factor to none: of the two the first is nearer."""
    dense = crowd(sparsity=12)
    assert explain(dense, bounds=dcsc.UniformBound()).headline == (
        "Nothing is proved of layer 1: mu = 0.05 and S = 12. With S at most 10 in place of 12 it "
        "fails with probability at most 0.01, by UniformBound."
    )
    assert dcsc.UniformBound().evaluate(dense.changed(sparsity=10)).holds
    loud = crowd(sparsity=5, noise=0.3)
    headline = explain(loud, bounds=dcsc.UniformBound()).headline
    assert headline.endswith(
        "With zeta at most 0.2749 in place of 0.3 it fails with probability at most 0.01, by "
        "UniformBound."
    )
    assert dcsc.UniformBound().evaluate(loud.changed(noise=0.2749)).holds
    hopeless = explain(crowd(coherence=1, noise=2, sparsity=1), bounds=dcsc.RobustBound())
    assert hopeless.headline.endswith("No change of one quantity alone would lead to a proof.")


def test_the_first_layer_without_a_proof_is_the_one_that_is_named():
    model, truth = chain(2, sparsity=8)
    found = explain(model, truth, noise=0.3)
    number = next(layer.number for layer in found.layers if not layer.reaches(0.01))
    assert f"of layer {number}" in found.headline
    less = explain(barker())
    assert less.headline.startswith(
        "Proved: the layer fails with probability at most 0.169, by InstanceBound; asked for was "
        "0.01. "
    )
    # that a probability is at most 1 is no proof
    surely = explain(crowd(sparsity=12), bounds=dcsc.UniformBound(), failure_probability=1)
    assert surely.headline.startswith("Nothing is proved of layer 1: ")


# ---- other pursuits ----------------------------------------------------------------------------


def test_another_pursuit_is_explained_by_the_bounds_that_speak_of_it():
    layer = attrs.evolve(barker(6), noise=0.02)
    found = explain(layer, pursuit=MATCHING)
    assert [one.bound for one in found.guarantees] == ["MatchingBound", "ExactRecoveryBound"]
    assert found.layers[0].parameter == "level"
    assert found.layers[0].thresholds == (2,)
    assert found.headline == (
        "Nothing is proved of layer 1: the level 2 is not one between 0.035 and 0.5954, as "
        "MatchingBound asks. With level 0.3152 it cannot fail, by MatchingBound."
    )
    better = dcsc.OrthogonalMatchingPursuit(level=0.3152)
    assert explain(layer, pursuit=better).headline == (
        "Proved: the pathway cannot fail, by MatchingBound."
    )
    code = layer.codes.ravel()
    got = greedy(matrix_of(layer.dictionary), matrix_of(layer.dictionary) @ code, 0.3152)
    np.testing.assert_array_equal(got, np.flatnonzero(code))
    text = str(found)
    assert "What runs the model: Layered(pursuit=OrthogonalMatchingPursuit(" in text
    assert "level 2." in text
    assert "For delta: level 0.315 gives 0" in text
    assert "failure probability = 0 must be at most delta" not in text
    given = explain(layer, pursuit=MATCHING, bounds=[bounds.MatchingBound(), dcsc.UniformBound()])
    assert [one.bound for one in given.guarantees] == ["MatchingBound"]
    assert [one.bound for one in given.refusals] == ["UniformBound"]
    basis = explain(layer, pursuit=dcsc.BasisPursuit(0.2))
    assert basis.layers[0].parameter == "penalty"
    assert [one.bound for one in basis.refusals] == ["FuchsBound"]  # the signs are random


def test_the_pursuits_of_layers_are_those_of_each():
    eye = dcsc.DenseDictionary(np.eye(2))
    first = LayerInstance(eye, [1, 0], noise=0.1, signs_independent=False)
    second = LayerInstance(eye, [1, 0], noise=None, signs_independent=False)
    each = dcsc.Layered((MATCHING, dcsc.OrthogonalMatchingPursuit(level=0.5)))
    found = explain(
        [attrs.evolve(first, successor=eye), second], pursuit=each, bounds=bounds.MatchingBound()
    )
    assert [layer.thresholds for layer in found.layers] == [(2,), (0.5,)]
    assert all(layer.verdicts[0].best is not None for layer in found.layers)
    assert all(layer.verdicts[0].change("zeta") is not None for layer in found.layers)


def test_a_bound_of_another_pursuit_is_refused_with_what_to_ask():
    asked = bounds.MatchingBound().at(dcsc.OrthogonalMatchingPursuit(level=0.2))
    (refusal,) = explain(barker(6), bounds=asked).refusals
    assert refusal.reason == (
        "MatchingBound covers no pursuit but OrthogonalMatchingPursuit: ask explain(..., "
        "pursuit=OrthogonalMatchingPursuit(...))"
    )
    counted = explain(barker(6), pursuit=dcsc.OrthogonalMatchingPursuit(sparsity=3))
    assert counted.headline == (
        "Nothing is proved of layer 1: no theorem that was asked covers it."
    )
    assert not explain(barker(6), pursuit=dcsc.Holistic(dcsc.OneStep())).guarantees
    with pytest.raises(DcscError, match="explain: pursuit: expected a Pursuit"):
        explain(barker(6), pursuit="matching")
