"""What is said of weights alone: which tensors are norms of what, and where sums may be."""

import tomllib

import numpy as np
import pytest
import torch
from torch import nn

from dcsc import networks
from tests.networks.test_checkpoints import written
from tests.networks.test_weights import randomised

NORM = "read as norms, by their weight, bias, running_mean, running_var: "


def state(module):
    return {name: value.numpy() for name, value in randomised(module).state_dict().items()}


def notes(path, beginning, geometry=None):
    return [n for n in networks.load(path, geometry).notes if n.startswith(beginning)]


# ---- norms ---------------------------------------------------------------------------------------


def test_norms_are_told_with_the_convolutions_that_they_are_of(tmp_path):
    module = nn.Sequential(
        *(nn.BatchNorm1d(2), nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.ReLU()),
        *(nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4, affine=False)),
    )
    path = written({k: v.numpy() for k, v in module.state_dict().items()}, tmp_path)
    assert notes(path, "read as norms") == [
        NORM + "0 alone, 2 of 1",
        "read as norms, by their running_mean, running_var: 5 of 4",
    ]
    # A norm after an activation stands alone.
    layers = [{"name": "1", "activation": "relu"}, {"name": "2"}, {"name": "4", "norm": "5"}]
    assert notes(path, "read as norms", {"layers": layers}) == [
        NORM + "2 alone",
        "read as norms, by their running_mean, running_var: 5 of 4",
    ]


def test_nothing_is_told_of_norms_where_there_are_none(tmp_path):
    assert notes(written({"a.weight": np.ones((2, 1, 3))}, tmp_path), "read as norms") == []


# ---- sums ----------------------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self, width, shortcut):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        if shortcut:
            self.shortcut = nn.Conv1d(width, width, 1)

    def forward(self, x):
        side = self.shortcut(x) if hasattr(self, "shortcut") else x
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + side)


class Residual(nn.Module):
    def __init__(self, shortcut, blocks=1):
        super().__init__()
        self.stem = nn.Conv1d(2, 4, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(4, shortcut) for _ in range(blocks)))

    def forward(self, x):
        return self.blocks(torch.relu(self.stem(x)))


@pytest.mark.parametrize("shortcut", [True, False])
def test_the_lines_that_a_note_suggests_give_the_network_of_pytorch(shortcut, tmp_path):
    module = randomised(Residual(shortcut)).double()
    path = written({k: v.numpy() for k, v in module.state_dict().items()}, tmp_path)
    (note,) = notes(path, "sums leave no weights")
    other = "blocks.0.shortcut" if shortcut else "stem"
    line = f'kind = "add" with from = ["blocks.0.conv2", "{other}"]'
    after = other if shortcut else "blocks.0.conv2"
    assert f"if blocks.0 is a residual block, a layer after {after} is {line}" in note
    assert ('and blocks.0.shortcut has from = "stem"' in note) == shortcut
    # The layers that it says, filled in.
    layers = [
        {"name": "stem", "padding": 1, "activation": "relu"},
        {"name": "blocks.0.conv1", "padding": 1, "activation": "relu"},
        {"name": "blocks.0.conv2", "padding": 1},
        *([{"name": other, "from": "stem"}] if shortcut else []),
        {"kind": "add", "from": ["blocks.0.conv2", other], "activation": "relu"},
    ]
    x = np.random.default_rng(0).normal(size=(2, 2, 9))
    network = networks.load(path, {"layers": layers})
    with torch.no_grad():
        expected = module(torch.tensor(x)).numpy()
    (name,) = network.outputs
    np.testing.assert_allclose(network.forward(x)[name], expected, atol=1e-12)
    assert [n for n in network.notes if n.startswith("sums")] == []
    # The template has the same sum ready.
    text = networks.template(path)
    assert f'# kind = "add"\n# from = ["blocks.0.conv2", "{other}"]' in text
    assert len(tomllib.loads(text)["layers"]) == len(layers) - 1


def test_further_blocks_are_named(tmp_path):
    path = written(state(Residual(False, blocks=3)), tmp_path)
    (note,) = notes(path, "sums leave no weights")
    assert note.endswith("; so with blocks.1, blocks.2")
    assert 'from = ["blocks.0.conv2", "stem"]' in note


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(*(nn.Conv1d(n, 4, 3) for n in (2, 4, 4, 4))),
        nn.ModuleDict({"features": nn.Sequential(nn.Conv1d(4, 4, 3), nn.Conv1d(4, 4, 3))}),
        nn.ModuleDict({"enc": nn.ModuleDict({"c1": nn.Conv1d(2, 4, 3), "c2": nn.Conv1d(4, 4, 3)})}),
        nn.ModuleDict({"stem": nn.Conv1d(2, 4, 3), "skip": nn.Conv1d(4, 6, 1)}),
    ],
)
def test_nothing_is_suggested_where_names_or_shapes_speak_against_a_sum(module, tmp_path):
    assert notes(written(state(module), tmp_path), "sums leave no weights") == []
