"""Monte Carlo: the fast engines count what the model itself counts, draw by draw."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from dcsc import (
    CirculantDictionary,
    DcscError,
    DCSCModel,
    DenseDictionary,
    FilterSigns,
    FixedSigns,
    HardThreshold,
    IdentitySigns,
    JumpReLU,
    Layer,
    NotCoveredError,
    ReLU,
    SoftThreshold,
    ToeplitzDictionary,
    TopK,
    codes,
)
from dcsc._numerics import ways
from dcsc._numerics.packed import pack, unpack
from dcsc.dictionaries import filters
from dcsc.experiments import Tally, clopper_pearson, simulate
from dcsc.experiments.simulation.draws import BLOCK, Draws
from dcsc.experiments.simulation.engines import ENGINES, passes, tables
from dcsc.experiments.simulation.engines.passes import BatchEngine, DrawEngine
from dcsc.experiments.simulation.engines.tables import InterferenceEngine
from dcsc.experiments.simulation.trials import Simulation
from tests import strategies

BARKER = CirculantDictionary(filters.barker(1, 1, 13), extent=64)


def naive_tally(model, x, trials, rng, noise):
    """Run every draw through the model, and compare supports by hand."""
    draws = Draws.of(model, np.asarray(x, float), rng, noise)
    depth = len(model.layers)
    failures, missed, false_alarms = np.zeros(depth + 1, int), np.zeros(depth, int), np.zeros(depth)
    for block in draws.blocks(trials):
        for draw in range(len(block)):
            word = draw // 64 * 64
            if draw == word:
                noise_of_word = block.noise(word, min(word + 64, len(block)))
            drawn = block.model(draw)
            truth = drawn.synthesize(x)
            each = np.ndim(noise) == 0 and noise > 0
            added = noise_of_word[draw - word] if each else noise
            guess = drawn.forward(truth[0] + added)
            true, found = truth.supports, guess.supports
            missed += [int((a & ~b).sum()) for a, b in zip(true, found, strict=True)]
            false_alarms += [int((b & ~a).sum()) for a, b in zip(true, found, strict=True)]
            wrong = [bool((a != b).any()) for a, b in zip(true, found, strict=True)]
            failures += [*wrong, any(wrong)]
    return Tally(trials, failures, missed, false_alarms)


def assert_counts_what_the_model_counts(model, x, trials, rng, noise):
    expected = naive_tally(model, x, trials, rng, noise)
    for engine in (None, *(engine.name for engine in ENGINES if engine.covers(model))):
        assert simulate(model, x, trials, rng, noise, entries=True, engine=engine) == expected
    without = attrs.evolve(expected, missed=None, false_alarms=None)
    assert simulate(model, x, trials, rng, noise) == without
    return expected


@st.composite
def tasks(draw, models):
    """A model, codes and noise: none, a number or an array."""
    model = draw(models)
    x = draw(strategies.codes(model.layers[-1].dictionary))
    kind = draw(st.sampled_from(["none", "number", "one", "array"]))
    noise = draw(st.floats(0.01, 2)) if kind == "number" else 0.0
    if kind in ("one", "array"):
        batch = x.shape[: x.ndim - len(model.layers[-1].dictionary.code_shape)]
        lowest = model.layers[0].dictionary
        noise = draw(strategies.signals(lowest, () if kind == "one" else batch))
    return model, x, noise


@st.composite
def one_layer(draw):
    dictionary = draw(strategies.dictionaries())
    kind = draw(st.sampled_from([HardThreshold, SoftThreshold, ReLU, JumpReLU]))
    projection = draw(strategies.projections(dictionary, kind))
    return DCSCModel(
        [Layer(dictionary, projection, draw(strategies.sign_patterns(dictionary.code_shape)))]
    )


@pytest.mark.parametrize("way", ["compiled", "plain"])
@settings(max_examples=20)
@given(tasks(one_layer()), strategies.seeds, st.sampled_from([0, 2, 12]))
def test_one_layer_counts_what_the_model_counts(way, task, seed, bits):
    model, x, noise = task
    assert InterferenceEngine.covers(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_BITS", bits)
        patch.setattr(ways, "_asked", lambda: way == "plain")
        assert_counts_what_the_model_counts(model, x, 70, seed, noise)


@settings(max_examples=10)
@given(tasks(strategies.models()), strategies.seeds)
def test_models_of_every_kind_count_what_the_model_counts(task, seed):
    model, x, noise = task
    assert_counts_what_the_model_counts(model, x, 30, seed, noise)


@pytest.mark.parametrize(
    "projection",
    [HardThreshold(0.31), SoftThreshold(0.31), ReLU(0.31), HardThreshold([0.2, 0.3, 0.4, 0.5])],
    ids=repr,
)
@pytest.mark.parametrize("noise", [0.0, 0.2, "array"])
def test_gram_rows_count_what_the_model_counts(projection, noise):
    dictionary = ToeplitzDictionary(filters.rademacher(4, 16, 5, rng=0), 20, stride=2, padding=3)
    amplitudes = codes.UniformAmplitudes(0.6, signed=not isinstance(projection, ReLU))
    x = codes.draw(dictionary, 4, (3,), amplitudes, rng=1)
    if noise == "array":
        noise = np.random.default_rng(2).normal(size=(3, *dictionary.signal_shape)) * 0.02
    model = DCSCModel([Layer(dictionary, projection)])
    tally = assert_counts_what_the_model_counts(model, x, 90, 3, noise)
    assert tally.failures[-1] > 0


@attrs.frozen
class Listed:
    """A block that holds every pattern of the signs of some atoms, the others +1."""

    atoms: np.ndarray
    draws: Draws

    def __len__(self):
        return 2 ** len(self.atoms)

    def negative(self):
        return np.array(list(itertools.product([False, True], repeat=len(self.atoms))))

    def packed(self, layer, atoms):
        every = np.zeros(
            (len(self), math.prod(self.draws.model.layers[0].dictionary.code_shape)), bool
        )
        every[:, self.atoms] = self.negative()
        return pack(every[:, atoms])


@pytest.mark.parametrize("bits", [0, 4, 12])
@pytest.mark.parametrize("threshold", [0.33, 0.6])
@pytest.mark.parametrize("one_sided", [False, True])
def test_every_sign_pattern_against_the_matrix(bits, threshold, one_sided, monkeypatch):
    monkeypatch.setattr(tables, "_BITS", bits)
    dictionary = CirculantDictionary(filters.gaussian(3, 10, 4, rng=3), 24)
    rng = np.random.default_rng(8)
    x = np.zeros(dictionary.code_shape)
    support = rng.choice(x.size, 9, replace=False)
    x.reshape(-1)[support] = rng.uniform(0.8, 1, 9)
    model = DCSCModel([Layer(dictionary, (ReLU if one_sided else HardThreshold)(threshold))])
    draws = Draws.of(model, x, 0, 0.0)
    A = dictionary.to_sparse().toarray()
    reach = np.where(x.ravel() == 0, abs(A.T @ A) @ x.ravel(), 0)
    block = Listed(np.sort([*support, *np.argsort(reach)[-2:]]), draws)
    failed = InterferenceEngine.of(model, x, draws).failed(block)[:, 0]
    signs = np.ones((len(block), x.size))
    signs[:, block.atoms] = 1 - 2 * block.negative()
    z = signs * ((signs * x.ravel()) @ A.T @ A)
    kept = z > threshold if one_sided else abs(z) > threshold
    np.testing.assert_array_equal(failed, (kept != (x.ravel() != 0)).any(axis=1))
    assert 0 < failed.sum() < len(block)


def test_more_signs_than_a_table_holds():
    dictionary = DenseDictionary(np.random.default_rng(0).normal(size=(400, 60))).normalized()
    x = codes.draw(dictionary, 20, amplitudes=codes.ConstantAmplitudes(), rng=1)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    draws = Draws.of(model, x, 0, 0.0)
    assert len(InterferenceEngine.of(model, x, draws).summed)
    tally = assert_counts_what_the_model_counts(model, x, 300, 0, 0.0)
    assert 0 < tally.failures[-1] < 300


@pytest.mark.parametrize("threshold", [0.5, 6 / 13, 5 / 13, 7 / 13])
def test_thresholds_that_coefficients_hit_exactly(threshold):
    """Barker interference is a multiple of 1/13: rounding decides, and decides alike."""
    x = codes.draw(BARKER, 8, amplitudes=codes.ConstantAmplitudes(), rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(threshold))])
    assert_counts_what_the_model_counts(model, x, 150, 1, 0.0)


def test_float32_and_layers_without_a_threshold_agree_too():
    dictionary = CirculantDictionary(filters.gaussian(4, 8, 3, rng=0).astype(np.float32), 12)
    x = codes.draw(dictionary, 2, amplitudes=codes.ConstantAmplitudes(), rng=1)
    for projection in (HardThreshold(0.3), TopK(int((x != 0).sum()))):
        model = DCSCModel([Layer(dictionary, projection)])
        tally = simulate(model, x.astype(np.float32), 200, rng=3)
        np.testing.assert_array_equal(tally.failures, naive_tally(model, x, 200, 3, 0.0).failures)


@pytest.mark.parametrize("bits", [0, 12])
def test_thresholds_that_are_a_coefficient_to_the_last_bit(bits, monkeypatch):
    """Sums in another order differ in the last bit: what the model says holds."""
    monkeypatch.setattr(tables, "_BITS", bits)
    dictionary = CirculantDictionary(filters.gaussian(3, 10, 4, rng=3), 24)
    x = codes.draw(dictionary, 3, rng=0)
    block = Draws.of(DCSCModel([Layer(dictionary, HardThreshold(1))]), x, 0, 0.0).block(0, 20)
    for draw in range(len(block)):
        drawn = block.model(draw)
        z = drawn.forward(drawn.synthesize(x)[0], keep_coefficients=True).coefficients[0]
        model = DCSCModel([Layer(dictionary, HardThreshold(np.abs(z[x == 0]).max()))])
        draws = Draws.of(model, x, 0, 0.0)
        failed = InterferenceEngine.of(model, x, draws).failed(draws.block(0, len(block)))
        alone = DrawEngine(x).failed_draw(draws.block(0, len(block)), draw)
        assert failed[draw] == alone


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("projection", [HardThreshold(0.5), SoftThreshold([0.4, 0.5, 0.5, 0.6])])
@pytest.mark.parametrize("amplitudes", [codes.ConstantAmplitudes(), codes.UniformAmplitudes(0.5)])
def test_deep_models_count_layer_by_layer(noise, projection, amplitudes):
    """Unit amplitudes on sparse ±1 filters cancel exactly: residues decide."""
    lower = CirculantDictionary(filters.rademacher(6, 48, 3, rng=0), 12)
    upper = CirculantDictionary(filters.sparse_rademacher(4, 6, 3, 2, rng=1), 12)
    model = DCSCModel([Layer(lower, HardThreshold(0.3)), Layer(upper, projection)])
    x = codes.draw(upper, 2, (2,), amplitudes=amplitudes, rng=2)
    assert BatchEngine.covers(model)
    block = Draws.of(model, x, 3, noise).block(0, 100)
    alone = DrawEngine(x).failed(block)
    np.testing.assert_array_equal(BatchEngine.of(model, x, block.draws).failed(block), alone)
    tally = assert_counts_what_the_model_counts(model, x, 100, 3, noise)
    np.testing.assert_array_equal(tally.failures, [*alone.sum(axis=0), alone.any(axis=1).sum()])
    assert tally.failures[-1] > 0


def test_batches_smaller_than_a_word_take_their_own_noise(monkeypatch):
    monkeypatch.setattr(passes, "_ENTRIES", 1000)
    x = codes.draw(BARKER, 8, rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    block = Draws.of(model, x, 3, 0.3).block(0, 70)
    alone = DrawEngine(x).failed(block)
    np.testing.assert_array_equal(BatchEngine.of(model, x, block.draws).failed(block), alone)
    assert 0 < alone.sum() < 70


def test_residues_of_a_cancellation_are_no_support():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0.1, 1, (20, 3))
    upper = DenseDictionary(np.vstack([np.c_[rows, [-math.fsum(row) for row in rows]], np.eye(4)]))
    lower = DenseDictionary(np.eye(24))
    assert (upper.synthesize(np.ones(4)) != 0).sum() > 4
    layers = [
        Layer(dictionary, HardThreshold(0.5), IdentitySigns()) for dictionary in (lower, upper)
    ]
    assert simulate(DCSCModel(layers), np.ones(4), 3).failures[0] == 0


def test_what_fails_without_interference():
    dictionary = DenseDictionary(np.eye(3))
    negative = DCSCModel([Layer(dictionary, ReLU(0.5))])
    assert simulate(negative, [-1, 0, 1], 20).failures.tolist() == [20, 20]
    noisy = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    tally = assert_counts_what_the_model_counts(noisy, [1, 0, 0], 100, 0, 0.8)
    assert 0 < tally.failures[-1] < 100


def test_a_batch_asks_the_model_itself_only_where_rounding_decides(monkeypatch):
    asked, none = [], np.zeros((1, 2), dtype=int)
    monkeypatch.setattr(DrawEngine, "counts_of_draw", lambda *args: asked.append(args) or none)
    lower = CirculantDictionary(filters.gaussian(6, 24, 3, rng=0), 12)
    upper = CirculantDictionary(filters.gaussian(4, 6, 3, rng=1), 12)
    x = codes.draw(upper, 2, rng=2)
    model = DCSCModel([Layer(lower, HardThreshold(0.3)), Layer(upper, HardThreshold(0.5))])
    draws = Draws.of(model, x, 3, 0.0)
    BatchEngine.of(model, x, draws).failed(draws.block(0, 200))
    assert not asked
    exact = DCSCModel([Layer(BARKER, HardThreshold(6 / 13))])
    y = codes.draw(BARKER, 8, amplitudes=codes.ConstantAmplitudes(), rng=0)
    draws = Draws.of(exact, y, 1, 0.0)
    for engine in (BatchEngine, InterferenceEngine):
        before = len(asked)
        engine.of(exact, y, draws).failed(draws.block(0, 50))
        assert len(asked) > before


def test_rates_agree_with_the_enumeration_of_all_signs():
    """Two adjacent atoms of [1, 1]/√2 fail in exactly half of all sign patterns."""
    dictionary = CirculantDictionary([[[1, 1]]], extent=8).normalized()
    x = np.zeros((1, 8))
    x[0, [0, 2]] = 1
    wrong = 0
    for signs in itertools.product([-1.0, 1.0], repeat=2):
        between = (signs[0] + signs[1]) / 2
        wrong += abs(between) > 0.6
    tally = simulate(DCSCModel([Layer(dictionary, HardThreshold(0.6))]), x, 4000, rng=0)
    low, _, high = clopper_pearson(tally.failures, 4000, level=1 - 1e-9)
    assert wrong == 2
    assert np.all((low <= wrong / 4) & (wrong / 4 <= high))


def test_signs_come_from_the_law_of_a_drawn_model():
    x = codes.draw(BARKER, 14, amplitudes=codes.ConstantAmplitudes(), rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(0.5))])
    again = simulate(model.draw(5), x, 300, rng=1)
    assert again == simulate(model, x, 300, rng=1)
    assert 0 < again.failures[-1] < 300
    for signs in (IdentitySigns(), FilterSigns(), FixedSigns(np.ones((1, 64)))):
        fixed = DCSCModel([Layer(BARKER, HardThreshold(0.5), signs)])
        assert simulate(fixed, x, 50, rng=1).failures[-1] in (0, 50)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_trials_extend_one_another_and_a_draw_can_be_made_again(noise):
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45)), Layer(BARKER, HardThreshold(0.45))])
    draws = Draws.of(model, np.zeros((2, 1, 64)), 7, noise)
    long, short = draws.block(1), draws.block(1, 100)
    for layer in (0, 1):
        np.testing.assert_array_equal(long.signs[layer][:100], short.signs[layer])
        np.testing.assert_array_equal(long.signs_between(70, 99)[layer], short.signs[layer][70:99])
        own = long.model(70).layers[layer].operator.signs
        np.testing.assert_array_equal(own, long.signs[layer][70])
        some = np.array([3, 60])
        chosen = unpack(long.packed(layer, some), len(long))
        np.testing.assert_array_equal(chosen, long.signs[layer].reshape(len(long), -1)[:, some])
    patterns = [long.signs[0], long.signs[1], draws.block(0).signs[0]]
    assert all((a != b).any() for a, b in itertools.combinations(patterns, 2))
    if noise:
        word = long.noise(64, 128)
        np.testing.assert_array_equal(word[6:36], short.noise(70, 100))
        np.testing.assert_array_equal(word[6], long.noise_of(70))
        np.testing.assert_allclose(BARKER.patch_norm(word), 0.1)
        assert (word[:64] != long.noise(0, 64)).any()
    x = codes.draw(BARKER, 8, rng=0)
    counts = [simulate(model, x, trials, 7, noise).failures for trials in (10, 11, BLOCK + 10)]
    assert (np.diff(counts[:2], axis=0) <= 1).all()
    assert (counts[2] >= counts[1]).all()


def test_noise_that_no_atom_sees():
    """The atoms of this dictionary lie in its padding: there is no patch to scale by."""
    dictionary = ToeplitzDictionary(np.ones((1, 1, 1)), 2, stride=3, padding=1)
    model = DCSCModel([Layer(dictionary, TopK(1))])
    x = np.zeros(dictionary.code_shape)
    assert simulate(model, x, 5, noise=0.5).failures.tolist() == [0, 0]


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_threads_change_nothing(noise):
    x = codes.draw(BARKER, 14, amplitudes=codes.ConstantAmplitudes(), rng=0)
    model = DCSCModel([Layer(BARKER, HardThreshold(0.5))])
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            found.append(simulate(model, x, 4 * BLOCK + 100, noise=noise))
    assert found[0] == found[1] == found[2]
    assert 0 < found[0].failures[-1] < found[0].trials


def test_the_same_seed_gives_the_same_tally_and_generators_move_on():
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    x = codes.draw(BARKER, 6, rng=0)
    seeds = (3, np.random.SeedSequence(3))
    assert simulate(model, x, 500, rng=seeds[0]) == simulate(model, x, 500, rng=seeds[1])
    source = np.random.default_rng(3)
    first, second = (simulate(model, x, 500, rng=source) for _ in range(2))
    assert first != second


@pytest.mark.parametrize("noise", [0.0, 0.1, "array"])
@pytest.mark.parametrize("projection", [HardThreshold(0.45), TopK(8)], ids=repr)
@pytest.mark.parametrize("depth", [1, 2])
def test_stretches_of_trials_add_up(noise, projection, depth, monkeypatch):
    for module in ("draws", "trials"):
        monkeypatch.setattr(f"dcsc.experiments.simulation.{module}.BLOCK", 256)
    model = DCSCModel([Layer(BARKER, projection)] * depth)
    x = codes.draw(BARKER, 8 if depth == 1 else 2, amplitudes=codes.ConstantAmplitudes(), rng=0)
    if noise == "array":
        noise = np.random.default_rng(2).normal(size=BARKER.signal_shape) * 0.1
    stops = [0, 64, 192, 256, 384, 406]
    simulation = Simulation.of(model, x, 5, noise)
    parts = [simulation.tally(*ends, entries=True) for ends in itertools.pairwise(stops)]
    total = parts[0]
    for part in parts[1:]:
        total += part
    assert total == simulate(model, x, stops[-1], 5, noise, entries=True)
    assert total.failures[-1] > 0


def test_tallies_add_up():
    total = Tally(10, [1, 2, 3]) + Tally(5, [0, 1, 1])
    assert total == Tally(15, [1, 3, 4])
    assert total != Tally(15, [1, 3, 5])
    with pytest.raises(DcscError, match="same number of layers"):
        Tally(10, [1, 2]) + total
    counted = Tally(10, [1, 1], [3], [4], "a") + Tally(5, [1, 1], [1], [0], "a")
    assert counted == Tally(15, [2, 2], [4], [4], "a")
    assert (counted + Tally(1, [0, 0], task="a")).missed is None
    assert sum([counted, counted, counted]) == counted + counted + counted
    with pytest.raises(TypeError):
        1 + counted
    with pytest.raises(DcscError, match="tallies of one task, got 'a' and 'b'"):
        counted + attrs.evolve(counted, task="b")


@pytest.mark.parametrize(("failures", "trials"), [(0, 10), (3, 10), (10, 10), (57, 400)])
def test_clopper_pearson_by_its_definition(failures, trials):
    low, best, high = found = clopper_pearson(failures, trials)
    assert (found.low, found.best, found.high) == found == (found[0], found[1], found[2])
    assert found.interval == (low, high)
    assert best == failures / trials
    if failures > 0:
        assert math.isclose(binom.sf(failures - 1, trials, low), 0.025, rel_tol=1e-9)
    if failures < trials:
        assert math.isclose(binom.cdf(failures, trials, high), 0.025, rel_tol=1e-9)
    assert (low, high) == (0.0 if failures == 0 else low, 1.0 if failures == trials else high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 0}, "simulate: trials: expected at least 1, got 0"),
        ({"noise": -1}, "simulate: noise: expected at least 0, got -1"),
        ({"noise": np.zeros((1, 3))}, "simulate: noise: expected shape"),
        ({"rng": -1}, "simulate: rng: expected None"),
        ({"codes": np.zeros((1, 3))}, "simulate: codes: expected shape"),
        (
            {"engine": "table"},
            "simulate: engine: expected one of tables, batches, draws, got 'table'",
        ),
    ],
)
def test_bad_input_is_named(arguments, message):
    model = DCSCModel([Layer(BARKER, HardThreshold(0.45))])
    given = {"codes": np.zeros(BARKER.code_shape), "trials": 10} | arguments
    with pytest.raises(DcscError, match=message.replace("(", r"\(")):
        simulate(model, **given)


def test_an_engine_that_does_not_cover_the_model_is_refused():
    model = DCSCModel([Layer(BARKER, TopK(2))])
    for engine in ("tables", "batches"):
        with pytest.raises(
            NotCoveredError, match=f"simulate: the engine '{engine}' does not cover"
        ):
            simulate(model, np.zeros(BARKER.code_shape), 10, engine=engine)


def test_the_last_engine_covers_whatever_the_others_do_not():
    assert ENGINES[-1] is DrawEngine
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)
