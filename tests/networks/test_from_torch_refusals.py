"""Modules that cannot be traced with an example: where it fails, why, and what to do."""

import pytest
import torch
from torch import nn

from dcsc import DcscError, networks
from tests.networks.test_from_torch import agree

IMAGES = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
IMAGE = torch.zeros(1, 3, 8, 8)
CONV = "at 0, Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))"


def refusal(module, *example):
    with pytest.raises(DcscError) as error:
        networks.from_torch(module, *example)
    return str(error.value).removeprefix("from_torch: ")


class Layer(nn.Module):
    """A convolution, and what a case makes of its result."""

    def __init__(self, then):
        super().__init__()
        self.conv, self.then = nn.Conv1d(1, 2, 3), then

    def forward(self, x):
        return self.then(self.conv(x))


SOUND = torch.ones(1, 1, 9)


# ---- examples that do not fit --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (torch.zeros(1, 1, 8, 8), f"got (1, 1, 8, 8) {CONV}; it takes (batch, 3, height, width)"),
        (torch.zeros(1, 8, 8, 3), "example.movedim(-1, 1) has its channels there"),
        (torch.zeros(8), f"got (8,) {CONV}; it takes (batch, 3, height, width)"),
        (torch.zeros(1, 3, 2, 2), "it takes (batch, 3, height, width) of more samples: Runtime"),
        (torch.zeros(3, 8, 8), "expected a batch of inputs, got one of shape (3, 8, 8)"),
        (torch.zeros(0, 3, 8, 8), "expected a batch of one input or more, got shape (0, 3, 8, 8)"),
        (torch.zeros(1, 3, 9, 9), "at 3, Linear(in_features=144, out_features=2, bias=True); it "),
        (torch.zeros(1, 3, 9, 9), "takes 144 numbers, which the layers before it leave of inputs"),
        (
            IMAGE.double(),
            f"got torch.float64 {CONV} for weights of torch.float32: example.to(torch",
        ),
        (IMAGE.long(), "for weights of torch.float32: example.to(torch.float32)"),
        ((IMAGE, IMAGE), "expected a tuple of inputs by order, one for each of input, got 2"),
        ([IMAGE, torch.zeros(1)], "got a list of 2: of a batch of a loader it is example[0]"),
        ({"x": IMAGE}, "in the order of forward's arguments, got a mapping with x"),
    ],
)
def test_examples_that_do_not_fit_are_told_with_the_layer_and_the_way(example, words):
    module = nn.Sequential(*IMAGES)
    message = refusal(module, example)
    assert message.startswith("example: expected ")
    assert words in message


def test_what_an_error_suggests_works():
    turned = torch.zeros(1, 8, 8, 3)
    network = networks.from_torch(IMAGES, turned.movedim(-1, 1))
    agree(IMAGES, network, torch.randn(2, 3, 8, 8), tolerance=1e-5)
    networks.from_torch(IMAGES, IMAGE.double().to(torch.float32))
    networks.from_torch(IMAGES, torch.zeros(3, 8, 8)[None])


def test_indices_are_asked_for_where_they_are_looked_up():
    message = refusal(nn.Sequential(nn.Embedding(4, 2)), torch.zeros(1, 5))
    assert "of torch.float32 for indices: example.long()" in message
    networks.from_torch(nn.Sequential(nn.Embedding(4, 2)), torch.zeros(1, 5).long())


# ---- no example ----------------------------------------------------------------------------------


def test_without_an_example_the_call_is_told():
    call = "from_torch(module, torch.zeros(1, 3, height, width)), with the height and width of its"
    assert refusal(IMAGES) == (
        f"example: expected an input, got none: {call} inputs: its first layer, 0, takes 3 channels"
    )
    assert refusal(IMAGES, None) == refusal(IMAGES)
    assert "torch.zeros(1, 1, length)" in refusal(nn.Conv1d(1, 2, 3))
    assert "with an input of its first layer, 0: Embedding(4, 2)" in refusal(
        nn.Sequential(nn.Embedding(4, 2))
    )
    assert "torch.zeros(...)) with the shape of a batch" in refusal(nn.ReLU())


def test_a_first_matrix_tells_its_inputs():
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    network = networks.from_torch(module)
    assert network.inputs[0].shape == (None, 5)
    assert network.notes == (
        "no example was given: inputs are taken to be (batch, 5), as the first layer, 0, has them",
    )
    agree(module, network, torch.randn(3, 5).double(), tolerance=1e-12)


# ---- modules that cannot be traced ---------------------------------------------------------------

DECIDES = "the numbers in its inputs decide what comes next, by an if, a loop, an index or int()"


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (lambda y: y if y.sum() > 0 else -y, DECIDES),
        (lambda y: y[..., : int(y.max().item())], DECIDES),
        (lambda y: torch.from_numpy(y.numpy()), "it leaves PyTorch with .numpy(): functions of"),
    ],
)
def test_modules_whose_course_depends_on_numbers_are_told_from_others(then, words):
    module = Layer(then)
    message = refusal(module, SOUND)
    assert message.startswith("module: expected one that torch.export can trace, got Layer (line ")
    assert " of test_from_torch_refusals.py): " in message
    assert words in message
    assert not [p for p in module.modules() if p._forward_hooks or p._forward_pre_hooks]


def test_errors_of_the_module_itself_are_told_as_its_own():
    message = refusal(Layer(lambda y: y.missing), SOUND)
    assert message.startswith("example: expected an input that Layer takes, got an error in its")
    assert "AttributeError: 'Tensor' object has no attribute 'missing'" in message


def test_numbers_that_are_read_out_of_tensors_are_stops():
    for then in (lambda y: y * y.max().item(), lambda y: torch.full((2, 3), y.max().item())):
        network = networks.from_torch(Layer(then), SOUND)
        (stop,) = network.unread
        assert "one of its numbers is read out of a tensor, by .item()" in str(stop)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.ModuleList([nn.Conv1d(1, 2, 3)]), "got a ModuleList, which has no forward: give one"),
        (nn.Conv1d(1, 2, 3).to("meta"), "got those of the device meta, which hold no numbers"),
        ("net.pt", "expected a torch.nn.Module, got 'net.pt'; networks.load reads files"),
        ({"weight": 1}, "these weights go into a module by load_state_dict"),
    ],
)
def test_what_is_no_module_with_weights_is_refused(module, words):
    message = refusal(module, SOUND)
    assert message.startswith("module: expected ")
    assert words in message


def test_a_module_of_several_inputs_names_them():
    class Two(nn.Module):
        def forward(self, left, right, scale=1):
            return left + scale * right

    assert "one for each of left, right, got 1" in refusal(Two(), SOUND)
    network = networks.from_torch(Two(), (SOUND, SOUND))
    assert [one.name for one in network.inputs] == ["left", "right"]
