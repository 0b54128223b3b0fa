"""Weights that do not fit their geometry: the likely cause, and the line that mends it."""

import numpy as np
import pytest
from torch import nn

from dcsc import DcscError, networks
from tests.networks.test_weights import assert_agrees, randomised, saved


def write(folder, **shapes):
    rng = np.random.default_rng(0)
    arrays = {name.replace("__", "."): rng.random(shape) for name, shape in shapes.items()}
    np.savez(folder / "net.npz", **arrays)
    return folder / "net.npz"


def refusal(path, layers, shape=None, **head):
    def run():
        network = networks.load(path, {**head, "layers": layers})
        assert shape is not None, "it was read"
        network.forward(np.ones(shape))

    with pytest.raises(DcscError) as error:
        run()
    return str(error.value)


SAID = "say in a table of layers how it is: "


# ---- channels ------------------------------------------------------------------------------------


def test_another_signal_and_groups_are_told(tmp_path):
    path = write(tmp_path, a__weight=(4, 2, 3), b__weight=(6, 4, 3), c__weight=(6, 2, 3))
    layers = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    message = refusal(path, layers, input=[2, 9])
    assert f"got 6; {SAID}from = 'input', groups = 3, " in message
    two = write(tmp_path, a__weight=(4, 1, 3), b__weight=(4, 2, 3))
    layers = [{"name": "a"}, {"name": "b"}]
    message = refusal(two, layers)
    assert f"expected 2 channels to come in, got 4; {SAID}groups = 2" in message
    # and the line that was told does it
    networks.load(two, {"layers": [{"name": "a"}, {"name": "b", "groups": 2}]})


def test_an_input_of_other_channels_is_told(tmp_path):
    path = write(tmp_path, a__weight=(4, 3, 3, 3))
    message = refusal(path, [{"name": "a"}], input=[1, 8, 8])
    assert (
        f"expected 3 channels to come in, got 1; {SAID}input = [3, ...], another order" in message
    )
    networks.load(path, {"layers": [{"name": "a"}], "input": [3, 8, 8]})


@pytest.mark.parametrize(
    ("shape", "axes", "move"),
    [
        ((3, 3, 4, 8), "(*kernel, inputs, outputs)", ((-1, -2), (0, 1))),
        ((8, 3, 3, 4), "(outputs, *kernel, inputs)", (-1, 1)),
    ],
)
def test_flipped_axes_are_told_with_what_turns_them(shape, axes, move, tmp_path):
    path = write(tmp_path, a__weight=(4, 1, 3, 3), b__weight=shape)
    message = refusal(path, [{"name": "a"}, {"name": "b"}])
    told = ", ".join(map(str, move))
    assert f"np.moveaxis(weight, {told}) saved in its place, if its axes are {axes}" in message
    arrays = dict(np.load(path))
    arrays["b.weight"] = np.moveaxis(arrays["b.weight"], *move)
    np.savez(path, **arrays)
    network = networks.load(path, {"layers": [{"name": "a"}, {"name": "b"}]})
    assert network.convolutions[1].weight.shape == (8, 4, 3, 3)


def test_transposed_convolutions_are_told_from_others_both_ways(tmp_path):
    path = write(tmp_path, a__weight=(4, 1, 3), b__weight=(4, 2, 3))
    layers = [{"name": "a"}, {"name": "b"}]
    assert 'kind = "transposed_convolution"' in refusal(path, layers)
    path = write(tmp_path, a__weight=(4, 1, 3), b__weight=(2, 4, 3))
    layers = [{"name": "a"}, {"name": "b", "kind": "transposed_convolution"}]
    message = refusal(path, layers)
    assert f'expected 2 channels to come in, got 4; {SAID}kind = "convolution", another' in message
    networks.load(path, {"layers": [{"name": "a"}, {"name": "b", "kind": "convolution"}]})


def test_a_norm_of_other_channels_is_told(tmp_path):
    norms = {
        f"{name}__{part}": (size,)
        for name, size in (("n1", 4), ("n2", 6))
        for part in ("weight", "bias", "running_mean", "running_var")
    }
    path = write(tmp_path, a__weight=(4, 1, 3), b__weight=(6, 4, 3), **norms)
    message = refusal(path, [{"name": "a", "norm": "n2"}, {"name": "b", "norm": "n1"}])
    assert "geometry: layer 1 (a): norm: expected 6 channels to come in, got 4; " in message
    assert f"{SAID}norm = 'n1', another order" in message
    networks.load(path, {"layers": [{"name": "a", "norm": "n1"}, {"name": "b", "norm": "n2"}]})


# ---- matrices after convolutions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "between", "cause"),
    [
        (
            4,
            ["flatten"],
            'kind = "global_average_pool" in a table before it, for 4 channels of 6 × 6',
        ),
        (
            36,
            ["flatten"],
            'pool = { kind = "max_pool", kernel = 2, stride = 2 } in the table of the',
        ),
        (
            16,
            ["flatten"],
            'pool = { kind = "max_pool", kernel = 3, stride = 3 } in the table of the',
        ),
        (144, [], 'kind = "flatten" in a table before it, for 4 channels of 6 × 6 come'),
        (64, ["flatten"], "4 channels of 6 × 6 come, and its weights are for 4 of 4 × 4"),
        (20, ["flatten"], "4 channels of 6 × 6 come, and its weights are for 4 of 5 positions"),
        (
            49,
            ["flatten"],
            "another layer before it, for 4 channels of 6 × 6 come and 49 is no multi",
        ),
    ],
)
def test_a_matrix_that_does_not_fit_says_what_may_come_before(width, between, cause, tmp_path):
    path = write(tmp_path, a__weight=(4, 1, 3, 3), b__weight=(3, width))
    layers = [{"name": "a", "activation": "relu"}, *({"kind": k} for k in between), {"name": "b"}]
    message = refusal(path, layers, (1, 1, 8, 8))
    assert f"likely {cause}" in message or cause in message
    assert "Linear: expected shape" in message
    assert message.endswith("(geometry from the arguments)")


def test_the_pool_that_is_told_gives_the_network_of_pytorch(tmp_path):
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2)
    )
    path = saved(randomised(module).state_dict(), tmp_path, ".npz")
    layers = [{"name": "0", "activation": "relu"}, {"kind": "flatten"}, {"name": "4"}]
    assert 'pool = { kind = "max_pool", kernel = 2, stride = 2 }' in refusal(
        path, layers, (1, 1, 8, 8)
    )
    layers[0]["pool"] = {"kind": "max_pool", "kernel": 2, "stride": 2}
    assert_agrees(path, module, (1, 8, 8), {"layers": layers})


# ---- sums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "extent", "cause"),
    [
        (
            {"padding": 0},
            12,
            "padding = 1 of one more convolution of the shorter branch, for 12 and",
        ),
        ({"padding": 1, "stride": 2}, 12, "stride = 2 in the longer branch, for 12 and 6 come"),
    ],
)
def test_a_sum_of_other_extents_says_what_a_branch_lacks(second, extent, cause, tmp_path):
    path = write(tmp_path, a__weight=(4, 1, 3), b__weight=(4, 4, 3))
    layers = [
        {"name": "a", "padding": 1},
        {"name": "b", **second},
        {"kind": "add", "from": ["a", "b"]},
    ]
    assert f"likely {cause}" in refusal(path, layers, (1, 1, extent))


def test_networks_of_onnx_and_errors_without_a_likely_cause_say_no_more(tmp_path):
    path = write(tmp_path, a__weight=(4, 1, 3), b__weight=(3, 5))
    network = networks.load(path, {"layers": [{"name": "b"}]})
    with pytest.raises(DcscError, match=r"got \(1, 6\) \(geometry from the arguments\)$"):
        network.forward(np.ones((1, 6)))
