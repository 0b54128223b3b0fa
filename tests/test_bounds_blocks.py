"""What is proved under signs that are constant on blocks: refused, or true for their patterns.

The enumeration of the patterns is the oracle; that of independent signs shows that the same numbers
would be false, so that the refusal is not for nothing.
"""

import itertools
import math

import attrs
import numpy as np
import pytest

from dcsc import (
    BlockSigns,
    CirculantDictionary,
    DCSCModel,
    FilterSigns,
    FirmThreshold,
    HardThreshold,
    InstanceBound,
    Layer,
    LayerInstance,
    PartialBound,
    RademacherSigns,
    ReLU,
    SoftThreshold,
)
from dcsc.bounds import Certificate, actual_means, measure, verify, with_best_thresholds
from dcsc.dictionaries import filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments import enumerate_signs
from tests import cases

# Those of other pursuits are about all signs, or about given ones.
FORWARD = [kind for kind in cases.BOUNDS if kind.pursuits == cases.UniformBound.pursuits]
RANDOM = [kind for kind in FORWARD if kind is not cases.UniformBound]
INDEPENDENT = [kind for kind in RANDOM if kind is not InstanceBound]
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
        for kind in INDEPENDENT:
            with pytest.raises(NotCoveredError, match="its signs are not one independent"):
                cases.BOUNDS[kind](None).evaluate(records)
    assert proved >= 2
    assert failing >= 2


def wrong_units(model, code, noise):
    """Return how often each unit comes out wrong, over all patterns of the coins."""
    (layer,) = model.layers
    atoms = layer.dictionary.to_sparse().toarray()
    coins = layer.signs.coins(layer.dictionary.code_shape).ravel()
    gram, seen = atoms.T @ atoms, atoms.T @ np.ravel(noise)
    patterns = list(itertools.product([-1.0, 1.0], repeat=int(coins.max()) + 1))
    signs = np.array(patterns)[:, coins]
    coefficients = signs * ((signs * code.ravel()) @ gram + seen)
    on = layer.projection(coefficients.reshape(-1, *code.shape)).reshape(signs.shape) != 0
    return (on != (code.ravel() != 0)).mean(axis=0).reshape(code.shape)


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("signs", [*BLOCKS, FilterSigns(), BlockSigns(4, 6)], ids=str)
def test_the_bound_for_given_codes_is_exact_for_every_unit(signs, noisy, one_sided):
    projection = ReLU(0.6) if one_sided else HardThreshold(0.6)
    between = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        dictionary = CirculantDictionary(filters.gaussian(4, 3, 3, rng=rng), extent=6)
        code = np.zeros(dictionary.code_shape)
        support = rng.choice(code.size, 2 + seed, replace=False)
        code.flat[support] = rng.uniform(0.7, 1.5, len(support))
        code.flat[support] *= 1 if one_sided else rng.choice([-1, 1], len(support))
        model = DCSCModel([Layer(dictionary, projection, signs)])
        truth = model.draw(1).synthesize(code)
        noise = rng.normal(0, 0.08, truth[0].shape) * noisy
        (record,) = measure(model, truth, noise if noisy else 0.0)
        bound, share = InstanceBound(tolerance=0), wrong_units(model, code, noise)
        units = bound.units(record, tolerance=0)
        np.testing.assert_allclose(units.upper, share, atol=1e-12)
        np.testing.assert_allclose(units.lower, share, atol=1e-12)
        assert (units.safe == (share == 0)).all()
        assert (share[units.lost] == 1).all()
        # the union adds up what may fail, and counts what overshoots
        guarantee, failed = bound.evaluate(record), enumerate_signs(model, code, noise)
        assert (bound.atoms(record) >= share - 1e-12).all()
        assert guarantee.lower <= share.max() + 1e-12
        assert failed.probability[-1] <= guarantee.failure_probability + 1e-12
        between += ((share > 0) & (share < 1)).sum()
    assert between or signs == BlockSigns(4, 6)


def small(signs, projection):
    """One layer with a drawn pathway, whose signs matter."""
    dictionary = CirculantDictionary(filters.gaussian(4, 3, 3, rng=0), extent=6)
    model = DCSCModel([Layer(dictionary, projection, signs)]).draw(0)
    code = np.zeros(dictionary.code_shape)
    code[[0, 0, 2, 3], [0, 1, 2, 5]] = 1.0, -0.8, 0.9, 1.2
    return model, model.synthesize(code)


@pytest.mark.parametrize("signs", [*BLOCKS, FilterSigns()], ids=str)
@pytest.mark.parametrize("per_filter", [False, True])
def test_a_better_threshold_is_found_and_true(signs, per_filter):
    model, truth = small(signs, HardThreshold(0.6))
    bound = InstanceBound()
    better = with_best_thresholds(model, truth, bound, per_filter=per_filter)
    claims = [bound.evaluate(measure(one, truth)) for one in (model, better)]
    assert claims[1].unclipped <= claims[0].unclipped
    free = attrs.evolve(better.layers[0], signs=signs)
    failed = enumerate_signs(DCSCModel([free]), truth[1]).probability[-1]
    assert claims[1].lower <= failed <= claims[1].failure_probability


def test_noise_of_any_kind_is_bounded_over_blocks():
    """The worst noise of the size for every pattern, by the atoms that it is to bring across."""
    signs, size = BlockSigns(2, 3), 0.1
    model, truth = small(signs, HardThreshold(0.5))
    (record,) = measure(model, truth, size)
    claim = InstanceBound().evaluate(record)
    (layer,) = model.layers
    dictionary, code = layer.dictionary, truth[1]
    atoms = dictionary.to_sparse().toarray()
    coins = signs.coins(dictionary.code_shape).ravel()
    failed = []
    for pattern in itertools.product([-1.0, 1.0], repeat=int(coins.max()) + 1):
        flips = np.array(pattern)[coins]
        sums = flips * (atoms.T @ (atoms @ (flips * code.ravel())))
        on = code.ravel() != 0
        worst = np.where(on, np.abs(sums) - size, np.abs(sums) + size)
        failed.append(((worst > 0.5) != on).any())
    assert 0 < np.mean(failed) <= claim.unclipped
    assert claim.lower <= np.mean(failed)


def test_coins_are_in_certificates(tmp_path):
    model, truth = small(BLOCKS[1], HardThreshold(0.7))
    certificate = Certificate.of(InstanceBound().evaluate(measure(model, truth)))
    certificate.write(tmp_path)
    assert verify(tmp_path / "certificate.json", tmp_path / "evidence.npz").holds


def test_coins_have_to_fit():
    dictionary = CirculantDictionary(filters.gaussian(2, 1, 3, rng=0), extent=4)
    for coins, free, message in (
        (
            np.zeros((2, 3), int),
            False,
            r"expected ints from 0 on of shape \(2, 4\), got int64 of \(2",
        ),
        (np.zeros((2, 4)), False, "got float64"),
        (np.full((2, 4), -1), False, "from -1 on"),
        (np.zeros((2, 4), int), True, "expected them with signs_independent=False only"),
    ):
        with pytest.raises(DcscError, match=f"LayerInstance: coins: .*{message}"):
            LayerInstance(dictionary, np.eye(2, 4), signs_independent=free, coins=coins)


def test_the_error_that_blocks_leave_has_no_mean_of_zero():
    """What an atom gets from its own block is the same in all patterns, and so is the error."""
    below = CirculantDictionary(filters.rademacher(2, 64, 2, rng=0), extent=4)
    above = CirculantDictionary(filters.sparse_rademacher(1, 2, 2, nonzeros=1, rng=1), extent=4)
    bound = InstanceBound("hoeffding", noise_model="martingale")
    for signs, covered in ((RademacherSigns(), True), (BlockSigns(2), False)):
        lower, upper = Layer(below, HardThreshold(0.3), signs), Layer(above, HardThreshold(0.5))
        model = DCSCModel([lower, upper])
        records = measure(model, model.draw(0).synthesize([[1.0, 0.0, 0.7, 0.0]]))
        if covered:
            bound.evaluate(records)
        else:
            with pytest.raises(NotCoveredError, match="InstanceBound does not cover layer 2"):
                bound.evaluate(records)


def test_the_rest_that_rests_on_independent_signs_refuses_too():
    ((model, truth, _),) = layers(BLOCKS[0], HardThreshold(0.55), seeds=1)
    code = truth[1]
    for ask in (
        lambda: PartialBound().max_sparsity(*measure(model, truth)),
        lambda: actual_means(model, code, draws=4),
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
