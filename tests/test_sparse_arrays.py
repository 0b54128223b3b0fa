"""Sparse arrays of SciPy: what they stand for, what is refused, and what they cost."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from dcsc import (
    CirculantDictionary,
    DcscError,
    DCSCModel,
    DenseDictionary,
    HardThreshold,
    Layer,
    LayerInstance,
    OneStep,
    OrthogonalMatchingPursuit,
    Pathway,
    RademacherSigns,
    ReLU,
    SignedDictionary,
    SoftThreshold,
    ToeplitzDictionary,
    TopK,
)
from dcsc._entries import Entries
from dcsc.bounds import declare, measure, told_means
from dcsc.dictionaries import filters
from dcsc.errors import TooLargeError
from dcsc.experiments import enumerate_signs, estimate_failure, simulate
from dcsc.networks import Autoencoder
from dcsc.overlap import pathway_overlap
from tests import strategies
from tests.strategies import LAWS, dictionaries

LINE = CirculantDictionary(filters.gaussian(3, 2, 3, rng=0), extent=8)
MATRIX = DenseDictionary(np.arange(12.0).reshape(3, 4))


def coo(values, places, shape):
    return scipy.sparse.coo_array((values, tuple(places)), shape=shape)


@st.composite
def listed(draw):
    """A shape, and entries in it: in any order, at the same places, zeros, and sums that vanish."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=4)))
    rng = np.random.default_rng(draw(strategies.seeds))
    count = draw(st.integers(0, 12))
    places = [rng.integers(0, length, count) for length in shape]
    return shape, places, rng.integers(-2, 3, count).astype(draw(strategies.floats))


@given(listed(), st.data())
def test_entries_are_those_of_the_sum(case, data):
    shape, places, values = case
    axes = data.draw(st.integers(1, len(shape)))
    array = np.zeros(shape, values.dtype)
    np.add.at(array, tuple(places), values)
    entries = Entries.of(coo(values, places, shape), shape[len(shape) - axes :], "here")
    expected = np.nonzero(array.reshape(-1, *entries.shape))
    np.testing.assert_array_equal(entries.elements, expected[0])
    np.testing.assert_array_equal(entries.places, expected[1:])
    np.testing.assert_array_equal(entries.values, array[array != 0])
    assert entries.values.dtype == values.dtype
    np.testing.assert_array_equal(entries.unpacked(), array)


@given(st.data(), strategies.batches)
def test_every_measure_is_that_of_the_array(data, batch):
    dictionary = data.draw(dictionaries())
    x = data.draw(strategies.arrays((*batch, *dictionary.code_shape), laws=("sparse",)))
    y = data.draw(strategies.arrays((*batch, *dictionary.signal_shape), laws=("sparse",)))
    for name, array in (
        ("stripe_sparsity", x),
        ("contributions", x),
        ("analyze", y),
        ("exposure", y),
        ("patch_sparsity", y),
        ("patch_norm", y),
    ):
        expected = getattr(dictionary, name)(array)
        result = getattr(dictionary, name)(scipy.sparse.coo_array(array))
        np.testing.assert_array_equal(result, expected, err_msg=name)
        assert np.shape(result) == np.shape(expected) == batch + np.shape(result)[len(batch) :]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_every_format_of_two_axes(form, kind):
    code = np.array([[0.0, 2, 0, 0], [1, 0, 0, -3]])
    value = getattr(scipy.sparse, f"{form}_{kind}")(code)
    np.testing.assert_array_equal(MATRIX.synthesize(value), MATRIX.synthesize(code))
    assert MATRIX.stripe_sparsity(value).tolist() == [1, 2]


def test_whole_numbers_are_added_up_as_numbers():
    for dtype in (np.int8, bool):
        code = coo(np.full(300, 1, dtype), ([1] * 300,), (4,))
        np.testing.assert_array_equal(MATRIX.synthesize(code), 300 * MATRIX.matrix[:, 1])


def test_the_argument_is_left_as_it_was():
    values, places = np.array([1.0, 0, 2, 3]), np.array([[2, 0, 1, 2], [7, 1, 3, 7]])
    code = coo(values, places, LINE.code_shape)
    LINE.synthesize(code)
    assert code.nnz == 4
    np.testing.assert_array_equal(code.data, [1, 0, 2, 3])
    np.testing.assert_array_equal(np.stack(code.coords), [[2, 0, 1, 2], [7, 1, 3, 7]])


def moved(places):
    """An array whose indices were changed after SciPy looked at them."""
    code = coo([1.0], ([0], [0], [0]), (2, 3, 8))
    code.coords = tuple(np.array([place]) for place in places)
    return code


REFUSED = {
    "shape": (coo([1.0], ([0], [0]), (3, 7)), r"expected shape \(\*batch, 3, 8\), got \(3, 7\)"),
    "axes": (coo([1.0], ([0],), (8,)), r"expected shape \(\*batch, 3, 8\), got \(8,\)"),
    "complex": (coo([1j], ([0], [0]), (3, 8)), "expected real numbers, got dtype complex128"),
    "nan": (coo([1, np.nan], ([0, 2], [0, 5]), (3, 8)), r"finite numbers, got nan at \(2, 5\)"),
    "sum": (coo([1e308] * 2, ([1] * 2, [4] * 2), (3, 8)), r"finite numbers, got inf at \(1, 4\)"),
    "beyond": (moved([1, 3, 0]), "indices on axis 1: expected 0 to 2, got 3 to 3"),
    "below": (moved([0, 0, -1]), "indices on axis 2: expected 0 to 7, got -1 to -1"),
    "no number": (moved([0.0, 0, 0]), "indices on axis 0: expected a list of ints, got float64"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", ["synthesize", "stripe_sparsity", "contributions"])
def test_what_is_refused(case, name):
    value, message = REFUSED[case]
    with pytest.raises(DcscError, match=f"CirculantDictionary: codes: .*{message}"):
        getattr(LINE, name)(value)


def test_as_many_indices_as_values():
    code = coo([1.0, 2.0], ([0, 1], [0, 1]), (3, 8))
    code.data = np.ones(3)
    with pytest.raises(DcscError, match=r"expected 3 indices on each axis, got \[2, 2\]"):
        LINE.synthesize(code)


def test_shapes_that_no_array_has():
    huge = coo([1.0], ([2**40], [0], [0]), (2**41, 3, 8))
    with pytest.raises(TooLargeError, match="expected at most"):
        LINE.synthesize(huge)
    with pytest.raises(TooLargeError, match="expected at most"):
        LINE.contributions(coo([1.0], ([2**30], [0], [0]), (2**33, 3, 8)))
    with pytest.raises(TooLargeError, match="expected at most 9223372036854775807 entries"):
        LINE.stripe_sparsity(coo([1.0], ([0], [0], [0], [0]), (2**40, 2**40, 3, 8)))


@pytest.mark.parametrize("groups", [1, 256])
def test_memory_goes_with_the_entries(groups):
    """A batch of 33 million entries, of which some thousands are not zero."""
    batch, extent, rng = 64, 1024, np.random.default_rng(0)
    dictionary = CirculantDictionary(filters.gaussian(512, 1, 3, rng=0), extent, groups=groups)
    few = tuple(rng.integers(0, length, 5000) for length in (batch, 512, extent))
    codes = coo(rng.standard_normal(5000), few, (batch, 512, extent))
    dictionary.synthesize(codes)  # compiles
    # The signals, and room for the entries and for some elements of a batch at a time.
    room = 8 * batch * groups * extent + 2**23
    for call in (dictionary.synthesize, dictionary.stripe_sparsity):
        tracemalloc.start()
        call(codes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < room < 8 * batch * 512 * extent


@pytest.mark.parametrize("kernel", [3, (3, 2), (2, 1, 2)])
def test_any_number_of_axes(kernel):
    """On more than two the entries are laid by numpy."""
    bank = filters.gaussian(4, 2, kernel, rng=0)
    dictionary = CirculantDictionary(bank, (6, 4, 8)[: bank.ndim - 2], stride=2, groups=2)
    codes = LAWS["sparse"](np.random.default_rng(0), (2, 3, *dictionary.code_shape))
    signals = dictionary.synthesize(scipy.sparse.coo_array(codes))
    np.testing.assert_allclose(signals, dictionary.synthesize(codes), atol=1e-12)


# ---- wherever codes go ---------------------------------------------------------------------------

LAYER = Layer(LINE.normalized(), HardThreshold(0.4), RademacherSigns())
MODEL = DCSCModel([LAYER])
ENCODER = Autoencoder(MATRIX, MATRIX, ReLU(), np.zeros(4), np.ones(3), np.zeros(3))
TAKE_CODES = {
    "synthesize of a model": lambda x: MODEL.draw(0).synthesize(x)[0],
    "a pathway": lambda x: Pathway((np.zeros((2, 2, 8)), x), (2,))[1],
    "an instance": lambda x: LayerInstance(LINE, x).codes,
    "measure": lambda x: measure(MODEL, Pathway((np.zeros((2, 2, 8)), x), (2,)))[0].codes,
    "declare": lambda x: declare(MODEL, x, x_min=[0.5])[0].sparsity,
    "simulate": lambda x: simulate(MODEL, x, 100).failures,
    "enumerate_signs": lambda x: enumerate_signs(MODEL, x).failures,
    "estimate_failure": lambda x: estimate_failure(MODEL, x, 100).best,
    "told_means": lambda x: told_means(MODEL, one(x)).layers[0].units,
    "a penalty": lambda x: SoftThreshold(0.5).penalty(x, LINE),
    "pathway_overlap": lambda x: pathway_overlap([x], [0, 0]).within,
    "decode": lambda x: ENCODER.decode(x.reshape((2, 6, 4))),
}


def one(codes):
    return codes[0] if isinstance(codes, np.ndarray) else scipy.sparse.coo_array(codes.toarray()[0])


@pytest.mark.parametrize("name", TAKE_CODES)
def test_wherever_codes_go(name):
    codes = np.zeros((2, 3, 8))
    codes[0, 1, 2], codes[1, 2, 7], codes[1, 0, 3] = 1.0, 1.5, -0.75
    call = TAKE_CODES[name]
    np.testing.assert_array_equal(call(scipy.sparse.coo_array(codes)), call(codes))


@pytest.mark.parametrize("batch", [(), (2,), (0,), (2, 3)])
def test_codes_on_request(batch):
    signals = strategies.normal((*batch, *LINE.signal_shape), seed=0)
    coefficients = LINE.analyze(signals)
    matching = OrthogonalMatchingPursuit(sparsity=2)
    for dense, packed in (
        (HardThreshold(1)(coefficients), HardThreshold(1)(coefficients, sparse=True)),
        (TopK(2)(coefficients, LINE), TopK(2)(coefficients, LINE, sparse=True)),
        (matching(signals, LINE).code, matching(signals, LINE, sparse=True).code),
    ):
        assert isinstance(packed, scipy.sparse.coo_array)
        assert packed.shape == dense.shape
        assert packed.nnz == np.count_nonzero(dense)
        np.testing.assert_array_equal(packed.toarray(), dense)


MATCHED = {
    "atoms": DenseDictionary(filters.gaussian(7, 1, 5, rng=0).reshape(7, 5).T),
    "a line": LINE,
    "a plane": ToeplitzDictionary(filters.gaussian(3, 2, (3, 2), rng=1), (6, 5), stride=(2, 1)),
    "a volume": CirculantDictionary(filters.gaussian(2, 2, (2, 1, 3), rng=2), (3, 2, 4)),
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", MATCHED)
def test_matching_pursuit_returns_the_same_codes_sparse(name, signed):
    dictionary = MATCHED[name]
    if signed:
        signs = np.random.default_rng(3).choice([-1.0, 1.0], dictionary.code_shape)
        dictionary = SignedDictionary(dictionary, signs)
    signals = strategies.normal((2, 3, *dictionary.signal_shape), seed=4)
    signals[0, 1] = signals[1, 2] = 0  # of nothing there is no atom
    for pursuit in (
        OrthogonalMatchingPursuit(sparsity=3),
        OrthogonalMatchingPursuit(level=0.5),
        OrthogonalMatchingPursuit(sparsity=2, level=1.5),
    ):
        for part in (signals, signals[1], signals[0, 0], signals[0, 1], signals[:0], 0 * signals):
            dense, packed = pursuit(part, dictionary), pursuit(part, dictionary, sparse=True)
            assert isinstance(packed.code, scipy.sparse.coo_array)
            assert packed.code.shape == dense.code.shape
            assert packed.code.dtype == dense.code.dtype
            assert packed.code.nnz == np.count_nonzero(dense.code)
            np.testing.assert_array_equal(packed.code.toarray(), dense.code)
            np.testing.assert_array_equal(packed.iterations, dense.iterations)
            assert packed.code.nnz <= packed.iterations.sum()
            assert (packed.code.nnz > 0) == bool(part.any())
            # and back: what is left is what the dense code leaves
            again = dictionary.synthesize(packed.code)
            np.testing.assert_allclose(again, dictionary.synthesize(dense.code), atol=1e-5)


def test_a_request_is_a_flag():
    with pytest.raises(DcscError, match="HardThreshold: sparse: expected True or False, got 1"):
        HardThreshold(1)(np.ones(3), sparse=1)
    with pytest.raises(DcscError, match="OneStep: sparse: expected True or False, got 'coo'"):
        OneStep()(np.ones((2, 8)), LINE, HardThreshold(1), sparse="coo")


# ---- other libraries -----------------------------------------------------------------------------


@given(dictionaries())
def test_matrices_have_short_indices(dictionary):
    matrix = dictionary.to_sparse()
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32


@pytest.mark.parametrize("signed", [False, True])
def test_scikit_learn_takes_the_matrix(signed):
    """Which, as celer, takes indices of 32 bits alone; at a minimum the slope is a subgradient."""
    dictionary = CirculantDictionary(filters.gaussian(4, 1, 5, rng=1), extent=32)
    if signed:
        signs = np.where(np.arange(128).reshape(4, 32) % 3, 1.0, -1.0)
        dictionary = SignedDictionary(dictionary, signs)
    signal = strategies.normal(32, seed=2)
    penalty = 0.3 * np.abs(dictionary.analyze(signal[None])).max()
    lasso = Lasso(penalty / 32, fit_intercept=False, tol=1e-12).fit(dictionary.to_sparse(), signal)
    slope = dictionary.analyze((signal - lasso.predict(dictionary.to_sparse()))[None]).ravel()
    on = lasso.coef_ != 0
    np.testing.assert_allclose(slope[on], penalty * np.sign(lasso.coef_[on]), rtol=1e-5)
    assert 0 < on.sum() < 32
    assert np.abs(slope).max() <= penalty * (1 + 1e-5)
