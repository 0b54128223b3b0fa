"""Formats that carry weights only: the same network from each, against PyTorch."""

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations

from dcsc import DcscError, networks
from dcsc.networks import operations as ops


def saved(state, folder, suffix):
    """Write a state_dict in a format."""
    path = folder / f"net{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    elif suffix == ".safetensors":
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def randomised(module, seed=0):
    """Return a module in inference mode, its norms with statistics as after training."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (part.weight, part.bias, part.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(part.running_var, 0.5, 2)
        for bias in (getattr(part, "bias", None),):
            if bias is not None and not isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(bias, std=0.3)
    return module.eval()


def assert_agrees(path, module, shape, geometry=None, tolerance=1e-5):
    network = networks.load(path, geometry)
    signal = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    found = network.forward(signal)[network.outputs[-1]]
    with torch.no_grad():
        expected = module(torch.tensor(signal)).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()
    return network


SUFFIXES = [".npz", ".safetensors", ".pt"]


def image_network():
    return randomised(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(6, 8, (3, 2), stride=(2, 1)),
            nn.PReLU(8),
            nn.BatchNorm2d(8),
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(8 * 2 * 4, 5),
            nn.Softmax(dim=1),
        )
    )


IMAGE = """
input = [3, 14, 15]

[[layers]]
name = "0"
padding = 1
norm = "1"
activation = "relu"
pool = { kind = "max_pool", kernel = [3, 3], stride = 2, padding = 1 }

[[layers]]
name = "4"
stride = [2, 1]
activation = "5"
norm = { weights = "6", epsilon = 1e-5 }
pool = { kind = "average_pool", kernel = [2, 2], stride = 2, ceil = true }
order = ["activation", "norm", "pool"]

[[layers]]
kind = "flatten"

[[layers]]
name = "9"
activation = { kind = "softmax" }
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("beside", ["net.toml", "net{}.toml"])
def test_a_network_with_its_geometry_beside_it(suffix, beside, tmp_path):
    module = image_network()
    path = saved(module.state_dict(), tmp_path, suffix)
    name = beside.format(suffix)
    (tmp_path / name).write_text(IMAGE)
    network = assert_agrees(path, module, (3, 14, 15))
    first, second = network.convolutions
    assert (first.order, second.order) == (
        ("norm", "activation", "pool"), ("activation", "norm", "pool"),
    )  # fmt: skip
    assert isinstance(first.norm, ops.BatchNorm)
    assert isinstance(second.activation, ops.PRelu)
    assert second.pool.ceil
    assert f"geometry from {name}" in network.notes
    assert "by default padding 0, dilation 1, groups 1: 4" in network.notes
    assert "by default epsilon 1e-05: 0.norm" in network.notes
    assert network.inputs[0].shape == (None, 3, 14, 15)


def residual():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv1d(2, 4, 5, padding=2)
            self.inner = nn.Conv1d(4, 4, 3, padding=1)
            self.last = nn.Conv1d(8, 3, 1)

        def forward(self, x):
            a = torch.nn.functional.leaky_relu(self.stem(x), 0.2)
            b = torch.relu(self.inner(a) + a)
            return self.last(torch.cat([b, a], dim=1)).sigmoid()

    return randomised(Residual())


RESIDUAL = {
    "layers": [
        {"name": "stem", "padding": 2, "activation": {"kind": "leaky_relu", "slope": 0.2}},
        {"name": "inner", "padding": 1},
        {"kind": "add", "from": ["inner", "stem"]},
        {"name": "sum", "kind": "relu"},
        {"kind": "concatenate", "from": ["sum", "stem"]},
        {"name": "last", "activation": "sigmoid"},
    ]
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_branches_by_a_geometry_in_the_arguments(suffix, tmp_path):
    module = residual()
    path = saved(module.state_dict(), tmp_path, suffix)
    network = assert_agrees(path, module, (2, 17), RESIDUAL)
    assert "geometry from the arguments" in network.notes
    assert network.inputs[0].shape == (None, 2, None)


def test_a_geometry_in_a_file_of_its_own(tmp_path):
    module = image_network()
    path = saved(module.state_dict(), tmp_path, ".npz")
    (tmp_path / "other.toml").write_text(IMAGE)
    assert_agrees(path, module, (3, 14, 15), tmp_path / "other.toml")


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_without_geometry_the_order_of_the_file_is_taken_and_said(suffix, tmp_path):
    layers = [
        nn.Conv2d(2, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 5, 3),
        nn.PReLU(5),
        nn.Conv2d(5, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3 * 9, 7),
        nn.ReLU(),
        nn.Linear(7, 2),
    ]
    module = randomised(nn.Sequential(*layers))
    network = assert_agrees(saved(module.state_dict(), tmp_path, suffix), module, (2, 8, 8))
    assert network.notes[0].startswith("no geometry was given: the layers are taken in the order")
    assert "by default stride 1, padding 0, dilation 1, groups 1: 0, 3, 5" in network.notes


def test_groups_follow_from_the_channels_that_come_in(tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 6, 3), nn.ReLU(), nn.Conv1d(6, 6, 3, groups=6)))
    network = assert_agrees(saved(module.state_dict(), tmp_path, ".npz"), module, (2, 12))
    assert network.convolutions[1].groups == 6
    assert "by default stride 1, padding 0, dilation 1: 2" in network.notes
    guess = "2: guessed groups = 6, for 6 channels come in and its filters have one"
    assert guess in network.notes


def test_dilation_groups_and_uneven_padding(tmp_path):
    module = randomised(
        nn.Sequential(
            nn.ZeroPad2d((1, 2, 0, 3)),
            nn.Conv2d(4, 6, (2, 3), stride=(1, 2), dilation=(3, 2), groups=2),
            nn.Hardtanh(0, 1),
            nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
        )
    )
    layers = [
        {"name": "1", "stride": [1, 2], "dilation": [3, 2], "groups": 2,
         "padding": [[0, 3], [1, 2]], "activation": {"kind": "clip", "low": 0, "high": 1}},
        {"name": "3", "kind": "transposed_convolution", "stride": 2, "padding": 1, "extra": 1,
         "groups": 2},
    ]  # fmt: skip
    path = saved(module.state_dict(), tmp_path, ".npz")
    network = assert_agrees(path, module, (4, 10, 11), {"layers": layers})
    (transposed,) = network.transposed
    assert transposed.dictionary((3, 4)).code_shape == (6, 3, 4)


@pytest.mark.parametrize(("padding", "kernel"), [("same", 3), ("same", 4), ("valid", 4)])
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")  # even kernels are slower
def test_paddings_by_the_words_of_pytorch(padding, kernel, tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 3, kernel, padding=padding, dilation=3)))
    layers = {"layers": [{"name": "0", "padding": padding, "dilation": 3}]}
    assert_agrees(saved(module.state_dict(), tmp_path, ".npz"), module, (2, 15), layers)


@pytest.mark.parametrize("mode", ["circular", "replicate", "reflect", "zeros"])
def test_ways_to_pad_by_the_words_of_pytorch(mode, tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 3, 5, padding=2, padding_mode=mode)))
    pad = {"kind": "pad", "widths": [[0, 0], [0, 0], [2, 2]], "mode": mode}
    path = saved(module.state_dict(), tmp_path, ".npz")
    assert_agrees(path, module, (2, 9), {"layers": [pad, {"name": "0"}]})


@pytest.mark.parametrize(("norm", "table"), [
    (nn.GroupNorm(2, 4), {"kind": "group_norm", "groups": 2}),
    (nn.InstanceNorm1d(4, affine=True), {"kind": "instance_norm"}),
])  # fmt: skip
def test_norms_without_statistics_by_their_kind(norm, table, tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 4, 3), norm, nn.ReLU()))
    nn.init.normal_(norm.weight)
    path = saved(module.state_dict(), tmp_path, ".npz")
    layers = [{"name": "0"}, {"name": "1", "activation": "relu", **table}]
    assert_agrees(path, module, (2, 9), {"layers": layers})


def test_a_pooling_without_stride_says_that_others_step_by_the_kernel(tmp_path):
    pool = {"kind": "max_pool", "kernel": 2}
    path = saved({"a.weight": torch.ones(2, 1, 3)}, tmp_path, ".npz")
    network = networks.load(path, {"layers": [{"name": "a", "pool": pool}]})
    said = "by default stride 1 (PyTorch and Keras step by the kernel): a.pool"
    assert said in network.notes


@pytest.mark.parametrize("kind", ["weight_norm", "parametrized", "prefix", "nested"])
def test_state_dicts_as_training_leaves_them(kind, tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Conv1d(4, 3, 3)))
    if kind == "weight_norm":
        with pytest.warns(FutureWarning):
            nn.utils.weight_norm(module[0])
    if kind == "parametrized":
        parametrizations.weight_norm(module[0])
    state = dict(module.state_dict())
    if kind == "prefix":
        state = {f"module.{name}": value for name, value in state.items()}
    if kind == "nested":
        state = {"epoch": 3, "state_dict": state}
    path = saved(state, tmp_path, ".pth")
    network = assert_agrees(path, module, (2, 9))
    said = {
        "weight_norm": "weight norm put together in 0",
        "parametrized": "weight norm put together in 0",
        "prefix": "left out the prefix 'module.' of all names",
        "nested": "weights from the entry 'state_dict' of the file",
    }
    assert said[kind] in network.notes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_half_precision_is_widened_and_said(suffix, tmp_path):
    weight = torch.randn(2, 3, 4).half()
    network = networks.load(saved({"a.weight": weight}, tmp_path, suffix))
    np.testing.assert_array_equal(network.convolutions[0].weight, weight.float().numpy())
    assert network.convolutions[0].weight.dtype == np.float32
    assert "1 tensors are float16, computed with as float32" in network.notes


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_bfloat16_is_widened_and_said(suffix, tmp_path):
    weight = torch.randn(2, 3, 4).bfloat16()
    network = networks.load(saved({"a.weight": weight}, tmp_path, suffix))
    np.testing.assert_array_equal(network.convolutions[0].weight, weight.float().numpy())
    assert "1 tensors are bfloat16, computed with as float32" in network.notes


def test_weights_of_no_known_kind_are_named(tmp_path):
    state = {"conv.weight": torch.randn(2, 1, 3), **nn.LSTMCell(2, 2).state_dict(prefix="cell.")}
    network = networks.load(saved(state, tmp_path, ".pt"))
    (stop,) = network.unread
    assert str(stop) == (
        "cell (cell): no kind of layer is known by these weights: "
        "weight_ih, weight_hh, bias_ih, bias_hh"
    )
    found = network.forward(np.ones((1, 1, 5)))
    assert found.stops == (stop,)
    assert found["conv.activation" if "conv.activation" in found.values else "conv"].shape == (
        1,
        2,
        3,
    )


def test_weights_that_are_used_twice(tmp_path):
    conv = nn.Conv1d(3, 3, 3)
    module = randomised(nn.Sequential(conv, nn.ReLU(), conv))
    layers = [{"name": "0", "activation": "relu"}, {"name": "0"}]
    path = saved({"0.weight": conv.weight.detach(), "0.bias": conv.bias.detach()}, tmp_path, ".npz")
    network = assert_agrees(path, module, (3, 12), {"layers": layers})
    assert [c.name for c in network.convolutions] == ["0", "0_2"]


def test_weights_that_no_layer_uses_are_named(tmp_path):
    state = {"a.weight": torch.randn(2, 1, 3), "b.weight": torch.randn(2, 2, 3)}
    network = networks.load(saved(state, tmp_path, ".npz"), {"layers": [{"name": "a"}]})
    assert network.notes[-1] == "weights that no layer uses: b"


def test_zero_filters_are_named(tmp_path):
    weight = torch.randn(4, 1, 3)
    weight[[1, 3]] = 0
    network = networks.load(saved({"a.weight": weight}, tmp_path, ".npz"))
    assert network.notes[-1] == "a: 2 of 4 filters are zero: 1, 3"
    assert "note: a: 2 of 4 filters are zero: 1, 3" in network.summary()


# ---- geometries that do not fit ------------------------------------------------------------------


@pytest.mark.parametrize(("geometry", "message"), [
    ({}, "geometry: expected the key 'layers', got nothing"),
    ({"layers": 3}, "geometry: layers: expected a list of tables, got 3"),
    ({"layers": []}, r"geometry: layers: expected a list of tables, got []"),
    ({"layers": [{}], "inputs": 1}, "geometry: no key 'inputs': did you mean 'input'?"),
    ({"layers": [{"name": "c"}]}, "(c): expected a kind, or weights under one of the names a, b"),
    ({"layers": [{"name": "a", "strid": 2}]}, "(a): no key 'strid': did you mean 'stride'?"),
    ({"layers": [{"name": "a", "nrom": "b"}]}, "layer 1 (a): no key 'nrom': did you mean 'norm'?"),
    ({"layers": [{"name": "a", "kind": "conv"}]}, "(a): no kind 'conv': expected one of add,"),
    ({"layers": [{"name": "a", "activation": "rely"}]}, "no kind 'rely': did you mean 'relu'?"),
    ({"layers": [{"name": "a", "order": ["norm"]}]}, "order: expected ('norm', 'activation',"),
    ({"layers": [{"name": "a", "from": "z"}]}, "from: expected an earlier layer, one of input,"),
    ({"layers": [{"name": "a", "stride": 0}]}, "Convolve: stride: expected at least 1, got 0"),
    ({"layers": [{"name": "a", "stride": [1, 2]}]}, "stride: expected an int or 1 of them"),
    ({"layers": [{"name": "a", "padding": [[1, 2, 3]]}]}, "expected a pair (before, after)"),
    ({"layers": [{"name": "a", "padding": "some"}]}, "one of ('same_upper', 'same_lower')"),
    ({"layers": [{"name": "a", "groups": 3}]}, "groups: expected a divisor of 4, got 3"),
    ({"layers": [{"name": "b"}, {"name": "a"}]}, "expected 3 channels to come in, got 4; say"),
    ({"layers": [{"name": "a", "pool": {"kind": "max_pool"}}]}, "expected the key 'kernel', got"),
    ({"layers": [{"name": "a", "kind": ["relu"]}]}, "layer 1: expected values of other types: "),
    ({"layers": [{"name": "a", "order": 3}]}, "layer 1: expected values of other types: "),
    ({"layers": [{"name": "a", "from": 3}]}, "layer 1: expected values of other types: "),
    ({"layers": [{"name": "a", "activation": []}]}, "layer 1: expected values of other types: "),
    ({"layers": [{"name": "a"}], "input": [0]}, "geometry: input: expected at least 1, got 0"),
    ({"layers": [{"name": "a"}], "input": []}, "geometry: input: expected channels and an extent,"),
    ({"layers": [{"name": "a", "from": []}]}, "from: expected earlier layers, got none"),
    ("missing.toml", "geometry: expected a file, got missing.toml: No such file"),
])  # fmt: skip
def test_a_geometry_that_does_not_fit_is_refused(geometry, message, tmp_path):
    state = {"a.weight": torch.randn(4, 3, 3), "b.weight": torch.randn(4, 4, 3)}
    path = saved(state, tmp_path, ".npz")
    with pytest.raises(DcscError) as error:
        networks.load(path, geometry)
    assert str(error.value).startswith("networks.load: net.npz: geometry")
    assert message in str(error.value)


def test_filters_on_no_channels_are_refused(tmp_path):
    state = {"a.weight": torch.randn(4, 3, 3), "b.weight": torch.zeros(4, 0, 3)}
    with pytest.raises(DcscError, match=r"layer 2 \(b\): .*without zeros, got \(4, 0, 3\)"):
        networks.load(saved(state, tmp_path, ".npz"))


def test_a_broken_toml_file_is_refused(tmp_path):
    path = saved({"a.weight": torch.randn(4, 1, 3)}, tmp_path, ".npz")
    for content in (b"layers = [", b"\xff", b"layers = " + b"[" * 10**5):
        (tmp_path / "net.toml").write_bytes(content)
        with pytest.raises(DcscError, match=r"net\.npz: geometry: net\.toml is no TOML file: "):
            networks.load(path)
