"""Drawn codes: their stripe sparsity, that nothing fits in, their laws, and what is refused."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from dcsc.codes import (
    Amplitudes,
    ConstantAmplitudes,
    GaussianAmplitudes,
    UniformAmplitudes,
    draw,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError
from tests import cases, strategies
from tests.test_windows import grid, stripes_of


def stripe_counts(code, stripes):
    return [sum(code[place] != 0 for place in held) for held in stripes]


# ---- supports ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data())
def test_stripe_sparsity_is_exact_and_no_entry_can_be_added(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    stripes = stripes_of(dictionary)
    sparsity = data.draw(st.integers(0, max(map(len, stripes))))
    batch = data.draw(strategies.batches)
    codes = draw(dictionary, sparsity, batch, rng=data.draw(strategies.seeds))
    assert codes.shape == batch + tuple(dictionary.code_shape)
    assert codes.dtype == np.float64
    for code in codes.reshape(-1, *dictionary.code_shape) if codes.size else ():
        counts = stripe_counts(code, stripes)
        assert max(counts) == sparsity
        for place in grid(*code.shape):
            full = [
                count == sparsity
                for count, held in zip(counts, stripes, strict=True)
                if place in held
            ]
            assert code[place] != 0 or any(full)


def test_a_full_code_has_every_entry():
    dictionary = CirculantDictionary(np.ones((2, 1, 3)), 8)
    assert np.all(draw(dictionary, dictionary.stripes.size, rng=0) != 0)
    assert not np.any(draw(dictionary, 0, rng=0))


def test_a_code_of_more_than_a_thousand_entries():
    dictionary = ToeplitzDictionary(np.ones((2, 1, 3)), 1502)  # the entries are visited in blocks
    code = draw(dictionary, 2, rng=0)
    counts = [np.count_nonzero(code[:, max(p - 2, 0) : p + 3]) for p in range(1500)]
    assert max(counts) == 2
    for i, p in np.argwhere(code == 0):
        assert max(counts[max(p - 2, 0) : p + 3]) == 2, (i, p)


def test_every_support_of_one_stripe_is_equally_likely():
    dictionary = DenseDictionary(np.ones((1, 5)))
    supports = draw(dictionary, 2, batch=4000, rng=0) != 0
    counts = [
        np.all(supports[:, pair], axis=1).sum()
        for pair in map(list, itertools.combinations(range(5), 2))
    ]
    assert sum(counts) == 4000
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_the_order_of_visits_is_uniform():
    """Of four positions, in stripes of three, only 0 and 3 go together; the first one decides."""
    dictionary = ToeplitzDictionary(np.ones((1, 1, 2)), 5)
    supports = (draw(dictionary, 1, batch=2000, rng=0)[:, 0] != 0).astype(int).tolist()
    counts = [supports.count(pattern) for pattern in ([1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0])]
    assert sum(counts) == 2000
    assert scipy.stats.chisquare(counts, [1000, 500, 500]).pvalue > 1e-4


# ---- amplitudes ----------------------------------------------------------------------------------


@given(st.data())
def test_sizes_are_those_of_the_fields(data):
    constant = data.draw(strategies.amplitudes(ConstantAmplitudes))
    np.testing.assert_array_equal(np.abs(constant.draw(50)), constant.value)
    uniform = data.draw(strategies.amplitudes(UniformAmplitudes))
    sizes = np.abs(uniform.draw(50))
    assert np.all((sizes >= uniform.low) & (sizes <= uniform.high))


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (lambda signed: UniformAmplitudes(0.5, 2, signed), scipy.stats.uniform(0.5, 1.5)),
        (lambda signed: GaussianAmplitudes(3.0, signed), scipy.stats.halfnorm(scale=3)),
    ],
)
def test_laws_of_the_sizes(make, sizes):
    for signed in (False, True):
        drawn = make(signed).draw(4000, rng=0)
        assert scipy.stats.kstest(np.abs(drawn), sizes.cdf).pvalue > 1e-4


@pytest.mark.parametrize("law", [ConstantAmplitudes(2), UniformAmplitudes(), GaussianAmplitudes()])
def test_signs_are_fair_and_independent_of_the_sizes(law):
    drawn = law.draw(4000, rng=0)
    negative = drawn < 0
    assert abs(negative.sum() - 2000) < 160  # 5 standard deviations
    if np.ptp(np.abs(drawn)):
        assert scipy.stats.ks_2samp(drawn[~negative], -drawn[negative]).pvalue > 1e-4
    assert abs((negative[1:] == negative[:-1]).sum() - 2000) < 160


class Sevens(Amplitudes):
    signed = False

    def _draw(self, size, rng):
        return np.full(size, 7.0)


def test_codes_take_their_amplitudes_from_the_law():
    dictionary = CirculantDictionary(np.ones((2, 1, 3)), 8)
    code = draw(dictionary, 3, amplitudes=Sevens(), rng=0)
    assert set(np.unique(code)) == {0, 7}
    sizes = np.abs(draw(dictionary, 3, rng=0))
    assert np.all((sizes == 0) | ((sizes >= 0.5) & (sizes <= 1)))
    assert np.all(draw(dictionary, 3, amplitudes=UniformAmplitudes(signed=False), rng=0) >= 0)
    assert np.any(draw(dictionary, 3, batch=20, rng=0) < 0)


# ---- randomness and refusals ---------------------------------------------------------------------


@given(strategies.dictionaries(), strategies.seeds)
def test_the_seed_decides(dictionary, seed):
    codes = draw(dictionary, 1, (3,), rng=seed)
    np.testing.assert_array_equal(draw(dictionary, 1, 3, rng=np.random.default_rng(seed)), codes)
    sequence = np.random.SeedSequence(seed)
    np.testing.assert_array_equal(draw(dictionary, 1, [3], rng=sequence), codes)


def test_elements_of_a_batch_and_draws_differ():
    dictionary = CirculantDictionary(np.ones((2, 1, 3)), 32)
    source = np.random.default_rng(0)
    first, second = draw(dictionary, 2, batch=2, rng=source)
    assert not np.array_equal(first != 0, second != 0)
    assert not np.array_equal(draw(dictionary, 2, rng=source), first)
    assert not np.array_equal(draw(dictionary, 2), draw(dictionary, 2))


@given(strategies.dictionaries())
def test_more_than_a_stripe_is_refused(dictionary):
    size = max(map(len, stripes_of(dictionary)))
    with pytest.raises(DcscError, match=rf"sparsity: expected at most {size}\b.*got {size + 1}$"):
        draw(dictionary, size + 1)
