"""Layers read as sparse coding: exact identities with the activations, and what is outside."""

import attrs
import numpy as np
import pytest

from dcsc import DCSCModel, IdentitySigns, Layer, NotCoveredError, ReLU
from dcsc.networks import ConvNetwork, Graph, Input, Node
from dcsc.networks import operations as ops
from dcsc.networks.chain import NetworkLayer

RNG = np.random.default_rng(3)
EXACT = 1e-12


def network(*steps, shape=(None, 3, None, None)):
    """A chain of operations, each named by its number."""
    nodes = [
        Node(str(number), operation, (str(number - 1) if number else "x",), str(number))
        for number, operation in enumerate(steps)
    ]
    return ConvNetwork(Graph([Input("x", shape)], nodes, [nodes[-1].output]))


def conv(n, c, bias=None, kernel=(3, 2), **geometry):
    offset = RNG.normal(size=n) if bias is None else np.full(n, bias)
    return ops.Convolve(RNG.normal(size=(n, c, *kernel)), offset, **geometry)


def norm(channels, sign=None):
    gain = RNG.normal(size=channels)
    return ops.BatchNorm(gain if sign is None else sign * np.abs(gain), RNG.normal(size=channels))


SIGNAL = RNG.normal(size=(2, 3, 11, 10))


def worst(found, layer):
    """Largest deviation of a layer's code, by its reading, from the activation."""
    expected = found[layer.convolution.code]
    actual = layer.reading.code(layer.coefficients())
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


def assert_exact(found, layers):
    for layer in layers:
        assert worst(found, layer) < EXACT
        filters = layer.reading.filters
        norms = np.sqrt(np.square(filters).sum(axis=tuple(range(1, filters.ndim))))
        live = np.ones(len(filters), bool)
        live[list(layer.reading.dead)] = False
        np.testing.assert_allclose(norms[live], 1, rtol=1e-14)
        scale = layer.reading.scale.reshape(-1, 1, 1)
        np.testing.assert_allclose(layer.code * scale, found[layer.convolution.code], rtol=1e-14)


# ---- one layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [
    ops.Relu(), ops.LeakyRelu(0.2), ops.PRelu(RNG.normal(size=5)), ops.Clip(0, 1.5), ops.Tanh(),
    None,
])  # fmt: skip
@pytest.mark.parametrize("before", [None, norm(5)])
def test_a_layer_is_unit_filters_thresholds_and_scales(activation, before):
    steps = [conv(5, 3, stride=(2, 1), padding=1), before, activation]
    found = network(*(step for step in steps if step)).forward(SIGNAL)
    assert_exact(found, found.layers)
    (layer,) = found.layers
    if activation == ops.Relu():
        moved = layer.coefficients() - layer.reading.threshold.reshape(-1, 1, 1)
        np.testing.assert_allclose(layer.code, np.maximum(moved, 0), atol=EXACT)


def test_the_reading_in_numbers():
    weight = np.zeros((4, 1, 2))
    weight[0], weight[1], weight[3] = [3.0, 4.0], [0.0, -2.0], [1.0, 0.0]
    operation = ops.Convolve(weight, [-10.0, 3.0, 0.5, 0.0])
    scaled = ops.BatchNorm([2.0, 1.0, 1.0, -1.0], [0.0, 0.0, 0.0, -0.25])
    chain = network(operation, scaled, ops.Relu(), shape=(None, 1, None))
    reading = chain.convolutions[0].reading()
    np.testing.assert_array_equal(reading.scale, [10.0, 2.0, 1.0, 1.0])
    np.testing.assert_array_equal(reading.threshold, [2.0, -1.5, -0.5, 0.25])
    np.testing.assert_allclose(reading.filters[:, 0], [[0.6, 0.8], [0, -1], [0, 0], [-1, 0]])
    assert reading.dead == (2,)
    assert reading.always_on == (1, 2)
    assert reading.without_zeros == ()
    assert reading.reasons == (
        "2 of 4 filters are on at zero input (positive bias): 1, 2",
        "1 of 4 filters are zero: 2",
    )
    with pytest.raises(NotCoveredError, match=r"Reading: 0 is no D-CSC layer: 2 of 4 filters"):
        _ = reading.projection


def test_units_that_are_on_at_zero_input_are_those_named():
    chain = network(conv(6, 3), norm(6), ops.Relu())
    at_zero = chain.forward(np.zeros((1, 3, 8, 8)))["2"][0]
    on = tuple(np.flatnonzero(at_zero.max(axis=(1, 2))).tolist())
    assert 0 < len(on) < 6
    assert chain.convolutions[0].reading().always_on == on


def test_filters_whose_codes_have_no_zeros_are_those_named():
    slopes = np.array([0.0, 0.1, 0.0, -0.2])
    chain = network(conv(4, 3, bias=-0.5), ops.PRelu(slopes))
    (layer,) = chain.forward(SIGNAL).layers
    assert layer.reading.without_zeros == (1, 3)
    full = (layer.code != 0).all(axis=(0, 2, 3))
    assert np.flatnonzero(full).tolist() == [1, 3]
    assert "2 of 4 filters have codes without zeros (PRelu)" in layer.reading.reasons
    reading = network(conv(4, 3)).convolutions[0].reading()
    assert "4 of 4 filters have codes without zeros (no activation)" in reading.reasons


def test_an_upper_bound_is_said():
    chain = network(conv(4, 3, bias=-0.5), ops.Clip(0, 1.5))
    reading = chain.convolutions[0].reading()
    assert reading.reasons == (
        "codes are no rectified coefficients, but bounded (Clip(low=0.0, high=1.5))",
    )
    with pytest.raises(NotCoveredError, match="but bounded"):
        _ = reading.projection
    (layer,) = chain.forward(SIGNAL).layers
    moved = layer.coefficients() - reading.threshold.reshape(-1, 1, 1)
    np.testing.assert_array_equal(layer.code != 0, moved > 0)  # the support is that of a rectifier


def test_density_is_the_share_of_active_units():
    (layer,) = network(conv(4, 3), ops.Relu()).forward(SIGNAL).layers
    shares = [np.count_nonzero(code) / code.size for code in layer.code]
    np.testing.assert_array_equal(layer.density, shares)
    assert 0 < layer.density[0] < 1


# ---- chains --------------------------------------------------------------------------------------


def test_scales_are_pushed_into_the_next_layer_and_the_chain_is_a_model():
    chain = network(conv(5, 3, -0.3), ops.Relu(), conv(4, 5, -0.2, padding=1), ops.Relu())
    found = chain.forward(SIGNAL)
    first, second = found.chain
    assert (first.below, second.below, second.between) == (None, "0", ())
    assert_exact(found, found.chain)
    np.testing.assert_array_equal(second.signal, first.code)
    layers = [
        Layer(layer.dictionary, layer.reading.projection, IdentitySigns()) for layer in found.chain
    ]
    assert isinstance(layers[0].projection, ReLU)
    pathway = DCSCModel(layers).forward(SIGNAL)
    np.testing.assert_allclose(pathway[2], second.code, atol=EXACT)


@pytest.mark.parametrize("between", [
    [ops.MaxPool(kernel=(2, 2), stride=2, padding=1, ceil=True)],
    [ops.AveragePool(kernel=(3, 2), padding=1)],
    [ops.GlobalAveragePool(), ops.Pad(((0, 0), (0, 0), (1, 2), (2, 1)), "edge")],
    [ops.Pad(((0, 0), (0, 0), (1, 2), (2, 1)), "reflect"), ops.MaxPool(kernel=(2, 2))],
    [norm(5)],
    [norm(5, 1), ops.MaxPool(kernel=(2, 2), stride=2, padding=1)],
    [ops.MaxPool(kernel=(2, 2)), norm(5)],
    [norm(5), ops.AveragePool(kernel=(2, 3), padding=((1, 0), (2, 1)))],
    [norm(5, 1), norm(5), ops.Pad(((0, 0), (0, 0), (1, 2), (2, 1)))],
    [norm(5, 1), ops.MaxPool(kernel=(2, 2)), ops.AveragePool(kernel=(2, 2), padding=1)],
], ids=lambda steps: "+".join(step.label for step in steps))  # fmt: skip
@pytest.mark.parametrize("padding", [0, 2])
def test_what_lies_between_lets_the_scale_through(between, padding):
    last = conv(4, 5, padding=padding)
    chain = network(conv(5, 3), ops.Relu(), *between, last, ops.Relu())
    found = chain.forward(SIGNAL)
    second = found.chain[1]
    assert second.below == "0"
    assert second.between == tuple(s for s in between if not isinstance(s, ops.BatchNorm))
    assert_exact(found, found.chain)
    value = found.chain[0].code
    for step in second.between:
        value = step(value)
    np.testing.assert_array_equal(second.signal, value)


@pytest.mark.parametrize(("between", "reason"), [
    ([norm(5, -1), ops.MaxPool(kernel=(2, 2))],
     "MaxPool lets no negative scale or uneven shift of a batch norm through"),
    ([norm(5, 1), ops.Pad(((0, 0), (0, 0), (1, 2), (2, 1))), ops.MaxPool(kernel=(2, 2))],
     "MaxPool lets no negative scale or uneven shift of a batch norm through"),
    ([ops.Sigmoid()], "its signal is made by Sigmoid, which lets no scale through"),
    ([ops.InstanceNorm(np.ones(5), np.ones(5))],
     "its signal is made by InstanceNorm, which lets no scale through"),
    ([ops.Transpose((0, 1, 3, 2))], "its signal is made by Transpose, which lets no scale through"),
])  # fmt: skip
def test_what_lies_between_stops_the_scale_and_is_named(between, reason):
    chain = network(conv(5, 3), ops.Relu(), *between, conv(4, 5), ops.Relu())
    found = chain.forward(SIGNAL)
    second = found.chain[1]
    assert (second.below, second.reason) == (None, reason)
    np.testing.assert_array_equal(second.signal, found[second.convolution.signal])
    assert_exact(found, found.chain)


def test_a_rectifier_of_its_own_after_a_shift_stops_it():
    nodes = [
        Node("a", conv(5, 3), ("x",), "a"),
        Node("r", ops.Relu(), ("a",), "r"),
        Node("n", norm(5, 1), ("r",), "n"),
        Node("s", ops.Relu(), ("n",), "s"),
        Node("b", conv(4, 5), ("s",), "b"),
    ]
    found = ConvNetwork(Graph([Input("x")], nodes, ["b"])).forward(SIGNAL)
    assert found.chain[1].reason == "Relu lets no shift of a batch norm through"
    assert_exact(found, found.chain)


def test_a_shift_that_meets_zero_padding_gives_a_threshold_per_position():
    steps = [conv(5, 3), ops.Relu(), norm(5, 1), conv(4, 5, -50.0, padding=1), ops.Relu()]
    second = network(*steps).forward(SIGNAL).chain[1]
    assert second.reading.threshold.shape == second.dictionary.code_shape
    assert second.reading.always_on == ()
    assert second.reading.reasons == (
        "thresholds differ between positions (a norm's shift meets zero padding)",
    )
    with pytest.raises(NotCoveredError, match="thresholds differ between positions"):
        _ = second.reading.projection
    inner = second.reading.threshold[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, np.broadcast_to(inner[:, :1, :1], inner.shape), rtol=1e-12)


def test_a_pooling_before_the_activation_is_not_taken_for_the_layer_s():
    chain = network(conv(5, 3), ops.MaxPool(kernel=(2, 2)), ops.Relu())
    (convolution,) = chain.convolutions
    assert (convolution.order, convolution.activation) == (("pool",), None)
    assert convolution.then == ("Relu",)
    found = chain.forward(SIGNAL)
    assert_exact(found, found.layers)


def test_groups_get_the_scales_of_their_own_channels():
    grouped = conv(6, 2, groups=3)
    found = network(conv(6, 3), ops.Relu(), grouped, ops.Relu(), shape=None).forward(SIGNAL)
    assert found.chain[1].below == "0"
    assert_exact(found, found.chain)


@pytest.mark.parametrize("shift", [0, 1])
def test_groups_get_the_shifts_of_their_own_channels(shift):
    grouped = conv(6, 2, groups=3, padding=shift)
    found = network(conv(6, 3), ops.Relu(), norm(6), grouped, ops.Relu()).forward(SIGNAL)
    assert found.chain[1].below == "0"
    assert_exact(found, found.chain)


def test_a_dead_filter_below_carries_a_constant():
    weight = RNG.normal(size=(5, 3, 2, 2))
    weight[[1, 4]] = 0
    first = ops.Convolve(weight, [0.1, 0.7, -0.2, 0.3, -0.5])
    found = network(first, ops.Relu(), conv(4, 5), ops.Relu()).forward(SIGNAL)
    assert found.chain[0].reading.dead == (1, 4)
    np.testing.assert_allclose(found.chain[0].code[:, 1], 0.7)
    assert not found.chain[0].code[:, 4].any()
    assert_exact(found, found.chain)


# ---- planted faults ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [
    lambda r: attrs.evolve(r, scale=r.scale * 1.0001),
    lambda r: attrs.evolve(r, threshold=-r.threshold),
    lambda r: attrs.evolve(r, threshold=r.threshold * r.scale),
    lambda r: attrs.evolve(r, activation=ops.LeakyRelu(0.01)),
])  # fmt: skip
def test_a_wrong_reading_is_seen(fault):
    found = network(conv(5, 3), ops.Relu()).forward(SIGNAL)
    (layer,) = found.layers
    assert worst(found, layer) < EXACT
    wrong = attrs.evolve(layer, reading=fault(layer.reading))
    assert isinstance(wrong, NetworkLayer)
    assert worst(found, wrong) > 1e-5
