"""Networks as modules: every operation has the same numbers, and weights come back."""

import numpy as np
import pytest
import torch

from dcsc import DcscError, networks
from dcsc.networks import Graph, Input, Node
from dcsc.networks import operations as ops
from dcsc.networks.pytorch import TorchNetwork
from dcsc.networks.readers.later import Later
from dcsc.networks.shipped import digits_inputs, digits_network_path
from dcsc.torch import counterpart
from tests.networks.cases import OPERATIONS

REFUSED = {Later, ops.Foreign, ops.Unread}
RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(2, 4, 6, 6))
PLANE, LINE = RNG.normal(size=(6, 2, 3, 2)), RNG.normal(size=(2, 4, 11))
COUNT = np.array([2])

MORE = [
    (ops.Convolve(PLANE, padding="same_upper", stride=2, groups=2), DATA),
    (ops.Convolve(PLANE, padding="same_lower", stride=(1, 3), groups=2), DATA),
    (ops.Convolve(PLANE, [1.0] * 6, padding=((0, 2), (3, 1)), dilation=2, groups=2), DATA),
    (ops.Convolve(RNG.normal(size=(3, 4, 5)).astype("f4"), padding=2), LINE),
    (ops.ConvolveTransposed(RNG.normal(size=(4, 3, 3)), [1.0, 2, 3], stride=2, padding=1), LINE),
    (ops.ConvolveTransposed(RNG.normal(size=(4, 3, 3)), stride=2, extra=1), LINE),
    (
        ops.ConvolveTransposed(
            PLANE[:4], stride=2, padding=((1, 0), (0, 1)), extra=(1, 0), groups=2
        ),
        DATA,
    ),
    (ops.MaxPool((3, 2), stride=2, padding=1, dilation=2, ceil=True), DATA),
    (ops.MaxPool((4,), stride=3, padding="same_lower"), LINE),
    (ops.AveragePool((3, 2), stride=2, padding=((1, 0), (0, 1)), ceil=True), DATA),
    (ops.AveragePool((3,), padding=1, dilation=2, count_padding=False), LINE),
    (ops.Clip(None, 0.5), DATA),
    (ops.Clip(), DATA),
    (ops.Relu(), np.array([-1, 2])),
    (ops.Tanh(), np.array([-1, 2])),
    (ops.LeakyRelu(-0.5), DATA),
    (ops.PRelu([0.3]), DATA),
    (ops.PRelu(np.linspace(-1, 1, DATA.shape[-1]), 2), DATA),
    (ops.Softmax(1, onward=True), DATA),
    (ops.Elementwise("Mul", 1), DATA, np.arange(4.0)),
    (ops.Elementwise("Pow"), np.array([4, 9]), np.array([0.5])),
    (ops.Quantize(1, "int8"), DATA, np.array([0.1]), np.array([3])),
    (ops.Dequantize(), np.array([[[3], [4]]]), np.array([0.1, 0.5]), np.array([1, 2])),
    (ops.LogSoftmax(1, onward=True), DATA),
    (ops.Reduce("L2"), DATA),
    (ops.Reduce("Max", (1, -1), keep=False), DATA),
    (ops.Reduce("Min", (0,)), DATA),
    (ops.Reduce("Mean", (), keep=False), DATA),
    (ops.Pad(((0, 0), (0, 0), (2, 1)), "edge"), LINE),
    (ops.Pad(((0, 0), (1, 0), (-2, 1)), "wrap"), LINE),
    (ops.Pad(((0, 0), (0, 1), (-2, 1)), value=3.0), LINE),
    (ops.Slice(((-1,), (-9,), (1,), (-2,))), LINE),
    (ops.Flatten(-1), DATA),
    (ops.Flatten(0), DATA),
    (ops.Squeeze(), np.ones((2, 1, 3, 1))),
    (ops.Unsqueeze((0, -1)), LINE),
    (ops.Transpose(), LINE),
    (ops.ArgMax(1, keep=False), DATA),
    (ops.Largest(-1, smallest=True), DATA, COUNT),
    (ops.Gather(-1), DATA, np.array([[-1, 0], [2, -2]])),
    (ops.Reshape(), DATA, np.array([0, -1, 2])),
    (ops.Slice(), LINE, np.array([1]), np.array([-2]), np.array([2]), np.array([3])),
    (ops.Pad(None, "reflect"), LINE, np.array([0, 0, 2, 0, 0, 1])),
    (ops.Cast("int32"), DATA),
    (ops.Cast("float32"), DATA),
    (ops.ShapeOf(1, 3), DATA),
]


def same(operation, *values):
    expected = operation(*values)
    got = counterpart(operation)(*(torch.tensor(value) for value in values)).detach().numpy()
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind in OPERATIONS if kind not in REFUSED])
def test_every_operation_has_the_same_numbers(kind):
    operation, values = OPERATIONS[kind]
    same(operation, *(DATA if value is ... else value for value in values))


@pytest.mark.parametrize("case", MORE, ids=lambda case: type(case[0]).__name__)
def test_and_in_its_variants(case):
    same(*case)


@pytest.mark.parametrize("function", ops.FUNCTIONS)
def test_every_function_has_the_same_numbers(function):
    count = ops.FUNCTIONS[function][0] or 3
    numbers = [np.abs(RNG.normal(size=shape)) + 0.1 for shape in ((2, 3, 4), (3, 1), (1,))]
    numbers[1][0] = numbers[0][0, 0, 0]  # something to be equal
    if function in ("And", "Not", "Or"):
        numbers = [value > 0.5 for value in numbers]
    if function == "Where":
        numbers[0] = numbers[0] > 0.5
    same(ops.Elementwise(function), *numbers[:count])
    if function in ("Div", "Mul", "Add", "Max"):
        same(ops.Elementwise(function), np.array([7, -7, 3]), np.array([2, 2, -2]))


@pytest.mark.parametrize(
    "case", [case for case in MORE if len(case) == 2], ids=lambda case: type(case[0]).__name__
)
def test_all_of_it_moves_to_another_device(case):
    """On the device without numbers a tensor that stays behind is an error."""
    operation, value = case
    got = counterpart(operation).to("meta")(torch.tensor(value, device="meta"))
    assert got.is_meta
    assert got.shape == operation(value).shape


# ---- networks ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return networks.load(digits_network_path("incoherent")), digits_inputs().images[:30]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_has_the_same_values(digits, dtype):
    network, images = digits[0], digits[1].astype(dtype)
    module, found = network.to_torch(), network.forward(images)
    values = module.values(torch.tensor(images))
    assert set(values) == set(found.values)
    for name, value in found.values.items():
        got = values[name].detach().numpy()
        assert got.dtype == value.dtype
        tolerance = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(got, value, rtol=0, atol=tolerance * np.abs(value).max())
    (output,) = network.outputs
    assert torch.equal(module(torch.tensor(images)), values[output])
    assert torch.equal(module(input=torch.tensor(images)), values[output])


def test_a_network_moves_to_another_device(digits):
    network, images = digits
    values = network.to_torch().to("meta").values(torch.tensor(images, device="meta"))
    assert {name: tuple(value.shape) for name, value in values.items()} == {
        name: value.shape for name, value in network.forward(images).values.items()
    }
    assert all(value.is_meta for value in values.values())


def test_training_moves_the_weights_and_the_network_that_comes_back(digits):
    network, images = digits
    module = network.to_torch()
    back = module.to_network()
    assert all(
        a.operation == b.operation
        for a, b in zip(back.graph.nodes, network.graph.nodes, strict=True)
    )
    module(torch.tensor(images)).square().mean().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad.abs().sum() > 0
            parameter.sub_(parameter.grad)
    trained = module.to_network()
    assert not np.array_equal(trained.convolutions[0].weight, network.convolutions[0].weight)
    got = trained.forward(images)[network.outputs[0]]
    np.testing.assert_allclose(got, module(torch.tensor(images)).detach().numpy(), atol=1e-10)


def test_several_inputs_and_outputs():
    nodes = [
        Node("sum", ops.Elementwise("Add"), ("a", "b"), "sum"),
        Node("off", ops.Constant([1.0]), (), "off"),
        Node("more", ops.Elementwise("Mul"), ("sum", "off"), "more"),
    ]
    network = networks.ConvNetwork(Graph([Input("a"), Input("b")], nodes, ["more", "sum"]))
    module = network.to_torch()
    one, two = torch.ones(2, 3), torch.full((2, 3), 2.0)
    assert [value.sum().item() for value in module(one, b=two)] == [18, 18]
    for inputs, named in (((one,), {}), ((one, two), {"a": one}), ((one,), {"c": two})):
        with pytest.raises(DcscError, match="TorchNetwork: inputs: expected a, b, got"):
            module(*inputs, **named)
    with pytest.raises(DcscError, match="TorchNetwork: inputs: b: expected a tensor, got 3"):
        module(one, 3)


@pytest.mark.parametrize(("operation", "message"), [
    (ops.Unread("LSTM", "it recurs"), r"to_torch: LSTM is not read: it recurs \(cell\)"),
    (OPERATIONS[Later][0], r"to_torch: Later has no counterpart in PyTorch; .* \(cell\)"),
    (ops.Foreign("Mish", 18), r"to_torch: Foreign has no counterpart in PyTorch; .* \(cell\)"),
    (ops.Constant(np.array(["text"])), r"to_torch: a constant of dtype <U4 is no tensor"),
])  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(operation, message):
    inputs = () if isinstance(operation, ops.Constant) else ("x",)
    graph = Graph([Input("x")], [Node("cell", operation, inputs, "y")], ["y"])
    with pytest.raises(DcscError, match=message):
        networks.ConvNetwork(graph).to_torch()
    with pytest.raises(DcscError, match="TorchNetwork: network: expected a ConvNetwork"):
        TorchNetwork(graph)


def test_a_module_comes_back_as_the_network_that_it_was(digits):
    network, images = digits
    again = networks.from_torch(network.to_torch(), torch.tensor(images[:1]))
    expected = network.forward(images)[network.outputs[0]]
    np.testing.assert_allclose(again.forward(images)[again.outputs[0]], expected, atol=1e-12)
    assert [c.order for c in again.convolutions] == [c.order for c in network.convolutions]
