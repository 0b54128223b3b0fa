"""Partial recovery under signs that atoms share, against all patterns of their coins."""

import itertools
import math

import attrs
import numpy as np
import pytest
from scipy.special import ndtr

from dcsc import (
    BlockSigns,
    CirculantDictionary,
    DCSCModel,
    FilterSigns,
    HardThreshold,
    Layer,
    LayerInstance,
    LayerStatistics,
    PartialBound,
    ReLU,
    ToeplitzDictionary,
)
from dcsc.bounds import ExpectedWrong, measure
from dcsc.bounds.partial.energy import interference_energy
from dcsc.bounds.partial.variance import sharing
from dcsc.coefficients import columns
from dcsc.dictionaries import DenseDictionary, filters
from dcsc.errors import NotCoveredError
from dcsc.projections import Selection
from tests.test_partial import EPS, check, shares

SIGNS = [BlockSigns(2), BlockSigns(positions=2), BlockSigns(3, 4), FilterSigns(), BlockSigns(4, 6)]
BETA, SIZE = 0.6, 0.12


@attrs.frozen
class Small:
    """A small layer with signs that atoms share, and all patterns of them."""

    signs: object
    one_sided: bool
    dictionary: object
    code: np.ndarray

    @classmethod
    def each(cls, signs, one_sided, count=6):
        for seed in range(count):
            rng = np.random.default_rng(seed)
            bank = filters.gaussian(4, 3, 3, rng=rng)
            dictionary = (
                ToeplitzDictionary(bank, 6, padding=1) if seed % 2 else CirculantDictionary(bank, 6)
            )
            code = np.zeros(24)
            places = rng.choice(code.size, 2 + seed, replace=False)
            code[places] = rng.uniform(0.7, 1.5, len(places))
            code[places] *= 1 if one_sided else rng.choice([-1, 1], len(places))
            yield cls(signs, one_sided, dictionary, code)

    @property
    def matrix(self):
        return self.dictionary.to_sparse().toarray()

    @property
    def on(self):
        return self.code != 0

    def record(self, **noise):
        return LayerInstance(
            self.dictionary,
            self.code.reshape(self.dictionary.code_shape),
            BETA,
            selection=Selection(one_sided=self.one_sided, shrinkage=self.one_sided),
            signs_independent=False,
            coins=self.signs.coins(self.dictionary.code_shape),
            **noise,
        )

    def patterns(self):
        coins = self.signs.coins(self.dictionary.code_shape).ravel()
        flips = np.array(list(itertools.product([-1.0, 1.0], repeat=int(coins.max()) + 1)))
        return flips[:, coins]

    def coefficients(self, errors=0.0):
        """Return them for each pattern, to whose signals a row of ``errors`` is added."""
        signs = self.patterns()
        return signs * (((signs * self.code) @ self.matrix.T + errors) @ self.matrix)

    def law(self, coefficients):
        """Return the joint law of what is found and what is false."""
        kept = (coefficients if self.one_sided else np.abs(coefficients)) > BETA
        weight = np.full(len(kept), 1 / len(kept))
        return weight, kept[:, self.on].sum(axis=1), kept[:, ~self.on].sum(axis=1)

    def errors(self, rng, count):
        """Return signals of the patch norm that is allowed, some of them along one atom."""
        v = rng.standard_normal((count, *self.dictionary.signal_shape))
        atoms = self.matrix.T.reshape(-1, *v.shape[1:])
        v[::2] = atoms[rng.integers(0, len(atoms), len(v[::2]))]
        norms = np.asarray(self.dictionary.patch_norm(v))
        return (SIZE * v / norms[:, None, None]).reshape(count, -1)


def held(small, part, laws):
    check(part, laws, int(small.on.sum()), small.code.size)


def known(small, rng, part):
    """One signal for all patterns: the ends are the means."""
    v = rng.normal(0, 0.08, small.dictionary.signal_shape)
    found, law = part(noise=v), small.law(small.coefficients(v.ravel()))
    held(small, found, [law])
    return found, law


def nothing(small, rng, part):
    """No error: the same."""
    found, law = part(noise=0.0), small.law(small.coefficients())
    held(small, found, [law])
    return found, law


def independent(small, rng, part):
    """A few errors, and these with the other sign, all of them with every pattern."""
    vs = small.errors(rng, 4)
    z = np.concatenate([small.coefficients(v) for v in (*vs, *-vs)])
    held(small, part(noise=SIZE, noise_model="independent"), [small.law(z)])


def martingale(small, rng, part):
    """Of every pattern an error of its own, with either sign."""
    v = small.errors(rng, len(small.patterns()))
    z = np.concatenate([small.coefficients(v), small.coefficients(-v)])
    held(small, part(noise=SIZE, noise_model="martingale"), [small.law(z)])


def adversarial(small, rng, part):
    """Of every pattern the one of some errors with which most units are wrong, and the least."""
    vs = [small.errors(rng, len(small.patterns())) for _ in range(6)]
    z = np.array([small.coefficients(v) for v in (*vs, *(-v for v in vs))])
    on = (z if small.one_sided else np.abs(z)) > BETA
    wrong = (on != small.on).sum(axis=2)
    rows = np.arange(z.shape[1])
    laws = [small.law(z[pick(wrong, axis=0), rows]) for pick in (np.argmax, np.argmin)]
    held(small, part(noise=SIZE, noise_model="adversarial"), laws)


def gauss(small, rng, part):
    """The mean over normal errors in closed form."""
    found = part(noise=SIZE, noise_model="gauss")
    spread = SIZE * np.linalg.norm(small.matrix, axis=0)
    z = small.coefficients()
    kept = ndtr((z - BETA) / spread) + (0 if small.one_sided else ndtr((-z - BETA) / spread))
    wrong = np.where(small.on, 1 - kept, kept).mean(axis=0)
    for name, units in (("missed", small.on), ("false_alarms", ~small.on)):
        low, high = getattr(found, name)
        assert low - EPS <= wrong[units].sum() <= high + EPS


MODELS = [nothing, known, independent, martingale, adversarial, gauss]


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("signs", SIGNS, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_number_for_every_noise(model, signs, one_sided):
    bound = PartialBound(tolerance=0)
    for seed, small in enumerate(Small.each(signs, one_sided)):

        def part(small=small, **noise):
            return bound.evaluate(small.record(**noise)).layers[0]

        exact = model(small, np.random.default_rng(seed), part)
        if exact is not None:
            found, law = exact
            for name in ("missed", "false_alarms", "recall", "hamming"):
                mean = shares(law, int(small.on.sum()), small.code.size)[name]
                assert getattr(found, name) == pytest.approx((mean, mean), abs=1e-9), name


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("signs", SIGNS, ids=str)
def test_the_energy_is_that_of_what_levels_are_held_against(signs, one_sided):
    """For all patterns: without what the atom's own coin adds, where its sign matters."""
    for small in Small.each(signs, one_sided, count=12):
        coins = signs.coins(small.dictionary.code_shape)
        code = small.code.reshape(1, *coins.shape)
        (column,) = columns(small.dictionary, code, BETA, one_sided=one_sided, coins=coins)
        gram = small.matrix.T @ small.matrix
        same = coins.ravel()[:, None] == coins.ravel()
        own = np.where(small.on | one_sided, np.where(same, gram, 0) @ small.code, 0)
        rest = np.square(small.coefficients() - own)
        for units in (np.arange(24), np.flatnonzero(small.on), np.flatnonzero(~small.on)):
            energy = interference_energy(column, units)
            sums = rest[:, units].sum(axis=1)
            assert sums.max() <= energy + 1e-25  # the rounding of what is 0
            assert sums.mean() * 24 >= energy


@pytest.mark.parametrize("one_sided", [False, True])
def test_atoms_of_a_matrix_may_share_signs(one_sided):
    """They have no places, so that all of them are near each other."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        dictionary = DenseDictionary(rng.normal(size=(6, 10))).normalized()
        code = rng.uniform(0.7, 1.5, 10) * (rng.random(10) < 0.4)
        small = Small(BlockSigns(2), one_sided, dictionary, code)
        part = PartialBound(tolerance=0).evaluate(small.record(noise=0.0)).layers[0]
        held(small, part, [small.law(small.coefficients())])


@pytest.mark.parametrize("positions", [1, 10, 200])
def test_counts_on_a_wide_map_know_that_far_units_may_fail_together(positions):
    """One coin for many positions: what is wrong with one probability is wrong at once."""
    signs = BlockSigns(positions=positions) if positions < 200 else FilterSigns()
    rng = np.random.default_rng(3)
    dictionary = CirculantDictionary(filters.rademacher(2, 16, 3, rng=rng), extent=200)
    code = np.zeros((2, 200))
    code[:, ::2] = 1
    model = DCSCModel([Layer(dictionary, HardThreshold(0.45), signs)])
    (record,) = measure(model, model.draw(0).synthesize(code))
    part = PartialBound().evaluate(record).layers[0]
    (layer,) = model.layers
    drawn = layer.signs.draw_many(2000, code.shape, 0)
    sums = dictionary.analyze(dictionary.synthesize(drawn * code))
    wrong = ((np.abs(sums) > 0.45) != (code != 0)).reshape(len(drawn), -1).sum(axis=1)
    assert part.hamming.low - 0.01 <= wrong.mean() / code.size <= part.hamming.high + 0.01
    for delta in (0.02, 0.1, 0.3):
        share = (wrong >= part.count(delta).count).mean()
        assert share <= delta + 3 * math.sqrt(delta / len(drawn))
    if positions == 200:  # what would be said of units that depend on their own stripes alone
        few = attrs.evolve(part.counting, windows=dictionary.stripes).least(0.1, "wrong").count
        assert (wrong >= few).mean() > 0.1


@pytest.mark.parametrize("seed", range(40))
def test_windows_without_an_entry_in_common_have_no_coin_in_common(seed):
    """By the entries of all stripes, for any coins."""
    rng = np.random.default_rng(seed)
    bank = filters.gaussian(4, 2, int(rng.integers(1, 5)), rng=rng)
    kind = (CirculantDictionary, ToeplitzDictionary)[seed % 2]
    dictionary = kind(bank, 12, stride=int(rng.integers(1, 3)))
    coins = BlockSigns(int(rng.integers(1, 3)), int(rng.integers(1, 4))).coins(
        dictionary.code_shape
    )
    if seed % 5 == 0:
        coins = rng.permuted(coins, axis=1)
    windows, stripes = sharing(dictionary.stripes, coins), dictionary.stripes
    entries = np.eye(coins.size).reshape(-1, *coins.shape)
    inside, wide = (each.sum(entries) > 0 for each in (stripes, windows))
    seen = [set(coins.ravel()[inside[:, at]].tolist()) for at in range(inside.shape[1])]
    for one, other in itertools.combinations(range(len(seen)), 2):
        if not (wide[:, one] & wide[:, other]).any():
            assert not seen[one] & seen[other]
    assert sharing(stripes, None) is stripes


def test_a_better_threshold_is_found_and_what_is_said_of_it_is_true():
    better = 0
    for small in Small.each(BlockSigns(positions=3), False):
        best = PartialBound(tolerance=0).best_threshold(small.record(noise=0.0), ExpectedWrong())
        z = np.abs(small.coefficients())
        wrong, before = (((z > b) != small.on).sum(axis=1).mean() for b in (best.threshold, BETA))
        assert best.missed.high + best.false_alarms.high == pytest.approx(wrong, abs=1e-9)
        assert wrong <= before
        better += wrong < before
    assert better >= 3


def test_classes_do_not_know_who_shares():
    small = next(iter(Small.each(FilterSigns(), False)))
    record, bound = small.record(noise=0.0), PartialBound()
    numbers = LayerStatistics(coherence=0.1, sparsity=2, x_min=1, x_max=1, n_atoms=9, noise=0.1)
    for ask in (
        lambda: bound.max_sparsity(record),
        lambda: bound.evaluate([record, numbers]),
        lambda: bound.evaluate([attrs.evolve(record, coins=None)]),
    ):
        with pytest.raises(NotCoveredError, match="its signs are not one independent"):
            ask()


def test_a_layer_with_shared_signs_may_lie_below_another():
    below = CirculantDictionary(filters.rademacher(2, 64, 2, rng=0), extent=4)
    above = CirculantDictionary(filters.sparse_rademacher(1, 2, 2, nonzeros=1, rng=1), extent=4)
    layers = [Layer(below, HardThreshold(0.3), BlockSigns(2)), Layer(above, HardThreshold(0.5))]
    model = DCSCModel(layers)
    records = measure(model, model.draw(0).synthesize([[1.0, 0.0, 0.7, 0.0]]))
    parts = PartialBound().evaluate(records).layers
    assert parts[0].recall == PartialBound().evaluate(records[0]).layers[0].recall
    assert parts[0].recall.low > 0
    rectified = attrs.evolve(layers[0], projection=ReLU(0.3))
    mixed = DCSCModel([rectified, layers[1]])
    with pytest.raises(NotCoveredError, match="one-sided"):
        PartialBound().evaluate(measure(mixed, mixed.draw(0).synthesize([[1.0, 0.0, 0.7, 0.0]])))
