"""Both maps of a convolutional dictionary, against PyTorch's convolutions."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dcsc._numerics import convolution
from dcsc.dictionaries import CirculantDictionary, ToeplitzDictionary
from dcsc.errors import DcscError
from tests import strategies
from tests.test_windows import paddings, span_of

functional = torch.nn.functional
torch.set_num_threads(1)  # arrays are small, and the workers of pytest-xdist share the processors

CORRELATE = {1: functional.conv1d, 2: functional.conv2d}
SPREAD = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d}


def steps(dictionary):
    return {
        "stride": dictionary.stride,
        "dilation": dictionary.dilation,
        "groups": dictionary.groups,
    }


def toeplitz_analyze(x, bank, dictionary):
    """PyTorch pads alike on both sides; what differs is padded before."""
    pad = [side for pair in reversed(paddings(dictionary)) for side in pair]
    return CORRELATE[len(dictionary.extent)](functional.pad(x, pad), bank, **steps(dictionary))


def toeplitz_synthesize(x, bank, dictionary):
    """The full transposed convolution, of which PyTorch leaves out what no atom reaches."""
    x = SPREAD[bank.ndim - 2](x, bank, **steps(dictionary))
    sides = list(zip(paddings(dictionary), dictionary.extent, x.shape[2:], strict=True))
    beyond = [(0, before + e + after - size) for (before, after), e, size in sides]
    x = functional.pad(x, [side for pair in reversed(beyond) for side in pair])
    return x[:, :, *(slice(before, before + e) for (before, _), e, _ in sides)]


def symmetric_analyze(x, bank, dictionary):
    """As a layer of a network is called, where both sides are padded alike."""
    axes, padding = len(dictionary.extent), dictionary.padding
    return CORRELATE[axes](x, bank, padding=padding, **steps(dictionary))


def symmetric_synthesize(x, bank, dictionary):
    """PyTorch shortens the signal to what the atoms reach; output_padding is what is beyond."""
    sizes = zip(
        dictionary.extent, dictionary.padding, span_of(dictionary), dictionary.stride, strict=True
    )
    beyond = [(e + 2 * p - f) % s for e, p, f, s in sizes]
    return SPREAD[len(beyond)](
        x, bank, padding=dictionary.padding, output_padding=beyond, **steps(dictionary)
    )


def circulant_analyze(x, bank, dictionary):
    """A circular padding behind the signal; PyTorch's, unless it would turn more than once."""
    more = [span - 1 for span in span_of(dictionary)]
    if all(m <= e for m, e in zip(more, dictionary.extent, strict=True)):
        pad = [side for m in reversed(more) for side in (0, m)]
        x = functional.pad(x, pad, mode="circular")
    else:
        for axis, (m, e) in enumerate(zip(more, dictionary.extent, strict=True), start=2):
            x = x.index_select(axis, torch.arange(e + m) % e)
    return CORRELATE[len(more)](x, bank, **steps(dictionary))


def circulant_synthesize(x, bank, dictionary):
    """The full transposed convolution, folded onto the circle."""
    x = SPREAD[bank.ndim - 2](x, bank, **steps(dictionary))
    for axis, e in enumerate(dictionary.extent, start=2):
        folded = torch.zeros(*x.shape[:axis], e, *x.shape[axis + 1 :], dtype=x.dtype)
        x = folded.index_add(axis, torch.arange(x.shape[axis]) % e, x)
    return x


ORACLES = {
    CirculantDictionary: (circulant_analyze, circulant_synthesize),
    ToeplitzDictionary: (toeplitz_analyze, toeplitz_synthesize),
}


def agree(got, oracle, array, dictionary):
    x = torch.tensor(array.astype(float))
    bank = torch.tensor(dictionary.filters.astype(float))
    expected = oracle(x, bank, dictionary).numpy()
    scale = oracle(x.abs(), bank.abs(), dictionary).numpy()
    assert got.dtype == np.float64
    assert got.shape == expected.shape
    assert (np.abs(got - expected) <= 1e-12 * scale).all()


# What the numerical loops do with data of other sizes and sparsities than these.
PATHS = {
    "whole": {"_CACHE_BYTES": 2**30},
    "in blocks": {"_CACHE_BYTES": 64, "_PIECE_BYTES": 64},
    "in threads": {"_least": lambda flops: 1},
    "entry by entry": {"_WORTH_COUNTING": -1, "_SPARSE_CODES": 1, "_SPARSE_SIGNALS": 99},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ORACLES)
@given(data=st.data())
def test_maps_agree_with_pytorch(kind, path, data):
    dictionary = data.draw(strategies.double(kind))
    signals = data.draw(strategies.signals(dictionary, batch=(2,)))
    codes = data.draw(strategies.codes(dictionary, batch=(2,)))
    analyze, synthesize = ORACLES[kind]
    with mock.patch.multiple(convolution, **PATHS[path]):
        agree(dictionary.analyze(signals), analyze, signals, dictionary)
        agree(dictionary.synthesize(codes), synthesize, codes, dictionary)


@pytest.mark.parametrize("share", [0.005, 0.5])
@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize(
    ("channels", "more"), [(8, {}), (2, {"groups": 4, "dilation": (1, 3)}), (1, {"groups": 24})]
)
def test_large_arrays_sparse_and_not(kind, share, channels, more):
    """Large enough for several blocks, and for going entry by entry where few are not zero."""
    rng = np.random.default_rng(0)
    dictionary = kind(rng.standard_normal((24, channels, 5, 5)), (62, 60), stride=(2, 1), **more)
    signals = rng.standard_normal((3, *dictionary.signal_shape))
    codes = rng.standard_normal((3, *dictionary.code_shape))
    signals *= rng.random(signals.shape) < share
    codes *= rng.random(codes.shape) < share
    analyze, synthesize = ORACLES[kind]
    agree(dictionary.analyze(signals), analyze, signals, dictionary)
    agree(dictionary.synthesize(codes), synthesize, codes, dictionary)


LAYERS = {
    "depthwise": torch.nn.Conv2d(6, 6, 3, padding=1, groups=6),
    "depthwise, two filters a channel": torch.nn.Conv2d(3, 6, (2, 3), stride=2, groups=3),
    "grouped": torch.nn.Conv2d(8, 12, 3, (2, 1), (1, 2), groups=4),
    "dilated": torch.nn.Conv2d(4, 5, (3, 2), padding=(2, 0), dilation=(2, 3)),
    "all of it": torch.nn.Conv2d(8, 4, (4, 2), (3, 2), (3, 1), (2, 3), groups=2),
    "a line": torch.nn.Conv1d(4, 8, 5, stride=2, padding=6, dilation=3, groups=2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_as_pytorch_has_them(name):
    """Weights and geometry are handed over as they are, and both maps are PyTorch's."""
    layer = LAYERS[name].double()
    extent = (19, 16)[: layer.weight.ndim - 2]
    dictionary = ToeplitzDictionary(
        layer.weight.detach().numpy(),
        extent,
        layer.stride,
        layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((2, layer.in_channels, *extent))
    with torch.no_grad():
        expected = layer(torch.tensor(signals)).numpy()
    bias = layer.bias.detach().numpy().reshape(-1, *(1,) * len(extent))
    np.testing.assert_allclose(dictionary.analyze(signals) + bias, expected, rtol=0, atol=1e-12)
    agree(dictionary.analyze(signals), symmetric_analyze, signals, dictionary)
    codes = rng.standard_normal((2, *dictionary.code_shape))
    agree(dictionary.synthesize(codes), symmetric_synthesize, codes, dictionary)


@pytest.mark.parametrize("length", [7, 16, 17, 33, 50, 97, 131])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lines_of_any_length_where_each_channel_has_a_filter(dtype, length):
    """Tiles of one filter end anywhere on a line."""
    rng = np.random.default_rng(0)
    bank = rng.standard_normal((3, 1, 2, 3)).astype(dtype)
    dictionary = ToeplitzDictionary(bank, (4, length), padding=(0, 1), groups=3)
    signals = rng.standard_normal((2, *dictionary.signal_shape)).astype(dtype)
    expected = torch.nn.functional.conv2d(
        torch.tensor(signals), torch.tensor(bank), padding=(0, 1), groups=3
    )
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(dictionary.analyze(signals), expected, rtol=0, atol=tolerance)


def test_a_layer_of_an_ordinary_network():
    rng = np.random.default_rng(0)
    bank = rng.standard_normal((16, 8, 5, 3))
    dictionary = ToeplitzDictionary(bank, (31, 17), stride=(2, 1), padding=(2, 1))
    signals = rng.standard_normal((4, 8, 31, 17))
    agree(dictionary.analyze(signals), toeplitz_analyze, signals, dictionary)
    layer = torch.nn.Conv2d(8, 16, (5, 3), stride=(2, 1), padding=(2, 1), bias=False)
    with torch.no_grad():
        layer.weight[...] = torch.tensor(bank, dtype=torch.float32)
        expected = layer(torch.tensor(signals, dtype=torch.float32)).numpy()
    single = ToeplitzDictionary(bank.astype(np.float32), (31, 17), (2, 1), (2, 1))
    got = single.analyze(signals.astype(np.float32))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(16, 8), (8, 16), (64, 300)])
def test_one_tap_is_a_product_of_matrices(shape, dtype):
    rng = np.random.default_rng(11)
    matrix = rng.standard_normal(shape).astype(dtype)
    dictionary = ToeplitzDictionary(matrix[:, :, None, None], (4, 9))
    signals = rng.standard_normal((3, shape[1], 4, 9)).astype(dtype)
    codes = rng.standard_normal((3, shape[0], 4, 9)).astype(dtype)
    near = {"rtol": 0, "atol": 100 * np.finfo(dtype).eps * np.sqrt(max(shape))}
    analyzed, synthesized = dictionary.analyze(signals), dictionary.synthesize(codes)
    np.testing.assert_allclose(analyzed, np.einsum("nc,bcij->bnij", matrix, signals), **near)
    np.testing.assert_allclose(synthesized, np.einsum("nc,bnij->bcij", matrix, codes), **near)
    assert analyzed.dtype == synthesized.dtype == dtype
    for bad in (np.nan, np.inf):
        signals[1, 2, 3, 4] = bad
        with pytest.raises(DcscError, match=rf"expected finite numbers, got {bad} at \(1, 2, 3, 4"):
            dictionary.analyze(signals)
