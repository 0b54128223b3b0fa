"""What `explain` says, against matrices, enumeration and formulas written out anew."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import dcsc
from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    HybridBound,
    InstanceBound,
    LayerGuarantee,
    LayerInstance,
    LayerStatistics,
    PartialBound,
    ProbabilisticBound,
    RobustBound,
    Side,
    UniformBound,
    explain,
    measure,
)
from dcsc.bounds.certificates.inputs import Inputs
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.cli import proofs
from dcsc.codes import ConstantAmplitudes
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.errors import ContractError, DcscError
from dcsc.experiments import Tally
from dcsc.experiments.studies.example import example_layers
from dcsc.model import DCSCModel, Layer
from dcsc.plotting import explanation
from dcsc.projections import HardThreshold, ReLU, TopK
from tests.sign_enumeration import circulant, patterns, toeplitz
from tests.strategies import Ingredients, seeds
from tests.test_windows import matrix_of


def barker(ones=13, threshold=0.5):
    dictionary = CirculantDictionary(filters.barker(1, 1, 13), extent=64)
    code = np.zeros((1, 64))
    code[0, 0 : 2 * ones : 2] = 1
    return LayerInstance(dictionary, code, threshold)


def chain(depth, sparsity=2):
    """Sparse filters above low coherence, with orthogonal ones between, or a part of that."""
    twins = np.repeat(np.eye(64), 2, axis=1)[:, :, None] / math.sqrt(2)
    below = {
        1: [],
        2: [filters.equicorrelated(64, 256, 1, 0.004, rng=0)],
        3: [filters.equicorrelated(128, 512, 1, 0.004, rng=0), twins],
    }[depth]
    top = filters.sparse_rademacher(8, 64, 3, nonzeros=4, rng=1)
    dictionaries = [CirculantDictionary(taps, extent=16) for taps in (*below, top)]
    thresholds = (math.sqrt(1 / 32), 0.25, 0.6)[3 - depth :]
    parts = zip(dictionaries, thresholds, strict=True)
    top = dictionaries[-1]
    model = DCSCModel([Layer(d, HardThreshold(beta)) for d, beta in parts])
    code = dcsc.codes.draw(top, sparsity, amplitudes=ConstantAmplitudes(), rng=2)
    return model, model.draw(3).synthesize(code)


# ---- the pair of atoms -------------------------------------------------------------------------


def off_diagonal(matrix):
    gram = matrix.T @ matrix
    np.fill_diagonal(gram, 0)
    return gram


def assert_largest(pair, gram, code_shape):
    if np.abs(gram).max(initial=0) == 0:
        assert pair is None
        return None
    ends = zip(pair.filters, pair.positions, strict=True)
    first, second = (np.ravel_multi_index((i, *p), code_shape) for i, p in ends)
    scale = np.abs(gram).max()
    assert first != second
    assert abs(pair.value) == pytest.approx(scale, rel=1e-12)
    assert gram[first, second] == pytest.approx(pair.value, rel=1e-12, abs=1e-12 * scale)
    return first, second


@given(seeds, st.integers(1, 3), st.integers(1, 2), st.integers(1, 5), st.integers(2, 9))
def test_pair_on_a_circle(seed, n, c, f, extent):
    taps = np.random.default_rng(seed).standard_normal((n, c, f))
    dictionary = CirculantDictionary(taps, extent)
    pair = dictionary.correlated_pair()
    if assert_largest(pair, off_diagonal(circulant(taps, extent)), (n, extent)):
        (p,), (q,), (offset,) = *pair.positions, pair.offset
        assert (p + offset - q) % extent == 0
        assert abs(offset) <= extent / 2
        assert pair.everywhere
        assert not pair.cut


@given(seeds, st.integers(1, 3), st.integers(1, 5), st.integers(5, 9), st.integers(0, 4))
def test_pair_between_zeros(seed, n, f, extent, padding):
    taps = np.random.default_rng(seed).standard_normal((n, 1, f))
    padding = min(padding, f - 1)
    dictionary = ToeplitzDictionary(taps, extent, padding=padding)
    pair = dictionary.correlated_pair()
    if assert_largest(pair, off_diagonal(toeplitz(taps, extent, padding)), dictionary.code_shape):
        (p,), (q,), (offset,) = *pair.positions, pair.offset
        assert offset == q - p
        assert not pair.everywhere
        stick_out = [place < padding or place + f > extent + padding for place in (p, q)]
        assert pair.cut == any(stick_out)


@given(st.data())
def test_pair_of_any_dictionary(data):
    dictionary = Ingredients(data.draw).dictionary()
    matrix = matrix_of(dictionary)
    assert_largest(dictionary.correlated_pair(), off_diagonal(matrix), dictionary.code_shape)


def test_pair_where_the_border_makes_it():
    taps = np.array([[[3.0, 1.0, 1.0]], [[-1.0, 1.0, 3.0]]]) / math.sqrt(11)
    pair = ToeplitzDictionary(taps, 9, padding=2).correlated_pair()
    gram = off_diagonal(toeplitz(taps, 9, 2))
    assert_largest(pair, gram, (2, 11))
    inner = ToeplitzDictionary(taps, 9).correlated_pair()
    assert not inner.cut
    matrix = DenseDictionary(np.eye(3))
    assert matrix.correlated_pair() is None
    assert DenseDictionary([[1.0, 0, -0.6], [0, 1, 0.8]]).correlated_pair().filters == (1, 2)


# ---- the weakest atoms -------------------------------------------------------------------------


def by_enumeration(matrix, code, threshold, shift):
    """Return for each atom its probability, and the weights of its neighbours."""
    gram = matrix.T @ matrix
    found = []
    for k in range(len(code)):
        others = [j for j in np.flatnonzero(code) if j != k]
        weights = np.abs(gram[k, others] * code[others])
        weights = weights[weights > 1e-13 * np.abs(gram).max()]
        sums = patterns(len(weights)) @ weights
        level = gram[k, k] * abs(code[k]) - threshold if code[k] else threshold
        sides = 1 if code[k] else 2
        reached = (sums >= level - shift * math.sqrt(gram[k, k])).mean()
        found.append((min(1.0, sides * reached), level, weights))
    return found


@settings(max_examples=9)
@given(seeds, st.sampled_from(["circulant", "toeplitz", "dense"]), st.sampled_from([0.0, 0.1]))
def test_weakest_atoms_are_those_of_the_enumeration(seed, kind, zeta):
    rng = np.random.default_rng(seed)
    taps = filters.gaussian(2, 1, 4, rng=rng)
    dictionary, matrix = {
        "circulant": lambda: (CirculantDictionary(taps, 9), circulant(taps, 9)),
        "toeplitz": lambda: (ToeplitzDictionary(taps, 9, padding=2), toeplitz(taps, 9, 2)),
        "dense": lambda: (DenseDictionary(taps[:, 0].T), taps[:, 0].T),
    }[kind]()
    code = rng.uniform(0.5, 1, matrix.shape[1]) * rng.choice([-1, 1], matrix.shape[1])
    code[rng.permutation(len(code))[min(7, len(code) - 1) :]] = 0
    layer = LayerInstance(dictionary, code.reshape(dictionary.code_shape), 0.45, zeta)
    found = explain(layer, bounds=InstanceBound(), top=4).layers[0].verdicts[0].atoms
    expected = by_enumeration(matrix, code, 0.45, zeta)
    chances = sorted((chance for chance, *_ in expected if chance > 0), reverse=True)
    assert [atom.probability for atom in found] == pytest.approx(chances[:4], rel=1e-9)
    norms = np.linalg.norm(matrix, axis=0)
    for atom in found:
        k = int(np.ravel_multi_index((atom.filter, *atom.position), dictionary.code_shape))
        chance, level, weights = expected[k]
        squares = sorted(weights**2, reverse=True)
        assert atom.probability == pytest.approx(chance, rel=1e-9)
        assert atom.share == pytest.approx(chance / sum(chances), rel=1e-9)
        assert atom.column == 0
        assert atom.on_support == (code[k] != 0)
        assert atom.interferers == len(weights)
        assert atom.level == pytest.approx(level)
        assert atom.noise == pytest.approx(zeta * norms[k])
        assert atom.reach == pytest.approx(sum(weights))
        deviation = math.sqrt(sum(squares))
        assert atom.deviation == pytest.approx(deviation)
        if len(weights):
            assert atom.largest == pytest.approx(squares[0] / deviation**2)
            assert atom.largest_three == pytest.approx(sum(squares[:3]) / deviation**2)
            assert atom.margin == pytest.approx((level - zeta * norms[k]) / deviation)


def weakest(layer):
    return explain(layer, bounds=InstanceBound(), top=1).layers[0].verdicts[0].atoms[0]


def test_causes():
    assert weakest(barker()).cause == "many weak neighbours"
    assert weakest(barker(threshold=1.5)).cause == "the threshold alone"
    assert weakest(attrs.evolve(barker(), noise=0.6)).cause == "the noise alone"
    three_of_four = weakest(barker(5, threshold=0.3))
    assert three_of_four.largest_three == pytest.approx(0.75)
    assert three_of_four.cause == "a few strong neighbours"
    pair = DenseDictionary([[1.0, 0.8], [0, 0.6]])
    assert weakest(LayerInstance(pair, [1.0, 1.0], 0.5)).cause == "a few strong neighbours"
    alone = weakest(LayerInstance(pair, [1.0, 0.0], 0.5, noise=0.6))
    assert (alone.filter, alone.on_support, alone.interferers) == (0, True, 0)
    assert alone.margin == -math.inf
    assert alone.largest == 0


def test_weakest_of_several_columns():
    layer = barker()
    calm = np.zeros_like(layer.codes)
    calm[0, 5] = 1
    both = attrs.evolve(layer, codes=np.stack([calm, layer.codes]))
    assert weakest(both).column == 1
    assert attrs.evolve(weakest(both), column=0) == weakest(layer)


def test_gaussian_noise_is_part_of_the_deviation():
    layer = attrs.evolve(barker(), noise=0.05, noise_model="gauss")
    found = explain(layer, bounds=[UniformBound(), InstanceBound(tail="chernoff")])
    assert [refusal.bound for refusal in found.refusals] == ["UniformBound"]
    atom = found.layers[0].verdicts[0].atoms[0]
    weights = atom.interferers / 13**2
    assert atom.noise == 0
    assert atom.deviation == pytest.approx(math.sqrt(weights + 0.05**2))


def test_noise_that_is_known_is_one_more_neighbour():
    signal = np.zeros((1, 64))
    signal[0, 12] = 1
    atom = weakest(attrs.evolve(barker(1), noise=signal, noise_model="independent", threshold=0.3))
    taps = filters.barker(1, 1, 13)[0, 0]
    assert atom.reach == pytest.approx(
        abs(taps[12 - atom.position[0]])
        + abs(taps[: 13 - atom.position[0]] @ taps[atom.position[0] :]) * (not atom.on_support)
    )


# ---- two sides, and what would have to change --------------------------------------------------


constants = st.fixed_dictionaries(
    {
        "coherence": st.floats(0.005, 0.3),
        "sparsity": st.integers(1, 20),
        "x_min": st.floats(0.3, 1),
        "noise": st.sampled_from([0.0, 0.02, 0.1]),
        "n_atoms": st.integers(4, 5000),
    }
)


def one_verdict(bound, layer, delta=0.01):
    (verdict,) = explain(layer, bounds=bound, failure_probability=delta).layers[0].verdicts
    return verdict


@given(constants)
def test_uniform_answers_are_those_of_the_formula(numbers):
    mu, s, x, zeta = (numbers[k] for k in ("coherence", "sparsity", "x_min", "noise"))
    # What is within rounding of a tie counts as a failure, which the formulas here do not say.
    assume(abs(x - mu * (2 * s - 1) - 2 * zeta) > 1e-9)
    assume(abs(x - mu * (2 * s - 1)) > 1e-9)
    verdict = one_verdict(UniformBound(), LayerStatistics(x_max=1, **numbers))
    (side,) = verdict.sides
    assert side.left_value == pytest.approx(mu * (2 * s - 1) + 2 * zeta)
    assert side.right_value == x
    assert side.slack == pytest.approx(x - mu * (2 * s - 1) - 2 * zeta)
    assert side.holds == (verdict.failure_probability == 0) == (side.slack > 0)
    limit = (x / 2 - zeta) / mu + 0.5
    assume(abs(limit - round(limit)) > 1e-9)
    assert verdict.change("S").needed == max(math.ceil(limit) - 1, 0) == verdict.certain
    assert verdict.change("S").now == s
    noise, least = (x - mu * (2 * s - 1)) / 2, mu * (2 * s - 1) + 2 * zeta
    wanted = {"zeta": noise if noise > 0 else None, "x_min": least if least < 1 else None}
    for quantity, needed in wanted.items():
        change = verdict.change(quantity)
        assert change.now == numbers[{"zeta": "noise"}.get(quantity, quantity)]
        assert change.needed == (None if needed is None else pytest.approx(needed, rel=1e-6))
    assert verdict.best.threshold == pytest.approx((x + mu) / 2)
    assert verdict.best.failure_probability == (0 if side.holds else 1)
    assert verdict.inside is None


@given(constants, st.sampled_from([0.5, 0.01, 1e-6]))
def test_probabilistic_answers_are_those_of_the_formula(numbers, delta):
    mu, s, x, zeta = (numbers[k] for k in ("coherence", "sparsity", "x_min", "noise"))
    verdict = one_verdict(ProbabilisticBound(), LayerStatistics(x_max=1, **numbers), delta)
    (side,) = verdict.sides
    value = 2 * numbers["n_atoms"] * math.exp(-(x**2) / (8 * (mu**2 * s + zeta**2)))
    assert side.left_value == pytest.approx(value, rel=1e-9)
    assert side.right_value == delta
    assert not side.strict
    logs = math.log(2 * numbers["n_atoms"] / delta)
    limit = (x**2 / (8 * logs) - zeta**2) / mu**2
    assert verdict.change("S").needed == (math.floor(limit) if limit >= 0 else None)
    room = x**2 / (8 * logs) - mu**2 * s
    needed = pytest.approx(math.sqrt(room), rel=1e-6) if room > 0 else None
    assert verdict.change("zeta").needed == needed
    least = math.sqrt(8 * logs * (mu**2 * s + zeta**2))
    least = pytest.approx(least, rel=1e-6) if least < 1 else None
    assert verdict.change("x_min").needed == least
    assert verdict.best.threshold == pytest.approx(x / 2)


def test_a_side_in_doubt_is_false():
    assert not Side("a", 1.0, "b", 1.0 + 1e-13).holds
    assert Side("a", 1.0, "b", 1.0 + 1e-11).holds
    assert Side("a", 1.0, "b", 1.0, strict=False).holds
    assert not Side("a", 1.0, "b", 0.5, strict=False).holds
    assert Side("a", 1.0, "b", 0.25).slack == -0.75


def test_channels_are_necessary_only():
    found = explain(barker(), bounds=RobustBound()).layers[0].verdicts[0]
    change = found.change("channels")
    assert change.now == 1
    assert not change.sufficient
    assert change.needed == RobustBound().min_channels(barker())


def test_error_that_enters_is_kept_while_one_thing_changes():
    model, truth = chain(2)
    found = explain(model, truth, noise=0.01, bounds=UniformBound())
    lower, upper = measure(model, truth, 0.01)
    first, second = lower.statistics(), upper.statistics()
    entry = 0.01 + first.coherence * (first.sparsity - 1) * first.x_max
    zeta = math.sqrt(first.patch_sparsity) * entry
    verdict = found.layers[1].verdicts[0]
    assert verdict.change("zeta").now == verdict.guarantee.noise == pytest.approx(zeta)
    limit = (second.x_min / 2 - zeta) / (second.coherence * second.x_max) + 0.5
    # the threshold in use is kept as well
    reach = (0.6 - zeta) / (second.coherence * second.x_max)
    beyond = (second.x_min - zeta - 0.6) / (second.coherence * second.x_max) + 1
    assert verdict.change("S").needed == min(
        math.ceil(limit) - 1, math.floor(reach), math.ceil(beyond) - 1
    )


@pytest.mark.parametrize("factor", [2, 4])
def test_strides(factor):
    taps = filters.gaussian(2, 3, 5, rng=1)
    code = np.zeros((2, 16))
    code[0, 3] = code[1, 9] = 1
    layer = LayerInstance(CirculantDictionary(taps, 16), code, 0.5)
    options = explain(layer, bounds=UniformBound()).layers[0].strides
    assert [option.stride for option in options] == [(2,), (4,)]
    option = options[factor // 2 - 1]
    columns = circulant(taps, 16).reshape(-1, 2, 16)[:, :, ::factor].reshape(48, -1)
    mu = np.abs(off_diagonal(columns)).max()
    assert option.coherence == pytest.approx(mu)
    assert option.n_atoms == columns.shape[1]
    assert option.stripe_size == 2 * (2 * (4 // factor) + 1)
    most = [s for s in range(1, 9) if mu * s <= 0.5 < 1 - mu * (s - 1) and mu * (2 * s - 1) < 1]
    assert option.max_sparsity == max(most, default=0)


def test_strides_that_do_not_fit_are_left_out():
    layer = LayerInstance(CirculantDictionary(filters.gaussian(1, 1, 4, rng=0), 9), np.eye(1, 9))
    assert [o.stride for o in explain(layer).layers[0].strides] == [(3,)]
    layer = LayerInstance(ToeplitzDictionary(filters.gaussian(1, 1, 4, rng=0), 9), np.eye(1, 6))
    assert [o.n_atoms for o in explain(layer).layers[0].strides] == [3, 2]
    assert explain(LayerInstance(DenseDictionary(np.eye(3)), [1, 0, 0])).layers[0].strides == ()


# ---- whole explanations ------------------------------------------------------------------------


def assert_readable(found):
    text = found.text()
    assert text == str(found)
    assert max(map(len, text.splitlines())) <= 100
    assert "nan" not in text
    assert "= None" not in text
    return " ".join(text.split())


def test_nothing_holds():
    found = explain(chain(2, sparsity=8)[0], chain(2, sparsity=8)[1], noise=0.3)
    text = assert_readable(found)
    assert {v.failure_probability for v in found.layers[1].verdicts} == {1.0}
    assert text.count("says nothing") >= 6
    assert "cannot be reached by" in text
    for guarantee in found.guarantees:
        assert not guarantee.holds


@pytest.mark.parametrize("depth", [1, 3])
def test_everything_holds(depth):
    model, truth = chain(depth, sparsity=1)
    if depth == 1:
        model = DCSCModel([attrs.evolve(model.layers[0], projection=HardThreshold(0.5))])
    found = explain(model, truth)
    text = assert_readable(found)
    bounds = ["UniformBound", "ProbabilisticBound", "RobustBound", "HybridBound", "InstanceBound"]
    if depth > 1:
        bounds.insert(4, "LayeredBound")
    assert [guarantee.bound for guarantee in found.guarantees] == bounds
    assert len(found.layers) == depth
    for number, layer in enumerate(found.layers, start=1):
        assert layer.number == number
        assert layer.sharpest.failure_probability == 0
        assert layer.verdicts[0].inside
        assert layer.measured <= layer.guaranteed
        assert (
            f"Layer {number}: S = {layer.measured}, mu = {layer.statistics.coherence:.3g}" in text
        )
    assert "cannot fail" in text


def test_key_numbers_are_in_the_text():
    found = explain(barker())
    text = assert_readable(found)
    for said in (
        "S = 13",
        "mu = 0.0769",
        "N = 64",
        "threshold 0.5",
        "moved by",
        "Proved for certain: S up to 6.",
        f"{25 / 13:.3g} must be below c_min^2 x_min = 1: {12 / 13:.3g} too much",
        f"formula gives {2 * 64 * math.exp(-169 / 13 / 8):.3g} for the failure probability, and "
        "must give at most delta = 0.01",
        "S at most 6 (now 13)",
        "S at most 2 (now 13)",
        "fails with probability at most 0.169",
        "many weak neighbours",
        "cannot be reached by zeta or x_min alone",
        "Assumed by all: the noise has patch norm at most 0.",
        "With stride 2: mu = 0.0769, 13 entries in a stripe, 32 atoms",
    ):
        assert said in text


def test_threshold_in_its_interval_or_not():
    good = explain(barker(6), bounds=UniformBound())
    assert good.layers[0].verdicts[0].inside
    assert "lies where it may, between 0.462 and 0.615" in assert_readable(good)
    bad = explain(barker(6, 0.7), bounds=UniformBound())
    assert bad.layers[0].verdicts[0].inside is False
    assert bad.layers[0].verdicts[0].best.failure_probability == 0
    assert "Not met: threshold must lie in (0.462, 0.615), given 0.7." in assert_readable(bad)
    assert bad.layers[0].verdicts[0].violations == (
        "layer 1: threshold must lie in (0.461538, 0.615385), given 0.7",
    )
    several = attrs.evolve(example_layers()[0], threshold=np.linspace(0.2, 0.3, 64), noise=0.02)
    found = explain(several)
    assert [v.inside for v in found.layers[0].verdicts] == [True, False, False, True, True]
    assert "threshold 0.2 to 0.3" in assert_readable(found)


def test_statistics_have_no_atoms():
    layer = LayerStatistics(
        coherence=0.02, sparsity=10, x_min=1, x_max=1, noise=0.1, n_atoms=1000, threshold=0.5
    )
    found = explain([layer])
    (only,) = found.layers
    assert (only.pair, only.strides) == (None, ())
    assert [refusal.bound for refusal in found.refusals] == ["InstanceBound"]
    assert all(verdict.atoms == () for verdict in only.verdicts)
    assert (only.guaranteed, only.likely, only.measured) == (19, 19, 10)  # 20: a tie
    assert only.sharpest.bound == "UniformBound"
    text = assert_readable(found)
    assert "Not used: InstanceBound does not cover layer 1: it needs the dictionary" in text
    assert "mu:" not in text
    assert str(explain(layer)) == str(found)


def test_guaranteed_is_not_likely():
    layer = LayerStatistics(
        coherence=0.005, sparsity=9, x_min=1, x_max=1, noise=0, n_atoms=1000, threshold=0.5
    )
    (only,) = explain(layer, bounds=[UniformBound(), RobustBound()]).layers
    likely = 0.25 / (2 * 0.005**2 * math.log(2 * 1000 / 0.01))
    assert (only.guaranteed, only.likely) == (99, math.floor(likely))  # at 100 the sum is β: a tie


def test_refusals_and_layers_that_no_bound_covers():
    found = explain(attrs.evolve(barker(), selection=TopK(2).selection, threshold=None))
    assert found.guarantees == ()
    assert found.layers[0].sharpest is None
    assert found.layers[0].guaranteed is None
    text = assert_readable(found)
    assert "No theorem applies." in text
    assert "Proved" not in text
    assert text.count("proved") == 1
    assert text.startswith("Nothing is proved of layer 1: no theorem that was asked covers it.")
    free = explain(attrs.evolve(barker(1), threshold=None))
    assert [refusal.bound for refusal in free.refusals] == ["InstanceBound"]
    assert free.layers[0].verdicts[0].inside is None
    assert "threshold 0.538 gives 0" in assert_readable(free)
    rectified = explain(attrs.evolve(barker(2), selection=ReLU(0.5).selection))
    assert rectified.layers[0].sharpest.failure_probability == 0
    ignorant = explain(LayerStatistics(coherence=0.1, sparsity=2, x_min=1, x_max=1))
    assert [v.bound for v in ignorant.layers[0].verdicts] == ["UniformBound"]


def test_orthogonal_atoms():
    found = explain(LayerInstance(DenseDictionary(np.eye(4)), [1, 1, 0, 0], 0.5))
    assert found.layers[0].pair is None
    assert found.layers[0].guaranteed == 4
    assert "S up to 4, a full stripe" in assert_readable(found)
    endless = LayerStatistics(
        coherence=0, sparsity=1, x_min=1, x_max=1, noise=0, n_atoms=4, threshold=0.5
    )
    assert "S up to any number" in assert_readable(explain(endless))


@settings(max_examples=12)
@given(st.data())
def test_any_layer_is_explained(data):
    some = Ingredients(data.draw)
    dictionary = some.dictionary(live=True)
    code = some.array(dictionary.code_shape)
    code[(0,) * code.ndim] = 1
    cheap = [UniformBound(), RobustBound(), HybridBound(), InstanceBound(tail="hoeffding")]
    found = explain(LayerInstance(dictionary, code, 0.3), bounds=cheap, top=1)
    assert not found.refusals
    assert_readable(found)


# ---- in part -----------------------------------------------------------------------------------


def test_what_is_found_of_a_layer_is_told_where_the_whole_is_not_proved():
    """Between the ends of the enumeration: of (13, 13) the whole support is not proved."""
    layer = barker()
    (only,) = explain(layer).layers
    gram = off_diagonal(circulant(filters.barker(1, 1, 13), 64)) + np.eye(64)
    code = layer.codes.ravel()
    support = np.flatnonzero(code)
    signs = patterns(len(support))
    seen = np.abs(signs @ gram[support]) > 0.5
    recall = seen[:, support].mean()
    alarms = seen[:, code == 0].sum(axis=1).mean() / len(support)
    assert only.partial.recall.low - 1e-9 <= recall <= only.partial.recall.high + 1e-9
    low, high = only.partial.false_per_active
    assert low - 1e-9 <= alarms <= high + 1e-9
    text = assert_readable(explain(layer))
    assert f"In part: in the mean over random signs a share of {recall:.3g}" in text
    assert "of the non-zeros is found" in text


def test_part_of_a_support_is_asked_about_only_where_it_tells_more():
    assert explain(barker(2)).layers[0].partial is None
    assert explain(barker(), bounds=UniformBound()).layers[0].partial is None
    assert explain(barker(), bounds=[PartialBound()]).layers[0].partial is not None
    model, truth = chain(2, sparsity=8)
    found = explain(model, truth, noise=0.3)
    for layer, expected in zip(
        found.layers, PartialBound().evaluate(measure(model, truth, 0.3)).layers, strict=True
    ):
        assert layer.partial in (None, expected)
    assert found.layers[1].partial is not None
    text = assert_readable(found)
    assert "Assumed by PartialBound: of layer 1 it sees the values on the true supports" in text
    known = LayerStatistics(coherence=0.3, sparsity=9, x_min=1, x_max=1, noise=0, n_atoms=99)
    assert "and any number of false alarms" in assert_readable(explain(known))
    rain = attrs.evolve(barker(), hypotheses=(Hypothesis("it rains", False),))
    assert "In part: nothing either" in assert_readable(explain(rain))


# ---- bounds of one's own -----------------------------------------------------------------------


@attrs.frozen
class Coin(BoundCalculator):
    """Whatever happens, with probability 1/4 it goes wrong."""

    def _evaluate(self, layers):
        parts = [LayerGuarantee(0.25, (0.0, 1.0), 0.0) for _ in layers]
        return Guarantee(tuple(parts), "Coin", "nobody")


@attrs.frozen
class Sided(Coin):
    """The same with sides of its own."""

    def _sides(self, layer, part, failure_probability):
        return (Side("heads", layer.x_min, "tails", 7.0),)


class Broken(Coin):
    """A bound that forgets the guarantee."""

    def _evaluate(self, layers):
        return None


def test_bounds_of_ones_own_take_part():
    found = explain(barker(), bounds=[Coin(), Sided()])
    first, second = found.layers[0].verdicts
    assert first.sides == (Side("failure probability", 0.25, "delta", 0.01, strict=False),)
    assert first.change("S").needed is None
    assert second.sides == (Side("heads", 1.0, "tails", 7.0),)
    text = assert_readable(found)
    assert "failure probability = 0.25 must be at most delta = 0.01: 0.24 too much." in text
    assert "heads = 1 must be below tails = 7: 6 to spare." in text
    assert found.layers[0].likely is None
    with pytest.raises(ContractError, match=r"Broken\._evaluate"):
        explain(barker(), bounds=Broken())


def test_what_is_refused():
    model, truth = chain(1)
    cases = [
        (lambda: explain(7), "explain: layers"),
        (lambda: explain([]), "explain: layers"),
        (lambda: explain(model), "truth"),
        (lambda: explain(barker(), truth), "explain: truth, noise"),
        (lambda: explain(barker(), noise=0.1), "explain: truth, noise"),
        (lambda: explain(barker(), failure_probability=2), "explain: failure_probability"),
        (lambda: explain(barker(), top=-1), "explain: top"),
        (lambda: explain(barker(), bounds=[3]), "explain: bounds"),
        (lambda: explain(attrs.evolve(barker(), codes=np.zeros((1, 64)))), "x_min"),
        (lambda: explanation(3), "explanation: found"),
        (lambda: explanation(explain(barker(1)), Tally(3, [0, 0, 0])), "explanation: tally"),
    ]
    for call, words in cases:
        with pytest.raises(DcscError, match=words):
            call()


# ---- the figure --------------------------------------------------------------------------------


def heights(container):
    return [bar.get_height() for bar in container]


def test_bars_are_the_numbers():
    model, truth = chain(3)
    found = explain(model, truth)
    tally = Tally(50, [1, 2, 0, 3])
    figure = explanation(found, tally)
    assert isinstance(figure, Figure)
    densities, failures = figure.axes
    bars = [c for c in densities.containers if hasattr(c, "patches")]
    wanted = [[getattr(x, k) for x in found.layers] for k in ("guaranteed", "likely", "measured")]
    assert [heights(c) for c in bars] == wanted
    labels = [text.get_text() for text in densities.texts]
    assert labels == [str(value) for value in itertools.chain(*wanted)]
    _, best, high = tally.interval()
    (measured,) = failures.containers
    assert measured[0].get_ydata() == pytest.approx(np.maximum(best[:-1], 1e-12))
    segments = measured[2][0].get_segments()
    assert [s[1][1] for s in segments] == pytest.approx(high[:-1])
    proved = [line.get_ydata()[0] for line in failures.lines if line.get_marker() == "v"]
    sharpest = [layer.sharpest.failure_probability for layer in found.layers]
    assert proved == [max(value, 1e-12) for value in sharpest]
    figure.canvas.draw()


def test_figure_of_no_number_and_of_any(tmp_path):
    endless = LayerStatistics(coherence=0, sparsity=1, x_min=1, x_max=1, n_atoms=4, noise=0)
    refused = attrs.evolve(endless, selection=None)
    for layer, said in ((endless, "any"), (refused, "no\ntheorem")):
        figure = explanation(explain(layer))
        figure.savefig(tmp_path / "explained.png")
        labels = [text.get_text() for text in figure.axes[0].texts]
        assert labels == [said, said, "1"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["no bound covers it"]
    figure = explanation(explain(barker(), bounds=UniformBound()))
    assert [text.get_text() for text in figure.axes[1].texts] == ["nothing is proved"]


# ---- the command -------------------------------------------------------------------------------


def test_command(tmp_path, capsys):
    file = tmp_path / "evidence.npz"
    file.write_bytes(Inputs(UniformBound(), (barker(),)).npz())
    proofs.explain(evidence=file, out=tmp_path)
    assert capsys.readouterr().out.startswith(str(explain(barker())))
    assert (tmp_path / "explain.png").stat().st_size > 10_000
    with pytest.raises(DcscError, match="--codes"):
        proofs.explain(codes=file)


def test_command_without_a_model(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = called("explain", "--delta", 0.1)
    assert (done.code, done.err) == (0, "")
    assert "delta = 0.1" in " ".join(done.out.split())
    assert "Layer 2: S = 4" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["explain.png"]
