"""Dilation, groups and padding on one side: what layers of real networks have.

The laws and the dense twins of all dictionaries are tested with them elsewhere; here are the
conventions, what groups and dilation are equal to, and what is read off a layer.
"""

import itertools
import math

import attrs
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import dcsc
from dcsc import bounds, codes
from dcsc.dictionaries import (
    AtomPair,
    CirculantDictionary,
    DenseDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from tests import cases, strategies
from tests.test_windows import matrix_of

CONVOLUTIONS = st.sampled_from(strategies.WITH_AXES).flatmap(strategies.dictionaries)
BANK = filters.gaussian(4, 3, (2, 3), rng=0)

# ---- padding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept", "positions"),
    [
        (1, (1, 1), (6, 6)),
        ((1, 2), (1, 2), (6, 8)),
        ([1, 2], (1, 2), (6, 8)),
        (((1, 0), (0, 2)), ((1, 0), (0, 2)), (5, 6)),
        (((1, 1), (2, 2)), (1, 2), (6, 8)),
        (np.array([[1, 0], [3, 3]]), ((1, 0), 3), (5, 10)),
        ((2, (0, 1)), (2, (0, 1)), (8, 5)),
    ],
)
def test_paddings_and_how_they_are_kept(given, kept, positions):
    dictionary = ToeplitzDictionary(BANK, (5, 6), padding=given)
    assert dictionary.padding == kept
    assert dictionary.positions == positions
    assert attrs.evolve(dictionary) == dictionary


@given(strategies.dictionaries(ToeplitzDictionary), st.data())
def test_padding_is_zeros_around_the_signal(dictionary, data):
    signals = data.draw(strategies.signals(dictionary, batch=(2,)))
    sides = [np.broadcast_to(pad, 2).tolist() for pad in dictionary.padding]
    wide = np.pad(signals, [(0, 0), (0, 0), *sides])
    bare = attrs.evolve(dictionary, extent=wide.shape[2:], padding=0)
    single = np.float32 in (signals.dtype, dictionary.filters.dtype)
    scale = 1 + np.abs(signals).sum() * np.abs(dictionary.filters).max()
    np.testing.assert_allclose(
        dictionary.analyze(signals), bare.analyze(wide), atol=scale * (1e-6 if single else 1e-13)
    )


# ---- groups --------------------------------------------------------------------------------------


def parts(dictionary):
    """The dictionaries of the groups, each by itself."""
    share = len(dictionary.filters) // dictionary.groups
    banks = dictionary.filters.reshape(-1, share, *dictionary.filters.shape[1:])
    return [attrs.evolve(dictionary, filters=bank, groups=1) for bank in banks]


@given(CONVOLUTIONS)
def test_groups_are_dictionaries_side_by_side(dictionary):
    """A is block diagonal, and what is measured is the largest of what the groups have."""
    alone = parts(dictionary)
    blocks = scipy.linalg.block_diag(*(matrix_of(part) for part in alone))
    np.testing.assert_array_equal(matrix_of(dictionary), blocks)
    close = {"rel": 1e-12, "abs": 1e-13}
    for count in (1, 2, 5, 100):
        for name in ("babel", "babel_squared"):
            largest = max(getattr(part, name)(count) for part in alone)
            assert getattr(dictionary, name)(count) == pytest.approx(largest, **close)
    # What is negligible is decided over all groups.
    norms = [part.atom_norms() for part in alone]
    if all(n.min() > 1e-9 * max(m.max() for m in norms) for n in norms):
        largest = max(part.mutual_coherence() for part in alone)
        assert dictionary.mutual_coherence() == pytest.approx(largest, **close)
    np.testing.assert_allclose(dictionary.atom_norms(), np.concatenate(norms), rtol=1e-12)


@given(CONVOLUTIONS, st.data())
def test_a_code_is_as_sparse_as_its_groups(dictionary, data):
    """Stripes of one group each: filters that never overlap do not add up."""
    code = data.draw(strategies.codes(dictionary, batch=()))
    signal = data.draw(strategies.signals(dictionary, batch=()))
    alone = parts(dictionary)
    some = code.reshape(len(alone), -1, *code.shape[1:])
    seen = signal.reshape(len(alone), -1, *signal.shape[1:])
    pairs = list(zip(alone, some, seen, strict=True))
    assert dictionary.stripe_sparsity(code) == max(d.stripe_sparsity(x) for d, x, _ in pairs)
    assert dictionary.patch_sparsity(signal) == max(d.patch_sparsity(y) for d, _, y in pairs)
    norm = max(d.patch_norm(y) for d, _, y in pairs)
    assert dictionary.patch_norm(signal) == pytest.approx(norm, rel=1e-5)
    assert dictionary.stripes.size == alone[0].stripes.size
    assert math.prod(dictionary.stripes.grid) == sum(math.prod(d.stripes.grid) for d in alone)


def test_depthwise_filters_of_an_orthogonal_family_are_orthogonal():
    """Each on a channel of its own: only the shifts of one filter meet."""
    barker = np.repeat(filters.barker(1, 1, 13), 6, axis=0)
    dictionary = CirculantDictionary(barker, 40, groups=6)
    assert dictionary.signal_shape == dictionary.code_shape == (6, 40)
    assert dictionary.mutual_coherence() == pytest.approx(1 / 13)
    assert dictionary.babel_squared(100) == pytest.approx(12 / 169)
    assert dictionary.stripes.size == 25
    code = np.zeros(dictionary.code_shape)
    code[:, 3] = 1
    assert dictionary.stripe_sparsity(code) == 1
    assert CirculantDictionary(barker, 40).stripe_sparsity(code) == 6


def test_the_floor_of_a_grouped_layer():
    """Eight filters on one channel each of two groups, as of one such group alone."""
    bank = filters.gaussian(8, 1, 9, rng=0)
    layer, alone = CirculantDictionary(bank, 64, groups=2), CirculantDictionary(bank[:4], 64)
    assert layer.welch_floor() == pytest.approx(alone.welch_floor())
    record = bounds.LayerInstance(layer, np.eye(1, 8 * 64).reshape(8, 64), x_min=1)
    assert record.statistics().channel_size == 64
    floor = bounds.inverse.at_welch_floor(record.statistics(), channels=2)
    assert floor.coherence == pytest.approx(layer.welch_floor())
    channels = bounds.ProbabilisticBound().min_channels(record)
    half = bounds.LayerInstance(alone, np.eye(1, 4 * 64).reshape(4, 64), x_min=1)
    assert channels >= 2 * bounds.ProbabilisticBound().min_channels(half) - 1


# ---- dilation ------------------------------------------------------------------------------------


@given(CONVOLUTIONS)
def test_dilation_is_zeros_between_the_taps(dictionary):
    wide = np.zeros((*dictionary.filters.shape[:2], *dictionary.span), dictionary.filters.dtype)
    wide[:, :, *(slice(None, None, d) for d in dictionary.dilation)] = dictionary.filters
    same = attrs.evolve(dictionary, filters=wide, dilation=1)
    assert same.code_shape == dictionary.code_shape
    assert same.stripes == dictionary.stripes
    assert same.patches == dictionary.patches
    np.testing.assert_array_equal(matrix_of(same), matrix_of(dictionary))
    close = {"rel": 1e-12, "abs": 1e-13}
    assert same.mutual_coherence() == pytest.approx(dictionary.mutual_coherence(), **close)
    assert same.babel(5) == pytest.approx(dictionary.babel(5), **close)
    some = np.arange(math.prod(dictionary.code_shape))[::3]
    got, expected = (d.gram_rows(some).toarray() for d in (dictionary, same))
    np.testing.assert_allclose(got, expected, atol=1e-12 * (1 + np.abs(expected).max()))


def test_dilated_atoms_meet_at_multiples_only():
    """At stride s and dilation d: offsets t·d/g for g = gcd(s, d), and |t| s/g < kernel."""
    bank = np.abs(filters.gaussian(1, 1, 5, rng=0))
    for stride, dilation in itertools.product(range(1, 7), repeat=2):
        dictionary = ToeplitzDictionary(bank, 200, stride, dilation=dilation)
        middle = dictionary.positions[0] // 2
        met = dictionary.gram_rows([middle]).indices - middle
        common = math.gcd(stride, dilation)
        reach = 4 // (stride // common)
        expected = dilation // common * np.arange(-reach, reach + 1)
        np.testing.assert_array_equal(met, expected)


# ---- stride --------------------------------------------------------------------------------------


@given(CONVOLUTIONS)
def test_coherence_at_stride_one_is_one_evolve_away(dictionary):
    dense = attrs.evolve(dictionary, stride=1)
    assert dense.stride == (1,) * len(dictionary.extent)
    fields = ("extent", "dilation", "groups")
    assert all(getattr(dense, name) == getattr(dictionary, name) for name in fields)
    single = dictionary.filters.dtype == np.float32
    slack = 1e-5 if single else 1e-12
    assert dense.babel(1) >= dictionary.babel(1) * (1 - slack)


# ---- pairs and dead filters ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data())
def test_the_coherent_pair_has_the_coherence(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    pair, coherence = dictionary.coherent_pair(), dictionary.mutual_coherence()
    if pair is None:
        assert coherence == 0
        return
    assert isinstance(pair, AtomPair)
    assert abs(pair.value) == coherence
    ends = zip(pair.filters, pair.positions, strict=True)
    first, second = (np.ravel_multi_index((i, *p), dictionary.code_shape) for i, p in ends)
    assert first != second
    a, b = dictionary.to_sparse().toarray().astype(float).T[[first, second]]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert pair.value == pytest.approx(cosine, rel=1e-4, abs=1e-6)
    for p, q, offset, size in zip(
        *pair.positions, pair.offset, dictionary.code_shape[1:], strict=True
    ):
        assert (q - p - offset) % size == 0 if pair.everywhere else q - p == offset


def test_the_pair_that_was_hidden_is_found():
    """Filter 6 is filter 4 turned over and one tap late, which is three samples."""
    bank = filters.gaussian(8, 4, 5, rng=0)
    bank[6, :, 0], bank[6, :, 1:] = 0, -bank[4, :, :-1]
    pair = ToeplitzDictionary(bank, 40, groups=2, dilation=3).coherent_pair()
    assert (pair.filters, pair.offset) in {((4, 6), (-3,)), ((6, 4), (3,))}
    assert pair.value == pytest.approx(-np.linalg.norm(bank[6]) / np.linalg.norm(bank[4]))
    # Each in a group of its own, they never meet.
    apart = CirculantDictionary(bank[[0, 4, 1, 6]], 40, groups=4).coherent_pair()
    assert apart.filters[0] == apart.filters[1]


def test_pairs_of_equal_coherence_are_told_the_same_every_time():
    bank = np.ones((3, 1, 2)) / math.sqrt(2)
    found = {CirculantDictionary(bank, 9).coherent_pair().filters for _ in range(20)}
    assert found == {(0, 1)}


@pytest.mark.parametrize("size", [1.0, 1e-200])
def test_dead_filters_are_named(size):
    bank = size * filters.gaussian(5, 2, 3, rng=0)
    bank[[1, 4]] = 0
    for dictionary in (CirculantDictionary(bank, 8), ToeplitzDictionary(bank, 8, 2, 1)):
        assert dictionary.dead_filters == (1, 4)
        signed = SignedDictionary(dictionary, np.ones(dictionary.code_shape))
        assert signed.dead_filters == (1, 4)
        assert attrs.evolve(dictionary, filters=bank[[0, 2]]).dead_filters == ()
    assert DenseDictionary(bank[:, 0].T).dead_filters == (1, 4)
    plain = cases.Plain(np.array([[1.0, 0, 2, 0]]), (1,), (2, 2))
    assert plain.dead_filters == ()
    assert cases.Plain(np.array([[1.0, 2, 0, 0]]), (1,), (2, 2)).dead_filters == (1,)


# ---- all together --------------------------------------------------------------------------------


def test_a_network_of_grouped_dilated_layers_from_codes_to_guarantees():
    """Draw, synthesise, forward, explain and certify, with both stripe projections."""
    bottom = ToeplitzDictionary(
        filters.equicorrelated(8, 128, 3, 0.01, rng=0), 24, 1, [(4, 0)], dilation=2, groups=2
    )
    top = CirculantDictionary(
        filters.sparse_rademacher(4, 4, 2, nonzeros=3, rng=1), 24, groups=2, dilation=3
    )
    code = codes.draw(top, 1, amplitudes=codes.ConstantAmplitudes(), rng=2)
    assert top.stripe_sparsity(code) == 1
    assert bottom.code_shape == top.signal_shape
    layers = [
        dcsc.Layer(bottom, dcsc.HardThreshold(0.25)),
        dcsc.Layer(top, dcsc.HardThreshold(0.5)),
    ]
    model = dcsc.DCSCModel(layers).draw(rng=0)
    truth = model.synthesize(code)
    found = truth.compare(model.forward(truth[0]))
    assert found.pathway_recovered
    records = bounds.measure(model, truth)
    explained = bounds.explain(records)
    assert explained.layers[0].strides
    assert "mu: filter" in explained.text()
    assert all(bounds.Certificate.of(guarantee).digest for guarantee in explained.guarantees)
    noisy = top.analyze(top.synthesize(code)) + 0.1
    for projection in (dcsc.StripeTopK(2), dcsc.StripeProjection(2)):
        assert top.stripe_sparsity(projection(noisy, top)) <= 2


def test_a_stride_beyond_the_signal_leaves_one_position():
    bank = np.random.default_rng(0).normal(size=(3, 2, 4))
    signal = np.random.default_rng(1).normal(size=(2, 10))
    far = ToeplitzDictionary(bank, 10, stride=2**40)
    assert far.code_shape == (3, 1)
    near = np.einsum("nck,ck->n", bank, signal[:, :4])[:, None]
    np.testing.assert_allclose(far.analyze(signal), near)
    laid = np.einsum("nck,n->ck", bank, near[:, 0])
    np.testing.assert_allclose(far.synthesize(near), np.pad(laid, [(0, 0), (0, 6)]))
