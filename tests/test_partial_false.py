"""What is tempting to say of partial recovery, and false: the claim fails, what dcsc says holds.

More of these stand with what they are about: in `test_partial`, `test_partial_class`, `test_units`,
`test_counts`, `test_depth` and `test_objectives`.
"""

import math

import numpy as np
import pytest
from scipy.stats import binom

from dcsc.bounds import LayerInstance, PartialBound
from dcsc.bounds.counts import block_chernoff, cantelli, energy_cap
from dcsc.bounds.partial.variance import largest_variance
from dcsc.bounds.tails import Tail
from dcsc.dictionaries import CirculantDictionary, DenseDictionary
from dcsc.networks import pathway_stability
from dcsc.networks.operations import Convolve
from tests import reference_values
from tests.networks.test_stability import network
from tests.test_partial import evaluated, outcomes
from tests.test_units import RELU, random_layer

EPS = 1e-9


# ---- "the number of wrong units is a sum of independent ones" ------------------------------------


def test_the_variance_is_neither_that_of_independent_units_nor_on_one_side_of_it():
    for name, above in (("norms", True), ("pair", False), ("three", True)):
        row = next(row for row in reference_values.UNITS if row.name == name and row.noise is None)
        law = np.array(reference_values.PARTIAL[name].law_of_errors)
        numbers, p = np.arange(len(law)), np.array(row.probabilities)
        variance = float(law @ numbers**2 - (law @ numbers) ** 2)
        independent = float(p @ (1 - p))
        assert variance >= independent if above else variance <= independent
        stripes = row.dictionary().stripes
        assert variance <= largest_variance(p, stripes.centres.ravel(), stripes) + EPS
    below = []
    for seed in range(40):
        _, matrix, code = random_layer(seed, "dense")
        weight, found, false = outcomes(matrix, code, 0.5, False, 0.0)
        wrong = (code != 0).sum() - found + false
        z = np.abs(signed(code) @ matrix.T @ matrix)
        p = np.where(code != 0, (z <= 0.5).mean(axis=0), (z > 0.5).mean(axis=0))
        variance = weight @ wrong**2 - (weight @ wrong) ** 2
        below.append(variance < p @ (1 - p) - 1e-3)
    assert any(below)
    assert not all(below)


def signed(code):
    support = np.flatnonzero(code)
    rows = np.zeros((2 ** len(support), len(code)))
    bits = np.arange(2 ** len(support))[:, None] >> np.arange(len(support)) & 1
    rows[:, support] = (1 - 2 * bits) * code[support]
    return rows


def test_the_variance_of_independent_units_proves_no_count():
    """Thirty silent atoms that are one and the same: all of them are wrong, or none."""
    matrix = np.hstack([np.eye(2), np.full((2, 30), 0.5)])
    code = np.array([1.0, 1.0] + [0.0] * 30)
    part = evaluated(DenseDictionary(matrix), code, 0.75, False)
    weight, _, false = outcomes(matrix, code, 0.75, False, 0.0)
    naive = cantelli(15, 30 / 4, 0.05)
    assert naive < 30
    assert weight[false >= naive].sum() == 0.5
    assert part.count(0.05, "false_alarms").count == 31


def test_cantelli_is_the_least_on_a_map_of_some_width():
    """Rüger pays for δ, and blocks for their chromatic number: between them a variance wins."""
    rng = np.random.default_rng(1)
    bank = rng.choice([-1.0, 1.0], (4, 64, 9)) / math.sqrt(64 * 9)
    dictionary = CirculantDictionary(bank, 300)
    code = np.zeros((4, 300))
    code.ravel()[rng.choice(1200, 300, replace=False)] = 1
    names = {
        evaluated(dictionary, code.ravel(), beta, False, tail="hoeffding")
        .count(delta, of)
        .inequality
        for beta in (0.4, 0.5)
        for delta in (0.05, 0.2, 0.5)
        for of in ("wrong", "missed")
    }
    assert "Cantelli" in names


# ---- "there is one error for which all units have their upper ends" ------------------------------


def test_no_one_error_need_attain_the_upper_ends_of_all_units():
    """An error of norm 0.6 lifts either of two orthogonal atoms by more than 0.5, never both."""
    dictionary, code = DenseDictionary(np.eye(2)), np.zeros(2)
    part = evaluated(dictionary, code, 0.5, False, noise=0.6)
    angles = np.linspace(0, 2 * np.pi, 3601)
    errors = 0.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    raised = (np.abs(errors) > 0.5).sum(axis=1)
    assert part.false_alarms.high == 2
    assert raised.max() == 1


# ---- "units that share no sign are independent", under any noise ---------------------------------


def test_units_may_share_their_noise():
    """Thirty equal atoms and no signs: normal noise lifts all of them, or none."""
    dictionary = DenseDictionary(np.ones((1, 30)))
    part = evaluated(dictionary, np.zeros(30), 0.5, False, noise=0.5, noise_model="gauss")
    p = 2 * 0.15865525393145707
    assert part.false_alarms == pytest.approx((30 * p, 30 * p), rel=1e-6)
    naive = block_chernoff(np.full(30, p), np.ones(30), 1, 0.05)
    assert naive < 30
    assert p > 0.05
    assert part.count(0.05, "false_alarms").count == 31


def test_columns_share_the_coins_of_silent_units():
    """One-sided, the sign of a silent unit decides for all columns at once."""
    half = 0.5**0.5
    dictionary = CirculantDictionary([[[1, 0]], [[0, 1]], [[half, half]]], 400, stride=2)
    code = np.zeros((3, 200))
    code[:2] = 1
    layer = LayerInstance(dictionary, np.stack(4 * [code]), 0.8, selection=RELU)
    part = PartialBound().evaluate(layer).layers[0]
    assert part.false_alarms == pytest.approx((200, 200))
    delta = 1e-3
    naive = block_chernoff(np.full(800, 0.25), np.ones(800), 1, delta)
    assert binom.sf(math.ceil(naive / 4) - 1, 200, 0.25) > delta
    bound = part.count(delta, "false_alarms")
    assert binom.sf(math.ceil(bound.count / 4) - 1, 200, 0.25) <= delta


# ---- "no interference, no energy, nothing wrong" -------------------------------------------------


@pytest.mark.parametrize("noise", [0.6, np.full((1, 10), 0.6)], ids=["any error", "a known one"])
def test_errors_bring_their_own_energy(noise):
    """Orthogonal atoms: all ten silent ones are wrong under an error of 0.6 in every sample."""
    dictionary = CirculantDictionary([[[1.0]]], 10)
    part = evaluated(dictionary, np.zeros(10), 0.5, False, noise=noise)
    naive = energy_cap(np.full(10, 0.5), 0.0) + 1
    assert naive == 1
    assert part.false_alarms.high == 10
    assert part.count(0.05).count == 11


# ---- "margins are strict on both sides", and units of a network ----------------------------------


def test_a_unit_at_its_margin_does_not_stay_on_but_stays_off():
    """At 1 - 1 = 0 the first unit is off, and at -1 + 1 = 0 the second one is so still."""
    net = network(Convolve([[[1.0]]]), channels=1)
    x = np.array([1.0, -1.0])
    (layer,) = pathway_stability(net, [[x]], 1.0).layers
    naive = np.abs(x) >= 1.0  # "it stays as it is if its margin is no less than the error"
    stays = (x + 1.0 > 0) == (x - 1.0 > 0)
    assert naive.tolist() == [True, True]
    assert stays.tolist() == [False, True]
    told = layer.stays_on | layer.stays_off
    assert not told[0, 0, 0]
    assert not layer.stays_on.any()


# ---- a tail that knows no adversary --------------------------------------------------------------


def test_counts_say_less_and_refuse_nothing_under_such_a_tail():
    class Fair(Tail):
        noise_models = frozenset({"none", "independent"})

        def _upper(self, rows):
            return np.exp(-(np.maximum(rows.level, 0) ** 2) / (2 * rows.variance))

    rng = np.random.default_rng(0)
    dictionary = CirculantDictionary(rng.choice([-1.0, 1.0], (4, 64, 3)) / math.sqrt(192), 400)
    code = (rng.random(1600) < 0.1).astype(float)
    noisy = {"noise": 0.05, "noise_model": "independent"}
    part = evaluated(dictionary, code, 0.5, False, tail=Fair(), **noisy)
    best = evaluated(dictionary, code, 0.5, False, tail="hoeffding", **noisy)
    for of in ("wrong", "missed", "false_alarms"):
        assert part.count(0.01, of).inequality in ("safe units", "Rüger")
        assert part.count(0.01, of).count >= best.count(0.01, of).count
    assert part.missed.high == pytest.approx(best.missed.high, rel=0.5)
