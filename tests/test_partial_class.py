"""The law of a class of codes, several layers, and certificates of partial recovery."""

import json
import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import dcsc
from dcsc import bounds
from dcsc.bounds import Certificate, Hypothesis, LayerInstance, LayerStatistics, PartialBound
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Selection
from tests.commands import call
from tests.test_partial import EPS, outcomes, shares
from tests.test_units import RELU, layers, random_layer

BENTKUS = 1 / (4 * norm.sf(math.sqrt(2)))


def statistics(mu=0.01, threshold=0.5, **others):
    return LayerStatistics(coherence=mu, x_min=1, x_max=1, threshold=threshold, **others)


def evaluated(layer):
    return PartialBound().evaluate(layer).layers[0]


# ---- formulas ------------------------------------------------------------------------------------


def test_the_miss_rate_is_the_smaller_of_two_tails():
    """Hoeffding's alone is exp(-2.5) there."""
    part = evaluated(statistics(0.1, sparsity=6))
    ratio = 0.5 / math.sqrt(0.01 * 5)
    assert math.exp(-(ratio**2) / 2) == pytest.approx(0.08208499862389883, rel=1e-12)
    assert 1 - part.recall.low == pytest.approx(BENTKUS * norm.sf(ratio), rel=1e-9)
    assert 1 - part.recall.low < 0.08208499862389883
    assert part.recall.high == 1
    assert (part.missed.low, part.missed.high) == (0, math.inf)  # of any number of units
    known = evaluated(statistics(0.1, sparsity=6, n_atoms=100, n_samples=2))
    assert known.missed.high == pytest.approx(200 * (1 - part.recall.low))


def test_reference_value_of_false_alarms():
    part = evaluated(statistics(0.05, sparsity=40, spread=3.0, noise=0.02))
    assert part.false_per_active.high == pytest.approx(18.960247721511752, rel=1e-9)
    one_sided = attrs.evolve(
        statistics(0.05, sparsity=40, spread=3.0, noise=0.02, nonnegative=True), selection=RELU
    )
    half = evaluated(attrs.evolve(one_sided, threshold=0.5))
    assert half.false_per_active.high == pytest.approx(18.960247721511752 / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("mu", "missed", "most"),
    [(0.01, 0.01, 335), (0.01, 0.05, 541), (0.01, 0.1, 723), (0.1, 0.1, 8), (0.5, 0.2, 1)],
)
def test_largest_sparsity_by_misses(mu, missed, most):
    assert PartialBound().max_sparsity(statistics(mu), missed=missed) == most
    deviation = 0.5 / norm.isf(missed / BENTKUS)
    assert math.floor(1 + (deviation / mu) ** 2) == most


@pytest.mark.parametrize(("spread", "most"), [(1.0, (129, 177, 296)), (7.0, (106, 135, 189))])
def test_largest_sparsity_by_false_alarms(spread, most):
    layer = statistics(spread=spread)
    found = [PartialBound().max_sparsity(layer, 1.0, false_alarms=f) for f in (0.01, 0.1, 1.0)]
    assert tuple(found) == most


def test_largest_sparsity_where_all_or_none_will_do():
    assert PartialBound().max_sparsity(statistics(0.0)) == math.inf
    assert PartialBound().max_sparsity(statistics(0.0, stripe_size=9)) == 9
    assert PartialBound().max_sparsity(statistics(0.1, noise=0.5), missed=0.5) == 0
    assert PartialBound().max_sparsity(statistics(0.1, noise=0.7), 1.0, false_alarms=1.0) is None
    # without b nothing is known of false alarms, but where no signs can raise one
    assert PartialBound().max_sparsity(statistics(0.1), 1.0, false_alarms=9.0) == 4
    assert evaluated(statistics(0.1, sparsity=6)).false_per_active.high == math.inf


def test_the_dictionary_brings_its_own_spread():
    bank = filters.gaussian(2, 8, 3, rng=0)
    dictionary = CirculantDictionary(bank, 20)
    code = np.zeros((2, 20))
    code[0, [1, 9]] = 1
    layer = LayerInstance(dictionary, code, 0.5)
    numbers = attrs.evolve(layer.statistics(babel=False), spread=dictionary.spread())
    for wanted in (0.1, 0.5, 2.0):
        found = PartialBound().max_sparsity(layer, 1.0, false_alarms=wanted)
        assert found == PartialBound().max_sparsity(numbers, 1.0, false_alarms=wanted)


def test_a_tight_frame_spreads_as_much_as_it_has_too_many_atoms():
    frame = np.vstack([np.eye(4), np.array([[1, 1, 1, 1], [1, -1, 1, -1]]) / 2, np.eye(4)[:0]])
    other = np.array([[1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    dictionary = DenseDictionary(np.vstack([frame, other]).T)
    assert dictionary.spread() == pytest.approx(8 / 4 - 1)


# ---- against all sign patterns -------------------------------------------------------------------


@settings(max_examples=150)
@given(layers, st.sampled_from([0.25, 0.5, 1.0]), st.booleans(), st.integers(0, 3))
def test_no_code_of_the_class_is_worse(layer, beta, one_sided, more):
    """The class of a code is known by more than it: its sparsity may be declared larger."""
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    active = int((code != 0).sum())
    record = LayerInstance(
        dictionary,
        code.reshape(dictionary.code_shape),
        beta,
        selection=RELU if one_sided else Selection(),
        x_min=None if active else 1.0,
    )
    numbers = attrs.evolve(record.statistics(babel=more % 2 == 0), spread=dictionary.spread())
    size = min(numbers.sparsity + more, numbers.stripe_size)
    part = evaluated(attrs.evolve(numbers, sparsity=size))
    mean = shares(outcomes(matrix, code, beta, one_sided, -1e-9), active, len(code))
    for name, value in mean.items():
        low, high = getattr(part, name)
        assert active == 0 or low - EPS <= value <= high + EPS, name
    if active:
        assert mean["false_alarms"] / active <= part.false_per_active.high + EPS


def equal_atoms(silent, mu):
    """One atom in use, and others that all have the same inner product with it."""
    matrix = np.zeros((silent + 1, silent + 1))
    matrix[0, 0] = 1
    matrix[0, 1:] = mu
    matrix[np.arange(1, silent + 1), np.arange(1, silent + 1)] = math.sqrt(1 - mu * mu)
    return matrix, np.array([1.0] + [0.0] * silent)


def test_the_fraction_of_misses_is_no_bound_of_false_alarms():
    matrix, code = equal_atoms(30, 0.4)
    beta = 0.39
    truth = shares(outcomes(matrix, code, beta, False, 0.0), 1, 31)["false_alarms"]
    assert truth == 30
    naive = min(1.0, 2 * math.exp(-(beta**2) / (2 * 0.4**2)))  # F, two-sided, at β
    assert naive < truth
    dictionary = DenseDictionary(matrix)
    numbers = attrs.evolve(
        LayerInstance(dictionary, code, beta).statistics(), spread=dictionary.spread()
    )
    assert evaluated(numbers).false_per_active.high >= truth


def test_the_first_formula_holds_up_to_its_largest_value_only():
    """With σ² > t²/2 it falls again, for a class of large S in which this code lies as well."""
    matrix, code = equal_atoms(30, 0.4)
    beta, sparsity = 0.39, 31
    variance, b = 0.4**2 * sparsity, DenseDictionary(matrix).spread()
    assert variance > beta**2 / 2
    naive = 2 * b / variance * math.exp(-(beta**2) / (2 * variance))
    assert naive < 30
    layer = LayerInstance(DenseDictionary(matrix), code, beta).statistics(babel=False)
    part = evaluated(attrs.evolve(layer, sparsity=sparsity, spread=b))
    assert part.false_per_active.high == pytest.approx(4 * b / (math.e * beta**2))
    assert part.false_per_active.high >= 30


def test_where_the_level_is_not_positive_nothing_is_known():
    part = evaluated(statistics(0.1, sparsity=2, noise=0.5, spread=1.0))
    assert part.recall == (0.0, 1.0)
    assert part.false_per_active == (0.0, math.inf)
    assert part.precision == part.jaccard == (0.0, 1.0)


def test_norms_that_are_not_one():
    """Twice as long an atom: the noise moves its coefficient by 2 ζ."""
    layer = statistics(0.1, sparsity=6, gain=(1, 2), noise=0.1, spread=2.0, n_atoms=9)
    same = statistics(0.1, sparsity=6, noise=0.2, spread=2.0, n_atoms=9)
    for name in ("recall", "false_per_active", "missed"):
        assert getattr(evaluated(layer), name) == pytest.approx(getattr(evaluated(same), name))


# ---- several layers ------------------------------------------------------------------------------


def two_layers():
    lower = CirculantDictionary(filters.gaussian(4, 16, 3, rng=0), 12)
    upper = CirculantDictionary(filters.sparse_rademacher(3, 4, 3, nonzeros=2, rng=1), 12)
    keep = dcsc.HardThreshold(0.3)
    model = dcsc.DCSCModel([dcsc.Layer(lower, keep), dcsc.Layer(upper, keep)]).draw(3)
    code = np.zeros((3, 12))
    code[0, 2], code[2, 7] = 1, 1.5
    return model, model.synthesize(code)


def test_layers_above_the_first_are_told_what_lies_below():
    model, truth = two_layers()
    guarantee = PartialBound().evaluate(bounds.measure(model, truth))
    alone = PartialBound().evaluate(bounds.measure(model, truth)[0]).layers[0]
    assert guarantee.layers[0].recall == alone.recall
    assert guarantee.conditional
    told = "layer 2: of layer 1 it sees the values on the true supports, and nothing off them"
    assert told in guarantee.assumptions
    assert not any("true supports" in h.statement for h in guarantee.layers[0].hypotheses)
    # exactly for given signs below, where every union of the whole support is empty
    exact = PartialBound().evaluate(bounds.oracle_layers(model, truth))
    assert exact.layers[1].recall.low >= guarantee.layers[1].recall.low
    assert exact.holds


def test_a_hypothesis_that_is_false_leaves_nothing():
    layer = LayerInstance(
        DenseDictionary(np.eye(2)), [1, 0], 0.5, hypotheses=(Hypothesis("it is so", False),)
    )
    guarantee = PartialBound().evaluate(layer)
    (part,) = guarantee.layers
    assert guarantee.violations == ("it is so",)
    assert not guarantee.holds
    assert part.recall == part.precision == part.hamming == (0.0, 1.0)
    assert part.missed == (0.0, math.inf)
    assert part.units is None
    with pytest.raises(NotCoveredError, match="no hypothesis that was found false"):
        part.count(0.1)


def test_numbers_and_instances_together_are_numbers():
    model, truth = two_layers()
    first, second = bounds.measure(model, truth)
    mixed = PartialBound().evaluate([first.statistics(), second])
    assert mixed.layers[1].units is None
    assert mixed.layers[1].recall == (1 - (1 - mixed.layers[1].recall.low), 1.0)
    with pytest.raises(NotCoveredError, match="expected what was evaluated for a LayerInstance"):
        mixed.layers[1].count(0.1)


# ---- certificates --------------------------------------------------------------------------------


def certified(guarantee, folder):
    Certificate.of(guarantee).write(folder)
    return folder / "certificate.json", folder / "evidence.npz"


@pytest.mark.parametrize("kind", ["instances", "numbers", "oracle"])
def test_it_verifies(tmp_path, kind, capsys, monkeypatch):
    model, truth = two_layers()
    records = {
        "instances": lambda: bounds.measure(model, truth),
        "oracle": lambda: bounds.oracle_layers(model, truth),
        "numbers": lambda: [statistics(0.1, sparsity=2, spread=2.5)],
    }[kind]()
    guarantee = PartialBound("chernoff").evaluate(records)
    files = certified(guarantee, tmp_path)
    found = bounds.verify(*files)
    assert found.holds, found.difference
    assert isinstance(found.certificate, bounds.certificates.certificate.PartialCertificate)
    assert found.certificate == Certificate.of(guarantee)
    tree = json.loads(files[0].read_text())
    assert tree["format"] == "dcsc partial certificate 1"
    for layer, part in zip(tree["layers"], guarantee.layers, strict=True):
        for name in ("missed", "recall", "precision", "jaccard", "hamming", "false_alarms"):
            assert [float(end) for end in layer[name]] == list(getattr(part, name))
    code, said, _ = call(monkeypatch, capsys, "verify", files[0], "--evidence", files[1])
    assert code == 0
    assert said.startswith("true: layer 1: recall at least ")
    assert "false alarms per active unit" in said
    assert "by PartialBound" in said


def test_a_claim_that_says_more_is_found_false(tmp_path):
    guarantee = PartialBound().evaluate(statistics(0.1, sparsity=6, spread=2.0))
    document, evidence = certified(guarantee, tmp_path)
    certificate, _ = Certificate.parse(document.read_text())
    (layer,) = certificate.layers
    better = attrs.evolve(certificate, layers=(attrs.evolve(layer, recall=(0.99, 1.0)),))
    document.write_text(better.text)
    found = bounds.verify(document, evidence)
    assert not found.holds
    assert found.difference.startswith("layer 1: recall[0]: the certificate says 0.99")


def test_documents_of_other_formats_are_refused():
    with pytest.raises(
        DcscError,
        match="or 'dcsc partial certificate 1' or 'dcsc code certificate 1', got 'mine'",
    ):
        Certificate.parse('{"format": "mine"}')
