"""The largest sums along rows of G, held against sorting all of them in float64."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.bounds import Babel
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    ToeplitzDictionary,
    alike,
    coherence,
    correlations,
    filters,
    pools,
    sums,
)
from dcsc.errors import DcscError
from tests import strategies
from tests.test_alike import matrices, unit
from tests.test_windows import matrix_of


@pytest.fixture
def screened(monkeypatch):
    """Single precision comes first, however small the dictionary."""
    monkeypatch.setattr(coherence, "_SCREENED", 0)
    monkeypatch.setattr(sums, "_SCREENED", 0)


def oracle(matrix, most):
    """μ₁(S) and μ₂²(S) for S from 0 to ``most``, and the energy, from all pairs."""
    gram = np.abs(matrix.T @ matrix)
    np.fill_diagonal(gram, 0)
    falling = -np.sort(-gram, axis=1)
    ends = [np.zeros((len(gram), 1)), np.zeros((len(gram), max(most - len(gram), 0)))]
    rows = np.hstack([ends[0], falling, ends[1]])[:, : most + 1]
    functions = [np.cumsum(power, axis=1).max(axis=0) for power in (rows, rows**2)]
    return functions, (gram**2).sum(axis=1).max()


def agrees(dictionary, most, rtol=1e-11):
    functions, energy = oracle(matrix_of(dictionary).astype(float), most)
    got = dictionary.babel_functions(most)
    size = dictionary.atom_norms().max() ** 2
    for values, expected, power in zip(got, functions, (1, 2), strict=True):
        assert values.shape == (most + 1,)
        np.testing.assert_allclose(values, expected, rtol=rtol, atol=1e-13 * size**power)
    for S in {0, min(1, most), min(2, most), most}:
        assert dictionary.babel(S) == pytest.approx(got[0][S], rel=1e-12)
        assert dictionary.babel_squared(S) == pytest.approx(got[1][S], rel=1e-12)
    assert dictionary.spread() == pytest.approx(energy, rel=rtol, abs=1e-13 * size**2)


@pytest.mark.parametrize("least", [0, 2**60])
@given(data=st.data(), most=st.integers(0, 40))
def test_both_functions_of_every_kind(least, data, most):
    dictionary = data.draw(strategies.dictionaries())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coherence, "_SCREENED", least)
        patch.setattr(sums, "_SCREENED", least)
        single = matrix_of(dictionary).dtype == np.float32
        agrees(dictionary, most, rtol=1e-5 if single else 1e-11)


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("rows", [4, 256])
@pytest.mark.parametrize("kept", [0, 40, 2**22])
@pytest.mark.parametrize("matrix", list(matrices()))
def test_columns_however_little_is_kept(matrix, kept, rows, monkeypatch):
    monkeypatch.setattr(sums, "_ROWS", rows)
    monkeypatch.setattr(sums, "_KEPT_ENTRIES", kept)
    monkeypatch.setattr(sums, "_PART_ENTRIES", rows)
    agrees(DenseDictionary(unit(matrix)), 25)
    agrees(CirculantDictionary(unit(matrix).T[:, :, None], 1), 25)


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("few", [1, 10**9])
@pytest.mark.parametrize("table", [64, 2**22])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_atoms_at_the_border_zeros_and_twins(stride, table, few, monkeypatch):
    """Rows one by one, and all of them from pools; atoms that are cut, zero, or there twice."""
    monkeypatch.setattr(pools, "_FEW", few)
    monkeypatch.setattr(correlations, "_TABLE_BYTES", table)
    bank = filters.gaussian(6, 2, (5, 3), rng=0) * np.arange(6)[:, None, None, None]
    bank[4] = bank[5]
    for extent, padding in (((7, 6), (2, 1)), ((5, 4), ((4, 0), (0, 2)))):
        dictionary = ToeplitzDictionary(bank, extent, stride, padding)
        agrees(dictionary, 30)
        agrees(attrs.evolve(dictionary, groups=2), 30)


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("size", [1e-60, 1.0, 1e60])
def test_the_size_of_the_atoms_is_taken_out(size):
    matrix = np.random.default_rng(0).standard_normal((5, 12))
    matrix[:, 3] *= 1e-160
    for one, scaled in (
        (DenseDictionary(matrix), DenseDictionary(size * matrix)),
        *(
            (kind(matrix.T.reshape(12, 1, 5), 9), kind(size * matrix.T.reshape(12, 1, 5), 9))
            for kind in (CirculantDictionary, ToeplitzDictionary)
        ),
    ):
        for power, values, expected in zip(
            (2, 4), scaled.babel_functions(20), one.babel_functions(20), strict=True
        ):
            np.testing.assert_allclose(values, expected * size**power, rtol=1e-13)
        assert scaled.spread() == pytest.approx(one.spread() * size**4, rel=1e-13)


def test_sums_that_a_float_holds_and_squares_that_it_does_not():
    dictionary = DenseDictionary(1e-100 * np.random.default_rng(0).standard_normal((3, 5)))
    assert dictionary.babel(2) > 0
    with pytest.raises(DcscError, match="babel_functions: expected atoms whose inner products"):
        dictionary.babel_functions(2)
    with pytest.raises(DcscError, match="babel_functions: most: expected"):
        dictionary.babel_functions(-1)


def stars(cosines, arms):
    """Unit atoms of which some are centres, each with so many arms at one cosine with it."""
    size = len(cosines) * (arms + 1)
    matrix = np.eye(size)
    for number, cosine in enumerate(cosines):
        centre = number * (arms + 1)
        for arm in range(centre + 1, centre + arms + 1):
            matrix[[centre, arm], arm] = cosine, np.sqrt(1 - cosine**2)
    return matrix


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("arms", [1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_rows_that_single_precision_cannot_tell_apart(arms, seed, monkeypatch):
    """Sums, squares and energies of ten rows that differ by 1e-11, in any order in float32."""
    monkeypatch.setattr(correlations, "_TABLE_BYTES", 1)
    monkeypatch.setattr(sums, "_ROWS", 1)
    rng = np.random.default_rng(seed)
    cosines = 0.6 / np.sqrt(arms) + 1e-11 * rng.permutation(10)
    turned = np.linalg.qr(rng.standard_normal((10 * (arms + 1),) * 2))[0]
    matrix = turned @ stars(cosines, arms)
    functions, energy = oracle(matrix, arms)
    second = np.zeros_like(matrix.T)
    for dictionary in (
        DenseDictionary(matrix),
        CirculantDictionary(matrix.T[:, :, None], 1),
        CirculantDictionary(np.stack([matrix.T, second], axis=2), 4),  # which meets itself moved
    ):
        for got, expected in zip(dictionary.babel_functions(arms), functions, strict=True):
            assert got[arms] == pytest.approx(expected[arms], abs=2e-15)
        assert dictionary.babel(1) == pytest.approx(functions[0][1], abs=1e-15)
        assert dictionary.spread() == pytest.approx(energy, abs=2e-15)
        assert dictionary.mutual_coherence() == pytest.approx(functions[0][1], abs=1e-15)


@pytest.mark.parametrize("terms", [1, 3, 100, 5000])
def test_single_precision_is_off_by_less(terms):
    """Atoms of norm 1 whose terms all have one sign, so that rounding adds up the most."""
    rng = np.random.default_rng(terms)
    left, right = unit(rng.random((terms, 200))), unit(rng.random((terms, 200)))
    near = np.einsum("dn,dn->n", *(x.astype(np.float32) for x in (left, right)))
    running = np.zeros(200, dtype=np.float32)
    for a, b in zip(*(x.astype(np.float32) for x in (left, right)), strict=True):
        running += a * b
    exact = np.einsum("dn,dn->n", left, right)
    assert max(np.abs(near - exact).max(), np.abs(running - exact).max()) <= alike.slack(terms)
    assert terms * 2.0**-24 < alike.slack(terms) < (terms + 9) * 2.0**-24 * 1.01


def rows_off_by(off, seed):
    """Sizes of rows, and the same, each off by at most so much, in the worst of directions."""
    rng = np.random.default_rng(seed)
    exact = rng.random((12, 9)) * 0.2 + 0.4
    signs = np.where(np.arange(12)[:, None] % 2, 1, -1)
    return exact, np.clip(exact + off * signs, 0, None)


@pytest.mark.parametrize("off", [1e-9, 1e-3, 0.05])
@pytest.mark.parametrize("seed", range(20))
def test_no_row_with_a_largest_sum_is_left_out(off, seed):
    """What the rows are off by is known exactly here, so that the room for it is all there is."""
    exact, near = rows_off_by(off, seed)
    counts = np.array([1, 2, 5, 9])
    rivals, energies = sums.Rivals(), sums.Rivals()
    for start in (0, 5):
        atoms = np.arange(12)[start : start + 7][: 5 if start == 0 else 7]
        rivals.add(atoms, near[atoms].copy(), counts, off)
        energies.add_energies(atoms, (near[atoms] ** 2).sum(axis=1), 9, off)
    falling = -np.sort(-exact, axis=1)
    for power in (falling, falling**2):
        assert set(np.cumsum(power, axis=1)[:, counts - 1].argmax(axis=0)) <= set(rivals.atoms())
    assert (exact**2).sum(axis=1).argmax() in energies.atoms()
    if off < 1e-3:
        assert len(rivals.atoms()) < 8
        assert len(energies.atoms()) < 3


@pytest.mark.parametrize("off", [1e-6, 1e-3])
def test_squares_have_room_of_their_own(off):
    """A row that is far from the largest sum has the largest squares, by less than all is off."""
    exact = np.array([[0.9, 0.1], [0.9 - off, 0.1], [0.6, 0.6]])
    near = exact + off * np.array([[-1], [1], [0]])
    rivals = sums.Rivals()
    rivals.add(np.arange(3), near, np.array([2]), off)
    assert {0, 2} <= set(rivals.atoms())
    assert (near**2).sum(axis=1).argmax() == 1


def test_babel_functions_of_several_codes_are_those_of_each():
    dictionary = DenseDictionary(np.random.default_rng(0).standard_normal((6, 20)))
    several = Babel.each(dictionary, [0, 3, 1, 19, 25])
    for most, values in zip([0, 3, 1, 19, 25], several, strict=True):
        alone = Babel.at(dictionary, most)
        assert [S for S, _ in values.sums] == [S for S in (most - 1, most) if S > 0]
        for name in ("sums", "squares"):
            pairs = np.array(getattr(values, name)), np.array(getattr(alone, name))
            np.testing.assert_allclose(*pairs, rtol=1e-13)
    with pytest.raises(DcscError, match=r"Babel\.each: sparsities: expected"):
        Babel.each(dictionary, [-1])


def test_a_norm_that_rounds_to_either_side_of_a_power_of_two():
    # In one order of the taps the squares add up to just below 4, in the other to 4.
    w = 1 - 2.0**-53
    filters_ = np.array([[[[w, w], [1, 0], [1, 0]]], [[[0.5, -1], [0.25, 0], [0, 1]]]])
    for turn in (filters_, filters_.swapaxes(2, 3)):
        for dictionary in (CirculantDictionary(turn, (5, 4)), ToeplitzDictionary(turn, (5, 4))):
            agrees(dictionary, 5)
            pair = dictionary.correlated_pair()
            assert abs(pair.value) == pytest.approx(dictionary.babel(1), rel=1e-12)
            gram = np.abs(matrix_of(dictionary).T @ matrix_of(dictionary))
            np.fill_diagonal(gram, 0)
            assert abs(pair.value) == pytest.approx(gram.max(), rel=1e-12)
