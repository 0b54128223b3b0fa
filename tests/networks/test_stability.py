"""Stability of pathways: against closed forms, sampling, and shares of another computation."""

import itertools
import math

import numpy as np
import pytest

from dcsc import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks import (
    ConvNetwork,
    Graph,
    Input,
    Node,
    load,
    operations,
    pathway_stability,
)
from dcsc.networks.analysis import analyze, coded_layers
from dcsc.networks.operations import Constant, Convolve, Elementwise, Relu
from dcsc.networks.shipped import DIGITS_VARIANTS, digits_inputs, digits_network_path
from dcsc.networks.stability import METHODS, NORMS
from dcsc.networks.stability.balls import PatchBall
from dcsc.networks.stability.stability import affordable_stability
from tests.networks.chains import convolve, network

RNG = np.random.default_rng(7)
SHAPE = (2, 6, 6)


def padded(channels, n, seed):
    """A convolution that keeps the extent, of any, with some units on and some off."""
    bias = np.random.default_rng(seed).normal(size=n) / 4
    return convolve(n, channels, (3, 3), bias, seed, padding=1)


# ---- random networks of every operation ----------------------------------------------------------

PARTS = [
    Relu(),
    operations.LeakyRelu(0.2),
    operations.LeakyRelu(-0.5),
    operations.LeakyRelu(2.0),
    operations.PRelu([0.1, -0.4, 1.5]),
    operations.Clip(0, 1),
    operations.Clip(-0.5, 0.5),
    operations.Clip(None, 0.3),
    operations.Sigmoid(),
    operations.HardSigmoid(),
    operations.HardSwish(),
    operations.Tanh(),
    operations.Elu(0.7),
    operations.Softplus(),
    operations.Silu(),
    operations.Gelu(),
    operations.MaxPool(kernel=(2, 2), stride=2, padding=1),
    operations.MaxPool(kernel=(3, 2), stride=(2, 1), dilation=(1, 2), ceil=True),
    operations.AveragePool(kernel=(2, 3), stride=2, padding=1, ceil=True),
    operations.AveragePool(kernel=(2, 2), padding=1, count_padding=False),
    operations.GlobalMaxPool(),
    operations.GlobalAveragePool(),
    operations.BatchNorm([1.5, -0.5, 0.0], [0.1, -0.2, 0.3]),
    operations.ConvolveTransposed(RNG.normal(size=(3, 3, 2, 2)), stride=2, padding=1),
    operations.Identity(),
    operations.Cast("float32"),
    operations.Pad(((0, 0), (0, 0), (1, 2), (0, -1)), "constant", 0.5),
    operations.Pad(((0, 0), (0, 0), (1, 2), (2, 1)), "reflect"),
    operations.Repeat((1, 1, 2, 1)),
    operations.Slice(((1,), (5,), (2,), (2,))),
    operations.Transpose((0, 1, 3, 2)),
    operations.Reduce("Mean", (2, 3)),
    operations.Reduce("Sum", (3,)),
    operations.Reduce("Max", (2,)),
    Elementwise("Neg"),
    Elementwise("Exp"),
]


def chain(*steps):
    return network(*steps, lengths=(6, 6))


def between(part):
    return chain(padded(2, 3, 0), part, padded(3, 4, 1), Relu(), padded(4, 3, 2))


def branched():
    """A residual sum, a concatenation, known factors, and a matrix between convolutions."""
    nodes = [
        Node("conv1", padded(2, 3, 3), ("input",), "z1"),
        Node("relu1", Relu(), ("z1",), "x1"),
        Node("conv2", padded(3, 3, 4), ("x1",), "z2"),
        Node("sum", Elementwise("Add"), ("z2", "x1"), "residual"),
        Node("relu2", Relu(), ("residual",), "x2"),
        Node("gains", Constant(RNG.normal(size=(3, 1, 1))), (), "gains"),
        Node("product", Elementwise("Mul"), ("x2", "gains"), "scaled"),
        Node("difference", Elementwise("Sub"), ("gains", "scaled"), "moved"),
        Node("quotient", Elementwise("Div"), ("moved", "gains"), "divided"),
        Node("joint", operations.Concatenate(1), ("divided", "x1", "input"), "joint"),
        Node("conv3", padded(8, 4, 5), ("joint",), "z3"),
        Node("relu3", Relu(), ("z3",), "x3"),
        Node("means", operations.GlobalAveragePool(), ("x3",), "means"),
        Node("gates", operations.HardSigmoid(), ("means",), "gates"),
        Node("gated", Elementwise("Mul"), ("x3", "gates"), "gated"),
        Node("largest", Elementwise("Max"), ("x3", "gated"), "same"),
        Node("flat", operations.Flatten(), ("same",), "flat"),
        Node("linear", operations.Linear(RNG.normal(size=(18, 144)) / 12, None), ("flat",), "y"),
        Node("matrix", Constant(RNG.normal(size=(18, 18))), (), "matrix"),
        Node("matmul", operations.MatMul(), ("y", "matrix"), "times"),
        Node("shape", operations.Reshape((0, 2, 3, 3)), ("times",), "image"),
        Node("conv4", padded(2, 3, 6), ("image",), "z4"),
    ]
    return ConvNetwork(Graph([Input("input", (None, *SHAPE))], nodes, ["z4"]))


def attacked(net, values, x, within, rng):
    """Yield the values at inputs of the ball: at random, at corners, and against single units."""
    points = [within(rng.uniform(-1, 1, x.shape)) for _ in range(20)]
    points += [within(rng.choice([-1.0, 1.0], x.shape)) for _ in range(20)]
    # Finite differences of some units, and the corners that they point at.
    steps = 1e-5 * np.eye(x.size).reshape(-1, *x.shape[1:])
    for value in values:
        at, slopes = (net.forward(y)[value].reshape(len(y), -1) for y in (x, x + steps))
        for unit in rng.choice(at.size, min(at.size, 8), replace=False):
            way = np.sign(slopes[:, unit] - at[0, unit]).reshape(x.shape)
            points += [within(way), within(-way)]
    forward = net.forward(np.concatenate(points))
    return {value: forward[value] for value in values}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "net", [*map(between, PARTS), branched()], ids=[*map(repr, PARTS), "branched"]
)
def test_no_perturbation_moves_a_unit_beyond_its_ends(net, norm):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1, *SHAPE))
    values = [convolution.coefficients for convolution in net.convolutions]
    for eps, valid in ((0.0, None), (0.02, (0, 1)), (0.3, None)):
        wide, narrow = (
            pathway_stability(net, x, eps, norm, method, valid_range=valid)
            for method in ("interval", "affine")
        )
        assert not narrow.stops
        assert [layer.name for layer in narrow.layers] == [c.name for c in net.convolutions]

        def within(way, eps=eps, valid=valid):
            size = eps / np.sqrt(18) if norm == "patch_l2" else eps  # of patches of 2 × 3 × 3
            return x + size * way if valid is None else np.clip(x + size * way, *valid)

        seen = attacked(net, values, x, within, rng)
        for value, one, other in zip(values, wide.layers, narrow.layers, strict=True):
            low, high = other.coefficients
            last = 1e-12 * np.abs(one.coefficients).max()  # digits, which both round in their way
            assert (one.coefficients.low <= low + last).all()
            assert (one.coefficients.high >= high - last).all()
            assert (one.stays_on <= other.stays_on).all()
            assert (one.stays_off <= other.stays_off).all()
            room = 1e-12 * (1 + np.abs(seen[value]))  # of the forward pass, whose sums are rounded
            assert (seen[value] >= low - room).all()
            assert (seen[value] <= high + room).all()
            assert (seen[value] > 0)[:, other.stays_on[0]].all()
            assert not (seen[value] > 0)[:, other.stays_off[0]].any()


def test_of_two_samples_the_ends_hold_what_a_fine_grid_finds():
    net = network(
        convolve(4, 1, (2,), [0.1, -0.2, 0.0, 0.3], 1),
        Relu(),
        convolve(5, 4, (1,), 0.1, 2),
        Relu(),
        convolve(6, 5, (1,), -0.1, 3),
        channels=1,
        lengths=(2,),
    )
    centre, eps = np.array([0.3, -0.4]), 0.5
    line = np.linspace(-eps, eps, 201)
    grid = centre + np.array(list(itertools.product(line, line)))
    seen = net.forward(grid[:, None])
    shares = {}
    for method in METHODS:
        stability = pathway_stability(net, [[centre]], eps, method=method)
        for convolution, layer in zip(net.convolutions, stability.layers, strict=True):
            z = seen[convolution.coefficients]
            assert (layer.coefficients.low <= z.min(axis=0) + 1e-12).all()
            assert (layer.coefficients.high >= z.max(axis=0) - 1e-12).all()
        # How much wider than the truth the deepest layer's intervals are.
        low, high = layer.coefficients
        shares[method] = float(((z.max(axis=0) - z.min(axis=0)) / (high - low)[0]).mean())
    assert shares["affine"] > 1.2 * shares["interval"]
    assert shares["affine"] > 0.5


# ---- exact values --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("valid", [None, (0.0, 1.0)])
def test_the_first_layer_is_exact_for_single_samples(method, valid):
    net = chain(padded(2, 5, 0), operations.BatchNorm(RNG.normal(size=5), RNG.normal(size=5)))
    x, eps = RNG.uniform(0, 1, (3, *SHAPE)), 0.1
    stability = pathway_stability(net, x, eps, method=method, valid_range=valid)
    (convolution,) = net.convolutions
    matrix = convolution.dictionary((6, 6)).to_sparse().toarray().T
    low, high = (-np.inf, np.inf) if valid is None else valid
    up = np.minimum(x + eps, high).reshape(3, -1) - x.reshape(3, -1)
    down = x.reshape(3, -1) - np.maximum(x - eps, low).reshape(3, -1)
    gain = np.repeat(convolution.norm.scale, 36)[:, None] * matrix
    z = net.forward(x)[convolution.coefficients].reshape(3, -1)
    most = z + up @ np.maximum(gain, 0).T - down @ np.minimum(gain, 0).T
    least = z + up @ np.minimum(gain, 0).T - down @ np.maximum(gain, 0).T
    (layer,) = stability.layers
    np.testing.assert_allclose(layer.coefficients.low.reshape(3, -1), least, rtol=0, atol=1e-10)
    np.testing.assert_allclose(layer.coefficients.high.reshape(3, -1), most, rtol=0, atol=1e-10)
    assert np.array_equal(layer.stays_on.reshape(3, -1), least > 0)
    assert np.array_equal(layer.stays_off.reshape(3, -1), most < 0)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_layer_is_exact_for_patches(method):
    net = chain(padded(2, 5, 0))
    x, zeta = RNG.normal(size=(2, *SHAPE)), 0.3
    (layer,) = pathway_stability(net, x, zeta, "patch_l2", method).layers
    (convolution,) = net.convolutions
    reach = zeta * convolution.dictionary((6, 6)).atom_norms()
    z = net.forward(x)[convolution.coefficients]
    np.testing.assert_allclose(layer.coefficients.low, z - reach, rtol=0, atol=1e-10)
    np.testing.assert_allclose(layer.coefficients.high, z + reach, rtol=0, atol=1e-10)
    # Strict for units that are on, not for those that are off.
    assert np.array_equal(layer.stays_on, z > reach)
    assert np.array_equal(layer.stays_off, z <= -reach)


def test_a_zero_filter_is_off_for_ever():
    net = network(Convolve([[[1.0, -1.0]], [[0.0, 0.0]]]), channels=1)
    (layer,) = pathway_stability(net, [[[1.0, 1.0]]], 0.5).layers
    assert layer.stays_off[0, :, 0].tolist() == [False, True]
    assert layer.on == 0


def test_what_rounding_could_turn_is_undecided():
    net = network(Convolve([[[1.0, -1.0]]], [1e-17]), channels=1)
    (layer,) = pathway_stability(net, [[[1e5, 1e5]]], 0.0).layers
    assert layer.active.all()
    assert layer.undecided.all()


def test_shares_are_of_all_units_and_units_are_those_of_the_analysis():
    net = load(digits_network_path())
    x = digits_inputs().images[:3].astype(float)
    stability = pathway_stability(net, x, 4 / 255)
    for layer, coded in zip(stability.layers, coded_layers(net.forward(x)), strict=True):
        assert layer.name == coded.name
        assert np.array_equal(layer.active, coded.on)
        assert layer.on == layer.stays_on.sum() / coded.on.size
        assert layer.off == layer.stays_off.sum() / coded.on.size
        assert layer.decided == pytest.approx(layer.on + layer.off)
        assert layer.undecided.mean() == pytest.approx(1 - layer.decided)
        assert layer.steady == layer.stays_on.sum() / coded.on.sum()
        assert not (layer.stays_on & ~layer.active).any()
        assert not (layer.stays_off & layer.active).any()


# ---- the networks that come with dcsc ------------------------------------------------------------

# By another computation, with dense matrices and projected gradients: by intervals, by affine
# bounds, and what no attack flips, for the first 20 digits (plain) and 8 (incoherent).
SHARES = {
    ("plain", 1): [(0.989, 0.989, 0.989), (0.953, 0.982, 0.982), (0.928, 0.985, 0.985)],
    ("plain", 4): [(0.953, 0.953, 0.953), (0.808, 0.918, 0.924), (0.668, 0.935, 0.945)],
    ("incoherent", 1): [(0.989, 0.989, 0.989), (0.947, 0.979, 0.979), (0.845, 0.972, 0.972)],
    ("incoherent", 4): [(0.957, 0.957, 0.957), (0.783, 0.916, 0.922), (0.342, 0.895, 0.910)],
}


@pytest.mark.parametrize(("variant", "levels"), SHARES)
def test_shares_of_the_digits_are_those_of_another_computation(variant, levels):
    net = load(digits_network_path(variant))
    digits = digits_inputs().images[: 20 if variant == "plain" else 8]
    eps, valid = levels / 255, (0.0, 1.0)
    wide = pathway_stability(net, digits, eps, method="interval", valid_range=valid)
    narrow = pathway_stability(net, digits, eps, valid_range=valid, attack=True)
    for one, other, shares in zip(wide.layers, narrow.layers, SHARES[variant, levels], strict=True):
        found = one.decided, other.decided, other.attacked
        np.testing.assert_allclose(found, shares, rtol=0, atol=6e-4)
        assert not (other.flipped & ~other.undecided).any()
        assert levels > 1 or other.attacked - other.decided <= 0.02


# The same of patches of 3 × 3, by affine bounds, for 8 digits.
PATCHES = {
    0.01: (0.987, 0.970, 0.965),
    0.03: (0.959, 0.910, 0.892),
    0.1: (0.865, 0.648, 0.476),
}


@pytest.mark.parametrize("zeta", PATCHES)
def test_shares_for_patches_are_those_of_another_computation(zeta):
    net = load(digits_network_path("incoherent"))
    stability = pathway_stability(net, digits_inputs().images[:8], zeta, "patch_l2")
    shares = [layer.decided for layer in stability.layers]
    np.testing.assert_allclose(shares, PATCHES[zeta], rtol=0, atol=6e-4)


@pytest.mark.parametrize("variant", DIGITS_VARIANTS)
def test_the_attack_leaves_nothing_open_in_the_first_layer(variant):
    net = load(digits_network_path(variant))
    for norm in NORMS:
        stability = pathway_stability(net, digits_inputs().images[:1], 0.1, norm, attack=True)
        first = stability.layers[0]
        assert np.array_equal(first.flipped, first.undecided)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "powers", [(-600, 0, 0), (0, -600, 600), (-300, -300, 0), (400, 400, -800), (0, 0, 900)]
)
def test_powers_of_two_change_no_verdict(powers, norm, method):
    """Those of the weights of either layer, and of the signal."""

    def stability(lower, upper, signal):
        rng = np.random.default_rng(0)
        first, second = rng.normal(size=(3, 2, 3)), rng.normal(size=(4, 3, 3))
        biases = np.ldexp(rng.normal(size=3) / 4, lower + signal), rng.normal(size=4) / 4
        net = network(
            Convolve(np.ldexp(first, lower), biases[0], padding=1),
            Relu(),
            Convolve(np.ldexp(second, upper), np.ldexp(biases[1], lower + upper + signal)),
            lengths=(8,),
        )
        x, eps = np.ldexp(rng.normal(size=(3, 2, 8)), signal), math.ldexp(0.05, signal)
        return pathway_stability(net, x, eps, norm, method, attack=True).layers

    plain, scaled = stability(0, 0, 0), stability(*powers)
    assert any(layer.undecided.any() for layer in plain)
    for one, other in zip(plain, scaled, strict=True):
        for verdict in ("stays_on", "stays_off", "flipped"):
            assert np.array_equal(getattr(one, verdict), getattr(other, verdict))


# ---- patches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extent", "stride", "dilation"), [(7, 2, 1), (8, 1, 1), (8, 3, 1), (9, 2, 2)]
)
def test_cells_hold_every_sample_once_and_lie_in_patches(extent, stride, dilation):
    layer = convolve(2, 2, (3,), 0.0, 0, stride=stride, dilation=dilation)
    dictionary = operations.as_dictionary(layer, (extent,))
    patches = dictionary.patches
    centre = np.zeros((1, 2, extent))
    ball = PatchBall(centre, Interval(centre - 2, centre + 2), 1.0, patches)
    seen = patches.max_containing(np.ones((1, *patches.grid))) > 0
    rows = RNG.normal(size=(50, 2, extent)) * seen
    # No error of patch norm 1 comes below what is proved.
    errors = RNG.normal(size=(400, 2, extent)) * RNG.integers(0, 2, (400, 2, extent)) * seen
    errors /= np.maximum(dictionary.patch_norm(errors), 1e-9)[:, None, None]
    products = np.tensordot(rows, errors, axes=((1, 2), (1, 2)))
    corners = ball.corner(rows)
    least = ball.least(rows)
    assert (dictionary.patch_norm(corners) <= 1 + 1e-12).all()
    assert (least <= products.min(axis=1) + 1e-12).all()
    assert (least <= (rows * corners).sum(axis=(1, 2)) + 1e-12).all()
    # It is the least that there is where all lies in one patch, and no more than the sum of all.
    alone = np.zeros((1, 2, extent))
    alone[..., 0 : 1 + 2 * dilation : dilation] = RNG.normal(size=(2, 3))
    assert ball.least(alone)[0] == pytest.approx(-np.linalg.norm(alone), rel=1e-9)
    assert (least >= -np.abs(rows).sum(axis=(1, 2))).all()


def test_samples_in_no_patch_do_not_matter_to_the_convolution_alone():
    first = convolve(3, 1, (3,), 0.1, 0, stride=3)
    x = RNG.normal(size=(1, 1, 8))  # the last two samples are in no patch
    (layer,) = pathway_stability(network(first, channels=1), x, 0.1, "patch_l2").layers
    assert layer.decided > 0
    nodes = [
        Node("first", first, ("x",), "z1"),
        Node("second", convolve(3, 1, (8,), 0.1, 1), ("x",), "z2"),
    ]
    both = ConvNetwork(Graph([Input("x", (None, 1, None))], nodes, ["z1", "z2"]))
    with pytest.raises(NotCoveredError, match="some samples of the input x are in no patch"):
        pathway_stability(both, x, 0.1, "patch_l2")


# ---- where it stops, and what it refuses ---------------------------------------------------------


def test_it_stops_where_there_are_no_bounds_and_says_where():
    net = chain(padded(2, 3, 0), operations.Softmax(1), padded(3, 2, 1), Relu())
    stability = pathway_stability(net, RNG.normal(size=(2, *SHAPE)), 0.1)
    assert [layer.name for layer in stability.layers] == ["convolve0"]
    assert stability.missing == ("convolve2",)
    assert list(map(str, stability.stops)) == ["Softmax (softmax1): dcsc has no bounds of it"]
    # Beyond the last convolution nothing is asked for.
    net = chain(padded(2, 3, 0), operations.Softmax(1))
    assert not pathway_stability(net, RNG.normal(size=(1, *SHAPE)), 0.1).stops


def test_it_stops_at_what_cannot_be_run():
    net = chain(padded(2, 3, 0), operations.Unread("LSTM", "no operation"), padded(3, 2, 1))
    stability = pathway_stability(net, RNG.normal(size=(1, *SHAPE)), 0.1)
    assert list(map(str, stability.stops)) == ["LSTM (lstm1): no operation"]
    assert stability.missing == ("convolve2",)


def test_quotients_of_what_is_not_known_stop_it():
    nodes = [
        Node("first", padded(2, 3, 0), ("input",), "z1"),
        Node("ratio", Elementwise("Div"), ("z1", "z1"), "ratios"),
        Node("second", padded(3, 2, 1), ("ratios",), "z2"),
    ]
    net = ConvNetwork(Graph([Input("input", (None, *SHAPE))], nodes, ["z2"]))
    (stop,) = pathway_stability(net, RNG.normal(size=(1, *SHAPE)), 0.1).stops
    assert str(stop) == "Div (ratio): dcsc has bounds of it only by known numbers"


def test_what_depends_on_whole_numbers_alone_is_decided():
    nodes = [
        Node("choice", operations.Gather(0), ("table", "which"), "image"),
        Node("table", Constant(np.zeros(1)), (), "unused"),
        Node("first", padded(2, 3, 0), ("image",), "z1"),
        Node("other", padded(2, 3, 0), ("signal",), "z2"),
    ]
    nodes.insert(0, Node("pictures", Constant(RNG.normal(size=(4, *SHAPE))), (), "table"))
    inputs = [Input("which", (None,), integer=True), Input("signal", (None, *SHAPE))]
    net = ConvNetwork(Graph(inputs, nodes, ["z1", "z2"]))
    given = {"which": np.array([2]), "signal": RNG.normal(size=(1, *SHAPE))}
    first, other = pathway_stability(net, given, 0.2, attack=True).layers
    assert first.decided == 1
    assert 0 < other.decided < 1
    assert np.array_equal(other.flipped, other.undecided)


def test_layers_that_would_take_too_long_keep_their_intervals():
    net = load(digits_network_path())
    x = digits_inputs().images[:2]
    wide = pathway_stability(net, x, 0.02, method="interval")
    spared = pathway_stability(net, x, 0.02, products=1e6)
    assert [layer.method for layer in spared.layers] == ["affine", "interval", "interval"]
    for one, other in zip(wide.layers, spared.layers, strict=True):
        assert one.decided == other.decided
    assert [layer.method for layer in wide.layers] == ["interval"] * 3


def test_as_many_inputs_as_the_work_allows_have_affine_bounds():
    net, x = load(digits_network_path()), digits_inputs().images[:6]
    whole = pathway_stability(net, x, 0.02)
    counts = {}
    for products in (1e7, 2e7, 6e7, 1e12):
        kept = affordable_stability(net, x, 0.02, None, products)
        counts[products] = len(kept.layers[0].active)
        if products > 1e7:
            assert {layer.method for layer in kept.layers} == {"affine"}
            for one, other in zip(kept.layers, whole.layers, strict=True):
                assert np.array_equal(one.stays_on, other.stays_on[: counts[products]])
    # Where not even one input has them, intervals of all.
    assert counts[1e7] == counts[1e12] == 6
    assert 1 <= counts[2e7] < counts[6e7] < 6


def test_a_network_of_whole_numbers_alone_is_refused():
    graph = Graph(
        [Input("which", (None, 2), integer=True)],
        [Node("c", operations.Cast("float32"), ("which",), "c")],
        ["c"],
    )
    with pytest.raises(NotCoveredError, match="it takes whole numbers alone, which are not pert"):
        pathway_stability(ConvNetwork(graph), np.ones((3, 2), np.uint8), 1.0)


BATCH = ConvNetwork(Graph([Input("x", (3, 1, 8))], [], ["x"]))
CHAIN = chain(padded(2, 3, 0))


@pytest.mark.parametrize(("net", "given", "more", "message"), [
    (CHAIN, np.zeros((0, *SHAPE)), {}, "inputs: expected one batch of inputs or more, got (0, 2"),
    (CHAIN, np.zeros(SHAPE), {}, "inputs: input: expected shape (any, 2, 6, 6), got"),
    (CHAIN, np.full((1, *SHAPE), 2.0), {"valid_range": (0, 1)}, "expected numbers from 0.0 to 1.0"),
    (CHAIN, np.zeros((1, *SHAPE)), {"valid_range": (1, 0)}, "expected low ≤ high, got (1.0, 0.0)"),
    (CHAIN, np.zeros((1, *SHAPE)), {"valid_range": (1,)}, "valid_range: expected two numbers"),
    (CHAIN, np.zeros((1, *SHAPE)), {"eps": -1}, "eps: expected at least 0, got -1"),
    (CHAIN, np.zeros((1, *SHAPE)), {"norm": "l2"}, "norm: expected one of linf, patch_l2"),
    (CHAIN, np.zeros((1, *SHAPE)), {"method": "exact"}, "method: expected one of affine, interval"),
    (CHAIN, np.zeros((1, *SHAPE)), {"attack": 1}, "attack: expected True or False, got 1"),
    (BATCH, np.zeros((3, 1, 8)), {}, "its input x is a batch of 3"),
    (network(Relu()), np.zeros((1, 2, 5)), {"norm": "patch_l2"}, "sees patches of the input input"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(net, given, more, message):
    with pytest.raises(DcscError) as error:
        pathway_stability(net, given, **{"eps": 0.1, **more})
    assert str(error.value).startswith("pathway_stability: ")
    assert message in str(error.value)


def test_analyze_names_itself_where_inputs_are_out_of_range():
    for given, message in (
        (
            {"valid_range": (0, 0.5)},
            "analyze: inputs: input: expected numbers from 0.0 to 0.5, got ",
        ),
        ({"perturbation": "1/255"}, "analyze: perturbation: expected a real number, got '1/255': "),
    ):
        with pytest.raises(DcscError) as error:
            analyze(
                load(digits_network_path()),
                digits_inputs().images[:2],
                **{"perturbation": 1 / 255, **given},
            )
        assert str(error.value).startswith(message)
    assert str(error.value).endswith("'1/255': write 1/255, without quotes")


# ---- operations of others ------------------------------------------------------------------------


class Rising(operations.Activation):
    """z + sin z, which rises everywhere."""

    monotone = True

    def _activate(self, value):
        return value + np.sin(value)


class Falling(operations.Activation):
    def _activate(self, value):
        return -np.sinh(value)


def test_an_operation_of_others_takes_part_by_what_it_declares():
    x = RNG.normal(size=(1, *SHAPE))
    stability = pathway_stability(between(Rising()), x, 0.01)
    assert not stability.missing
    assert stability.layers[1].decided > 0.8
    assert pathway_stability(between(Falling()), x, 0.01).missing == ("convolve2", "convolve4")
