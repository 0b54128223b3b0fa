"""Modules in memory as networks: the numbers of PyTorch's forward pass, and the module after."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from tests.networks.modules import (
    Branches,
    Counting,
    Head,
    Residual,
    Several,
    flat,
    modules,
    random_modules,
    randomize,
)

CASES = {name: (module, shape) for name, module, shape in modules()}


def agree(module, network, *inputs, tolerance=1e-10):
    """Hold every output of a network against the module's."""
    with torch.no_grad():
        expected = flat(module(*inputs))
    names = [needed.name for needed in network.inputs]
    found = network.forward({n: value.numpy() for n, value in zip(names, inputs, strict=True)})
    assert not found.stops
    assert len(network.outputs) == len(expected)
    for name, value in zip(network.outputs, expected, strict=True):
        scale = max(1, value.abs().max().item())
        np.testing.assert_allclose(found[name], value.numpy(), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_those_of_pytorch(name):
    module, shape = CASES[name]
    randomize(module)
    network = networks.from_torch(module, torch.randn(1, *shape, dtype=torch.float64))
    assert network.inputs == (networks.Input(network.inputs[0].name, (None, *shape)),)
    agree(module, network, torch.randn(3, *shape, dtype=torch.float64))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_an_even_kernel_has_its_odd_zero_after():
    module = randomize(nn.Sequential(nn.Conv1d(2, 3, 4, padding="same")))
    network = networks.from_torch(module, np.zeros((1, 2, 9)))
    assert network.convolutions[0].padding == ((1, 2),)
    agree(module, network, torch.randn(2, 2, 9).double())


@given(random_modules(), st.integers(1, 3))
@settings(max_examples=15)
def test_random_modules_have_the_numbers_of_pytorch(module, batch):
    network = networks.from_torch(module, torch.zeros(2, 3, 8, 8, dtype=torch.float64))
    agree(module, network, torch.randn(batch, 3, 8, 8, dtype=torch.float64))


def test_several_inputs_and_outputs_keep_their_names_and_order():
    module = randomize(Several())
    inputs = torch.randn(2, 2, 9), torch.randn(2, 3, 9)
    network = networks.from_torch(module, tuple(value.double() for value in inputs))
    assert [needed.name for needed in network.inputs] == ["signal", "more"]
    agree(module, network, *(value.double() for value in inputs))
    head = randomize(Head(2, 3))
    agree(head, networks.from_torch(head, np.zeros((1, 2, 3, 3))), torch.randn(4, 2, 3, 3).double())


def test_layers_are_read_with_what_belongs_to_them():
    module = randomize(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), Residual(4)))
    network = networks.from_torch(module, np.zeros((1, 3, 8, 8)))
    first, second = network.convolutions
    assert (first.name, first.order) == ("0", ("norm", "activation"))
    assert (second.name, second.order) == ("3.conv", ("norm", "activation"))
    assert isinstance(first.activation, ops.Relu)
    layer = network.forward(np.random.default_rng(0).normal(size=(2, 3, 8, 8))).layers[0]
    expected = nn.functional.conv2d(torch.tensor(layer.signal), torch.tensor(layer.reading.filters))
    np.testing.assert_allclose(layer.coefficients(), expected.numpy(), atol=1e-12)


def test_weights_are_copies():
    module = randomize(nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU()))
    network = networks.from_torch(module, np.zeros((1, 1, 9)))
    before = network.convolutions[0].weight.copy()
    with torch.no_grad():
        module[0].weight.zero_()
    np.testing.assert_array_equal(network.convolutions[0].weight, before)


# ---- the module afterwards -----------------------------------------------------------------------


def state(module):
    """All that can be seen of a module: attributes by identity, tensors by value."""
    parts = [{k: id(v) for k, v in part.__dict__.items()} for part in module.modules()]
    tensors = {name: value.clone() for name, value in module.state_dict().items()}
    hooks = [len(p._forward_hooks) + len(p._forward_pre_hooks) for p in module.modules()]
    return parts, tensors, hooks, [part.training for part in module.modules()]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("kind", [Counting, lambda: nn.Sequential(CASES["norms"][0], nn.Dropout())])
def test_the_module_is_left_as_it_was(kind, fails):
    module = kind()
    module.train()
    next(module.children()).eval()  # a part of it is frozen
    parts, tensors, hooks, modes = state(module)
    shape = (1, 4, 4, 4, 4) if fails else (1, 1, 9) if isinstance(module, Counting) else (1, 2, 9)
    if fails:
        with pytest.raises(DcscError, match="example: expected an input that"):
            networks.from_torch(module, torch.zeros(shape))
    else:
        networks.from_torch(module, torch.zeros(shape, dtype=next(module.parameters()).dtype))
    after = state(module)
    assert after[0] == parts
    assert after[2:] == (hooks, modes)
    assert after[1].keys() == tensors.keys()
    assert all(torch.equal(after[1][name], value) for name, value in tensors.items())


def test_no_gradient_is_asked_for_and_none_is_lost():
    module = nn.Sequential(nn.Conv1d(1, 2, 3))
    example = torch.zeros(1, 1, 9, requires_grad=True)
    networks.from_torch(module, example)
    module(example).sum().backward()
    assert module[0].weight.grad is not None


# ---- batches and dtypes --------------------------------------------------------------------------


class Fixed(nn.Module):
    def forward(self, x):
        return x.reshape(2, 3, 9)


def test_a_batch_that_the_module_fixes_is_kept():
    network = networks.from_torch(Fixed(), torch.zeros(2, 27))
    assert network.inputs[0].shape == (2, 27)
    assert network.notes == ("the module takes batches of 2 and no others",)
    agree(Fixed(), network, torch.randn(2, 27), tolerance=0)
    alone = nn.Flatten(0)  # a batch is no axis of its result
    network = networks.from_torch(alone, torch.zeros(1, 3, 2))
    agree(alone, network, torch.randn(5, 3, 2), tolerance=0)


def test_half_precision_is_computed_with_as_single():
    module = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU()).bfloat16()
    network = networks.from_torch(module, np.zeros((1, 1, 9)))
    assert network.convolutions[0].weight.dtype == np.float32
    assert network.notes == ("weights are bfloat16, computed with as float32",)
    agree(module.float(), network, torch.randn(2, 1, 9), tolerance=1e-5)


def test_filters_that_are_zero_are_noted():
    module = nn.Sequential(nn.Conv1d(1, 2, 3))
    module[0].weight.data[1] = 0
    assert networks.from_torch(module, np.zeros((1, 1, 9))).notes == (
        "0: 1 of 2 filters are zero: 1",
    )


# ---- what is not read ----------------------------------------------------------------------------


class Unbatched(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, x):
        return self.conv(x + 1)


class Middle(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.middle = nn.Module()
        self.middle.forward = lambda x: x.median(1).values

    def forward(self, x):
        return self.middle(self.conv(x))


@pytest.mark.parametrize(("module", "shape", "stop"), [
    (Middle(), (1, 1, 9), "median (middle): no operation"),
    (nn.Sequential(nn.MaxPool3d(2)), (1, 1, 5, 5, 5), "max_pool3d (0): it has 3 spatial axes"),
    (Unbatched(), (1, 9), "conv1d (conv): its data have 2 axes, not 3: give"),
    (nn.Sequential(nn.Dropout(), nn.Softplus(1, 2)), (1, 2), "softplus (1): its threshold is seen"),
])  # fmt: skip
def test_what_has_no_operation_is_a_stop_that_names_the_module(module, shape, stop):
    network = networks.from_torch(module, np.zeros(shape))
    found = network.forward(np.zeros(shape))
    assert stop in str(found.stops[0])
    assert len(found.reached) == (1 if isinstance(module, Middle) else 0)


class Undecided(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Silent(nn.Module):
    def forward(self, x):
        return 3


LAZY = nn.Sequential(nn.LazyConv1d(2, 3))


@pytest.mark.parametrize(("module", "example", "message"), [
    (nn.ReLU, np.zeros(3), "expected a torch.nn.Module, got the class ReLU, of which"),
    (LAZY, np.zeros((1, 2, 9)), "module: expected weights, got lazy ones: run it once"),
    (Undecided(), np.zeros((2, 3)), "can trace, got Undecided (line "),
    (Silent(), np.zeros((2, 3)), "module: expected tensors to come out, got none"),
    (nn.Linear(3, 2), np.zeros((2, 4)), "an input that Linear takes, got (2, 4) in its forward; "),
    (nn.Conv1d(1, 2, 3), np.zeros((1, 9)), "got one of shape (1, 9): example[None] is a batch"),
    (nn.Linear(3, 2), (), "example: expected an input or a tuple of them, got ()"),
    (nn.Linear(3, 2), (2, 3), "got (2, 3): of this shape it is torch.zeros(2, 3)"),
    (nn.Linear(3, 2), "three", "example: expected"),
    (nn.Conv1d(1, 2, 3), np.full((1, 1, 9), np.nan), "example: expected finite numbers"),
])  # fmt: skip
def test_what_is_refused_is_one_sentence(module, example, message, capfd):
    with pytest.raises(DcscError) as error:
        networks.from_torch(module, example)
    assert str(error.value).startswith("from_torch: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_programs_are_refused_and_left_as_they_were():
    program = torch.jit.trace(nn.Sequential(nn.ReLU()), torch.zeros(2))
    with pytest.raises(DcscError, match="module: expected a module of Python, got TorchScript"):
        networks.from_torch(program, np.zeros(3))
    assert program.training


def test_weights_that_are_not_finite_are_refused():
    module = nn.Sequential(nn.Conv1d(1, 2, 3))
    module[0].weight.data[1] = torch.nan
    with pytest.raises(DcscError, match="from_torch: module: 0: Convolve: weight: expected finite"):
        networks.from_torch(module, np.zeros((1, 1, 9)))


def test_a_module_in_place_of_a_file_is_refused_with_the_way():
    with pytest.raises(
        DcscError, match=r"networks\.load: path: .*; networks\.from_torch reads a m"
    ):
        networks.load(nn.Sequential(nn.ReLU()))


def test_nothing_is_imported_until_a_module_is_given():
    script = """
import sys
from dcsc import DcscError, networks
assert "torch" not in sys.modules
sys.modules["torch"] = None
try:
    networks.from_torch(None, [1.0])
except DcscError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("needs the package torch: pip install 'dcsc[torch]'\n")


def test_branches_are_not_lost():
    network = networks.from_torch(Branches(3), np.zeros((1, 3, 8, 8)))
    assert [c.name for c in network.convolutions] == ["wide", "fine"]
    assert network.convolutions[0].padding == ((2, 2), (2, 2))


class Maxout(nn.Module):
    """A convolution of which the larger and the smaller half go on."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 6, 3)
        self.register_buffer("picked", torch.tensor([2, 0]))
        self.register_buffer("kept", torch.tensor([[True], [False]]))

    def forward(self, x):
        first, second = self.conv(x).chunk(2, 1)
        larger, smaller = torch.max(first, second), torch.min(first, second)
        picked = (larger - 2 * smaller).index_select(1, self.picked)
        return torch.where(self.kept, picked, -picked)


def test_the_larger_of_two_is_taken_number_by_number():
    module = randomize(Maxout())
    network = networks.from_torch(module, torch.randn(1, 2, 9).double())
    agree(module, network, torch.randn(3, 2, 9).double())
    again = network.to_torch().to_network()  # with indices and masks as they were
    agree(module, again, torch.randn(2, 2, 9).double())


@pytest.mark.parametrize("step", [
    lambda x: x.sum(1, dtype=torch.int64),
    lambda x: x.to(torch.int64).clamp(0.5, 2.5),
    lambda x: x.view(torch.int64),
    lambda x: x.softmax(1, dtype=torch.float32),
])  # fmt: skip
def test_what_would_be_other_numbers_is_a_stop(step):
    class Steps(nn.Module):
        def forward(self, x):
            return step(3 * x)

    network = networks.from_torch(Steps(), torch.randn(2, 4, dtype=torch.float64))
    assert len(network.unread) == 1


class Narrowed(nn.Module):
    """Sums in the dtype that they have anyway, and a step in half precision."""

    def forward(self, x):
        return x.half().float().sum(1, dtype=torch.float32)


def test_steps_in_half_precision_are_said():
    network = networks.from_torch(Narrowed(), torch.randn(2, 4))
    assert not network.unread
    assert network.notes == ("steps in float16 are computed in float32",)
