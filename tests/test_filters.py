"""Filter families: shapes, norms, bases, codes, and what is refused."""

import functools
import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from dcsc.dictionaries import filters
from dcsc.dictionaries.filters import (
    barker,
    dct,
    gabor,
    gaussian,
    haar,
    rademacher,
    sparse_rademacher,
)
from dcsc.errors import DcscError

BARKER_COUNTS = {2: 2, 3: 1, 4: 2, 5: 1, 7: 1, 11: 1, 13: 1}
RANDOM = {
    "gaussian": gaussian,
    "rademacher": rademacher,
    "sparse_rademacher": functools.partial(sparse_rademacher, nonzeros=1),
}
FIXED = {"dct": dct, "haar": haar, "gabor": gabor, "barker": barker}
FAMILIES = RANDOM | FIXED


def as_tuple(kernel):
    return kernel if isinstance(kernel, tuple) else (kernel,)


def gabor_limit(kernel):
    long = tuple(side for side in as_tuple(kernel) if side > 1)
    return {(): 1, (2,): 2, (3,): 3, (2, 2): 2}.get(long, math.inf)


def gram(bank):
    rows = bank.reshape(len(bank), -1)
    return rows @ rows.T


def sides(largest):
    side = st.integers(1, largest)
    return side | st.tuples(side) | st.tuples(side, side)


def lengths(*allowed):
    side = st.sampled_from(allowed)
    return side | st.tuples(side) | st.tuples(side, side)


@st.composite
def calls(draw):
    """Draw a family and arguments it accepts: ``(family, n, c, kernel, options)``."""
    family = draw(st.sampled_from(sorted(FAMILIES)))
    if family == "barker":
        kernel, c = draw(lengths(*BARKER_COUNTS)), 1
        most = math.prod(BARKER_COUNTS[side] for side in as_tuple(kernel))
    elif family == "haar":
        kernel, c = draw(lengths(1, 2, 4, 8)), draw(st.sampled_from([1, 2, 4]))
        most = c * math.prod(as_tuple(kernel))
    else:
        kernel, c = draw(sides(6)), draw(st.integers(1, 3))
        most = c * math.prod(as_tuple(kernel)) if family == "dct" else 20
        if family == "gabor":
            most = min(most, gabor_limit(kernel))
    options: dict[str, Any] = {}
    if family in RANDOM:
        options["rng"] = draw(st.integers(0, 2**32))
    if family == "sparse_rademacher":
        options["nonzeros"] = draw(st.integers(1, c * math.prod(as_tuple(kernel))))
    return family, draw(st.integers(1, min(most, 20))), c, kernel, options


# Laws of every family


def test_every_family_is_tested():
    designed = {"equicorrelated", "low_coherence", "orthogonal", "wavelets"}
    assert set(filters.__all__) == set(FAMILIES) | designed


@given(calls())
def test_shape_dtype_and_unit_norm(call):
    family, n, c, kernel, options = call
    bank = getattr(filters, family)(n, c, kernel, **options)
    assert bank.shape == (n, c, *as_tuple(kernel))
    assert bank.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(bank.reshape(n, -1), axis=1), 1, rtol=1e-12)


@given(calls())
def test_same_call_gives_the_same_fresh_array(call):
    family, n, c, kernel, options = call
    build = getattr(filters, family)
    first = build(n, c, kernel, **options)
    kept = first.copy()
    first[...] = np.nan
    np.testing.assert_array_equal(build(n, c, kernel, **options), kept)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kernel", [(4,), [4], np.array([4]), np.int64(4)])
def test_an_int_is_a_kernel_of_one_axis(family, kernel):
    options = {"rng": 0} if family in RANDOM else {}
    expected = FAMILIES[family](2, 1, 4, **options)
    np.testing.assert_array_equal(FAMILIES[family](2, 1, kernel, **options), expected)


# Random families


@pytest.mark.parametrize("family", RANDOM)
def test_the_seed_decides(family):
    build = functools.partial(RANDOM[family], 8, 2, (3, 4))
    np.testing.assert_array_equal(build(rng=1), build(rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(build(rng=1), build(rng=np.random.SeedSequence(1)))
    assert not np.array_equal(build(rng=1), build(rng=2))
    assert not np.array_equal(build(), build())
    generator = np.random.default_rng(1)
    assert not np.array_equal(build(rng=generator), build(rng=generator))


@pytest.mark.parametrize("family", RANDOM)
def test_global_random_state_is_left_alone(family):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (the state that must not move)
    RANDOM[family](4, 1, 5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_gaussian_is_isotropic():
    rows = gaussian(20_000, 2, 3, rng=0).reshape(20_000, -1)
    # The mean of 20 000 rows with covariance I / 6 has entries of deviation 0.0029.
    assert np.abs(rows.mean(axis=0)).max() < 0.015
    np.testing.assert_allclose(rows.T @ rows / len(rows), np.eye(6) / 6, atol=0.01)
    # On the unit sphere of dimension 6 the fourth moment of an entry is 3 / (6 · 8).
    np.testing.assert_allclose((rows**4).mean(axis=0), 3 / 48, atol=0.005)


@given(st.integers(1, 6), st.integers(1, 3), sides(5), st.integers(0, 99))
def test_rademacher_entries_are_signs(n, c, kernel, seed):
    bank = rademacher(n, c, kernel, rng=seed)
    np.testing.assert_allclose(np.abs(bank), 1 / math.sqrt(bank[0].size), rtol=1e-14)


def test_rademacher_signs_are_fair_and_independent():
    signs = rademacher(40_000, 1, 4, rng=0)[:, 0] * 2
    np.testing.assert_allclose(signs.mean(axis=0), 0, atol=0.025)
    np.testing.assert_allclose(signs.T @ signs / len(signs), np.eye(4), atol=0.025)


@given(st.integers(1, 6), st.integers(1, 3), sides(5), st.data())
def test_sparse_rademacher_has_the_count(n, c, kernel, data):
    size = c * math.prod(as_tuple(kernel))
    nonzeros = data.draw(st.integers(1, size))
    bank = sparse_rademacher(n, c, kernel, nonzeros, rng=0).reshape(n, -1)
    assert (np.count_nonzero(bank, axis=1) == nonzeros).all()
    np.testing.assert_allclose(np.abs(bank[bank != 0]), 1 / math.sqrt(nonzeros), rtol=1e-14)
    assert not np.signbit(bank[bank == 0]).any()


def test_sparse_rademacher_places_are_uniform_and_signs_fair():
    bank = sparse_rademacher(30_000, 1, 4, nonzeros=2, rng=0)[:, 0] * math.sqrt(2)
    places = ["".join("x" if value else "." for value in row) for row in bank]
    counts = {pattern: places.count(pattern) for pattern in set(places)}
    assert len(counts) == 6
    np.testing.assert_allclose([count / 30_000 for count in counts.values()], 1 / 6, atol=0.011)
    np.testing.assert_allclose(bank.mean(axis=0), 0, atol=0.021)
    np.testing.assert_allclose(bank.T @ bank / len(bank), np.eye(4) / 2, atol=0.021)


# Orthonormal bases


def haar_matrix(size):
    """Build the Haar basis by doubling: stretch the coarser one, then append the finest level."""
    if size == 1:
        return np.ones((1, 1))
    coarse = np.kron(haar_matrix(size // 2), [1, 1])
    fine = np.kron(np.eye(size // 2), [1, -1])
    return np.vstack([coarse, fine]) / math.sqrt(2)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 16, 64])
def test_dct_rows_are_the_dct_in_natural_order(size):
    expected = scipy.fft.idct(np.eye(size), norm="ortho", axis=1)
    np.testing.assert_allclose(dct(size, 1, size)[:, 0], expected, atol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16, 64])
def test_haar_rows_are_the_haar_basis_in_natural_order(size):
    np.testing.assert_allclose(haar(size, 1, size)[:, 0], haar_matrix(size), atol=1e-14)


def test_haar_pair():
    expected = np.array([[[1, 1]], [[1, -1]]]) / math.sqrt(2)
    np.testing.assert_allclose(haar(2, 1, 2), expected, rtol=1e-15)


@pytest.mark.parametrize("c", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 5, 8, (1, 4), (3, 3), (4, 2), (2, 3, 2)])
def test_dct_is_orthonormal(c, kernel):
    size = c * math.prod(as_tuple(kernel))
    np.testing.assert_allclose(gram(dct(size, c, kernel)), np.eye(size), atol=1e-13)


@pytest.mark.parametrize("c", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 2, 4, 16, (1, 4), (4, 4), (8, 2), (2, 4, 2)])
def test_haar_is_orthonormal(c, kernel):
    size = c * math.prod(as_tuple(kernel))
    np.testing.assert_allclose(gram(haar(size, c, kernel)), np.eye(size), atol=1e-13)


@pytest.mark.parametrize(("c", "kernel"), [(1, (3, 4)), (2, (3, 3)), (3, (5,)), (2, (2, 3, 2))])
def test_dct_order_is_total_frequency_then_c_order(c, kernel):
    shape = (c, *kernel)
    found = []
    for element in dct(math.prod(shape), c, kernel):
        spectrum = scipy.fft.dctn(element, norm="ortho")
        found.append(np.unravel_index(np.argmax(spectrum), shape))
        assert spectrum.max() == pytest.approx(1)
    assert found == sorted(itertools.product(*map(range, shape)), key=sum)


@pytest.mark.parametrize(("c", "kernel"), [(1, (4, 4)), (2, (4, 2)), (2, (8,)), (1, (2, 8))])
def test_haar_order_is_finest_level_then_total_level_then_c_order(c, kernel):
    shape = (c, *kernel)
    basis = functools.reduce(np.kron, map(haar_matrix, shape))
    coordinates = haar(math.prod(shape), c, kernel).reshape(math.prod(shape), -1) @ basis.T
    found = [np.unravel_index(np.argmax(row), shape) for row in coordinates]

    def coarseness(index):
        levels = [math.ceil(math.log2(i + 1)) for i in index]
        return max(levels), sum(levels)

    assert found == sorted(itertools.product(*map(range, shape)), key=coarseness)
    np.testing.assert_allclose(coordinates.max(axis=1), 1, rtol=1e-13)


def test_haar_coarse_elements_span_the_block_constant_signals():
    blocks = haar(4, 1, (8, 8)).reshape(4, 2, 4, 2, 4)
    np.testing.assert_allclose(blocks, blocks[:, :, :1, :, :1] * np.ones((1, 1, 4, 1, 4)))


@given(st.sampled_from(["dct", "haar", "barker"]), st.data())
def test_fewer_filters_are_the_first_of_more(family, data):
    c, kernel, most = {
        "dct": (3, (3, 4), 36),
        "haar": (2, (4, 8), 64),
        "barker": (1, (4, 2), 4),
    }[family]
    n = data.draw(st.integers(1, most))
    np.testing.assert_array_equal(FIXED[family](n, c, kernel), FIXED[family](most, c, kernel)[:n])


def test_haar_has_no_negative_zeros():
    bank = haar(16, 1, (4, 4))
    assert (bank == 0).any()
    assert not np.signbit(bank[bank == 0]).any()


# Coherence of circulant dictionaries, by brute force


def circulant_coherence(bank):
    """Return the largest correlation of two distinct shifts, over a cycle that nothing wraps."""
    n, _, size = bank.shape
    padded = np.zeros((n, 2 * size + 1))
    padded[:, :size] = bank[:, 0]
    atoms = np.array([np.roll(row, shift) for row in padded for shift in range(2 * size + 1)])
    correlations = np.abs(atoms @ atoms.T)
    np.fill_diagonal(correlations, 0)
    return correlations.max()


@pytest.mark.parametrize(
    ("bank", "expected"),
    [
        (haar(1, 1, 2), 1 / 2),
        (haar(2, 1, 2), 1 / 2),
        (barker(1, 1, 13), 1 / 13),
        (dct(1, 1, 3), 2 / 3),
        (dct(4, 1, 4), 0.780330085889911),
        (dct(8, 1, 8), 0.933394590947376),
    ],
    ids=["one-one", "haar", "barker-13", "box", "dct-4", "dct-8"],
)
def test_published_coherence(bank, expected):
    assert circulant_coherence(bank) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("n", range(2, 13))
def test_dct_coherence_formula(n):
    expected = max((n - 1) / n, ((n - 1) * math.cos(math.pi / n) + 1) / n)
    assert circulant_coherence(dct(n, 1, n)) == pytest.approx(expected, rel=1e-13)


# Barker codes


def reversed_code(code):
    """Return the reversal, with the sign that makes it start with +1."""
    return tuple(code[-1] * sign for sign in reversed(code))


def all_barker_codes(length):
    """Return the Barker codes of a length by trying all signs, one up to sign and reversal."""
    found = set()
    for tail in itertools.product([1, -1], repeat=length - 1):
        code = (1, *tail)
        shifts = np.correlate(code, code, "full")[length:]
        if (np.abs(shifts) <= 1).all():
            found.add(max(code, reversed_code(code)))
    return found


@pytest.mark.parametrize("length", range(2, 14))
def test_barker_codes_are_all_there_is(length):
    expected = all_barker_codes(length)
    assert len(expected) == BARKER_COUNTS.get(length, 0)
    if expected:
        codes = barker(len(expected), 1, length)[:, 0] * math.sqrt(length)
        found = {tuple(int(sign) for sign in np.rint(code)) for code in codes}
        assert {max(code, reversed_code(code)) for code in found} == expected


@pytest.mark.parametrize("length", BARKER_COUNTS)
def test_barker_off_peak_autocorrelation(length):
    for code in barker(BARKER_COUNTS[length], 1, length)[:, 0]:
        correlation = np.correlate(code, code, "full")
        assert correlation[length - 1] == pytest.approx(1)
        assert np.abs(np.delete(correlation, length - 1)).max() <= 1 / length + 1e-15


def test_barker_13_is_as_published():
    signs = "".join("+" if value > 0 else "-" for value in barker(1, 1, 13)[0, 0])
    assert signs == "+++++--++-+-+"


@pytest.mark.parametrize("kernel", [(2, 2), (4, 2), (4, 4), (3, 13), (7, 5)])
def test_barker_products_in_two_dimensions(kernel):
    count = BARKER_COUNTS[kernel[0]] * BARKER_COUNTS[kernel[1]]
    bank = barker(count, 1, kernel)
    correlations = np.abs(gram(bank))
    assert (correlations[~np.eye(count, dtype=bool)] < 1 - 1e-9).all()
    for code in bank[:, 0]:
        assert np.linalg.matrix_rank(code) == 1
        shifted = np.abs(scipy.signal.correlate2d(code, code))
        shifted[kernel[0] - 1, kernel[1] - 1] = 0
        assert shifted.max() <= 1 / min(kernel) + 1e-15


def test_barker_products_are_in_c_order():
    first, second = barker(2, 1, 4)[:, 0], barker(2, 1, 2)[:, 0]
    expected = [np.outer(a, b) for a in first for b in second]
    np.testing.assert_allclose(barker(4, 1, (4, 2))[:, 0], expected, rtol=1e-14)


# Gabor filters


def gabor_by_loops(frequency, angle, sine, kernel):
    """Return one normalised two-dimensional filter, sample by sample."""
    height, width = kernel
    values = np.zeros(kernel)
    for row, column in itertools.product(range(height), range(width)):
        y, x = row - (height - 1) / 2, column - (width - 1) / 2
        along = 2 * math.pi * frequency * (x * math.cos(angle) + y * math.sin(angle))
        wave = math.sin(along) if sine else math.cos(along)
        values[row, column] = math.exp(-(x**2 + y**2) / (2 * (min(kernel) / 4) ** 2)) * wave
    return values / math.sqrt((values**2).sum())


@pytest.mark.parametrize(
    ("n", "kernel", "octaves"),
    [
        (6, (3, 3), [1 / 3]),
        (5, (5, 8), [1 / 3]),
        (8, (7, 6), [1 / 6, 1 / 3]),
        (7, (12, 13), [1 / 12, 1 / 6, 1 / 3]),
        (4, (2, 5), [1 / 3]),
    ],
)
def test_gabor_in_two_dimensions_is_its_formula(n, kernel, octaves):
    pairs = -(-n // 2)
    for index, found in enumerate(gabor(n, 1, kernel)[:, 0]):
        j, sine = divmod(index, 2)
        frequency = octaves[j % len(octaves)]
        expected = gabor_by_loops(frequency, math.pi * j / pairs, sine, kernel)
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize(
    ("n", "size", "frequencies"),
    [
        (2, 2, [1 / 3]),
        (3, 3, [1 / 3, 5 / 12]),
        (6, 8, [1 / 8, 1 / 4, 3 / 8]),
        (7, 5, [1 / 5, 11 / 40, 7 / 20, 17 / 40]),
    ],
)
def test_gabor_in_one_dimension_is_its_formula(n, size, frequencies):
    x = np.arange(size) - (size - 1) / 2
    for index, found in enumerate(gabor(n, 1, size)[:, 0]):
        wave = (np.sin if index % 2 else np.cos)(2 * np.pi * frequencies[index // 2] * x)
        expected = wave * np.exp(-(x**2) / (2 * (size / 4) ** 2))
        np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-14)


def test_gabor_ignores_axes_of_length_one():
    expected = gabor(6, 1, 9)[:, 0]
    np.testing.assert_array_equal(gabor(6, 1, (1, 9))[:, 0, 0], expected)
    np.testing.assert_array_equal(gabor(6, 1, (9, 1))[:, 0, :, 0], expected)
    assert gabor(1, 1, (1, 1)).item() == 1


@given(st.integers(1, 4), st.integers(1, 10))
def test_gabor_channels_are_equal(c, n):
    bank = gabor(n, c, (4, 5))
    np.testing.assert_allclose(bank * math.sqrt(c), np.repeat(gabor(n, 1, (4, 5)), c, axis=1))


@given(sides(12), st.integers(1, 40))
def test_gabor_filters_are_distinct_up_to_sign(kernel, n):
    correlations = np.abs(gram(gabor(min(n, gabor_limit(kernel)), 1, kernel)))
    np.fill_diagonal(correlations, 0)
    assert correlations.max() < 1 - 1e-6


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (5, 7)])
def test_gabor_orientations_turn(kernel):
    """A quarter turn of the wave swaps the axes."""
    upright, _, lying, _ = gabor(4, 1, kernel)[:, 0]
    turned = gabor(4, 1, kernel[::-1])[:, 0]
    np.testing.assert_allclose(lying, turned[0].T, atol=1e-14)
    np.testing.assert_allclose(upright, turned[2].T, atol=1e-14)
    assert not np.allclose(upright, lying)


# What is refused


def refused(message, build, *args, **kwargs):
    with pytest.raises(DcscError, match=f"^{re.escape(message)}$"):
        build(*args, **kwargs)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("argument", ["n", "c"])
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (0, "expected at least 1, got 0"),
        (-3, "expected at least 1, got -3"),
        (2.0, "expected an integer, got 2.0"),
        (True, "expected an integer, got True"),
        (np.True_, "expected an integer, got np.True_"),
        ("2", "expected an integer, got '2'"),
        (None, "expected an integer, got None"),
    ],
)
def test_counts_are_positive_ints(family, argument, value, complaint):
    arguments = {"n": 1, "c": 1, "kernel": 4} | {argument: value}
    refused(f"{family}: {argument}: {complaint}", FAMILIES[family], **arguments)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("kernel", "complaint"),
    [
        (0, ": expected at least 1, got 0"),
        ((4, -1), ": expected at least 1, got -1"),
        (2.5, ": expected an integer, got 2.5"),
        ((4, True), ": expected an integer, got True"),
        ("4", ": expected an integer, got '4'"),
        (None, ": expected an integer, got None"),
        ((), " must have at least one axis, got ()"),
    ],
)
def test_kernel_is_positive_ints(family, kernel, complaint):
    refused(f"{family}: kernel{complaint}", FAMILIES[family], 1, 1, kernel)


@pytest.mark.parametrize("family", RANDOM)
@pytest.mark.parametrize("rng", ["seed", 1.5, -1])
def test_rng_is_a_seed(family, rng):
    with pytest.raises(DcscError, match=f"^{family}: rng: expected None, .*, got {rng!r}$"):
        RANDOM[family](1, 1, 4, rng=rng)


@pytest.mark.parametrize(
    ("nonzeros", "complaint"),
    [
        (0, "expected at least 1, got 0"),
        (9, "expected at most 8, got 9"),
        (1.0, "expected an integer, got 1.0"),
        (True, "expected an integer, got True"),
    ],
)
def test_nonzeros_fit_the_filter(nonzeros, complaint):
    message = f"sparse_rademacher: nonzeros: {complaint}"
    refused(message, sparse_rademacher, 1, 2, 4, nonzeros, rng=0)


@pytest.mark.parametrize(
    ("message", "build", "arguments"),
    [
        ("dct: n must be at most c·prod(kernel) = 8, got 9", dct, (9, 2, (2, 2))),
        ("haar: n must be at most c·prod(kernel) = 8, got 9", haar, (9, 2, 4)),
        ("haar: c must be a power of two, got 3", haar, (1, 3, 4)),
        ("haar: kernel lengths must be powers of two, got (4, 6)", haar, (1, 1, (4, 6))),
        ("gabor: kernel must have one or two axes, got (3, 3, 3)", gabor, (1, 1, (3, 3, 3))),
        ("gabor: n must be at most 1 for kernel (1,), got 2", gabor, (2, 1, 1)),
        ("gabor: n must be at most 1 for kernel (1, 1), got 2", gabor, (2, 1, (1, 1))),
        ("gabor: n must be at most 2 for kernel (2,), got 3", gabor, (3, 1, 2)),
        ("gabor: n must be at most 2 for kernel (2, 2), got 3", gabor, (3, 1, (2, 2))),
        ("gabor: n must be at most 3 for kernel (3, 1), got 4", gabor, (4, 1, (3, 1))),
        ("barker: c must be 1, got 2", barker, (1, 2, 13)),
        (
            "barker: kernel lengths must be 2, 3, 4, 5, 7, 11 or 13, got (6,)",
            barker,
            (1, 1, 6),
        ),
        (
            "barker: kernel lengths must be 2, 3, 4, 5, 7, 11 or 13, got (5, 1)",
            barker,
            (1, 1, (5, 1)),
        ),
        ("barker: n must be at most 1 for kernel (13,), got 2", barker, (2, 1, 13)),
        ("barker: n must be at most 4 for kernel (4, 2), got 5", barker, (5, 1, (4, 2))),
    ],
)
def test_filters_that_do_not_exist(message, build, arguments):
    refused(message, build, *arguments)
