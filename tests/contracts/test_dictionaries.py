"""The laws of dictionaries, over all of them, and faults that the check must find."""

import functools
import math

import attrs
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    WindowAxis,
    Windows,
    filters,
    sums,
)
from dcsc.errors import DcscError
from dcsc.testing import check_dictionary
from tests import cases, strategies
from tests.test_windows import absolute_of, bare, grid, matrix_of, patches_of


def law(test):
    """Run a test on data of every kind of dictionary."""
    return pytest.mark.parametrize("kind", cases.DICTIONARIES)(given(st.data())(test))


def eps(dictionary, array=None):
    """The relative spacing of the least precise numbers that take part."""
    single = dictionary.synthesize(np.zeros(dictionary.code_shape, np.float32)).dtype == np.float32
    single |= array is not None and array.dtype == np.float32
    return np.finfo(np.float32 if single else np.float64).eps


# ---- the laws ------------------------------------------------------------------------------------


@law
def test_laws(kind, data):
    check_dictionary(data.draw(strategies.dictionaries(kind)), data.draw(strategies.seeds))


@law
def test_matrix_and_gram_are_the_ones_defined(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    matrix = matrix_of(dictionary)
    sparse = dictionary.to_sparse()
    assert scipy.sparse.issparse(sparse)
    assert sparse.shape == matrix.shape
    np.testing.assert_allclose(
        sparse.toarray(), matrix, rtol=0, atol=8 * eps(dictionary) * np.abs(matrix).max()
    )
    some = np.arange(matrix.shape[1])[::-2]
    gram, bound = matrix.T @ matrix, np.abs(matrix).T @ np.abs(matrix)
    error = np.abs(dictionary.gram_rows(some).toarray() - gram[some])
    assert (error <= 50 * eps(dictionary) * bound.max()).all()


@pytest.mark.parametrize("kernel", range(1, 5))
@pytest.mark.parametrize("kind", strategies.WITH_AXES)
def test_measures_on_every_small_line(kind, kernel):
    """Every way in which atoms are cut, wrapped, or short of neighbours."""
    bank = filters.gaussian(4, 1, kernel, rng=kernel)
    for dictionary in (
        *strategies.small_lines(kind, bank[:2], groups=1),
        *strategies.small_lines(kind, bank, groups=2),
    ):
        matrix = matrix_of(dictionary)
        gram, norms = np.abs(matrix.T @ matrix), np.linalg.norm(matrix, axis=0)
        np.fill_diagonal(gram, 0)
        cosines = gram[np.ix_(norms > 0, norms > 0)] / np.outer(norms[norms > 0], norms[norms > 0])
        close = functools.partial(pytest.approx, rel=1e-12, abs=1e-14)
        assert dictionary.mutual_coherence() == close(cosines.max(initial=0))
        rows = np.sort(gram, axis=1)[:, ::-1]
        for S in (1, 2, 3, 100):
            assert dictionary.babel(S) == close(rows[:, :S].sum(axis=1).max())
            assert dictionary.babel_squared(S) == close((rows[:, :S] ** 2).sum(axis=1).max())
        assert dictionary.spread() == close((rows**2).sum(axis=1).max())


@law
def test_maps_agree_with_the_matrix(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    matrix, absolute = matrix_of(dictionary), absolute_of(dictionary)
    batch = data.draw(strategies.batches)
    codes = data.draw(strategies.codes(dictionary, batch))
    signals = data.draw(strategies.signals(dictionary, batch))
    for array, linear, sizes, got, shape in (
        (codes, matrix.T, absolute.T, dictionary.synthesize(codes), dictionary.signal_shape),
        (signals, matrix, absolute, dictionary.analyze(signals), dictionary.code_shape),
    ):
        flat = array.reshape(math.prod(batch), len(linear)).astype(float)
        expected, bound = flat @ linear, np.abs(flat) @ sizes
        assert got.shape == batch + tuple(shape)
        error = np.abs(got.reshape(expected.shape) - expected)
        assert (error <= 50 * eps(dictionary, array) * bound).all()


@law
def test_synthesis_is_exactly_zero_off_the_kernel_boxes(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    codes = data.draw(strategies.codes(dictionary, batch=(), laws=("sparse",)))
    signal, patches = dictionary.synthesize(codes), patches_of(dictionary)
    # Every group of filters has windows of its own, at every position.
    groups = getattr(bare(dictionary), "groups", 1)
    by_group = codes.reshape(groups, -1, *codes.shape[1:]).any(axis=1)
    used = by_group.ravel() if len(patches) > 1 else [codes.any()]
    covered = {
        sample for active, held in zip(used, patches, strict=True) if active for sample in held
    }
    assert not any(signal[sample] for sample in grid(*signal.shape) if sample not in covered)


@law
def test_integers_and_booleans_are_converted(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    codes = data.draw(strategies.codes(dictionary, laws=("integers",)))
    for array in (codes.astype(np.int64), codes.astype(np.int8), codes != 0):
        got, expected = dictionary.synthesize(array), dictionary.synthesize(array.astype(float))
        assert got.dtype in (np.float32, np.float64)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@law
def test_memory_order_does_not_matter(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    codes = data.draw(strategies.codes(dictionary, batch=(3,)))
    signals = data.draw(strategies.signals(dictionary, batch=(3,)))
    for method, array in ((dictionary.synthesize, codes), (dictionary.analyze, signals)):
        expected = method(array)
        np.testing.assert_array_equal(method(np.asfortranarray(array)), expected)
        np.testing.assert_array_equal(method(array[::-1].copy()[::-1]), expected)


@law
def test_normalized_atoms_keep_their_directions(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind, live=True))
    matrix, unit = matrix_of(dictionary), matrix_of(dictionary.normalized())
    norms = np.linalg.norm(matrix, axis=0) * np.linalg.norm(unit, axis=0)
    np.testing.assert_allclose((matrix * unit).sum(axis=0), norms, rtol=1e-5)


@pytest.mark.parametrize("kind", [DenseDictionary, NormalizedDictionary, cases.Plain])
@given(data=st.data())
def test_normalized_atoms_have_unit_norm(kind, data):
    unit = data.draw(strategies.dictionaries(kind, live=True)).normalized()
    norms = np.linalg.norm(matrix_of(unit), axis=0)
    np.testing.assert_allclose(norms, 1, rtol=4 * eps(unit))
    np.testing.assert_allclose(unit.atom_norms().ravel(), 1, rtol=4 * eps(unit))


@pytest.mark.parametrize("kind", strategies.WITH_AXES)
@given(data=st.data())
def test_normalized_filters_have_unit_norm(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind, live=True))
    unit = dictionary.normalized()
    norms = np.linalg.norm(unit.filters.reshape(len(unit.filters), -1).astype(float), axis=1)
    np.testing.assert_allclose(norms, 1, rtol=4 * eps(unit))
    assert attrs.evolve(unit, filters=dictionary.filters) == dictionary
    signs = np.ones(dictionary.code_shape)
    assert SignedDictionary(dictionary, signs).normalized() == SignedDictionary(unit, signs)


@law
def test_welch_floor_is_below_the_coherence(kind, data):
    unit = NormalizedDictionary(data.draw(strategies.dictionaries(kind, live=True)))
    assert 0 <= unit.welch_floor() <= unit.mutual_coherence() + 1e-6


def test_welch_floor_of_atoms_that_lie_in_the_padding():
    assert ToeplitzDictionary([[[1]]], extent=1, padding=1).welch_floor() == 0


def test_welch_floor_is_attained_by_an_equiangular_frame():
    angles = np.pi * np.arange(3) / 3
    frame = DenseDictionary([np.cos(angles), np.sin(angles)])
    assert frame.welch_floor() == pytest.approx(0.5)
    assert frame.mutual_coherence() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float64, 1e-200), (np.float64, 1e200), (np.float32, 1e-42)]
)
def test_small_and_large_atoms_are_normalized_too(dtype, size):
    atoms = np.array([[3, 1], [4, 1]], dtype) * dtype(size)
    units = (
        DenseDictionary(atoms).normalized().matrix,
        CirculantDictionary(atoms.T[:, None], 4).normalized().filters[:, 0].T,
    )
    for unit in units:
        np.testing.assert_allclose(np.linalg.norm(unit, axis=0), 1, rtol=4 * np.finfo(dtype).eps)


def test_coherence_leaves_out_negligible_atoms():
    x = np.array([0.6, 0.8])
    base = [[1, 0], [0, 1]]
    for size, coherence in ((1e-11, 0.8), (1e-13, 0.0)):
        dictionary = DenseDictionary(np.column_stack([*base, size * x]))
        assert dictionary.mutual_coherence() == pytest.approx(coherence)
    assert DenseDictionary(np.zeros((2, 3))).mutual_coherence() == 0


# ---- faults the check must find ------------------------------------------------------------------


class WrongAdjoint(DenseDictionary):
    def _analyze(self, signals):
        return signals @ np.abs(self.matrix)


class NotLinear(DenseDictionary):
    def _synthesize(self, codes):
        return np.maximum(codes, 0) @ self.matrix.T


class Affine(DenseDictionary):
    def _synthesize(self, codes):
        return codes @ self.matrix.T + 1


class BatchDependent(DenseDictionary):
    def _synthesize(self, codes):
        return (codes - codes.mean(axis=0) * (len(codes) > 1)) @ self.matrix.T


class WrongDtype(DenseDictionary):
    def _analyze(self, signals):
        return signals.astype(np.float32) @ self.matrix.astype(np.float32)


class WrongShape(DenseDictionary):
    def _synthesize(self, codes):
        return (codes @ self.matrix.T)[..., :-1]


class Growing(DenseDictionary):
    def _synthesize(self, codes):
        Growing.calls = getattr(Growing, "calls", 0) + 1
        return codes @ self.matrix.T * Growing.calls


class WrongNorms(DenseDictionary):
    def _atom_norms(self):
        return np.abs(self.matrix).sum(axis=0)


class WrongGram(DenseDictionary):
    def _gram_rows(self, indices):
        return abs(super()._gram_rows(indices))


class WrongContributions(DenseDictionary):
    def _contributions(self, codes):
        return np.abs(codes @ self.matrix.T)


class WrongExposure(DenseDictionary):
    def _exposure(self, signals):
        return np.abs(signals @ self.matrix)


class WrongSparse(DenseDictionary):
    def _to_sparse(self):
        return -super()._to_sparse()


class FewRepresentatives(DenseDictionary):
    _most_coherent, _largest_sums = Dictionary._most_coherent, Dictionary._largest_sums

    def _representatives(self):
        return np.arange(1)


class NarrowStripe(CirculantDictionary):
    @property
    def stripes(self):
        (p,) = self.positions
        return Windows(self.code_shape, (WindowAxis(p, p, start=-1, length=2, circular=True),))


class NarrowPatch(CirculantDictionary):
    @property
    def patches(self):
        (e,) = self.extent
        return Windows(self.signal_shape, (WindowAxis(e, e, 0, length=2, circular=True),))


class ShiftedPatch(CirculantDictionary):
    @property
    def patches(self):
        (e,) = self.extent
        return Windows(self.signal_shape, (WindowAxis(e, e, 1, length=3, circular=True),))


def turned(windows):
    """The windows of each group in the place of the next group's."""
    groups, *others = windows.axes
    start = groups.entries - groups.length
    return Windows(windows.shape, (attrs.evolve(groups, start=start, circular=True), *others))


class StripesOfOtherGroups(CirculantDictionary):
    @property
    def stripes(self):
        return turned(super().stripes)


class PatchesOfOtherGroups(CirculantDictionary):
    @property
    def patches(self):
        return turned(super().patches)


MATRIX = np.random.default_rng(0).standard_normal((4, 6)) * np.arange(1, 7)
FAULTS = {
    WrongAdjoint: "adjoint",
    NotLinear: "linear",
    Affine: "linear",
    BatchDependent: "batch-invariant",
    WrongDtype: "dtype kept",
    WrongShape: "shape",
    Growing: "batch-invariant",
    WrongNorms: "atom_norms",
    WrongGram: "gram_rows",
    WrongContributions: "contributions",
    WrongExposure: "exposure",
    WrongSparse: "to_sparse",
    FewRepresentatives: "mutual_coherence|babel",
    NarrowStripe: "stripes",
    NarrowPatch: "patches",
    ShiftedPatch: "patches",
    StripesOfOtherGroups: "stripes",
    PatchesOfOtherGroups: "patches",
}


@pytest.mark.parametrize("faulty", FAULTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_check_finds(faulty, dtype):
    if issubclass(faulty, DenseDictionary):
        dictionary, sound = faulty(MATRIX.astype(dtype)), DenseDictionary(MATRIX.astype(dtype))
    else:
        bank = filters.gaussian(2, 1, 3, rng=0).astype(dtype)
        groups = 2 if "Groups" in faulty.__name__ else 1
        dictionary, sound = (kind(bank, 7, groups=groups) for kind in (faulty, CirculantDictionary))
    check_dictionary(sound)
    broken = f"{faulty.__name__} breaks the law.*({FAULTS[faulty]})"
    with pytest.raises(AssertionError, match=broken):
        check_dictionary(dictionary)


@pytest.mark.parametrize("entries", [1, 7, 20])
def test_dense_measures_go_through_the_gram_matrix_in_blocks(entries, monkeypatch):
    monkeypatch.setattr(sums, "_BLOCK_ENTRIES", entries)
    monkeypatch.setattr(sums, "_SCREENED", 0)
    monkeypatch.setattr(sums, "_ROWS", 1 + entries // 7)
    check_dictionary(DenseDictionary(MATRIX))


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_the_check_does_not_depend_on_the_size_of_the_atoms(size):
    bank = size * filters.gaussian(2, 1, 3, rng=0)
    check_dictionary(CirculantDictionary(bank, 7))
    check_dictionary(DenseDictionary(size * MATRIX))
    for faulty in (NarrowStripe, NarrowPatch):
        with pytest.raises(AssertionError, match="breaks the law"):
            check_dictionary(faulty(bank, 7))


class Writing(DenseDictionary):
    def _synthesize(self, codes):
        codes *= 2
        return codes @ self.matrix.T


def test_a_hook_that_writes_into_its_argument_is_told_the_law():
    with pytest.raises(AssertionError, match="Writing breaks the law 'inputs are left as they"):
        check_dictionary(Writing(MATRIX))


def test_a_class_is_no_dictionary():
    with pytest.raises(DcscError, match="check_dictionary: dictionary: expected a Dictionary"):
        check_dictionary(DenseDictionary)
