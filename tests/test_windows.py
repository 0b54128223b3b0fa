"""Stripes, patches and matrices, against loops written down from their definitions.

`stripes_of`, `patches_of` and `matrix_of` are the oracles of other tests too; they read a
dictionary's fields, and call nothing of it.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    EffectiveDictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    WindowAxis,
    Windows,
)
from tests import strategies
from tests.cases import Plain

# ---- the definitions -----------------------------------------------------------------------------


def grid(*sides):
    return list(itertools.product(*map(range, sides)))


def bare(dictionary):
    """The dictionary inside signs and scales, which change no geometry."""
    while isinstance(dictionary, SignedDictionary | NormalizedDictionary):
        dictionary = dictionary.dictionary
    return dictionary


def paddings(convolution):
    """``(before, after)``, axis by axis."""
    if isinstance(convolution, CirculantDictionary):
        return [(0, 0)] * len(convolution.extent)
    return [pad if isinstance(pad, tuple) else (pad, pad) for pad in convolution.padding]


def span_of(convolution):
    """How many samples lie between the first tap and the last, both included."""
    taps = zip(convolution.filters.shape[2:], convolution.dilation, strict=True)
    return [1 + sum([d] * (f - 1)) for f, d in taps]


def positions_of(convolution):
    """A position is where the dilated kernel fits, or on a circle every stride-th sample."""
    extent, stride = convolution.extent, convolution.stride
    if isinstance(convolution, CirculantDictionary):
        return tuple(len(range(0, e, s)) for e, s in zip(extent, stride, strict=True))
    rooms = zip(span_of(convolution), extent, stride, paddings(convolution), strict=True)
    return tuple(len(range(-b, e + a - f + 1, s)) for f, e, s, (b, a) in rooms)


def samples_of(convolution, position, box=False):
    """Yield tap and sample of an atom: sample = position · stride − before + tap · dilation.

    With ``box``, all samples from the first tap to the last.
    """
    steps = [1] * len(position) if box else convolution.dilation
    places = zip(position, convolution.stride, paddings(convolution), strict=True)
    first = [p * s - before for p, s, (before, _) in places]
    for tap in grid(*(span_of(convolution) if box else convolution.filters.shape[2:])):
        sample = tuple(p + u * d for p, u, d in zip(first, tap, steps, strict=True))
        if isinstance(convolution, CirculantDictionary):
            sample = tuple(x % e for x, e in zip(sample, convolution.extent, strict=True))
        if all(0 <= x < e for x, e in zip(sample, convolution.extent, strict=True)):
            yield tap, sample


def group_of(convolution):
    """The group of each filter and of each channel, counted one by one."""
    filters, channels = convolution.filters.shape[:2]
    numbers = range(convolution.groups)
    return (
        [group for group in numbers for _ in range(filters // convolution.groups)],
        [group for group in numbers for _ in range(channels)],
    )


def windows_of(dictionary):
    """Group and position of every window; one for all if there is no geometry."""
    dictionary = bare(dictionary)
    if not isinstance(dictionary, CirculantDictionary | ToeplitzDictionary):
        return [None]
    return list(itertools.product(range(dictionary.groups), grid(*positions_of(dictionary))))


def stripes_of(dictionary):
    """List, window by window, the entries of a code that lie in its stripe."""
    dictionary = bare(dictionary)
    if not isinstance(dictionary, CirculantDictionary | ToeplitzDictionary):
        return [grid(*dictionary.code_shape)]
    positions, of_filter = positions_of(dictionary), group_of(dictionary)[0]

    def close(p, q, f, s, count):
        distance = abs(p - q)
        if isinstance(dictionary, CirculantDictionary):
            distance = min(distance, count - distance)
        return distance * s < f

    return [
        [
            (i, *q)
            for i, *q in grid(len(dictionary.filters), *positions)
            if of_filter[i] == group
            and all(map(close, p, q, span_of(dictionary), dictionary.stride, positions))
        ]
        for group, p in windows_of(dictionary)
    ]


def patches_of(dictionary):
    """List, window by window, the samples that lie in its patch."""
    dictionary = bare(dictionary)
    if not isinstance(dictionary, CirculantDictionary | ToeplitzDictionary):
        return [grid(*dictionary.signal_shape)]
    of_channel = group_of(dictionary)[1]
    return [
        sorted(
            (c, *sample)
            for c in range(len(of_channel))
            if of_channel[c] == group
            for sample in {sample for _, sample in samples_of(dictionary, p, box=True)}
        )
        for group, p in windows_of(dictionary)
    ]


def matrix_of(dictionary):
    """A, entry by entry, in C order."""
    if isinstance(dictionary, SignedDictionary):
        return matrix_of(dictionary.dictionary) * dictionary.signs.ravel()
    if isinstance(dictionary, NormalizedDictionary):
        matrix = matrix_of(dictionary.dictionary)
        return matrix / np.linalg.norm(matrix, axis=0)
    if isinstance(dictionary, DenseDictionary | Plain):
        return dictionary.matrix.astype(float)
    if not isinstance(dictionary, CirculantDictionary | ToeplitzDictionary):
        return dictionary.to_sparse().toarray()  # held to both maps by check_dictionary
    filters, (of_filter, of_channel) = dictionary.filters, group_of(dictionary)
    positions = positions_of(dictionary)
    matrix = np.zeros((len(of_channel), *dictionary.extent, len(filters), *positions))
    for p in grid(*positions):
        for tap, sample in samples_of(dictionary, p):
            for c, i in grid(len(of_channel), len(filters)):
                if of_filter[i] == of_channel[c]:
                    matrix[(c, *sample, i, *p)] += filters[(i, c % filters.shape[1], *tap)]
    return matrix.reshape(len(of_channel) * math.prod(dictionary.extent), -1)


def absolute_of(dictionary):
    """``|A|``, or for a chain the product of those: what the rounding of A x is relative to."""
    if isinstance(dictionary, SignedDictionary):
        return absolute_of(dictionary.dictionary)
    if not isinstance(dictionary, EffectiveDictionary):
        return np.abs(matrix_of(dictionary))
    first, *others = map(absolute_of, dictionary.operators)
    for support, matrix in zip(dictionary.supports, others, strict=True):
        first = first * support.ravel() @ matrix
    return first


def members_of(windows):
    """List, window by window, the entries it holds, from the words of `WindowAxis`."""

    def line(axis, w):
        places = [axis.start + w * axis.step + j for j in range(axis.length)]
        if axis.circular:
            return sorted({place % axis.entries for place in places})
        return [place for place in places if 0 <= place < axis.entries]

    leading = [range(n) for n in windows.shape[: len(windows.shape) - len(windows.axes)]]
    return [
        list(itertools.product(*leading, *map(line, windows.axes, w)))
        for w in grid(*(axis.windows for axis in windows.axes))
    ]


# ---- windows -------------------------------------------------------------------------------------


@st.composite
def any_windows(draw):
    """Windows and what each of them holds."""
    kind = draw(st.sampled_from(["stripes", "patches", "windows"]))
    if kind == "windows":
        windows = draw(strategies.windows())
        return windows, members_of(windows)
    dictionary = draw(strategies.dictionaries())
    return getattr(dictionary, kind), {"stripes": stripes_of, "patches": patches_of}[kind](
        dictionary
    )


def window_by_window(values, shape, members, reduce):
    """Reduce what each window holds, for every element of the batch; windows on the last axis."""
    flat = values.reshape(-1, *shape)
    return np.array([[reduce([x[m] for m in held]) for held in members] for x in flat])


def same(got, expected, windows, batch, **tolerance):
    assert got.shape == batch + windows.grid
    np.testing.assert_allclose(got.reshape(expected.shape), expected, **tolerance)


@given(any_windows())
def test_grid_size_and_containing(drawn):
    windows, members = drawn
    assert math.prod(windows.grid) == len(members)
    assert windows.size == max(map(len, members))
    held = [entry for window in members for entry in window]
    assert windows.containing == min(held.count(entry) for entry in grid(*windows.shape))


@given(any_windows(), st.data())
def test_sum(drawn, data):
    windows, members = drawn
    batch = data.draw(strategies.batches.filter(all))
    values = data.draw(strategies.arrays(batch + windows.shape))
    counts = window_by_window(values != 0, windows.shape, members, sum)
    for got in (windows.sum(values != 0), windows.count(values), windows.count(values != 0)):
        assert got.dtype.kind == "i"
        same(got, counts, windows, batch, rtol=0)
    whole = np.round(values).astype(np.int64)
    exact = window_by_window(whole, windows.shape, members, sum)
    same(windows.sum(whole), exact, windows, batch, rtol=0)
    absolute = window_by_window(np.abs(values), windows.shape, members, math.fsum)
    rtol = 1e-13 if values.dtype == np.float64 else 1e-5
    same(windows.sum(np.abs(values)), absolute, windows, batch, rtol=rtol)


@given(any_windows())
def test_bounds(drawn):
    windows, members = drawn
    lines = [
        [np.arange(first, last) % axis.entries for first, last in zip(*axis.bounds(), strict=True)]
        for axis in windows.axes
    ]
    leading = [range(n) for n in windows.shape[: len(windows.shape) - len(windows.axes)]]
    held = [sorted(itertools.product(*leading, *line)) for line in itertools.product(*lines)]
    assert held == [sorted(window) for window in members]
    for axis in windows.axes:
        first, last = axis.bounds()
        assert (np.diff(first) >= 0).all()
        assert (np.diff(last) >= 0).all()
        assert first.min() >= 0


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 7, 10**6])
def test_counts_of_many_channels_in_blocks_of_any_size(monkeypatch, dtype, block):
    monkeypatch.setattr("dcsc.dictionaries.windows._BLOCK_ENTRIES", block)
    windows = Windows((600, 4), (WindowAxis(4, 2, start=0, length=3),))
    values = np.random.default_rng(0).integers(0, 4, (3, *windows.shape)).astype(dtype)
    expected = np.stack([(values[..., a : a + 3] != 0).sum(axis=(1, 2)) for a in (0, 1)], axis=1)
    np.testing.assert_array_equal(windows.count(values), expected)
    values[:] = 1
    assert windows.count(values).tolist() == [[1800] * 2] * 3


@pytest.mark.parametrize("length", [255, 256, 2**16])
@pytest.mark.parametrize("circular", [False, True])
def test_counts_of_windows_longer_than_a_byte_counts(length, circular):
    windows = Windows(
        (2, length), (WindowAxis(length, 2, start=0, length=length, circular=circular),)
    )
    counts = windows.count(np.ones(windows.shape, bool))
    second = 2 * length if circular else 2 * (length - 1)
    assert counts.tolist() == [2 * length, second]
    fullest = windows.largest_count(np.ones(windows.shape))
    assert (fullest, fullest.dtype) == (2 * length, np.int64)


@given(any_windows())
def test_a_sum_of_small_numbers_is_not_hurt_by_large_ones_elsewhere(drawn):
    windows, members = drawn
    for entry in grid(*windows.shape)[:4]:
        values = np.full(windows.shape, 1e-9)
        values[entry] = 1e9
        expected = window_by_window(values, windows.shape, members, math.fsum)
        same(windows.sum(values), expected, windows, (), rtol=1e-12)


@given(any_windows(), st.data())
def test_max(drawn, data):
    windows, members = drawn
    batch = data.draw(strategies.batches.filter(all))
    values = data.draw(strategies.arrays(batch + windows.shape)) - 5
    for array, lowest in ((values, -np.inf), (np.floor(values).astype(int), np.iinfo(int).min)):
        expected = window_by_window(
            array, windows.shape, members, lambda held, lowest=lowest: max(held, default=lowest)
        )
        same(windows.max(array), expected, windows, batch, rtol=0)


@given(any_windows(), st.data())
def test_nth_smallest(drawn, data):
    windows, members = drawn
    batch = data.draw(strategies.batches.filter(all))
    values = np.round(4 * data.draw(strategies.arrays(batch + windows.shape))).astype(np.int64)
    n = data.draw(st.integers(1, windows.size + 2))

    def nth(held):
        return sorted(held)[n - 1] if n <= len(held) else np.iinfo(np.int64).max

    expected = window_by_window(values, windows.shape, members, nth)
    same(windows.nth_smallest(values, n), expected, windows, batch, rtol=0)


@given(any_windows(), st.data())
def test_max_containing_and_holding(drawn, data):
    windows, members = drawn
    batch = data.draw(strategies.batches.filter(all))
    values = data.draw(strategies.arrays((*batch, *windows.grid), dtypes=st.just(float)))
    largest = np.broadcast_to(windows.max_containing(values), batch + windows.shape)
    flat = values.reshape(*batch, len(members))
    numbers = np.arange(len(members)).reshape(windows.grid)
    for entry in grid(*windows.shape):
        holding = [w for w, held in enumerate(members) if entry in held]
        last = entry[len(entry) - len(windows.axes) :]
        found = np.ix_(*(axis.holding(e) for axis, e in zip(windows.axes, last, strict=True)))
        assert sorted(np.ravel(numbers[found])) == holding
        expected = flat[..., holding].max(axis=-1, initial=-np.inf)
        np.testing.assert_array_equal(largest[(..., *entry)], expected)


def test_an_empty_batch_stays_empty():
    windows = Windows((2, 4), (WindowAxis(4, 4, start=-1, length=3),))
    assert windows.sum(np.zeros((0, 2, 4))).shape == (0, 4)
    assert windows.max(np.zeros((3, 0, 2, 4))).shape == (3, 0, 4)
    dictionary = CirculantDictionary(np.ones((2, 1, 3)), extent=4)
    assert dictionary.stripe_sparsity(np.zeros((0, 2, 4))).shape == (0,)
    assert dictionary.patch_norm(np.zeros((2, 0, 1, 4))).shape == (2, 0)


@pytest.mark.parametrize("length", range(1, 36))
@pytest.mark.parametrize("circular", [False, True])
def test_long_windows(length, circular):
    values = np.random.default_rng(length).integers(-9, 9, (2, 40))
    windows = Windows((40,), (WindowAxis(40, 40, start=-3, length=length, circular=circular),))
    places = np.arange(40)[:, None] - 3 + np.arange(length)
    off = (places < 0) | (places >= 40) if not circular else np.zeros(places.shape, dtype=bool)
    held, lowest = values[:, places % 40], np.iinfo(values.dtype).min
    np.testing.assert_array_equal(windows.sum(values), np.where(off, 0, held).sum(axis=-1))
    np.testing.assert_array_equal(windows.max(values), np.where(off, lowest, held).max(axis=-1))


@pytest.mark.parametrize("circular", [False, True])
def test_an_entry_that_a_window_meets_twice_counts_once(circular):
    windows = Windows((3,), (WindowAxis(3, 1, start=-4, length=11, circular=circular),))
    np.testing.assert_array_equal(windows.sum(np.array([1, 10, 100])), [111])


# ---- the norms -----------------------------------------------------------------------------------


def per_element(values, shape, members, measure):
    """The largest measure of a window, for every element of the batch."""
    largest = window_by_window(values, shape, members, measure).max(axis=1)
    return largest.reshape(values.shape[: values.ndim - len(shape)])


def count(held):
    return sum(x != 0 for x in held)


@given(strategies.dictionaries(), st.data())
def test_stripe_sparsity(dictionary, data):
    codes = data.draw(strategies.codes(dictionary, data.draw(strategies.batches.filter(all))))
    expected = per_element(codes, dictionary.code_shape, stripes_of(dictionary), count)
    got = dictionary.stripe_sparsity(codes)
    assert np.shape(got) == expected.shape
    assert np.asarray(got).dtype.kind == "i"
    np.testing.assert_array_equal(got, expected)


@given(strategies.dictionaries(), st.data())
def test_patch_sparsity_and_norm(dictionary, data):
    signals = data.draw(strategies.signals(dictionary, data.draw(strategies.batches.filter(all))))
    shape, members = dictionary.signal_shape, patches_of(dictionary)
    np.testing.assert_array_equal(
        dictionary.patch_sparsity(signals), per_element(signals, shape, members, count)
    )
    norms = per_element(signals.astype(float), shape, members, lambda held: math.hypot(*held))
    got = dictionary.patch_norm(signals)
    assert np.shape(got) == norms.shape
    rtol = 1e-13 if signals.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(got, norms, rtol=rtol)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1.0, 1e200])
def test_patch_norm_neither_overflows_nor_underflows(size):
    dictionary = CirculantDictionary(np.ones((1, 1, 2)), extent=3)
    got = dictionary.patch_norm([[3 * size, 4 * size, 0]])
    assert got == pytest.approx(5 * size, rel=1e-12, abs=0)


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1.0, 1e30])
def test_patch_norm_neither_overflows_nor_underflows_in_single_precision(size):
    dictionary = CirculantDictionary(np.ones((1, 1, 2), np.float32), extent=3)
    signal = (np.array([[3, 4, 0]]) * size).astype(np.float32)
    got = dictionary.patch_norm(signal)
    assert got.dtype == np.float32
    assert got == pytest.approx(np.hypot(*signal[0, :2].astype(float)), rel=1e-6, abs=2e-45)


def test_patch_norm_is_not_hurt_by_samples_in_no_patch():
    dictionary = ToeplitzDictionary(np.ones((1, 1, 2)), extent=5, stride=3)
    signal = np.array([[3e-200, 4e-200, 1e300, 0, 0]])
    assert dictionary.patch_norm(signal) == pytest.approx(5e-200, rel=1e-12, abs=0)
    assert dictionary.patch_norm(0 * signal) == 0


def test_patch_norm_takes_each_element_of_a_batch_as_if_alone():
    dictionary = CirculantDictionary(np.ones((1, 1, 2)), extent=3)
    got = dictionary.patch_norm([[[3e200, 4e200, 0]], [[3e-200, 4e-200, 0]]])
    np.testing.assert_allclose(got, [5e200, 5e-200], rtol=1e-12)


@given(strategies.dictionaries(), st.data())
def test_no_atom_sees_more_of_a_signal_than_its_patch_norm(dictionary, data):
    signal = data.draw(strategies.signals(dictionary, batch=())).astype(float)
    matrix = matrix_of(dictionary)
    largest = np.linalg.norm(matrix, axis=0).max() * dictionary.patch_norm(signal)
    assert np.abs(matrix.T @ signal.ravel()).max() <= largest * (1 + 1e-6) + 1e-300
