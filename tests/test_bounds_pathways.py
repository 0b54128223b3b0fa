"""The bounds for pathways: two layers under all signs of both, and simulations of larger models."""

import math

import numpy as np
import pytest
import scipy.stats

from dcsc.bounds import (
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    measure,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, SoftThreshold
from dcsc.signs import FixedSigns, RademacherSigns
from tests.sign_enumeration import (
    circulant,
    equiangular,
    patterns,
    share,
    signed_codes,
    spike_on_plateau,
    wrong,
)

UNIFORM, PUBLISHED, ROBUST = UniformBound(), ProbabilisticBound(), RobustBound()


def enumerate_pathways(lower, upper, code, thresholds, shrinkage=0):
    """Return, for all signs of both layers, the middle code, failure and error of layer 1.

    Row by row for the signs of layer 2, column by column for those of layer 1. The error is that
    of the coefficients on the true support, so also where layer 1 fails.
    """
    middles, failed, errors = [], [], []
    for row in signed_codes(code):
        middle = upper @ row
        middle[np.abs(middle) < 1e-12] = 0
        rows = signed_codes(middle)
        z = rows @ lower.T @ lower
        first = wrong(z, middle, thresholds[0]).any(axis=1)
        kept = np.where(middle != 0, z - shrinkage * thresholds[0] * np.sign(z), 0)
        handed_on = np.sign(rows) * np.sign(middle) * kept
        second = wrong(handed_on @ upper, code, thresholds[1]).any(axis=1)
        middles.append(middle)
        failed.append(first | second)
        errors.append(np.linalg.norm(handed_on - middle, axis=1))
    return np.array(middles), np.array(failed), np.array(errors)


def model(*dictionaries, thresholds):
    projections = (HardThreshold(beta) for beta in thresholds)
    return DCSCModel([Layer(d, p) for d, p in zip(dictionaries, projections, strict=True)])


def test_two_layers_of_which_the_first_may_fail():
    # ten ones below each atom of layer 2; layer 1 fails where all of them pull one way
    kernel = spike_on_plateau(20, 0.051)
    block = np.full((1, 1, 10), 10**-0.5)
    lower, upper = circulant(kernel, 20), np.kron(np.eye(2), np.full((10, 1), 10**-0.5))
    dictionaries = CirculantDictionary(kernel, 20), CirculantDictionary(block, 20, stride=10)
    thresholds = (0.5, math.sqrt(10) / 2)
    code = np.array([math.sqrt(10), 0])
    middles, failed, errors = enumerate_pathways(lower, upper, code, thresholds)
    assert np.abs(middles[:, :10]) == pytest.approx(1)

    deep = model(*dictionaries, thresholds=thresholds)
    guarantee = ROBUST.evaluate(measure(deep, deep.draw(0).synthesize([code])))
    assert guarantee.layers[1].noise == pytest.approx(errors.max(), rel=1e-9)  # attained
    assert 0 < share(failed) <= guarantee.failure_probability < 1


@pytest.mark.parametrize("bound", [PUBLISHED, ROBUST], ids=["published", "robust"])
def test_two_layers_of_which_the_second_may_fail(bound):
    kernels = [spike_on_plateau(10, coherence) for coherence in (3e-4, 0.0565)]
    lower, upper = (circulant(kernel, 10) for kernel in kernels)
    code = np.ones(10)
    sizes = np.abs(signed_codes(code) @ upper.T)  # all that layer 1 can meet
    thresholds = (sizes.min() / 2, 0.5)
    _, failed, errors = enumerate_pathways(lower, upper, code, thresholds)
    common = {"sparsity": 10, "n_atoms": 10}
    guarantee = bound.evaluate(
        [
            LayerStatistics(
                coherence=3e-4,
                x_min=sizes.min(),
                x_max=sizes.max(),
                patch_sparsity=10,
                threshold=thresholds[0],
                **common,
            ),
            LayerStatistics(coherence=0.0565, x_min=1, x_max=1, threshold=0.5, **common),
        ]
    )
    assert 0.5 * guarantee.layers[1].noise < errors.max() <= guarantee.layers[1].noise
    assert not guarantee.conditional
    assert 0 < share(failed) <= guarantee.failure_probability < 1


def test_declared_constants_bound_failure_joint_with_their_event():
    # two atoms meet in the third entry, where they cancel for half of the signs
    first, second = math.sqrt(0.02), 0.9 * math.sqrt(0.02)
    upper = np.array([[math.sqrt(1 - first**2), 0], [0, math.sqrt(1 - second**2)], [first, second]])
    lower, code, thresholds = equiangular(3, 0.001, seed=0), np.ones(2), (0.13, 0.5)
    middles, failed, _ = enumerate_pathways(lower, upper, code, thresholds)
    kept = (np.abs(middles) >= 0.26).all(axis=1)
    declared = LayerStatistics(
        coherence=0.001, x_min=0.26, x_max=1, sparsity=3, n_atoms=3, patch_sparsity=3
    )
    last = LayerStatistics(coherence=first * second, x_min=1, x_max=1, sparsity=2, n_atoms=2)
    guarantee = ROBUST.evaluate([declared, last])
    assert guarantee.holds
    assert any("joint" in assumption for assumption in guarantee.assumptions)
    assert share(failed[kept]) == 0 <= guarantee.failure_probability < 1e-50
    assert share(failed) == share(kept) == share(failed[~kept]) / 2 == 1 / 2

    found = []
    for signs in patterns(2):
        fixed = DCSCModel(
            [
                Layer(DenseDictionary(lower), HardThreshold(0.13), FixedSigns(np.ones(3))),
                Layer(DenseDictionary(upper), HardThreshold(0.5), FixedSigns(signs)),
            ]
        )
        found.append(declared.admits(measure(fixed, fixed.synthesize(code))[0].statistics()))
    assert found == kept.tolist()


def test_soft_thresholds_of_the_first_layer_enter_the_second():
    lower = equiangular(8, 0.01, seed=0)
    atom = np.array([0.9, 0.3, 0.3, 0, 0, 0, 0, 0]) / math.sqrt(0.99)
    smallest = atom[1]
    thresholds = (smallest / 2, 0.5)
    middles, failed, errors = enumerate_pathways(
        lower, atom[:, None], np.ones(1), thresholds, shrinkage=1
    )
    soft = DCSCModel(
        [
            Layer(DenseDictionary(lower), SoftThreshold(thresholds[0])),
            Layer(DenseDictionary(atom[:, None]), HardThreshold(0.5)),
        ]
    )
    given = measure(soft, soft.draw(0).synthesize([1.0]))
    guarantee = ROBUST.evaluate(given)
    assert len(middles) == 2
    assert 0.9 * guarantee.layers[1].noise < errors.max() <= guarantee.layers[1].noise
    assert not failed.any()
    assert guarantee.failure_probability < 1e-6
    assert PUBLISHED.evaluate(given).failure_probability == 1  # one test, and shrinkage


def test_soft_thresholds_make_the_error_depend_on_the_signs():
    # a bias of 1/4 in each of four equal entries: the last layer sees 1/2 and fails, whatever
    # the signs; an independent noise of that norm would leave it a chance
    eye, mean = DenseDictionary(np.eye(4)), DenseDictionary(np.full((4, 1), 0.5))
    soft = DCSCModel([Layer(eye, SoftThreshold(0.25)), Layer(mean, HardThreshold(0.5))])
    for seed in range(20):
        drawn = soft.draw(seed)
        truth = drawn.synthesize([1.0])
        assert truth.compare(drawn.forward(truth[0])).first_failure == 2
    given = measure(soft, truth)
    published = PUBLISHED.evaluate(given)
    assert published.layers[1].noise == 0.5
    assert published.layers[1].unclipped / 2 == pytest.approx(math.exp(-0.5))
    for bound in (UNIFORM, PUBLISHED, ROBUST):
        assert bound.evaluate(given).failure_probability == 1


# ---- simulations ---------------------------------------------------------------------------------

CONFIDENCE = 0.999


def lower_limit(failures, trials):
    """Return the exact one-sided limit of Clopper and Pearson, from below."""
    return scipy.stats.beta.ppf(1 - CONFIDENCE, failures, trials - failures + 1)


def simulate(deep, code, trials):
    """Return the number of failures, and the truth of the last trial."""
    rng, failures = np.random.default_rng(20180625), 0
    for _ in range(trials):
        drawn = deep.draw(rng)
        truth = drawn.synthesize(code)
        failures += not truth.compare(drawn.forward(truth[0])).pathway_recovered
    return failures, truth


def test_one_layer_of_medium_size_fails_no_more_often_than_promised():
    # 64 atoms with inner products of ±0.0418, 14 non-zeros: about one trial in ten fails
    matrix = equiangular(64, 0.0418, seed=2)
    dictionary = DenseDictionary(matrix)
    code = np.r_[np.ones(14), np.zeros(50)]
    failures, _ = simulate(model(dictionary, thresholds=[0.5]), code, trials=2000)
    least = lower_limit(failures, 2000)
    for bound in (PUBLISHED, ROBUST):
        promised = bound.evaluate(LayerInstance(dictionary, code)).failure_probability
        assert least <= promised < 1
        assert least > promised / 20  # the interval would show a bound that is too small


def test_two_layers_of_medium_size_fail_no_more_often_than_promised():
    lower = DenseDictionary(equiangular(64, 0.037, seed=2))
    upper = DenseDictionary(
        np.kron(np.eye(4), np.full((16, 1), 14**-0.5)) * (np.arange(64) % 16 < 14)[:, None]
    )
    deep = DCSCModel(
        [
            Layer(lower, HardThreshold(0.5), RademacherSigns()),
            Layer(upper, HardThreshold(math.sqrt(14) / 2), RademacherSigns()),
        ]
    )
    failures, truth = simulate(deep, [math.sqrt(14), 0, 0, 0], trials=2000)
    promised = ROBUST.evaluate(measure(deep, truth)).failure_probability
    least = lower_limit(failures, 2000)
    assert promised / 200 < least <= promised < 1
