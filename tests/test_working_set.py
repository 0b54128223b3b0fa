"""The Gram matrix of a few atoms, and basis pursuit by coordinate descent on it."""

from functools import cache

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc._numerics import among_loops, among_plain
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.pursuits import BasisPursuit, working_set
from dcsc.pursuits.working_set import WorkingSet
from tests import strategies
from tests.dense_pursuits import least, matrix_of

CIRCLE = CirculantDictionary(filters.gaussian(3, 2, 3, rng=1), extent=11)
DICTIONARIES = {
    "circle": CIRCLE,
    "stride": CirculantDictionary(filters.gaussian(5, 1, (3, 2), rng=2), (8, 6), stride=(2, 1)),
    "image": CirculantDictionary(filters.gaussian(2, 1, (2, 3), rng=2), (4, 7)),
    "groups": CirculantDictionary(filters.gaussian(4, 1, 3, rng=3), 14, dilation=2, groups=2),
    "border": ToeplitzDictionary(filters.gaussian(3, 1, 4, rng=4), extent=9, padding=2, stride=2),
    "padded": ToeplitzDictionary(filters.gaussian(2, 2, (3, 2), rng=4), (5, 6), padding=(2, 1)),
    "long": ToeplitzDictionary(filters.gaussian(2, 1, 4, rng=4), 60, padding=2, stride=2),
    "wide": CirculantDictionary(filters.gaussian(2, 1, (2, 3), rng=2), (9, 17)),
    "dense": DenseDictionary(8 * np.random.default_rng(5).standard_normal((6, 9))),
    "signs": SignedDictionary(CIRCLE, np.sign(strategies.normal((3, 11), 0))),
    "unit": ToeplitzDictionary(filters.gaussian(3, 1, 4, rng=4), 9, padding=2).normalized(),
}
# Sweeps among atoms that are alike go far, and extrapolations of them too far.
ALIKE = DenseDictionary(strategies.normal((12, 30), 0) + 1.0)
# Around this circle atoms meet twice, and no table says what they have with each other.
SHORT = CirculantDictionary(filters.gaussian(3, 1, 4, rng=7), extent=5)
WAYS = {"compiled": among_loops, "plain": among_plain}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Let the Gram matrix be laid, and gone through, one way."""
    for name in among_plain.__all__:
        monkeypatch.setattr(f"dcsc.dictionaries.among.{name}", getattr(WAYS[request.param], name))
    return request.param


def some_atoms(dictionary, rng):
    size = np.prod(dictionary.code_shape)
    return rng.choice(size, rng.integers(1, size + 1), replace=False)


def whole(among):
    """Return the matrix itself, by its rows."""
    every = np.zeros((len(among.atoms), len(among.atoms)))
    for k, row in enumerate(every):
        among.add(row, np.array([k]), np.ones(1))
    return np.ldexp(every, 2 * among.exponent)


@pytest.mark.parametrize("name", DICTIONARIES)
def test_the_matrix_is_a_part_of_the_whole_one(name, way):
    dictionary, rng = DICTIONARIES[name], np.random.default_rng(0)
    matrix = matrix_of(dictionary)
    gram, size = matrix.T @ matrix, matrix.shape[1]
    for atoms in (np.arange(size), rng.permutation(size)[: size // 2], np.array([size - 1])):
        among = dictionary._among(atoms, 10**6)
        np.testing.assert_array_equal(np.sort(among.atoms), np.sort(atoms))
        expected = gram[np.ix_(among.atoms, among.atoms)]
        np.testing.assert_allclose(whole(among), expected, atol=1e-12 * gram.max())


@pytest.mark.parametrize("name", DICTIONARIES)
def test_no_matrix_is_larger_than_allowed(name, way):
    dictionary = DICTIONARIES[name]
    atoms = np.arange(np.prod(dictionary.code_shape))
    entries = len(dictionary._among(atoms, 10**6).values)
    assert dictionary._among(atoms, entries) is not None
    assert dictionary._among(atoms, entries - 1) is None


@given(st.sampled_from(list(DICTIONARIES)), strategies.seeds)
def test_both_ways_have_the_same_bits(name, seed):
    dictionary, rng = DICTIONARIES[name], np.random.default_rng(seed)
    atoms = some_atoms(dictionary, rng)
    results = []
    for leaves in WAYS.values():
        with pytest.MonkeyPatch.context() as patch:
            for leaf in among_plain.__all__:
                patch.setattr(f"dcsc.dictionaries.among.{leaf}", getattr(leaves, leaf))
            among = dictionary._among(atoms, 10**6)
            code = np.linspace(-1, 1, len(atoms))
            slope, diagonal = np.cos(np.arange(len(atoms))), np.diag(whole(among)).copy()
            order = np.flatnonzero(diagonal > 0)
            for _ in range(2):
                among.sweep(code, slope, diagonal, order, 0.3)
            results.append((*attrs.astuple(among, recurse=False), code, slope))
    for compiled, plain in zip(*results, strict=True):
        np.testing.assert_array_equal(compiled, plain)


@cache
def problem(name):
    """Return a dictionary, a signal, a penalty, and the best code."""
    dictionary = {**DICTIONARIES, "short": SHORT, "alike": ALIKE}[name]
    signal = strategies.normal(dictionary.signal_shape, 3)
    penalty = 0.1 * np.abs(dictionary.analyze(signal)).max()
    return dictionary, signal, penalty, least(matrix_of(dictionary), signal.ravel(), penalty)


@pytest.mark.parametrize("name", ["circle", "border", "padded", "dense", "unit", "short", "alike"])
def test_the_code_is_the_best_one(name, way):
    dictionary, signal, penalty, expected = problem(name)
    code = BasisPursuit(penalty, gap=1e-11)(signal, dictionary).code
    np.testing.assert_allclose(code.ravel(), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["circle", "padded", "alike"])
def test_sweeps_and_extrapolations_keep_the_slope_and_never_let_the_objective_rise(name):
    dictionary, signal, penalty, _ = problem(name)
    matrix, y = matrix_of(dictionary), signal.ravel()
    among = dictionary._among(np.arange(matrix.shape[1]), 10**6)
    chosen, last = np.ldexp(matrix[:, among.atoms], -among.exponent), np.inf
    penalty = float(np.ldexp(penalty, -among.exponent))
    code, norms = np.zeros(len(among.atoms)), np.linalg.norm(chosen, axis=0)
    entries = WorkingSet(among, norms, code, chosen.T @ y, penalty)
    for _ in range(20):
        assert entries.descend(0.0, 5) == 5
        left = y - chosen @ entries.code
        np.testing.assert_allclose(entries.slope, chosen.T @ left, atol=1e-12 * np.linalg.norm(y))
        value = 0.5 * left @ left + penalty * np.abs(entries.code).sum()
        assert value <= last * (1 + 1e-14)
        last = value


@pytest.mark.parametrize("name", ["image", "signs", "dense"])
def test_gradient_steps_find_the_same(name, monkeypatch):
    monkeypatch.setattr(working_set, "MOST_ENTRIES", 0)
    dictionary, signal, penalty, expected = problem(name)
    code = BasisPursuit(penalty, gap=1e-11)(signal, dictionary).code
    np.testing.assert_allclose(code.ravel(), expected, atol=1e-5 * np.abs(expected).max())


def test_a_dictionary_of_ones_own_needs_no_gram_matrix():
    class Doubled(Dictionary):
        signal_shape, code_shape = (4,), (4,)

        def _synthesize(self, codes):
            return 2 * codes

        def _analyze(self, signals):
            return 2 * signals

    pursued = BasisPursuit(1.0)([2.0, 0.1, -2.0, 0.0], Doubled())
    np.testing.assert_allclose(pursued.code, [0.75, 0, -0.75, 0], atol=1e-6)


def test_atoms_that_are_equal_or_zero_are_no_obstacle():
    atom = np.array([0.6, 0.8])
    matrix = np.stack([atom, atom, -atom, np.zeros(2), [1, 0]], axis=1)
    pursued = BasisPursuit(0.1, gap=1e-10)([1.0, 1.0], DenseDictionary(matrix))
    left = np.array([1.0, 1.0]) - matrix @ pursued.code
    assert np.abs(matrix.T @ left).max() <= 0.1 * (1 + 1e-6)
    assert pursued.code[3] == 0


@pytest.mark.parametrize("exponent", [-600, -240, 240, 600])
def test_atoms_may_be_of_any_size(exponent):
    signals = strategies.normal((2, *CIRCLE.signal_shape), 0)
    scaled = CirculantDictionary(np.ldexp(CIRCLE.filters, exponent), 11)
    code = BasisPursuit(0.1)(signals, CIRCLE).code
    other = BasisPursuit(float(np.ldexp(0.1, exponent)))(signals, scaled).code
    np.testing.assert_array_equal(np.ldexp(other, exponent), code)


def test_a_round_takes_in_few_atoms_and_sweeps_are_counted():
    dictionary = CirculantDictionary(filters.gaussian(8, 1, 16, rng=0), extent=512)
    signal = strategies.normal(dictionary.signal_shape, 0)
    penalty = 0.3 * np.abs(dictionary.analyze(signal)).max()
    sizes, among = [], CirculantDictionary._among
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            CirculantDictionary,
            "_among",
            lambda self, atoms, most: sizes.append(len(atoms)) or among(self, atoms, most),
        )
        pursued = BasisPursuit(penalty)(signal, dictionary)
    support = np.count_nonzero(pursued.code)
    assert max(sizes) <= 2 * support + 64
    assert len(sizes) <= pursued.iterations <= 500
    assert pursued.gap <= 1e-6
