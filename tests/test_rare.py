"""Rare failures: the mixture is what it says, and estimates agree with all signs enumerated."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from dcsc import (
    CirculantDictionary,
    DcscError,
    DCSCModel,
    DenseDictionary,
    FixedSigns,
    HardThreshold,
    IdentitySigns,
    InstanceBound,
    Layer,
    LayerInstance,
    NotCoveredError,
    RademacherSigns,
    ReLU,
    SignPattern,
    SoftThreshold,
    TopK,
    codes,
)
from dcsc.dictionaries import filters
from dcsc.experiments import FailureEstimate, estimate_failure, simulate
from dcsc.experiments.rare import estimate
from dcsc.experiments.rare.estimate import _shares, _signals
from dcsc.experiments.rare.tilting import AtRisk, TiltedMixture
from tests import strategies
from tests.sign_enumeration import patterns

SURE = 1 - 1e-7
BARKER = CirculantDictionary(filters.barker(1, 1, 13), extent=64)


@attrs.frozen
class Shared(SignPattern):
    """Signs of any coins, numbered atom by atom."""

    numbers: tuple[int, ...]

    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], max(self.numbers) + 1)[self._coins(code_shape)]

    def _coins(self, code_shape):
        return np.array(self.numbers).reshape(code_shape)


@attrs.frozen
class Undeclared(SignPattern):
    """Signs that agree two by two, which they do not say."""

    def _draw(self, code_shape, rng):
        return np.repeat(rng.choice([-1.0, 1.0], code_shape[0] // 2), 2)


@attrs.frozen
class Case:
    """A small layer, given by its matrix, and how it selects."""

    matrix: np.ndarray
    columns: np.ndarray
    noise: np.ndarray
    threshold: np.ndarray
    one_sided: bool
    coins: np.ndarray

    @property
    def shared(self):
        """The coins as the estimate has them: none where each atom has its own."""
        return None if len(set(self.coins)) == len(self.coins) else self.coins

    @property
    def dictionary(self):
        return DenseDictionary(self.matrix)

    @property
    def model(self):
        kind = ReLU if self.one_sided else HardThreshold
        signs = RademacherSigns() if self.shared is None else Shared(tuple(self.coins))
        return DCSCModel([Layer(self.dictionary, kind(self.threshold), signs)])

    def mixture(self):
        selection = self.model.layers[0].projection.selection
        noise = _signals(self.dictionary, self.noise, (len(self.columns),))
        codes = self.columns.reshape(-1, *self.dictionary.code_shape)
        at_risk = AtRisk.of(self.dictionary, selection, codes, noise, self.shared)
        return TiltedMixture.of(at_risk) if len(at_risk) else None

    def patterns(self):
        """All signs of the coins of the joint support."""
        return patterns(max(len(set(self.coins[(self.columns != 0).any(axis=0)])), 1))

    def exact(self):
        """The failure probability over all signs of all atoms, by explicit matrices."""
        signs = patterns(self.coins.max() + 1)[:, self.coins]
        failed = np.zeros(len(signs), dtype=bool)
        for column, noise in zip(self.columns, self.noise, strict=True):
            signal = (signs * column) @ self.matrix.T + noise
            z = signs * (signal @ self.matrix)
            kept = (z if self.one_sided else np.abs(z)) > self.threshold
            failed |= (kept != (column != 0)).any(axis=1)
        return failed.mean()


@st.composite
def cases(draw):
    """Signed codes in a few columns, noise or none, one or several thresholds; no ties.

    Every atom has a coin of its own, or any of fewer.

    The sizes are hypothesis's, which shrink; kinds and entries come from the seed, so that all
    kinds are about equally common.
    """
    rng = np.random.default_rng(draw(strategies.seeds))
    return drawn_case(rng, draw(st.integers(2, 9)), draw(st.integers(1, 3)), rng.integers(2))


def drawn_case(rng, atoms, columns, shared):
    samples = atoms + int(rng.integers(4))
    matrix = np.eye(samples)[:, :atoms] + rng.uniform(0.1, 0.5) * rng.normal(size=(samples, atoms))
    filled = rng.random((columns, atoms)) < rng.choice([0.2, 0.4, 0.7, 1.0])
    x = rng.uniform(0.4, 1.5, (columns, atoms)) * filled
    one_sided = bool(rng.integers(2))
    if not one_sided or rng.random() < 0.3:
        x *= rng.choice([-1, 1], x.shape)
    noise = rng.choice([0.0, 0.1, 0.4]) * rng.normal(size=(columns, samples))
    threshold = rng.uniform(0.05, 1.2, atoms if rng.integers(2) else 1) * np.ones(atoms)
    coins = rng.integers(0, rng.integers(1, atoms), atoms) if shared else np.arange(atoms)
    return Case(matrix, x, noise, threshold, one_sided, coins)


# ---- the mixture, over all signs -----------------------------------------------------------------


@given(cases())
def test_failing_given_the_signs_of_the_support_averages_to_the_truth(case):
    mixture = case.mixture()
    rate = 0.0 if mixture is None else mixture.at_risk.failure(case.patterns()).mean()
    assert math.isclose(rate, case.exact(), rel_tol=1e-12, abs_tol=1e-15)


def check_ceiling(mixture, signs):
    density = np.exp(mixture.log_density(signs))
    assert math.isclose(density.mean(), 1, rel_tol=1e-10)
    counts = mixture.at_risk.failure(signs) / density
    assert counts.max() <= math.exp(mixture.log_ceiling) * (1 + 1e-9)
    assert mixture.log_ceiling <= math.log(2) + 1e-12


@given(cases())
def test_the_density_has_mean_one_and_no_trial_exceeds_the_ceiling(case):
    mixture = case.mixture()
    if mixture is not None:
        check_ceiling(mixture, case.patterns())


def test_the_same_of_many_layers_whose_atoms_share_signs():
    """Some of them are one-sided, and have silent atoms of one coin that may both be on."""
    between = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        case = drawn_case(rng, int(rng.integers(3, 9)), int(rng.integers(1, 3)), shared=True)
        mixture, signs, exact = case.mixture(), case.patterns(), case.exact()
        rate = 0.0 if mixture is None else mixture.at_risk.failure(signs).mean()
        assert math.isclose(rate, exact, rel_tol=1e-12, abs_tol=1e-15)
        if mixture is not None:
            check_ceiling(mixture, signs)
        between += 0 < exact < 1
    assert between > 50


@given(cases())
def test_signs_are_drawn_with_the_density(case):
    mixture = case.mixture()
    if mixture is not None:
        signs, trials = case.patterns(), 4000
        width = signs.shape[1]
        drawn = mixture.draw(np.random.default_rng(0).random((trials, 1 + width)))
        place = ((drawn < 0) @ (2 ** np.arange(width))).astype(int)
        counts = np.bincount(place, minlength=len(signs))
        chance = np.exp(mixture.log_density(signs)) / len(signs)
        assert np.all(counts >= binom.ppf(1e-9, trials, chance))
        assert np.all(counts <= binom.isf(1e-9, trials, chance))


# ---- estimates -----------------------------------------------------------------------------------


@given(cases(), strategies.seeds)
def test_the_interval_holds_what_enumeration_finds(case, seed):
    found = estimate_failure(case.model, case.columns, 1500, seed, case.noise)
    low, best, high = found.interval(SURE)
    exact = case.exact()
    assert low <= exact * (1 + 1e-12)
    assert exact <= high * (1 + 1e-9)
    assert low <= best <= high <= 1
    assert found.relative_error <= math.sqrt(2 / max(best, 1e-300))


def blocks(groups, size, threshold):
    """Orthogonal atoms, and one more for each group of ``size`` of them; and the exact failure.

    An extra atom has inner product 1 / size with those of its group alone, so that groups fail
    independently, each as a binomial count says.
    """
    count = groups * size
    matrix = np.zeros((count + groups, count + groups))
    matrix[:count, :count] = np.eye(count)
    for group in range(groups):
        matrix[group * size : (group + 1) * size, count + group] = 1 / size
        matrix[count + group, count + group] = math.sqrt(1 - 1 / size)
    x = np.append(np.ones(count), np.zeros(groups))
    p = 2 * binom.sf(math.ceil(size * (1 + threshold) / 2) - 1, size, 0.5)
    model = DCSCModel([Layer(DenseDictionary(matrix), HardThreshold(threshold))])
    return model, x, -math.expm1(groups * math.log1p(-p))


@pytest.mark.parametrize(
    ("size", "threshold"), [(20, 0.55), (60, 0.65), (60, 0.85), (61, 0.9), (200, 0.515)]
)
@pytest.mark.parametrize("groups", [1, 5])
def test_rare_failures_of_independent_groups(groups, size, threshold):
    """Down to 3e-14; the relative error does not follow the probability."""
    model, x, exact = blocks(groups, size, threshold)
    found = estimate_failure(model, x, 5000, rng=1)
    low, _, high = found.interval(SURE)
    assert low <= exact <= high
    assert abs(found.best - exact) <= 4 * found.standard_error
    assert found.relative_error <= 0.05


def test_the_relative_error_at_one_in_a_million_million():
    model, x, exact = blocks(3, 60, 0.86)
    assert 1e-12 < exact < 1e-11
    found = estimate_failure(model, x, 20_000, rng=0)
    assert found.relative_error < 0.02
    assert found.low <= exact <= found.high
    assert found.high / found.low < 1.12


def test_conspiring_atoms_that_depend_on_one_another():
    """46 atoms of inner products 1/100 are lost if all others agree: 46 · 2^-45, jointly."""
    gram = np.full((46, 46), 0.01) + 0.99 * np.eye(46)
    dictionary = DenseDictionary(np.linalg.cholesky(gram).T)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.56))])
    found = estimate_failure(model, np.ones(46), 2000, rng=0)
    assert math.isclose(found.best, 46 / 2**45, rel_tol=0.02)
    assert found.low <= 46 / 2**45 <= found.high
    union = InstanceBound("chernoff").evaluate(LayerInstance(dictionary, np.ones(46), 0.56))
    assert math.isclose(found.ceiling, union.unclipped, rel_tol=1e-6)


def test_below_the_smallest_number():
    model, x, _ = blocks(1, 1200, 0.9985)
    found = estimate_failure(model, x, 1000)
    assert 0 <= found.low <= found.best <= found.high < 1e-300


@pytest.mark.parametrize(
    "projection",
    [SoftThreshold(0.31), ReLU(0.31), HardThreshold([0.25, 0.31, 0.37, 0.43])],
    ids=repr,
)
@pytest.mark.parametrize("batch", [(), (2, 2)])
@pytest.mark.parametrize("level", [0.0, 0.03])
def test_plain_trials_agree_where_they_see_failures(projection, batch, level):
    dictionary = CirculantDictionary(filters.rademacher(4, 32, 5, rng=0), 20)
    amplitudes = codes.UniformAmplitudes(0.6, signed=not isinstance(projection, ReLU))
    x = codes.draw(dictionary, 5, batch, amplitudes, rng=1)
    noise = np.random.default_rng(2).normal(size=(*batch, *dictionary.signal_shape)) * level
    model = DCSCModel([Layer(dictionary, projection)])
    plain = simulate(model, x, 4000, rng=3, noise=noise).interval(SURE)
    found = estimate_failure(model, x, 4000, rng=3, noise=noise).interval(SURE)
    assert plain[0][-1] <= found[2]
    assert found[0] <= plain[2][-1]
    assert 0 < plain[1][-1] < 1


def test_the_joint_probability_is_between_one_atom_and_the_union():
    dictionary = CirculantDictionary(filters.rademacher(4, 256, 7, rng=0), 32)
    x = codes.draw(dictionary, 12, amplitudes=codes.UniformAmplitudes(0.6), rng=1)
    guarantee = InstanceBound().evaluate(LayerInstance(dictionary, x, 0.3))
    model = DCSCModel([Layer(dictionary, HardThreshold(0.3))])
    found = estimate_failure(model, x, 4000, rng=0)
    assert guarantee.failure_probability < 1e-4
    assert guarantee.lower <= found.high
    assert found.low <= guarantee.failure_probability
    assert found.best >= guarantee.failure_probability / 3
    total = InstanceBound("chernoff").evaluate(LayerInstance(dictionary, x, 0.3)).unclipped
    assert math.isclose(found.ceiling, total * (1 + total), rel_tol=1e-6)


def test_estimates_are_unbiased_and_their_intervals_cover():
    model, x, exact = blocks(4, 30, 0.6)
    found = [estimate_failure(model, x, 300, rng=seed) for seed in range(300)]
    z = np.array([(each.best - exact) / each.standard_error for each in found])
    best = np.array([each.best for each in found])
    assert abs(best.mean() - exact) <= 3.5 * best.std(ddof=1) / math.sqrt(300)
    assert 0.85 < z.std() < 1.15
    assert np.mean([each.low <= exact <= each.high for each in found]) >= 0.95
    narrow = [each.interval(0.5) for each in found]
    assert 0.5 <= np.mean([low <= exact <= high for low, _, high in narrow]) < 1


@pytest.mark.parametrize("level", [4, 5, 6, 7])
def test_ties_are_failures(level):
    """Interference of Barker's code is a multiple of 1/13, so that thresholds are hit."""
    support = np.arange(0, 13, 2)
    gram = np.rint(13 * BARKER.gram_rows(support).toarray())
    h = np.abs(patterns(7) @ gram)
    active = np.isin(np.arange(64), support)
    exact = np.where(active, h <= level, h >= level).any(axis=1).mean()
    strict = ((h > level) != active).any(axis=1).mean()
    x = np.zeros((1, 64))
    x[0, support] = 1
    found = estimate_failure(DCSCModel([Layer(BARKER, HardThreshold(level / 13))]), x, 4000)
    low, _, high = found.interval(SURE)
    assert low <= exact <= high
    assert level == 7 or strict < low


def test_an_exact_probability_by_full_enumeration():
    """565/4096, by all signs of 13 atoms of Barker's code."""
    x = np.zeros((1, 64))
    x[0, :25:2] = 1
    found = estimate_failure(DCSCModel([Layer(BARKER, HardThreshold(0.5))]), x, 20_000)
    assert abs(found.best - 565 / 4096) <= 4 * found.standard_error
    assert found.low <= 565 / 4096 <= found.high


def test_what_cannot_fail_and_what_must():
    x = codes.draw(BARKER, 2, amplitudes=codes.ConstantAmplitudes(), rng=0)
    safe = estimate_failure(DCSCModel([Layer(BARKER, HardThreshold(0.5))]), x, 10)
    assert (safe.low, safe.best, safe.high, safe.relative_error) == (0, 0, 0, 0)
    sure = estimate_failure(DCSCModel([Layer(BARKER, HardThreshold(5))]), x, 500)
    assert sure.interval(SURE)[2] == 1
    assert sure.best > 0.9
    idle = DCSCModel([Layer(DenseDictionary(np.eye(2)), ReLU(0))])
    assert estimate_failure(idle, [1.0, 0.0], 10).high == 0
    none = estimate_failure(DCSCModel([Layer(BARKER, HardThreshold(0.5))]), np.zeros((0, 1, 64)), 9)
    assert none.high == 0
    dead = DenseDictionary([[1.0, 0.0], [0.0, 0.0]])
    lost = estimate_failure(DCSCModel([Layer(dead, HardThreshold(0.1))]), [1.0, 1.0], 100)
    assert lost.interval(SURE)[2] == 1
    assert lost.best > 0.9


def test_seeds_blocks_and_fewer_trials(monkeypatch):
    model, x, _ = blocks(3, 20, 0.5)
    found = estimate_failure(model, x, 700, rng=3)
    assert found == estimate_failure(model.draw(8), x, 700, rng=np.random.SeedSequence(3))
    assert found != estimate_failure(model, x, 700, rng=4)
    source = np.random.default_rng(3)
    first, second = (estimate_failure(model, x, 700, rng=source) for _ in range(2))
    assert found == first != second
    selection = model.layers[0].projection.selection
    dictionary = model.layers[0].dictionary
    mixture = TiltedMixture.of(
        AtRisk.of(dictionary, selection, x[None], np.zeros((1, *dictionary.signal_shape)))
    )

    def shares(trials):
        return np.concatenate(list(_shares(mixture, trials, np.random.default_rng(3))))

    np.testing.assert_allclose(shares(100), shares(700)[:100], rtol=1e-12)
    monkeypatch.setattr(estimate, "_BLOCK_ENTRIES", 999)
    again = estimate_failure(model, x, 700, rng=3)
    assert math.isclose(again.best, found.best, rel_tol=1e-12)
    assert math.isclose(again.standard_error, found.standard_error, rel_tol=1e-9)


def test_the_interval_is_the_empirical_bernstein_one():
    found = FailureEstimate(trials=101, best=0.5, standard_error=0.01, ceiling=0.75)
    low, best, high = found.interval(0.96)
    width = 0.01 * math.sqrt(2 * math.log(100)) + 7 * 0.75 * math.log(100) / 300
    assert best == 0.5
    assert math.isclose(low, 0.5 - width, rel_tol=1e-12)
    assert math.isclose(high, 0.5 + width, rel_tol=1e-12)
    assert (found.low, found.high) == found.interval(0.95)[::2]
    assert math.isclose(found.relative_error, 0.02)
    unseen = FailureEstimate(trials=2, best=0.0, standard_error=0.0, ceiling=1e-9)
    assert unseen.relative_error == math.inf
    assert unseen.interval()[2] <= 1e-9
    with pytest.raises(DcscError, match="level: expected less than 1, got 1"):
        found.interval(1)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.5))] * 2,
            "covers one layer, and the model has 2",
        ),
        ([Layer(DenseDictionary(np.eye(2)), TopK(1))], "selects by no threshold"),
        (
            [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.5), IdentitySigns())],
            "signs are not independent",
        ),
        (
            [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.5), Undeclared())],
            r"write Undeclared\._coins",
        ),
        (
            [Layer(DenseDictionary(np.eye(2)), HardThreshold(0.5), FixedSigns([1, -1]))],
            "signs are not independent",
        ),
    ],
)
def test_what_is_not_covered_is_refused(layers, message):
    with pytest.raises(NotCoveredError, match=message):
        estimate_failure(DCSCModel(layers), [1.0, 0.0], 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 1}, "estimate_failure: trials: expected at least 2, got 1"),
        ({"noise": 0.1}, r"estimate_failure: noise: expected a signal, as an array, or 0, got 0.1"),
        ({"noise": np.zeros((1, 3))}, "estimate_failure: noise: expected shape"),
        ({"rng": -1}, "estimate_failure: rng: expected None"),
        ({"codes": np.zeros((1, 3))}, "estimate_failure: codes: expected shape"),
    ],
)
def test_bad_input_is_named(arguments, message):
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    given = {"codes": np.zeros(BARKER.code_shape), "trials": 10} | arguments
    with pytest.raises(DcscError, match=message):
        estimate_failure(model, **given)
