"""What the bounds cover: one-sided and shrinking projections, shared signs, and how many tests."""

import math

import attrs
import pytest

from dcsc.errors import NotCoveredError
from dcsc.projections import Selection
from tests.published import (
    PUBLISHED,
    RANDOM,
    ROBUST,
    UNIFORM,
    close,
    every_bound,
    layer,
    random_signs,
)

SOFT = Selection(shrinkage=True)
RELU = Selection(one_sided=True, shrinkage=True)

# ---- one-sided projections -----------------------------------------------------------------------


@random_signs
def test_one_sided_selection_of_non_negative_codes_halves_the_tests(bound):
    both = layer(sparsity=10, noise=0.05)
    one = attrs.evolve(both, selection=RELU, nonnegative=True)
    assert bound.evaluate(one).unclipped == close(bound.evaluate(both).unclipped / 2)
    assert bound.sparsity_limit(one, 0.01) == close(bound.sparsity_limit(both, 0.02))
    below = layer(patch_sparsity=1)
    pathway = bound.evaluate([below, attrs.evolve(one, noise=0.05)])
    assert pathway.layers[1].unclipped == close(bound.evaluate(both).unclipped / 2)
    assert pathway.layers[0].unclipped == close(bound.evaluate(below).unclipped)


@every_bound
def test_non_negative_codes_alone_change_nothing(bound):
    signed = layer(sparsity=5, noise=0.02)
    assert bound.evaluate(attrs.evolve(signed, nonnegative=True)) == bound.evaluate(signed)


@every_bound
def test_one_sided_selection_of_signed_codes_is_not_covered(bound):
    sentence = f"{type(bound).__name__} does not cover layer 2: .*one-sided.* negative codes"
    with pytest.raises(NotCoveredError, match=sentence):
        bound.evaluate([layer(patch_sparsity=1), layer(selection=RELU)])


def test_one_sided_selection_below_the_deepest_layer():
    rectified = layer(selection=RELU, nonnegative=True, patch_sparsity=1)
    for bound in RANDOM:
        sentence = f"{type(bound).__name__} does not cover layer 1: .*below the deepest layer"
        with pytest.raises(NotCoveredError, match=sentence):
            bound.evaluate([rectified, layer()])
    chosen = attrs.evolve(rectified, threshold=0.1)
    assert UNIFORM.evaluate([chosen, layer(noise=None)]).holds  # no random sign could flip a code


# ---- projections and signs that no theorem speaks of ---------------------------------------------


@every_bound
def test_selection_by_no_threshold_is_not_covered(bound):
    sentence = f"{type(bound).__name__} does not cover layer 1: .*selection is None"
    with pytest.raises(NotCoveredError, match=sentence):
        bound.evaluate([layer(selection=None, patch_sparsity=1), layer()])


def test_signs_that_depend_on_each_other_are_covered_by_the_uniform_guarantee_only():
    shared = layer(signs_independent=False)
    assert UNIFORM.evaluate(shared) == UNIFORM.evaluate(layer())
    for bound in RANDOM:
        sentence = f"{type(bound).__name__} does not cover layer 1: its signs are not"
        with pytest.raises(NotCoveredError, match=sentence):
            bound.evaluate(shared)
        with pytest.raises(NotCoveredError, match=sentence):
            bound.max_sparsity(shared)


@random_signs
@pytest.mark.parametrize("change", [{"selection": None}, {"signs_independent": False}])
def test_no_limit_where_the_theorem_says_nothing(bound, change):
    with pytest.raises(NotCoveredError):
        bound.sparsity_limit(layer(**change))


# ---- the number of tests -------------------------------------------------------------------------


@pytest.mark.parametrize(("sides", "least"), [(2, 4), (1, 7)])
def test_how_many_tests_the_argument_needs(sides, least):
    # With tau = (x_min / 2 - zeta) / sigma the exponent E of the published bound has
    # 2 E <= tau^2 + 1, and one tail is at most c Q(tau) (Bentkus and Dzindzalieta), so at most
    # h(tau) exp(-E). Where the bound is below 1, tau^2 > 2 log(sides N) - 1; h falls.
    def upper(tau):
        return math.erfc(tau / math.sqrt(2)) / 2

    def h(tau):
        return upper(tau) / (4 * upper(math.sqrt(2))) * math.exp((tau**2 + 1) / 2)

    def reached(tests):
        return math.sqrt(2 * math.log(sides * tests) - 1)

    assert h(reached(least)) < 1 < h(reached(least - 1))
    assert all(h(0.01 * k) > h(0.01 * (k + 1)) for k in range(1000))


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"selection": SOFT}, 4),
        ({"gain": (0.9, 1)}, 4),
        ({"gain": (1, 1.1)}, 4),
        ({"selection": RELU, "nonnegative": True}, 7),
    ],
)
def test_published_bound_beyond_hard_thresholds_needs_tests(change, least):
    few, enough = (layer(n_atoms=n, sparsity=3, **change) for n in (least - 1, least))
    refused, covered = PUBLISHED.evaluate(few), PUBLISHED.evaluate(enough)
    assert refused.unclipped < 1e-3
    assert refused.failure_probability == 1
    assert not refused.holds
    assert refused.violations == (f"layer 1: N = {least - 1} must be at least {least}",)
    assert covered.holds
    assert covered.failure_probability == covered.unclipped < 1e-3
    assert PUBLISHED.max_sparsity(few) is None
    assert PUBLISHED.evaluate(attrs.evolve(few, n_samples=2)).holds  # N counts the columns
    assert ROBUST.evaluate(few).holds


def test_one_layer_beyond_hard_thresholds_makes_every_layer_need_tests():
    for shrinking in (0, 1):
        layers = [layer(n_atoms=3, patch_sparsity=1), layer(n_atoms=3, noise=None)]
        layers[shrinking] = attrs.evolve(layers[shrinking], selection=SOFT, n_atoms=100)
        assert PUBLISHED.evaluate(layers).violations == (
            f"layer {2 - shrinking}: N = 3 must be at least 4",
        )


def test_published_bound_for_few_tests_assumes_independent_noise():
    sentence = "the noise is independent of the signs"
    few = PUBLISHED.evaluate(layer(n_atoms=3))
    assert few.holds
    assert sentence in few.assumptions
    assert sentence not in PUBLISHED.evaluate(layer(n_atoms=4)).assumptions
    assert sentence not in ROBUST.evaluate(layer(n_atoms=3)).assumptions
