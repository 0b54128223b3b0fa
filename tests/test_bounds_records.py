"""Guarantees, the records they are made from, and how noise passes from layer to layer."""

import itertools
import math

import attrs
import numpy as np
import pytest

from dcsc.bounds import (
    LayerInstance,
    measure,
    propagated_noise,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway
from dcsc.projections import HardThreshold, ReLU, Selection, SoftThreshold, TopK
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, RademacherSigns
from tests.published import (
    ALL,
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

# ---- what a guarantee says -----------------------------------------------------------------------


@every_bound
def test_assumptions_and_violations(bound):
    fine = bound.evaluate([layer(patch_sparsity=1), layer(noise=0.01)])
    assert fine.violations == ()
    assert len(set(fine.assumptions)) == len(fine.assumptions)
    assert any("layer 1: the noise has patch norm at most 0" in a for a in fine.assumptions)
    assert any("error entering has patch norm at most 0.01" in a for a in fine.assumptions)
    assert any("joint" in a for a in fine.assumptions)
    assert fine.bound == type(bound).__name__
    assert fine.reference == bound.reference != ""
    broken = bound.evaluate([layer(patch_sparsity=1, threshold=3), layer(noise=0.01)])
    assert broken.layers[0].failure_probability == 1
    assert broken.layers[1].failure_probability < 1
    assert broken.failure_probability == 1
    assert not broken.holds


@every_bound
def test_constants_measured_below_the_deepest_layer_make_a_guarantee_conditional(bound):
    declared, measured = layer(patch_sparsity=1), layer(patch_sparsity=1, measured=True)
    assert not bound.evaluate([declared]).conditional
    assert not bound.evaluate([measured]).conditional
    assert not bound.evaluate([declared, measured]).conditional
    assert bound.evaluate([measured, declared]).conditional


@random_signs
def test_layers_add_up_and_are_clipped_at_1(bound):
    half = layer(noise=0.125, sparsity=20 if bound is ROBUST else 10, patch_sparsity=1)
    one = bound.evaluate(half).unclipped
    assert bound.evaluate([half] * 3).unclipped == close(3 * one)
    assert bound.evaluate([half] * 3).failure_probability == close(min(1, 3 * one))
    assert bound.evaluate([half] * 30).failure_probability == 1


def test_values_no_theorem_can_take_up_are_refused():
    with pytest.raises(DcscError, match="sparsity"):
        UNIFORM.evaluate(layer(sparsity=None))
    for bound in RANDOM:
        with pytest.raises(DcscError, match="n_atoms"):
            bound.evaluate(layer(n_atoms=None))
    for wrong in ([], [1], "layers", [layer(), None]):
        with pytest.raises(DcscError, match="LayerStatistics or LayerInstance"):
            UNIFORM.evaluate(wrong)


@every_bound
def test_codes_without_a_lower_bound_are_never_safe(bound):
    assert bound.evaluate(layer(x_min=0, coherence=0)).failure_probability == 1
    assert bound.evaluate(layer(x_min=np.float32(0), sparsity=5)).failure_probability == 1


# ---- the recursion -------------------------------------------------------------------------------

BELOW = layer(
    coherence=0.01, sparsity=5, x_min=1, x_max=2, noise=0.1, patch_sparsity=4, gain=(0.8, 1.1)
)
ABOVE = layer(noise=None)


@pytest.mark.parametrize(
    ("changes", "threshold", "expected"),
    [
        # sqrt(4) (0.1 + 0.01 * 4 * 2)
        ({"gain": (1, 1)}, 0.3, 0.36),
        ({"gain": (1, 1), "selection": SOFT}, 0.3, 0.96),
        # ... with 1.1 * 0.1, and max(1 - 0.64, 1.21 - 1) * 2 more
        ({}, 0.3, 1.82),
        ({"selection": SOFT}, 0.3, 2.42),
        # 1.44 - 1 exceeds 1 - 0.64
        ({"gain": (0.8, 1.2)}, 0.3, 2 * (0.12 + 0.08 + 0.88)),
        ({"gain": (0, 1)}, 0.3, 2 * (0.1 + 0.08 + 2)),
        ({"gain": (1, 1), "sparsity": 1}, 0.3, 0.2),
        ({"gain": (1, 1), "sparsity": 0}, 0.3, 0.2),
        ({"patch_sparsity": 9}, 0.3, 2.73),
        ({"patch_sparsity": 0}, 0.3, 0),
    ],
)
def test_recursion_by_hand(changes, threshold, expected):
    below = attrs.evolve(BELOW, **changes)
    assert propagated_noise(below, 0.1, threshold) == close(expected)
    chosen = attrs.evolve(below, threshold=threshold)
    for bound in ALL:
        assert bound.evaluate([chosen, ABOVE]).layers[1].noise == close(expected)


def test_recursion_takes_the_largest_threshold_of_any_filter():
    below = attrs.evolve(BELOW, selection=Selection([0.1, 0.3, 0.2], shrinkage=True))
    assert UNIFORM.evaluate([below, ABOVE]).layers[1].noise == close(2.42)


def test_recursion_with_a_threshold_yet_to_be_chosen():
    below = attrs.evolve(BELOW, selection=SOFT)
    # c_min^2 x_min / 2 = 0.32, and the middle of the interval (0.64 + 0.01 * 2) / 2 = 0.33
    assert PUBLISHED.evaluate([below, ABOVE]).layers[1].noise == close(2 * (0.91 + 0.32))
    assert ROBUST.evaluate([below, ABOVE]).layers[1].noise == close(2 * (0.91 + 0.32))
    assert UNIFORM.evaluate([below, ABOVE]).layers[1].noise == close(2 * (0.91 + 0.33))


@every_bound
def test_recursion_through_three_layers(bound):
    first = attrs.evolve(BELOW, gain=(1, 1))
    second = layer(noise=None, sparsity=3, patch_sparsity=9)
    levels = [part.noise for part in bound.evaluate([first, second, ABOVE]).layers]
    assert levels == [0.1, close(0.36), close(3 * (0.36 + 0.04))]
    declared = [first, attrs.evolve(second, noise=0.05), ABOVE]
    levels = [part.noise for part in bound.evaluate(declared).layers]
    assert levels == [0.1, 0.05, close(3 * (0.05 + 0.04))]


@every_bound
def test_recursion_starts_from_silence_and_needs_the_patches(bound):
    assert bound.evaluate([layer(noise=None)]).layers[0].noise == 0
    assert bound.max_sparsity(layer(noise=None)) == bound.max_sparsity(layer(noise=0))
    assert bound.sparsity_limit(layer(noise=None)) == bound.sparsity_limit(layer(noise=0))
    with pytest.raises(DcscError, match="patch_sparsity"):
        bound.evaluate([layer(), ABOVE])
    assert bound.evaluate([layer(), layer(noise=0.2)]).layers[1].noise == 0.2


def test_propagated_noise_enters_the_bounds():
    below = layer(coherence=0.001, sparsity=3, noise=0.01, patch_sparsity=2)
    entering = math.sqrt(2) * (0.01 + 0.002)
    for bound in ALL:
        pathway = bound.evaluate([below, attrs.evolve(ABOVE, sparsity=12)])
        alone = bound.evaluate(layer(noise=entering, sparsity=12))
        assert pathway.layers[1].unclipped == close(alone.unclipped)
        assert pathway.thresholds[1] == (
            close(alone.thresholds[0][0]),
            close(alone.thresholds[0][1]),
        )


def test_every_threshold_of_the_intervals_is_as_good_as_promised():
    below = layer(coherence=0, x_max=1.2, selection=SOFT, patch_sparsity=1)
    above = layer(coherence=0, x_min=1.2, x_max=1.2, noise=None)
    guarantee = UNIFORM.evaluate([below, above])
    assert guarantee.failure_probability == 0
    identity = DenseDictionary(np.eye(3))
    shares = (0, 0.5, 1 - 1e-9)
    for first, second in itertools.product(shares, shares):
        chosen = [
            low + share * (high - low)
            for share, (low, high) in zip((first, second), guarantee.thresholds, strict=True)
        ]
        model = DCSCModel([Layer(identity, SoftThreshold(b), IdentitySigns()) for b in chosen])
        truth = model.synthesize([1.2, 0, 0])
        assert truth.compare(model.forward(truth[0])).pathway_recovered


# ---- statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"coherence": -0.1}, "coherence"),
        ({"coherence": 1.1}, "coherence"),
        ({"coherence": 0.3, "gain": (0.1, 0.5)}, "coherence"),
        ({"coherence": math.nan}, "coherence"),
        ({"coherence": None}, "coherence"),
        ({"x_min": -1}, "x_min"),
        ({"x_min": 2}, "x_min"),
        ({"x_min": 0, "x_max": 0}, "x_max"),
        ({"x_max": math.inf}, "x_max"),
        ({"x_max": "large"}, "x_max"),
        ({"sparsity": -1}, "sparsity"),
        ({"sparsity": 1.5}, "sparsity"),
        ({"sparsity": True}, "sparsity"),
        ({"sparsity": 4, "stripe_size": 3}, "sparsity"),
        ({"noise": -0.1}, "noise"),
        ({"noise": math.nan}, "noise"),
        ({"n_atoms": 0}, "n_atoms"),
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": None}, "n_samples"),
        ({"threshold": -0.5}, "threshold"),
        ({"threshold": [0.5, -0.5]}, "threshold"),
        ({"threshold": [[0.5]]}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"gain": 1}, "gain"),
        ({"gain": (1, 0.5)}, "gain"),
        ({"gain": (-1, 1)}, "gain"),
        ({"gain": (0.5, 1, 2)}, "gain"),
        ({"gain": (0, math.inf)}, "gain"),
        ({"stripe_size": 0}, "stripe_size"),
        ({"patch_sparsity": -1}, "patch_sparsity"),
    ],
)
def test_statistics_out_of_range_are_refused_by_name(changes, named):
    with pytest.raises(DcscError, match=f"LayerStatistics: .*{named}"):
        layer(**changes)


def test_statistics_keep_to_declared_constants():
    declared = layer(sparsity=5, x_min=0.5, x_max=2, patch_sparsity=3)
    assert declared.admits(declared)
    for change in ({"sparsity": 6}, {"x_min": 0.4}, {"x_max": 2.5}, {"patch_sparsity": 4}):
        assert not declared.admits(attrs.evolve(declared, **change))
    for change in ({"sparsity": 0}, {"x_min": 0.6}, {"x_max": 1.5}, {"patch_sparsity": 0}):
        assert declared.admits(attrs.evolve(declared, **change))


def test_signed_codes_do_not_keep_to_declared_non_negative_ones():
    declared = layer(nonnegative=True)
    assert not declared.admits(layer(nonnegative=False))


# ---- instances and measurements ------------------------------------------------------------------


def pair(extent=8):
    return CirculantDictionary([[[math.sqrt(0.5), math.sqrt(0.5)]]], extent=extent)


def test_statistics_of_an_instance_by_hand():
    codes = np.zeros((3, 1, 8))
    codes[0, 0, [0, 2]] = -1, 0.5
    codes[1, 0, [4, 5, 6]] = 0.75
    successor = CirculantDictionary(np.ones((2, 1, 2)), extent=8)
    instance = LayerInstance(pair(), codes, [0.4], 0.3, successor=successor)
    found = instance.statistics()
    assert (found.sparsity, found.stripe_size, found.patch_sparsity) == (3, 3, 2)
    assert (found.x_min, found.x_max) == (0.5, 1)
    assert found.coherence == close(0.5)
    assert (found.n_atoms, found.n_samples, found.tests) == (8, 3, 24)
    assert found.gain == (close(1), close(1))
    assert (found.noise, list(found.threshold)) == (0.3, [0.4])
    assert found.measured
    assert not found.nonnegative
    assert LayerInstance(pair(), np.abs(codes)).statistics().nonnegative
    for bound in ALL:
        assert bound.evaluate([instance]) == bound.evaluate([found])
        assert bound.max_sparsity(instance) == bound.max_sparsity(found)


def test_coherence_of_an_instance_is_that_of_the_gram_matrix():
    scaled = DenseDictionary([[3.0, 1.0], [0.0, 1.0]])
    found = LayerInstance(scaled, [1, 0]).statistics()
    assert found.coherence == close(3)  # not the cosine, 1 / sqrt(2)
    assert found.gain == (close(math.sqrt(2)), close(3))


def test_dead_filters_count_only_where_they_are_used():
    dictionary = CirculantDictionary([[[1.0]], [[0.0]]], extent=4)
    codes = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]])
    found = LayerInstance(dictionary, codes).statistics()
    assert (found.gain, found.coherence, found.n_atoms) == ((1, 1), 0, 8)
    used = LayerInstance(dictionary, [[1, 0, 0, 0], [0, 1, 0, 0]])
    assert used.statistics().gain == (0, 1)
    for bound in ALL:
        assert bound.evaluate(LayerInstance(dictionary, codes)).failure_probability == 0
        assert bound.evaluate(used).failure_probability == 1


def test_atoms_cut_off_at_the_border_lower_the_gain():
    dictionary = ToeplitzDictionary([[[0.6, 0.0, 0.8]]], extent=6, padding=2)
    assert LayerInstance(dictionary, np.eye(8)[3:4]).statistics().gain == (close(0.6), close(1))


HARD, RADEMACHER = HardThreshold(0.5), RademacherSigns()


def two_layers(lower=HARD, upper=HARD, signs=RADEMACHER):
    second = CirculantDictionary(np.full((1, 1, 3), 3**-0.5), extent=8)
    return DCSCModel([Layer(pair(), lower, signs), Layer(second, upper, signs)])


def test_measure_reads_one_record_per_layer():
    model = two_layers(SoftThreshold(0.2), ReLU(0.3))
    drawn = model.draw(0)
    codes = np.zeros((1, 8))
    codes[0, 3] = 2
    truth = drawn.synthesize(codes)
    for read in (measure(model, truth, 0.1), measure(drawn, truth, 0.1)):
        first, second = (record.statistics() for record in read)
        assert (first.noise, second.noise) == (0.1, None)
        assert (first.sparsity, first.patch_sparsity, second.patch_sparsity) == (3, 3, None)
        assert (first.x_min, first.x_max) == (close(2 * 3**-0.5), close(2 * 3**-0.5))
        assert (second.sparsity, second.x_min, second.x_max) == (1, 2, 2)
        assert (first.selection, second.selection) == (
            SoftThreshold(0.2).selection,
            ReLU(0.3).selection,
        )
        assert first.signs_independent
        assert UNIFORM.evaluate(read).conditional
        assert not UNIFORM.evaluate(read[1:]).conditional


def test_measure_hands_on_what_signs_and_projections_declare():
    fixed = FixedSigns(np.ones((1, 8)))
    for signs in (IdentitySigns(), FilterSigns(), fixed):
        model = two_layers(signs=signs)
        read = measure(model, model.draw(0).synthesize(np.eye(1, 8)))
        assert not any(record.signs_independent for record in read)
    counting = two_layers(upper=TopK(1))
    read = measure(counting, counting.draw(0).synthesize(np.eye(1, 8)))
    assert (read[0].selection, read[1].selection) == (HardThreshold(0.5).selection, None)


def test_zero_codes_have_no_smallest_entry():
    model = two_layers().draw(0)
    truth = model.synthesize(np.zeros((2, 1, 8)))
    with pytest.raises(DcscError, match="x_min"):
        UNIFORM.evaluate(measure(model, truth))
    with pytest.raises(DcscError, match="x_min"):
        UNIFORM.evaluate(measure(model, truth, x_min={1: 1}))
    for x_min in (1, {1: 1, 2: 1}):
        records = measure(model, truth, noise=0.3, x_min=x_min)
        assert [record.statistics().sparsity for record in records] == [0, 0]
        assert UNIFORM.evaluate(records).failure_probability == 0
        assert ROBUST.evaluate(records).failure_probability == 0
    # a tie is left to rounding, which can only raise the bound
    value, exact = PUBLISHED.evaluate(records).layers[0].unclipped, 32 * math.exp(-1 / 0.72)
    assert exact * (1 - 1e-12) <= value <= exact * (1 + 1e-10)


def test_measured_smallest_entry_may_only_be_lowered():
    model = two_layers().draw(0)
    truth = model.synthesize(np.eye(1, 8))
    low, _ = measure(model, truth, x_min=0.25)
    assert low.statistics().x_min == 0.25
    with pytest.raises(DcscError, match="x_min"):
        measure(model, truth, x_min=1.01)[1].statistics()


def test_each_layer_has_the_smallest_entry_that_is_named_for_it():
    dictionary = CirculantDictionary(np.ones((1, 1, 1)), 8)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5))] * 4).draw(0)
    truth = model.synthesize(np.eye(1, 8))
    for number in range(1, 5):
        read = measure(model, truth, x_min={number: 0.25})
        sizes = [record.statistics().x_min for record in read]
        assert sizes == [0.25 if l == number else 1 for l in range(1, 5)]
    each = {4: 0.5, 2: 0.25, 3: 0.125, 1: 0.75}
    read = measure(model, truth, x_min=each)
    assert [record.statistics().x_min for record in read] == [0.75, 0.25, 0.125, 0.5]
    read = measure(model, truth, x_min=0.25)
    assert [record.statistics().x_min for record in read] == [0.25] * 4


def test_measure_refuses_what_is_no_pathway_of_the_model():
    model = two_layers().draw(0)
    truth = model.synthesize(np.eye(1, 8))
    for wrong in (truth[0], Pathway(truth.arrays[:2])):
        with pytest.raises(DcscError, match="measure: truth"):
            measure(model, wrong)
    with pytest.raises(DcscError, match="measure: x_min"):
        measure(model, truth, x_min={3: 1})
