"""What is proved under signs that are constant on blocks: refused, or true for all their patterns.

The enumeration of the patterns is the oracle; that of independent signs shows that the same numbers
would be false, so that the refusal is not for nothing.
"""

import math

import numpy as np
import pytest

from dcsc import (
    BlockSigns,
    CirculantDictionary,
    DCSCModel,
    FirmThreshold,
    HardThreshold,
    Layer,
    PartialBound,
    RademacherSigns,
    SoftThreshold,
)
from dcsc.bounds import actual_means, measure
from dcsc.dictionaries import filters
from dcsc.errors import NotCoveredError
from dcsc.experiments import enumerate_signs, estimate_failure
from tests import cases

# Those of other pursuits are about all signs, or about given ones.
FORWARD = [kind for kind in cases.BOUNDS if kind.pursuits == cases.UniformBound.pursuits]
RANDOM = [kind for kind in FORWARD if kind is not cases.UniformBound]
BLOCKS = [BlockSigns(2), BlockSigns(positions=2), BlockSigns(3, (4,)), BlockSigns(1, 3)]


def layers(signs, projection, seeds=20):
    """Small layers with codes of few entries ±1, and the share of patterns in which they fail."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        channels = int(rng.choice([4, 16, 64]))
        dictionary = CirculantDictionary(filters.rademacher(4, channels, 3, rng=rng), extent=6)
        code = np.zeros(dictionary.code_shape)
        support = rng.choice(code.size, int(rng.integers(1, 6)), replace=False)
        code.flat[support] = rng.choice([-1.0, 1.0], len(support))
        model = DCSCModel([Layer(dictionary, projection, signs)])
        truth = model.draw(0).synthesize(code)
        failed = enumerate_signs(model, code).probability[-1]
        yield model, truth, float(failed)


@pytest.mark.parametrize("signs", BLOCKS, ids=str)
def test_whatever_is_claimed_holds_for_all_patterns(signs):
    proved = failing = 0
    for model, truth, failed in layers(signs, HardThreshold(0.55)):
        records = measure(model, truth)
        claim = cases.BOUNDS[cases.UniformBound](None).evaluate(records).failure_probability
        assert failed <= claim
        proved += claim == 0
        failing += failed > 0
        for kind in RANDOM:
            with pytest.raises(NotCoveredError, match="its signs are not one independent"):
                cases.BOUNDS[kind](None).evaluate(records)
    assert proved >= 2
    assert failing >= 2


def test_the_rest_that_rests_on_independent_signs_refuses_too():
    ((model, truth, _),) = layers(BLOCKS[0], HardThreshold(0.55), seeds=1)
    code = truth[1]
    for ask in (
        lambda: PartialBound().evaluate(measure(model, truth)),
        lambda: actual_means(model, code, draws=4),
        lambda: estimate_failure(model, code, 10),
    ):
        with pytest.raises(NotCoveredError, match="signs are not"):
            ask()


def spike_on_plateau(taps, plateau):
    kernel = np.full((1, 1, taps), plateau)
    kernel[0, 0, 0] = math.sqrt(1 - (taps - 1) * plateau**2)
    return kernel


@pytest.mark.parametrize("kind", RANDOM)
def test_the_union_over_independent_signs_is_false_for_blocks(kind):
    """66 small correlations of one sign: in two blocks they add up in half of the patterns."""
    dictionary = CirculantDictionary(spike_on_plateau(101, 0.0075), extent=202)
    code = np.zeros((1, 202))
    code[0, np.r_[1:34, -33:0]] = 1
    independent, blocks = (
        DCSCModel([Layer(dictionary, HardThreshold(0.5), signs)])
        for signs in (RademacherSigns(), BlockSigns(positions=101))
    )
    truth = blocks.draw(0).synthesize(code)
    claim = cases.BOUNDS[kind](None).evaluate(measure(independent, truth)).failure_probability
    exact = enumerate_signs(blocks, code)
    assert exact.patterns == 4
    assert claim < 0.01 < 0.5 <= exact.probability[-1]


def test_blocks_of_one_atom_are_independent_signs():
    ((model, truth, failed),) = layers(BlockSigns(), HardThreshold(0.55), seeds=1)
    same = DCSCModel([Layer(model.layers[0].dictionary, HardThreshold(0.55), RademacherSigns())])
    for kind in FORWARD:
        bound = cases.BOUNDS[kind](None)
        claims = [bound.evaluate(measure(one, truth)).failure_probability for one in (model, same)]
        assert claims[0] == claims[1] >= failed


# ---- the firm threshold --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORWARD)
def test_bounds_hold_for_the_firm_threshold_as_for_the_soft_one(kind):
    informative = 0
    firm, soft = FirmThreshold(0.5, 0.75), SoftThreshold(0.5)
    for model, truth, failed in layers(RademacherSigns(), firm):
        (layer,) = model.layers
        other = DCSCModel([Layer(layer.dictionary, soft, layer.signs)])
        claims = [
            cases.BOUNDS[kind](None).evaluate(measure(one, truth)).failure_probability
            for one in (model, other)
        ]
        assert failed <= claims[0] == claims[1]
        informative += claims[0] < 1
    assert informative >= 2


def test_two_layers_of_firm_thresholds_keep_to_what_is_proved_of_all_signs():
    """The error that enters the second layer is at most that of a soft threshold."""
    below = CirculantDictionary(filters.rademacher(2, 64, 2, rng=0), extent=4)
    above = CirculantDictionary(filters.sparse_rademacher(1, 2, 2, nonzeros=1, rng=1), extent=4)
    code = np.zeros(above.code_shape)
    code[0, 1] = 1.0
    proved = 0
    for first in (0.15, 0.3, 0.45, 0.7):
        chosen = FirmThreshold(first, 2 * first), FirmThreshold(0.5, 0.9)
        model = DCSCModel([Layer(d, p) for d, p in zip((below, above), chosen, strict=True)])
        truth = model.draw(0).synthesize(code)
        claim = cases.BOUNDS[cases.UniformBound](None).evaluate(measure(model, truth))
        failed = enumerate_signs(model, code).probability[-1]
        assert failed <= claim.failure_probability
        proved += claim.failure_probability == 0
    assert proved >= 2
