"""Filters made for recovery: how low the coherence is, against independent computations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.dictionaries import CirculantDictionary, ToeplitzDictionary
from dcsc.dictionaries.filters import gaussian, low_coherence, orthogonal, sparse_rademacher
from dcsc.dictionaries.filters.incoherent import _Correlations
from dcsc.errors import DcscError, TooLargeError


def roomy(bank, stride=1):
    """Return the dictionary on a circle where no stripe meets itself."""
    kernel = np.array(bank.shape[2:])
    strides = np.broadcast_to(stride, kernel.shape)
    extent = 2 * strides * -(-kernel // strides)  # the next multiple of the stride, twice
    return CirculantDictionary(bank, tuple(map(int, extent)), stride)


def ratio(bank, stride=1):
    dictionary = roomy(bank, stride)
    return dictionary.mutual_coherence() / dictionary.welch_floor()


# ---- low coherence -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "most"),
    [((16, 8, 9), 1.19), ((16, 8, 5), 1.18), ((8, 1, 9), 1.5), ((12, 6, 7), 1.18)],
)
def test_the_coherence_is_near_its_floor(arguments, most):
    """With one start each; the targets for the default call, but where one start is not enough."""
    bank = low_coherence(*arguments, starts=1, rng=0)
    assert bank.shape == arguments
    np.testing.assert_allclose(np.square(bank).sum(axis=(1, 2)), 1, rtol=1e-12)
    assert 1 <= ratio(bank) <= most
    assert ratio(gaussian(*arguments, rng=0)) > 2 * ratio(bank)


@pytest.mark.parametrize(
    ("n", "c", "kernel", "stride"), [(6, 2, 4, 2), (4, 1, (4, 2), (2, 1)), (3, 2, (3, 3), 1)]
)
def test_what_is_brought_down_is_the_norm_of_the_correlations(n, c, kernel, stride):
    """Against the Gram matrix, in which each position sees the same; the slope by differences."""
    sides = kernel if isinstance(kernel, tuple) else (kernel,)
    strides = (stride,) * len(sides) if isinstance(stride, int) else stride
    rng = np.random.default_rng(0)
    bank = rng.standard_normal((n, c, *sides))
    table = _Correlations.of(np.ones(bank.shape, dtype=bool), strides)
    matrix = roomy(bank, strides).normalized().to_sparse().toarray()
    gram = np.abs(matrix.T @ matrix)
    np.fill_diagonal(gram, 0)
    positions = len(gram) // n
    for power in (4, 32):
        value, slope = table.norm(bank.ravel(), power)
        expected = ((gram**power).sum() / positions) ** (1 / power)
        assert value == pytest.approx(expected, rel=1e-10)
        for _ in range(3):
            move = rng.standard_normal(bank.size)
            up, down = (table.norm(bank.ravel() + h * move, power)[0] for h in (1e-6, -1e-6))
            assert (up - down) / 2e-6 == pytest.approx(slope @ move, rel=1e-5, abs=1e-8)
    assert table.coherence(bank) == pytest.approx(gram.max(), rel=1e-12)


def test_a_mask_keeps_its_taps():
    mask = sparse_rademacher(8, 8, 3, nonzeros=6, rng=0) != 0
    bank = low_coherence(8, 8, 3, mask=mask, starts=1, rng=0)
    assert not bank[~mask].any()
    assert (bank[mask] != 0).all()
    random = gaussian(8, 8, 3, rng=0) * mask
    assert 3 * roomy(bank).mutual_coherence() < roomy(random).normalized().mutual_coherence()
    # A mask of taps alone is that of all filters and channels.
    ends = low_coherence(4, 2, 3, mask=[True, False, True], starts=1, rng=0)
    assert not ends[..., 1].any()
    assert ends[..., [0, 2]].all()


def test_filters_that_cannot_meet_are_left_as_they_are():
    apart = np.eye(3)[:, :, None]
    bank = low_coherence(3, 3, 1, mask=apart, rng=0)
    np.testing.assert_allclose(np.abs(bank), apart)
    assert low_coherence(1, 1, 1, rng=0).shape == (1, 1, 1)


def test_more_starts_are_no_worse_and_the_seed_decides():
    few, more = (low_coherence(4, 1, 5, starts=count, rng=3) for count in (1, 5))
    assert ratio(more) <= ratio(few)
    np.testing.assert_array_equal(low_coherence(4, 1, 5, starts=1, rng=3), few)
    assert not np.array_equal(low_coherence(4, 1, 5, starts=1, rng=4), few)


def test_banks_whose_correlations_no_memory_holds_are_refused():
    with pytest.raises(TooLargeError, match=r"low_coherence: correlations: .*\(1, 10000000, 10"):
        low_coherence(10**7, 1, 1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"stride": (1, 2)}, "low_coherence: stride: expected 1 numbers, got (1, 2)"),
        ({"stride": 0}, "low_coherence: stride: expected"),
        ({"mask": np.ones(2)}, "low_coherence: mask: expected an array for (4, 2, 3), got (2,)"),
        ({"mask": np.zeros(3)}, "expected a tap in every filter, got none in filter 0"),
        ({"mask": "taps"}, "low_coherence: mask: expected"),
        ({"starts": 0}, "low_coherence: starts: expected"),
        ({"rng": "seed"}, "low_coherence: rng"),
    ],
)
def test_what_low_coherence_refuses(options, text):
    with pytest.raises(DcscError) as caught:
        low_coherence(4, 2, 3, **options)
    assert text in str(caught.value)


# ---- orthogonal ----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.data())
def test_atoms_are_orthonormal_and_all_taps_in_use(data):
    axes = data.draw(st.integers(1, 2))
    strides = tuple(data.draw(st.integers(1, 3)) for _ in range(axes))
    c = data.draw(st.integers(2 if math.prod(strides) == 1 else 1, 4))
    size = c * math.prod(strides)
    kernel = tuple(stride * data.draw(st.integers(1, 3)) for stride in strides)
    n = data.draw(st.integers(1, size))
    bank = orthogonal(n, c, kernel, strides, rng=data.draw(st.integers(0, 99)))
    for dictionary in (
        roomy(bank, strides),
        CirculantDictionary(bank, strides, strides),
        ToeplitzDictionary(bank, tuple(2 * k for k in kernel), strides),
    ):
        matrix = dictionary.to_sparse().toarray()
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=2e-14)
    assert np.abs(bank).max(axis=1).min() > 1e-5


@pytest.mark.parametrize(
    ("arguments", "least"),
    [
        ((12, 12, (3, 3)), 0.03),
        ((3, 3, (5, 5)), 1e-3),
        ((2, 2, 9), 0.01),
        ((8, 2, 8, 4), 0.03),
        ((4, 1, (4, 4), 2), 1e-3),
    ],
)
def test_no_tap_is_weak(arguments, least):
    bank = orthogonal(*arguments, rng=0)
    assert np.abs(bank).max(axis=1).min() > least
    stride = arguments[3] if len(arguments) > 3 else 1
    assert roomy(bank, stride).mutual_coherence() <= 1e-14


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((2, 1, 1), "n: expected at most c·prod(stride) = 1 filters, got 2: no more atoms than"),
        ((9, 2, (4, 4), 2), "at most c·prod(stride) = 8 filters, got 9"),
        ((1, 1, 3), "expected one tap, got (3,): with one channel and stride 1 no filter"),
        ((2, 2, 5, 2), "kernel: expected multiples of the stride (2,), got (5,)"),
        ((2, 2, 2, 4), "kernel: expected multiples of the stride (4,), got (2,)"),
        ((2, 2, (2, 2), (1, 1, 1)), "stride: expected 2 numbers, got (1, 1, 1)"),
    ],
)
def test_what_orthogonal_refuses(arguments, text):
    with pytest.raises(DcscError) as caught:
        orthogonal(*arguments)
    assert f"orthogonal: {text}".removeprefix("orthogonal: ") in str(caught.value)


def test_why_one_channel_has_only_shifts_of_a_tap():
    """The two ends of a filter of several taps are a shift whose product is that of the ends."""
    ends = np.array([0.6, 0.0, 0.8])
    shifted = CirculantDictionary(ends[None, None], extent=8).to_sparse().toarray()
    assert abs(shifted[:, 0] @ shifted[:, 2]) == pytest.approx(0.48)


def test_the_seed_decides():
    bank = orthogonal(3, 3, 4, rng=1)
    np.testing.assert_array_equal(bank, orthogonal(3, 3, 4, rng=1))
    assert not np.array_equal(bank, orthogonal(3, 3, 4, rng=2))
