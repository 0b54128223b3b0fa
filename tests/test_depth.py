"""Means over all signs of models of several layers, against all signs, from explicit passes."""

import itertools
import math
import re

import attrs
import numpy as np
import pytest
from scipy.stats import binom, norm

from dcsc.bounds import (
    AveragedMeans,
    PartialBound,
    actual_means,
    measure,
    oracle_layers,
    told_means,
)
from dcsc.bounds.depth import told
from dcsc.bounds.depth.sampling import largest_mean
from dcsc.bounds.tails import Lattice
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, JumpReLU, SoftThreshold
from dcsc.signs import FilterSigns, FixedSigns, RademacherSigns
from tests.sign_enumeration import patterns

EPS = 1e-9


# ---- all signs -----------------------------------------------------------------------------------


def signed(model, rows):
    """Return the model with the signs of each layer, one row each."""
    return DCSCModel(
        [
            attrs.evolve(
                layer,
                signs=FixedSigns(row.reshape(layer.dictionary.code_shape), law=RademacherSigns()),
            )
            for layer, row in zip(model.layers, rows, strict=True)
        ]
    )


def all_signs(model, code, noise=None):
    """Yield the model with all signs that matter.

    Without noise, a sign that all units of a layer have in common changes nothing; and nor do the
    signs of units that are off in the deepest layer and have thresholds on both sides.
    """
    *below, top = [patterns(math.prod(layer.dictionary.code_shape)) for layer in model.layers]
    if isinstance(model.layers[-1].projection, HardThreshold):
        used = np.flatnonzero(code)
        top = np.ones((2 ** len(used), code.size))
        top[:, used] = patterns(len(used))
    halves = [rows[: len(rows) // 2] if noise is None else rows for rows in (*below, top)]
    for rows in itertools.product(*halves):
        yield signed(model, rows)


def wrong_shares(model, code, noise=None):
    """Return how often each unit of each layer is wrong in the actual forward pass."""
    wrong = []
    for drawn in all_signs(model, code, noise):
        truth = drawn.synthesize(code)
        guess = drawn.forward(truth[0] if noise is None else truth[0] + noise)
        wrong.append([(x != 0) != (y != 0) for x, y in zip(truth, guess, strict=True)][1:])
    return [np.mean(each, axis=0) for each in zip(*wrong, strict=True)]


def told_shares(model, code, noise=None):
    """Return the same where each layer is told the supports below."""
    wrong = []
    for drawn in all_signs(model, code, noise):
        truth = drawn.synthesize(code)
        signal = truth[0] if noise is None else truth[0] + noise
        wrong.append([])
        for layer, code_there in zip(drawn.layers, list(truth)[1:], strict=True):
            z = layer.operator.analyze(signal)
            kept = layer.projection(z, layer.dictionary)
            wrong[-1].append((kept != 0) != (code_there != 0))
            signal = z * (code_there != 0)
    return [np.mean(each, axis=0) for each in zip(*wrong, strict=True)]


@pytest.fixture
def every_draw(monkeypatch):
    """Draws that are all signs, each once: averages over them are the means themselves."""

    def drawn(self, count):
        for model in all_signs(self.model, self.codes, self.noise):
            records = oracle_layers(model, model.synthesize(self.codes), self.noise)
            parts = self.bound.evaluate(records).layers
            yield tuple(map(told._drawn, records, (part.units for part in parts)))

    monkeypatch.setattr(told.Task, "drawn", drawn)


def unit(rng, samples, atoms, density=1.0):
    """Return random atoms with some zeros, so that fields are strict."""
    matrix = rng.standard_normal((samples, atoms)) * (rng.random((samples, atoms)) < density)
    matrix[rng.integers(0, samples, atoms), np.arange(atoms)] += 1
    return matrix / np.linalg.norm(matrix, axis=0)


def network(seed, sizes, top=HardThreshold, thresholds=(0.3, 0.4, 0.4)):
    rng = np.random.default_rng(seed)
    layers = [
        Layer(
            DenseDictionary(unit(rng, m, n, 0.5 if number else 1.0)),
            (HardThreshold if number < len(sizes) - 2 else top)(beta),
        )
        for number, ((m, n), beta) in enumerate(
            zip(itertools.pairwise(sizes), thresholds, strict=False)
        )
    ]
    code = np.zeros(sizes[-1])
    code[:2] = rng.uniform(0.7, 1.3, 2)
    return DCSCModel(layers), code


@pytest.mark.parametrize(
    ("seed", "sizes", "top", "size"),
    [
        (0, (9, 4, 4), HardThreshold, None),
        (1, (9, 4, 4), HardThreshold, None),
        (2, (9, 3, 4), HardThreshold, 0.1),
        (3, (9, 4, 3), JumpReLU, None),
        (4, (9, 3, 3, 3), HardThreshold, None),
        (5, (9, 2, 2, 2), HardThreshold, 0.1),
    ],
)
def test_told_exactly_and_the_actual_pass_no_worse_than_said(every_draw, seed, sizes, top, size):
    model, code = network(seed, sizes, top)
    noise = None if size is None else np.random.default_rng(seed).normal(scale=size, size=sizes[0])
    exact, truth = told_shares(model, code, noise), wrong_shares(model, code, noise)
    same = told_means(model, code, 1, noise=noise, tolerance=0)
    more = actual_means(model, code, 1, noise=noise, tolerance=0)
    for at in range(len(sizes) - 1):
        for end in same.layers[at].units:
            np.testing.assert_allclose(end, exact[at], rtol=0, atol=EPS)
        low, high = more.layers[at].units
        assert (low <= truth[at] + EPS).all()
        assert (truth[at] <= high + EPS).all()
        if at == 0:
            np.testing.assert_allclose(high, truth[0], rtol=0, atol=EPS)
        # and so the numbers
        on, averages = code != 0, more.layers[at].averages
        if at == len(sizes) - 2:
            assert truth[at][on].sum() <= averages.missed.high + EPS
            assert truth[at][~on].sum() <= averages.false_alarms.high + EPS
            assert 1 - truth[at][on].mean() >= averages.recall.low - EPS
        assert truth[at].mean() <= averages.hamming.high + EPS
        assert more.layers[at].hamming.high >= averages.hamming.high


def test_all_three_ways_to_bound_a_unit_are_taken():
    counts = np.zeros(3, dtype=int)
    for seed in (0, 4):
        words = actual_means(*network(seed, (9, 4, 4)), 1).layers[1].basis.split("; ")[1]
        counts += [int(number) for number in re.findall(r"\d+", words)]
    assert (counts > 0).all()


# ---- what is tempting, and false -----------------------------------------------------------------


def reference_model():
    lower = CirculantDictionary([[[3, -1]], [[1, 2]]], 5).normalized()
    upper = CirculantDictionary([[[2, 0], [0, 1]]], 5).normalized()
    model = DCSCModel([Layer(lower, HardThreshold(0.31)), Layer(upper, HardThreshold(0.42))])
    return model, np.array([[1, 0, 1.3, 0, 0]])


def test_told_right_for_sure_is_not_actually_right():
    """Layer 1 errs: exact shares of all signs, as computed elsewhere."""
    model, code = reference_model()
    same, more = told_means(model, code, 8), actual_means(model, code, 8)
    assert (same.layers[1].units.high == 0).all()
    actual_shares = [0, 0.4375, 0, 0.5, 0.5]
    assert (more.layers[1].units.high.ravel() >= np.array(actual_shares) - EPS).all()
    # the signs above change no more than the sign of what layer 1 sees
    expected = [0, 0.5, 0, 0.5, 0.5, 0, 0, 0.25, 0, 1]
    low, high = (end.ravel() for end in more.layers[0].units)
    assert low == pytest.approx(high)
    assert low == pytest.approx(expected)


def test_the_level_above_is_that_of_the_effective_gain():
    """Atoms of norm 1/2 below: of x = 1 a quarter arrives, and not the c² x = 1 of layer 2."""
    lower, upper = DenseDictionary(np.eye(2) / 2), DenseDictionary([[0.5**0.5], [0.5**0.5]])
    model = DCSCModel([Layer(lower, HardThreshold(0.01)), Layer(upper, HardThreshold(0.5))])
    code = np.array([1.0])
    assert [share.tolist() for share in wrong_shares(model, code)] == [[0, 0], [1]]
    naive = float(upper.atom_norms()[0] ** 2 * code[0] - 0.5 <= 0)  # no interference, none wrong
    assert naive == 0
    assert actual_means(model, code, 2).layers[1].averages.missed.high == 1


def test_supports_that_depend_on_the_signs_are_not_told(every_draw):
    """Equal amplitudes cancel in the middle: the told pass of drawn supports is another one."""
    lower = DenseDictionary(unit(np.random.default_rng(5), 4, 3))
    upper = DenseDictionary(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]]) / math.sqrt(2))
    model = DCSCModel([Layer(lower, HardThreshold(0.1)), Layer(upper, HardThreshold(0.7))])
    code = np.array([1.0, 1.0, 0.0])
    exact, result = told_shares(model, code), told_means(model, code, 1).layers[1]
    low, high = result.units
    assert (low <= exact[1] + EPS).all()
    assert (exact[1] <= high + EPS).all()
    assert (high == 1).all()
    # exact over the signs of layer 2 for the supports of each draw is not the mean of the pass
    draws = [signed(model, [row, np.ones(3)]) for row in patterns(3)]
    naive = [
        PartialBound()
        .evaluate(attrs.evolve(oracle_layers(drawn, drawn.synthesize(code))[1], hypotheses=()))
        .layers[0]
        .units.upper
        for drawn in draws
    ]
    assert (np.mean(naive, axis=0) < exact[1] - 0.1).any()


# ---- intervals over draws ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 20, 300])
@pytest.mark.parametrize("delta", [0.5, 0.05, 1e-3])
def test_an_end_fails_no_more_often_than_it_may(count, delta):
    """Draws of 0 and 1, all numbers of ones: exactly how often the end is below the mean."""
    values = [np.arange(count) < ones for ones in range(count + 1)]
    ends = np.array([largest_mean(value.astype(float), 1.0, delta) for value in values])
    assert (np.diff(ends) >= -1e-12).all()
    for mean in (1e-3, 0.01, 0.1, 0.5, 0.9, 0.999, *(ends - 1e-6)):
        if 0 <= mean <= 1:
            law = binom.pmf(np.arange(count + 1), count, mean)
            assert law[ends < mean].sum() <= delta
    # an interval of the normal law would fail nearly always where errors are rare
    naive = [v.mean() + norm.isf(delta) * v.std() / math.sqrt(count) for v in values]
    assert naive[0] == 0 < ends[0]


def test_two_inequalities_of_which_each_is_sharper_somewhere():
    rare, alike = np.zeros(100), np.full(5000, 0.5) + 0.001 * np.resize([1, -1], 5000)
    assert largest_mean(rare, 1, 0.05) == pytest.approx(1 - (0.05 / 2) ** (1 / 100), rel=1e-9)
    bernstein = math.log(4 / 0.05)
    width = 0.001 * math.sqrt(2 * bernstein / 4999) + 7 * bernstein / (3 * 4999)
    assert largest_mean(alike, 1, 0.05) == pytest.approx(0.5 + width, rel=1e-9)
    assert largest_mean(3 * alike, 3, 0.05) == pytest.approx(1.5 + 3 * width, rel=1e-9)
    assert largest_mean(np.zeros(3), 0.0, 0.05) == 0


def test_the_interval_holds_the_mean_of_other_draws():
    lower = CirculantDictionary(filters.gaussian(4, 16, 3, rng=0), 10)
    upper = CirculantDictionary(filters.gaussian(2, 4, 1, rng=1), 10)
    model = DCSCModel([Layer(lower, HardThreshold(0.3)), Layer(upper, HardThreshold(0.5))])
    code = np.zeros((2, 10))
    code[0, 2] = code[1, 7] = 1
    few, many = told_means(model, code, 10), told_means(model.draw(5), code, 40, rng=1)
    for one, other in zip(few.layers, many.layers, strict=True):
        for name in ("missed", "false_alarms", "recall", "hamming"):
            low, high = getattr(one.means, name)
            inner, outer = getattr(other.averages, name)
            assert low <= inner + EPS
            assert outer <= high + EPS
            assert (
                low <= getattr(one.averages, name).low <= getattr(one.averages, name).high <= high
            )
    # with more draws it closes in; the same draws again say the same
    assert many.layers[1].hamming.high < few.layers[1].hamming.high
    assert told_means(model, code, 10) == few
    assert not few.layers[0].proved
    assert few.confidence == 0.95
    assert "measured over 10 draws of the others" in few.layers[0].basis


# ---- the rest ------------------------------------------------------------------------------------


def test_one_layer_is_proved_without_draws():
    dictionary = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], 8)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.6))])
    code = np.array([[1.0, 0, 1, 0, 1, 0, 0, 0]])
    part = PartialBound().evaluate(measure(model, model.draw(0).synthesize(code))).layers[0]
    for means in (told_means(model, code), actual_means(model, code)):
        (layer,) = means.layers
        assert layer.proved
        assert layer.basis == "exact over all signs"
        assert means.draws == 0
        for name in ("missed", "false_alarms", "recall", "hamming"):
            assert getattr(layer, name) == pytest.approx(getattr(part, name))
        assert "proved" in repr(means)
        assert means.assumptions == ()


def test_codes_that_are_all_zero_and_columns_of_one():
    model, code = reference_model()
    (first, second) = actual_means(model, 0 * code, 2).layers
    for layer in (first, second):
        assert layer.recall == (1.0, 1.0)
        assert layer.missed == layer.averages.false_alarms == (0.0, 0.0)
    assert actual_means(model, code[None], 2) == actual_means(model, code, 2)


def test_what_is_shown_says_what_was_measured():
    model, code = reference_model()
    means = actual_means(model, code, 5, delta=0.1)
    assert isinstance(means, AveragedMeans)
    text = repr(means)
    assert "actual pass: each with confidence 0.9 over 5 draws" in text
    assert text.count("measured") == 2
    assert "Hoeffding, empirical Bernstein" in text


def test_a_tail_that_knows_no_adversary_leaves_the_receptive_field():
    class Fair(Lattice.__base__):
        noise_models = frozenset({"none"})

        def _upper(self, rows):
            return np.minimum(1, 2 * np.exp(-(rows.level**2) / (2 * rows.variance)))

    model, code = network(4, (9, 3, 3))
    assert "0 by the weight" in actual_means(model, code, 2, tail=Fair()).layers[1].basis
    assert "0 by the weight" not in actual_means(model, code, 2).layers[1].basis


def test_what_is_not_covered_and_wrong_arguments():
    model, code = reference_model()
    lower, upper = model.layers
    for other, message in (
        (attrs.evolve(lower, projection=SoftThreshold(0.1)), "shrinks what it keeps"),
        (attrs.evolve(lower, signs=FilterSigns()), "layer 1: its signs are not one independent"),
        (attrs.evolve(lower, projection=JumpReLU(0.1)), "layer 1: .* one-sided"),
    ):
        with pytest.raises(NotCoveredError, match=message):
            told_means(DCSCModel([other, upper]), code, 2)
    for call in (told_means, actual_means):
        name = call.__name__
        for arguments, message in (
            ((1, code), f"{name}: model: expected a DCSCModel"),
            ((model, "codes"), f"{name}: codes"),
            ((model, code, 0), f"{name}: draws: expected at least 1, got 0"),
            ((model, code, 2, "seed"), f"{name}: rng"),
            ((model, code, 2, 0, "loud"), f"{name}: noise"),
            ((model, [code, code], 2), "expected one column"),
            ((model, code[0], 2), "codes"),
        ):
            with pytest.raises(DcscError, match=message):
                call(*arguments)
        for name_of, value in (("delta", 0), ("delta", 2), ("tolerance", -1), ("tail", "long")):
            with pytest.raises(DcscError, match=name_of):
                call(model, code, 2, **{name_of: value})
