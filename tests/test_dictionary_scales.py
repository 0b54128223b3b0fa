"""Atoms of any size: measures know no units, and what no float holds is refused in a sentence."""

import math
from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dcsc import DcscError
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    EffectiveDictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from tests import cases, strategies
from tests.test_windows import matrix_of


def times(dictionary, exponent):
    """The dictionary in float64 with every atom times a power of two."""
    if isinstance(dictionary, EffectiveDictionary):
        *below, top = dictionary.operators
        below = [times(operator, 0) for operator in below]
        return attrs.evolve(dictionary, operators=[*below, times(top, exponent)])
    (name,) = {"filters", "matrix", "dictionary"} & {a.name for a in attrs.fields(type(dictionary))}
    part = getattr(dictionary, name)
    if name == "dictionary":
        return attrs.evolve(dictionary, dictionary=times(part, exponent))
    return attrs.evolve(dictionary, **{name: np.ldexp(part.astype(float), exponent)})


def normalized(dictionary):
    """Whether the size of its atoms is 1, whatever those are made of."""
    inner = dictionary.dictionary if isinstance(dictionary, SignedDictionary) else dictionary
    return isinstance(inner, NormalizedDictionary)


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data(), exponent=st.sampled_from([-700, -301, 300, 701]))
def test_a_power_of_two_changes_no_cosine(kind, data, exponent):
    plain = times(data.draw(strategies.dictionaries(kind)), 0)
    scaled = times(plain, exponent)
    assert scaled.mutual_coherence() == plain.mutual_coherence()
    one, other = scaled.coherent_pair(), plain.coherent_pair()
    assert one == other
    shift = 0 if normalized(plain) else exponent
    np.testing.assert_array_equal(scaled.atom_norms(), np.ldexp(plain.atom_norms(), shift))
    assert scaled.dead_filters == plain.dead_filters


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data(), exponent=st.sampled_from([-200, -3, 1, 200]))
def test_a_power_of_two_comes_out_of_every_sum(kind, data, exponent):
    plain = times(data.draw(strategies.dictionaries(kind)), 0)
    scaled = times(plain, exponent)
    twice = 0 if normalized(plain) else 2 * exponent
    for count in (1, 2, 50):
        assert scaled.babel(count) == math.ldexp(plain.babel(count), twice)
        assert scaled.babel_squared(count) == math.ldexp(plain.babel_squared(count), 2 * twice)
    rows = np.arange(math.prod(plain.code_shape))[::3]
    expected = np.ldexp(plain.gram_rows(rows).toarray(), twice)
    np.testing.assert_array_equal(scaled.gram_rows(rows).toarray(), expected)


@pytest.mark.parametrize("kind", [k for k in cases.DICTIONARIES if k is not NormalizedDictionary])
@pytest.mark.parametrize("exponent", [-600, 600])
@given(data=st.data())
def test_products_beyond_floats_are_refused(kind, exponent, data):
    plain = data.draw(strategies.dictionaries(kind))
    scaled, largest = times(plain, exponent), times(plain, 0).babel(1)
    assume(not normalized(plain) and largest > 1e-9)
    for call in (lambda: scaled.babel(1), lambda: scaled.babel_squared(2), scaled.correlated_pair):
        with pytest.raises(DcscError, match=r"inner products.*float can hold"):
            call()
    strong = int(times(plain, 0).atom_norms().argmax())
    with pytest.raises(DcscError, match=r"gram_rows: expected atoms .*float can hold"):
        scaled.gram_rows([strong])


@pytest.mark.parametrize("size", [1.0, 1e-160, 1e-165, 1e-200, 1e-300, 1e160, 1e300])
def test_the_coherence_is_the_one_of_fractions(size):
    """Cosines of integers, as fractions; the filters are these times a power of ten."""
    bank = np.array([[3, -1, 2, 2], [1, 4, -2, 0], [2, 2, 1, -5]])
    spread = np.zeros((3, 9, 9), dtype=int)
    for shift in range(9):
        for tap in range(4):
            spread[:, shift, (shift + tap) % 9] += bank[:, tap]
    atoms = spread.reshape(27, 9).tolist()
    inner = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in atoms] for a in atoms]
    squares = [
        Fraction(inner[k][j] ** 2, inner[k][k] * inner[j][j]) for k in range(27) for j in range(k)
    ]
    dictionary = CirculantDictionary(bank[:, None] * size, 9)
    assert dictionary.mutual_coherence() == pytest.approx(math.sqrt(max(squares)), rel=1e-14)
    norms = [math.sqrt(inner[k][k]) * size for k in range(27)]
    np.testing.assert_allclose(dictionary.atom_norms().ravel(), norms, rtol=1e-14)
    assert abs(dictionary.coherent_pair().value) == dictionary.mutual_coherence()


def test_atoms_of_very_different_sizes_have_their_own_norms():
    sizes = np.array([1e300, 1.0, 1e-200, 5e-310, 0])
    bank = sizes[:, None, None] * np.array([3.0, 4.0])
    for dictionary in (CirculantDictionary(bank, 5), ToeplitzDictionary(bank, 5, padding=1)):
        middle = dictionary.atom_norms()[:, 2]
        np.testing.assert_allclose(middle, 5 * sizes, rtol=1e-13)
    np.testing.assert_allclose(DenseDictionary(bank[:, 0].T).atom_norms(), 5 * sizes, rtol=1e-13)


def test_an_atom_of_which_only_small_taps_are_left():
    """The first filter keeps its second tap, 1e-200, the other its second, -2e-200, and so on."""
    bank = np.array([[[1, 3e-200], [0, 4e-200]], [[1, -6e-200], [1, 8e-200]]])
    cut = ToeplitzDictionary(bank, 1, padding=[(1, 0)])
    np.testing.assert_allclose(cut.atom_norms().ravel(), [5e-200, 1e-199], rtol=1e-14)
    assert cut.mutual_coherence() == pytest.approx((32 - 18) / 50, rel=1e-14)
    both = ToeplitzDictionary(bank, 1, padding=1)
    norms = [[5e-200, 1], [1e-199, math.sqrt(2)]]
    np.testing.assert_allclose(both.atom_norms(), norms, rtol=1e-14)
    assert both.mutual_coherence() == pytest.approx(1 / math.sqrt(2))


def test_norms_that_no_float_holds_are_refused():
    bank = np.full((1, 1, 4), 1.7e308)
    for dictionary in (CirculantDictionary(bank, 9), DenseDictionary(bank[0].T)):
        with pytest.raises(DcscError, match=f"{type(dictionary).__name__}: .*norms"):
            dictionary.atom_norms()
    dictionary = CirculantDictionary(bank[:, :, :2] / 2, 9)
    with pytest.raises(DcscError, match=r"CirculantDictionary\.patch_norm: signals: .*float64"):
        dictionary.patch_norm(np.full((1, 9), 1.7e308))
    with pytest.raises(DcscError, match=r"filters: .*circle of \(2,\) .*float64"):
        CirculantDictionary(bank, 2)
    single = np.full((1, 1, 4), 2e38, dtype=np.float32)
    with pytest.raises(DcscError, match=r"filters: .*circle of \(2,\) .*float32"):
        CirculantDictionary(single, 2)
    with pytest.raises(DcscError, match=r"DenseDictionary\.normalized: .*norm .*at least"):
        NormalizedDictionary(DenseDictionary([[1, 1e-310], [0, 0]]))


@given(data=st.data(), extent=st.integers(1, 4))
def test_taps_that_meet_on_a_circle_are_added_in_float64(data, extent):
    bank = filters.gaussian(3, 2, 9, rng=data.draw(strategies.seeds)).astype(np.float32)
    single, double = (CirculantDictionary(bank.astype(d), extent) for d in (np.float32, np.float64))
    np.testing.assert_array_equal(single.atom_norms(), double.atom_norms())
    assert single.mutual_coherence() == double.mutual_coherence()
    assert single.babel(3) == double.babel(3)
    rows = range(3 * extent)
    np.testing.assert_array_equal(*(d.gram_rows(rows).toarray() for d in (single, double)))
    # The matrix is float32 as before, rounded once.
    assert single.to_sparse().dtype == single.synthesize(np.ones((3, extent), "f4")).dtype == "f4"
    expected = matrix_of(double).astype(np.float32)
    np.testing.assert_array_equal(single.to_sparse().toarray(), expected)
    signed = SignedDictionary(single, np.ones(single.code_shape))
    assert signed.mutual_coherence() == single.mutual_coherence()


def test_taps_that_hardly_are_any_are_no_reason_to_refuse():
    dictionary = CirculantDictionary([[[1.0, -2.9e-310]]], extent=4)
    assert (dictionary.babel(1), dictionary.babel(2)) == (2.9e-310, 5.8e-310)
    assert dictionary.babel_squared(2) == 0.0  # 1e-619 beside norms of 1
    assert dictionary.mutual_coherence() == 2.9e-310
