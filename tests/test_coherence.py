"""Coherence, Babel functions and Gram rows of shifted filters: exact, small, whatever the extent.

The dense matrix of the dictionary is the oracle; `tests.test_windows.matrix_of` writes it down.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc._numerics import plain
from dcsc.dictionaries import (
    CirculantDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    coherence,
    correlations,
    filters,
    pools,
    sums,
)
from dcsc.dictionaries import rows as laying
from tests import strategies
from tests.test_windows import matrix_of

CONVOLUTIONS = st.sampled_from(strategies.WITH_AXES).flatmap(strategies.dictionaries)


def measures(dictionary, counts):
    """Coherence and Babel functions from the matrix of all pairs."""
    matrix = matrix_of(dictionary).astype(float)
    gram, norms = np.abs(matrix.T @ matrix), np.linalg.norm(matrix, axis=0)
    live = norms > 1e-12 * norms.max()
    np.fill_diagonal(gram, 0)
    cosines = gram[np.ix_(live, live)] / np.outer(norms[live], norms[live])
    rows = np.sort(gram, axis=1)[:, ::-1]
    sums = [rows[:, :S].sum(axis=1).max() for S in counts]
    squares = [(rows[:, :S] ** 2).sum(axis=1).max() for S in counts]
    return [min(cosines.max(initial=0), 1), *sums, *squares]


def found(dictionary, counts):
    sums = [dictionary.babel(S) for S in counts]
    squares = [dictionary.babel_squared(S) for S in counts]
    return [dictionary.mutual_coherence(), *sums, *squares]


@pytest.mark.parametrize(("table", "pool"), [(2**22, 2**25), (64, 2**25), (2**22, 256), (8, 8)])
@given(dictionary=CONVOLUTIONS)
def test_measures_however_little_is_held_at_once(table, pool, dictionary):
    counts = (1, 2, 3, 7, 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlations, "_TABLE_BYTES", table)
        patch.setattr(pools, "_POOL_BYTES", pool)
        # with and without single precision before
        got = []
        for least in (0, 2**60):
            patch.setattr(coherence, "_SCREENED", least)
            patch.setattr(sums, "_SCREENED", least)
            got.append(found(dictionary, counts))
    expected = measures(dictionary, counts)
    single = dictionary.filters.dtype == np.float32
    for values in got:
        np.testing.assert_allclose(values, expected, rtol=1e-5 if single else 1e-11, atol=1e-11)


@given(dictionary=CONVOLUTIONS, seed=strategies.seeds)
def test_gram_rows_in_any_order_and_repeated(dictionary, seed):
    matrix = matrix_of(dictionary).astype(float)
    gram, bound = matrix.T @ matrix, np.abs(matrix).T @ np.abs(matrix)
    some = np.random.default_rng(seed).integers(0, len(gram), 7)
    rows = dictionary.gram_rows(some)
    assert rows.has_canonical_format
    assert (np.abs(rows.toarray() - gram[some]) <= 1e-5 * bound[some]).all()
    if dictionary.filters.dtype == np.float64:
        assert (np.abs(rows.toarray() - gram[some]) <= 1e-13 * bound[some]).all()


def test_signs_change_nothing():
    bank = filters.gaussian(3, 2, (3, 2), rng=0)
    for dictionary in (CirculantDictionary(bank, (4, 6)), ToeplitzDictionary(bank, (4, 5), 1, 1)):
        signs = np.random.default_rng(1).choice([-1.0, 1.0], dictionary.code_shape)
        signed = SignedDictionary(dictionary, signs)
        assert found(signed, (1, 4)) == found(dictionary, (1, 4))
        np.testing.assert_allclose(found(signed, (1, 4)), measures(signed, (1, 4)), rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda bank, extent: CirculantDictionary(bank, (extent, extent)),
        lambda bank, extent: ToeplitzDictionary(bank, (extent, extent)),
        lambda bank, extent: ToeplitzDictionary(bank, (extent, extent), (1, 2), (3, 1)),
    ],
)
def test_the_work_does_not_depend_on_the_extent(make):
    bank = filters.gaussian(4, 2, (5, 3), rng=0)
    small, large = make(bank, 16), make(bank, 4096)
    tables = [
        correlations.all_tables(d.axes, d._shifted.representatives(), symmetric=True)
        for d in (small, large)
    ]
    assert len(tables[0]) == len(tables[1])
    assert [len(t.uses) for t in tables[0]] == [len(t.uses) for t in tables[1]]
    assert found(small, (1, 2, 50)) == found(large, (1, 2, 50))


def test_opposite_shifts_share_a_table():
    dictionary = CirculantDictionary(filters.gaussian(2, 1, (3, 5), rng=0), (8, 16))
    tables = correlations.all_tables(dictionary.axes, [(0, 0)], symmetric=True)
    assert len(tables) == (5 * 9 + 1) // 2
    assert sum(len(table.uses) for table in tables) == 5 * 9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_threads_do_not_show(monkeypatch, dtype):
    bank = filters.gaussian(24, 6, (5, 5), rng=0).astype(dtype)
    dictionary = ToeplitzDictionary(bank, (20, 20), 1, 2)
    several = found(dictionary, (5, 100)), dictionary.gram_rows(np.arange(0, 9600, 400))
    monkeypatch.setattr(correlations, "share", lambda work, count, least=1: work(0, count))
    monkeypatch.setattr(laying, "share", lambda work, count, least=1: work(0, count))
    alone = found(dictionary, (5, 100)), dictionary.gram_rows(np.arange(0, 9600, 400))
    assert several[0] == alone[0]
    np.testing.assert_array_equal(several[1].toarray(), alone[1].toarray())


def peak(function):
    """Return the most memory that was held while a function ran, in bytes."""
    tracemalloc.start()
    function()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_the_table_of_all_pairs_is_never_held():
    n, c, kernel = 320, 8, (5, 5)
    dictionary = CirculantDictionary(filters.gaussian(n, c, kernel, rng=0), (64, 64))
    pairs, bank = 81 * n * n * 8, dictionary.filters.nbytes
    assert pairs > 3 * 2**24 + 2 * bank
    for measure in (dictionary.mutual_coherence, lambda: dictionary.babel(20)):
        assert peak(measure) < 2 * bank + 2**24
    assert peak(lambda: dictionary.babel(4000)) < 2 * bank + 3 * 2**24
    rows = np.arange(0, n * 4096, 4096 * 40)
    entries = len(rows) * 81 * n
    assert dictionary.gram_rows(rows).nnz == entries
    assert peak(lambda: dictionary.gram_rows(rows)) < 2 * bank + 40 * entries


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", [None, 2])
def test_gram_rows_are_those_of_the_matrix_compiled_and_plain(groups, padding, monkeypatch):
    taps = filters.gaussian(4, 3, 3, rng=0)
    if padding is None:
        dictionary = CirculantDictionary(taps, extent=5, groups=groups)
    else:
        dictionary = ToeplitzDictionary(taps, extent=5, padding=padding, groups=groups)
    matrix = dictionary.to_sparse().toarray()
    atoms = np.arange(matrix.shape[1])[::-2]
    compiled = dictionary.gram_rows(atoms).toarray()
    monkeypatch.setattr(laying, "lay_rows", plain.lay_rows)
    laid = dictionary.gram_rows(atoms).toarray()
    np.testing.assert_array_equal(laid, compiled)
    np.testing.assert_allclose(laid, matrix.T[atoms] @ matrix, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "extent", "stride", "padding"),
    [(1, 3, 1, 3), (1, 20, 1, 3), (2, 5, 2, 9), (2, 30, 3, 14), (3, 2, 1, 12), (2, 40, 1, (0, 6))],
)
def test_padding_that_is_wider_than_the_kernel(kernel, extent, stride, padding):
    # Atoms far from the ends are whole, those near them may lie on zeros alone.
    taps = filters.gaussian(2, 3, kernel, rng=0)
    dictionary = ToeplitzDictionary(taps, extent, stride, padding=[padding])
    matrix = dictionary.to_sparse().toarray()
    gram = matrix.T @ matrix
    for atoms in (np.arange(len(gram)), np.arange(len(gram) // 2, len(gram)), [len(gram) // 2]):
        rows = dictionary.gram_rows(atoms).toarray()
        np.testing.assert_allclose(rows, gram[atoms], rtol=0, atol=1e-13)
    among = dictionary._among(np.arange(len(gram)), 10**6)
    for row, atom in enumerate(among.atoms):
        got = np.zeros(len(gram))
        among.add(got, np.array([row]), np.ones(1))
        expected = np.ldexp(gram[atom][among.atoms], -2 * among.exponent)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13)


@given(dictionary=CONVOLUTIONS, seed=st.integers(0, 2**16))
def test_the_inner_product_of_two_atoms_is_that_of_the_matrix(dictionary, seed):
    """Up to the powers of two that bring each filter to 1; zero filters have none."""
    matrix = matrix_of(dictionary).astype(float)
    for first, second in np.random.default_rng(seed).integers(matrix.shape[1], size=(6, 2)):
        scales = [
            np.frexp(np.abs(dictionary._shifted.taps[filter_]).max())[1]
            for filter_ in (np.array([first, second]) // np.prod(dictionary.positions))
        ]
        expected = np.ldexp(matrix[:, first] @ matrix[:, second], -sum(scales))
        inner = dictionary._inner(first, second)
        assert inner == pytest.approx(expected, rel=1e-4, abs=1e-5 * dictionary.filters[0].size)


@pytest.mark.parametrize("least", [0, 2**60])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_coherence_of_parts_of_the_groups_is_that_of_each_by_itself(groups, least, monkeypatch):
    monkeypatch.setattr(coherence, "_SCREENED", least)
    for shape, extent, stride in (((6, 2, 3, 2), (6, 4), (2, 1)), ((4, 3, 1), (1,), (1,))):
        parts = [filters.gaussian(*shape[:2], shape[2:], rng=seed) for seed in range(4)]
        one_by_one = [
            CirculantDictionary(part, extent, stride, groups=groups).mutual_coherence()
            for part in parts
        ]
        together = CirculantDictionary(np.concatenate(parts), extent, stride, groups=4 * groups)
        assert coherence.of_parts(together._shifted, 4) == pytest.approx(one_by_one, rel=1e-12)
        assert len(set(one_by_one)) == 4
