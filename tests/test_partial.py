"""Partial recovery, against all sign patterns of small layers.

`outcomes` is the joint law of what is found and what is false; every number is held against it.
"""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from dcsc.bounds import InstanceBound, LayerInstance, PartialBound
from dcsc.bounds.counts import block_chernoff, energy_cap
from dcsc.dictionaries import CirculantDictionary, DenseDictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Selection
from tests import reference_values
from tests.sign_enumeration import patterns, signed_codes
from tests.test_units import RELU, TIE, layers, random_layer, thresholds

EPS = 1e-9


def outcomes(matrix, code, beta, one_sided, tie, errors=0.0):
    """Return weights, numbers of units found, and of false alarms, for all signs.

    A coefficient within ``tie`` of the threshold is on the wrong side of it, or if that is negative
    on the right one. ``errors`` is added to the coefficients of each pattern. One-sided, each unit
    off the support has a coin of its own.
    """
    rows = signed_codes(code)
    z = rows @ matrix.T @ matrix + errors
    on = code != 0
    own = np.where(on, np.sign(rows) * np.sign(code), 1.0) * z if one_sided else np.abs(z)
    found = (own > beta + tie)[:, on].sum(axis=1)
    loud = (np.abs(z) > beta - tie)[:, ~on].sum(axis=1)
    if not one_sided:
        return np.full(len(z), 1 / len(z)), found, loud
    # at β = 0 a tie is one for both sides of the coin
    sure = (-np.abs(z) > beta - tie)[:, ~on].sum(axis=1)
    false = np.arange((~on).sum() + 1)
    weights = binom.pmf(false - sure[:, None], (loud - sure)[:, None], 0.5) / len(z)
    return weights.ravel(), np.repeat(found, len(false)), np.tile(false, len(z))


def shares(law, active, units):
    """Return the means that a `LayerPartial` bounds, from a joint law."""
    weight, found, false = law
    detected = found + false
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(detected > 0, found / detected, 1.0)
        jaccard = np.where(active + false > 0, found / (active + false), 1.0)
        recall = found / active if active else np.ones(len(found))
    values = {
        "missed": active - found,
        "false_alarms": false,
        "recall": recall,
        "precision": precision,
        "jaccard": jaccard,
        "hamming": (active - found + false) / units,
    }
    return {name: float(weight @ value) for name, value in values.items()}


def numbers(law, active):
    weight, found, false = law
    return weight, {
        "wrong": active - found + false,
        "missed": active - found,
        "false_alarms": false,
    }


def evaluated(dictionary, code, beta, one_sided, tail="exact", **noise):
    layer = LayerInstance(
        dictionary,
        code.reshape(code.shape[:-1] + tuple(dictionary.code_shape)),
        beta,
        selection=RELU if one_sided else Selection(),
        **noise,
    )
    return PartialBound(tail).evaluate(layer).layers[0]


def check(part, laws, active, units):
    """Every interval holds the mean, and no count is exceeded more often than δ, for each law."""
    for law in laws:
        for name, value in shares(law, active, units).items():
            low, high = getattr(part, name)
            assert low - EPS <= value <= high + EPS, name
        weight, events = numbers(law, active)
        for delta in (0.01, 0.1, 0.5):
            for of, number in events.items():
                bound = part.count(delta, of)
                assert weight[number >= bound.count].sum() <= delta + EPS, (bound, of)


@settings(max_examples=120)
@given(layers, thresholds, st.booleans())
def test_every_number_without_noise(layer, beta, one_sided):
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    part = evaluated(dictionary, code, beta, one_sided)
    active = int((code != 0).sum())
    laws = [outcomes(matrix, code, beta, one_sided, tie) for tie in (TIE, -TIE)]
    silent = np.abs(matrix).T @ np.abs(matrix) @ np.abs(code) == 0
    if beta == 0 and silent[code == 0].any():
        laws = laws[1:]  # at β = 0 a coefficient that nothing reaches is no tie
    check(part, laws, active, len(code))
    # the numbers themselves are those of the law, between its ways to decide ties
    for name in ("missed", "false_alarms"):
        ends = [shares(law, active, len(code))[name] for law in laws]
        assert getattr(part, name).low == pytest.approx(min(ends), abs=EPS)
        assert getattr(part, name).high == pytest.approx(max(ends), abs=EPS) or len(laws) == 1
    # and the least count that any theorem could prove is no smaller than said
    weight, events = numbers(laws[-1], active)
    for of, number in events.items():
        least = next(t for t in range(len(code) + 2) if weight[number >= t].sum() <= 0.1)
        assert part.count(0.1, of).at_least <= least


@settings(max_examples=60)
@given(layers, thresholds, st.booleans(), st.sampled_from([0.125, 0.5]), st.integers(0, 99))
def test_every_number_for_an_error_that_knows_the_signs(layer, beta, one_sided, zeta, seed):
    """One error for each pattern of signs, of the patch norm that is allowed."""
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    part = evaluated(dictionary, code, beta, one_sided, noise=zeta)
    rng, count = np.random.default_rng(seed), 2 ** int((code != 0).sum())
    errors = rng.standard_normal((count, *dictionary.signal_shape))
    # some of them along one atom, up to its sign
    atoms = matrix.T.reshape(-1, *dictionary.signal_shape)[rng.integers(0, len(code), count)]
    errors[::2] = (atoms * rng.choice([-1, 1], (count, *[1] * (errors.ndim - 1))))[::2]
    norms = np.asarray(dictionary.patch_norm(errors)).reshape(-1, *[1] * (errors.ndim - 1))
    errors *= np.divide(zeta, norms, out=np.zeros_like(norms, dtype=float), where=norms > 0)
    moved = errors.reshape(count, -1) @ matrix
    laws = [outcomes(matrix, code, beta, one_sided, 0.0, moved)]
    check(part, laws, int((code != 0).sum()), len(code))


@settings(max_examples=30)
@given(layers, thresholds, st.booleans())
def test_every_number_for_an_error_that_is_known(layer, beta, one_sided):
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    v = np.random.default_rng(layer[0]).integers(-2, 3, matrix.shape[0]) / 8
    part = evaluated(dictionary, code, beta, one_sided, noise=v.reshape(dictionary.signal_shape))
    if one_sided:  # the coin of a silent unit is not fair any more: all signs of a few layers
        if len(code) > 12:
            return
        signs = patterns(len(code))
        z = signs * ((signs * code) @ matrix.T @ matrix + v @ matrix)
        on = code != 0
        weight = np.full(len(z), 1 / len(z))
        laws = [(weight, (z > beta)[:, on].sum(axis=1), (z > beta)[:, ~on].sum(axis=1))]
    else:
        laws = [outcomes(matrix, code, beta, one_sided, 0.0, v @ matrix)]
    check(part, laws, int((code != 0).sum()), len(code))


@given(layers, thresholds, st.sampled_from(["chernoff", "hoeffding", "l1"]))
def test_tails_without_a_lower_end_say_less(layer, beta, tail):
    dictionary, matrix, code = random_layer(*layer)
    part, best = (evaluated(dictionary, code, beta, False, tail=t) for t in (tail, "exact"))
    laws = [outcomes(matrix, code, beta, False, -TIE)]
    check(part, laws, int((code != 0).sum()), len(code))
    assert part.missed.high >= best.missed.high - EPS
    assert part.recall.low <= best.recall.low + EPS


@pytest.mark.parametrize("row", reference_values.UNITS, ids=lambda row: row.name)
def test_reference_rows(row):
    dictionary = row.dictionary()
    code = np.zeros(math.prod(dictionary.code_shape))
    code[list(row.support)] = row.values
    layer = LayerInstance(
        dictionary,
        code.reshape(dictionary.code_shape),
        row.threshold,
        0.0 if row.noise is None else [row.noise],
    )
    part = PartialBound().evaluate(layer).layers[0]
    assert part.missed == pytest.approx((row.missed, row.missed), rel=1e-12, abs=1e-15)
    assert part.false_alarms == pytest.approx((row.false_alarms, row.false_alarms), rel=1e-12)
    active = len(row.support)
    assert part.recall == pytest.approx((1 - row.missed / active,) * 2, rel=1e-12)
    wrong = (row.missed + row.false_alarms) / len(code)
    assert part.hamming == pytest.approx((wrong, wrong), rel=1e-12)
    if row.noise is not None:
        return
    zeta, (low, high) = row.any_error
    held = PartialBound().evaluate(attrs.evolve(layer, noise=zeta)).layers[0]
    assert held.hamming == pytest.approx((low / len(code), high / len(code)), rel=1e-12)
    # enumerated with other code: means of ratios, and the law of the number wrong
    told = reference_values.PARTIAL[row.name]
    assert part.precision.low == pytest.approx(told.precision_lower, rel=1e-12)
    assert part.jaccard.low == pytest.approx(told.jaccard_lower, rel=1e-12)
    assert part.precision.low <= told.mean_precision <= part.precision.high
    assert part.jaccard.low <= told.mean_jaccard <= part.jaccard.high
    law = np.array(told.law_of_errors)
    for delta in (0.01, 0.05, 0.2, 0.5):
        count = part.count(delta)
        assert law[count.count :].sum() <= delta
        assert law[: count.at_least].sum() < 1 or law[count.at_least - 1 :].sum() > delta
    # the energy cap, from the norm of the Gram matrix without its diagonal
    matrix = dictionary.to_sparse().toarray()
    gram = matrix.T @ matrix
    strength = np.diag(gram) * np.abs(code)
    beta = np.repeat(np.atleast_1d(row.threshold), len(code) // np.size(row.threshold))
    levels = np.where(code != 0, strength - beta, beta)
    norm = np.linalg.norm(gram - np.diag(np.diag(gram)), 2)
    cap = energy_cap(levels, (norm * np.linalg.norm(code)) ** 2)
    assert cap == told.energy_cap >= told.largest_number_wrong


def test_bounds_that_win_have_their_names():
    rng = np.random.default_rng(0)
    bank = rng.choice([-1.0, 1.0], (4, 64, 3)) / math.sqrt(192)
    code = np.zeros((4, 1200))
    places = rng.choice(code.size, 1200, replace=False)
    code.ravel()[places] = 1
    part = evaluated(CirculantDictionary(bank, 1200), code.ravel(), 0.5, False, tail="chernoff")
    assert part.count(0.01, "missed").inequality == "block Chernoff"
    few = np.where(np.arange(code.size) < 30, code.ravel(), 0)
    part = evaluated(CirculantDictionary(bank, 1200), few, 0.5, False, tail="chernoff")
    assert {part.count(1e-12).inequality, part.count(0.5).inequality} <= {
        "energy cap", "safe units", "Rüger",
    }  # fmt: skip


# ---- what is tempting, and false -----------------------------------------------------------------


def test_precision_is_not_the_ratio_of_means():
    (row,) = (row for row in reference_values.UNITS if row.name == "pair")
    told = reference_values.PARTIAL["pair"]
    found, false = 3 - row.missed, row.false_alarms
    assert told.mean_precision == 0.775
    assert found / (found + false) == 0.75
    # nor is that a bound from below: here it is above
    dictionary, matrix, code = random_layer(11, "dense")
    below = []
    for seed in range(60):
        dictionary, matrix, code = random_layer(seed, "dense")
        law = outcomes(matrix, code, 0.5, False, 0.0)
        active = int((code != 0).sum())
        mean = shares(law, active, len(code))
        found, false = active - mean["missed"], mean["false_alarms"]
        part = evaluated(dictionary, code, 0.5, False)
        assert part.precision.low <= mean["precision"] + EPS
        if found + false:
            below.append(mean["precision"] < found / (found + false) - 1e-3)
    assert any(below)
    assert not all(below)


def test_units_are_not_independent():
    """Thirty silent atoms that are one and the same: all of them are wrong, or none."""
    matrix = np.hstack([np.eye(2), np.full((2, 30), 0.5)])
    code = np.array([1.0, 1.0] + [0.0] * 30)
    part = evaluated(DenseDictionary(matrix), code, 0.75, False)
    weight, _, false = outcomes(matrix, code, 0.75, False, 0.0)
    assert sorted(set(false.tolist())) == [0, 30]
    naive = block_chernoff(np.full(30, 0.5), np.ones(30), 1, 0.05)
    assert weight[false >= naive].sum() == 0.5
    assert part.count(0.05, "false_alarms").count == 31


@pytest.mark.parametrize("filters", [1, 2])
def test_stripes_that_overlap_are_what_counts_not_atoms_that_meet(filters):
    """Units two apart share the signs of the position between; three apart, nothing."""
    rng = np.random.default_rng(2)
    dictionary = CirculantDictionary(rng.standard_normal((filters, 1, 2)), 7)
    assert dictionary.stripes.chromatic.value == 7 / 2  # with neighbours up to 2 R, of R = 1
    matrix, code = dictionary.to_sparse().toarray(), rng.uniform(0.5, 1.5, 7 * filters)
    wrong = np.abs(signed_codes(code) @ matrix.T @ matrix) <= 1.0
    assert wrong.any(axis=0)[:7].all()
    covariance = np.cov(wrong.T.astype(float))[:7, :7]
    assert np.abs(covariance[0, [3, 4]]).max() < 1e-12
    # one sign in common makes no units dependent that have no error to see, two do
    assert (abs(covariance[0, 2]) > 1e-3) == (filters == 2)


@pytest.mark.parametrize("model", ["independent", "martingale"])
def test_an_error_may_be_one_coin_for_all_units(model):
    """Its ends serve the means, and no bound that takes units far apart for independent."""
    dictionary = CirculantDictionary([[[1.0]]], 40)
    code = np.ones(40)
    part = evaluated(dictionary, code, 0.75, False, noise=0.5, noise_model=model, tail="hoeffding")
    # an error of ε ν with one fair ν = ±1/2 for all: half of the time every unit is missed
    naive = block_chernoff(np.full(40, 0.5), np.ones(40), 1, 0.05)
    assert naive < 40
    assert part.missed.high >= 20
    assert part.count(0.05, "missed").count == 41
    assert part.count(0.05, "missed").inequality in ("safe units", "Rüger")


def test_columns_share_their_signs():
    """The same code four times: what is wrong in one is wrong in all."""
    half = 0.5**0.5
    dictionary = CirculantDictionary([[[1, 0]], [[0, 1]], [[half, half]]], 400, stride=2)
    code = np.zeros((3, 200))
    code[:2] = 1  # the third filter sees 1.4 or 0, and each position by itself
    one = evaluated(dictionary, code.ravel(), 0.8, False)
    four = evaluated(dictionary, np.stack(4 * [code.ravel()]), 0.8, False)
    assert one.false_alarms == pytest.approx((100, 100))
    assert four.false_alarms == pytest.approx((400, 400))
    assert four.recall == one.recall
    assert four.precision == pytest.approx(one.precision)
    delta, chi = 1e-3, dictionary.stripes.chromatic.value
    assert chi == 1
    naive = block_chernoff(np.full(800, 0.5), np.ones(800), chi, delta)
    bound = four.count(delta, "false_alarms")
    assert binom.sf(math.ceil(naive / 4) - 1, 200, 0.5) > delta
    assert binom.sf(math.ceil(bound.count / 4) - 1, 200, 0.5) <= delta
    assert bound.inequality == "block Chernoff"


def test_a_unit_may_overshoot_and_be_right():
    dictionary = DenseDictionary([[1.0, 1.0]])
    part = evaluated(dictionary, np.array([1.0, 3.0]), 0.5, False)
    assert part.missed == (0.0, 0.0)
    assert InstanceBound().atoms(LayerInstance(dictionary, [1.0, 3.0], 0.5)).sum() == 0.5


def test_the_middle_of_an_interval_is_no_estimate():
    """Of an event of probability 0 a tail without a lower end says [0, g]."""
    matrix = np.array([[1.0, 0.5], [0.0, math.sqrt(0.75)]])
    code = np.array([1.0, 0.9])
    part = evaluated(DenseDictionary(matrix), code, 0.5, False, tail="hoeffding")
    truth = shares(outcomes(matrix, code, 0.5, False, 0.0), 2, 2)["missed"]
    assert part.missed.low <= truth <= part.missed.high
    assert abs(sum(part.missed) / 2 - truth) > 0.1


# ---- the rest ------------------------------------------------------------------------------------


def test_a_code_with_no_unit_on():
    dictionary = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], 8)
    part = evaluated(dictionary, np.zeros(8), 0.5, False)
    assert part.recall == part.jaccard == (1.0, 1.0)
    assert part.precision == (0.0, 1.0)
    assert part.missed == part.false_alarms == part.false_per_active == (0.0, 0.0)
    assert part.count(0.1).count == 1
    noisy = evaluated(dictionary, np.zeros(8), 0.5, False, noise=1.0)
    assert noisy.false_per_active == (0.0, math.inf)
    assert noisy.jaccard == (0.0, 1.0)
    empty = evaluated(dictionary, np.zeros((0, 8)), 0.5, False)
    assert empty.recall == (1.0, 1.0)
    assert empty.hamming == (0.0, 0.0)
    assert empty.count(0.1).count == 1


def test_everything_lost_and_nothing_found():
    part = evaluated(DenseDictionary(np.eye(3)), np.array([1.0, 1.0, 0.0]), 2.0, False)
    assert part.recall == part.jaccard == (0.0, 0.0)
    assert part.precision == (0.0, 1.0)  # an empty detection may count what it will
    assert part.count(0.0, "missed").count == 3


def test_gaussian_noise_has_means_and_no_cap():
    dictionary = CirculantDictionary([[[1.0]]], 40)
    part = evaluated(
        dictionary, np.ones(40), 0.5, False, noise=0.25, noise_model="gauss", tail="hoeffding"
    )
    exact = 40 * 0.022750131948179212
    assert part.missed.low <= exact <= part.missed.high
    assert part.count(0.05).inequality in ("safe units", "Rüger")


def test_words_and_classes_that_are_not_covered():
    dictionary = DenseDictionary(np.eye(2))
    part = evaluated(dictionary, np.ones(2), 0.5, False)
    with pytest.raises(DcscError, match=r"LayerPartial\.count: of: expected one of wrong, missed"):
        part.count(0.1, "right")
    with pytest.raises(DcscError, match=r"LayerPartial\.count: delta"):
        part.count(1.5)
    with pytest.raises(NotCoveredError, match="PartialBound does not cover layer 1: its signs"):
        PartialBound().evaluate(LayerInstance(dictionary, [1, 1], 0.5, signs_independent=False))
    with pytest.raises(DcscError, match="PartialBound: noise_model"):
        PartialBound(noise_model="loud")
