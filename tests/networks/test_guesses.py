"""What weights alone suggest: what is guessed and said, what is asked, and what is left out."""

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from dcsc.networks.analysis import analyze
from tests.networks.test_weights import assert_agrees, randomised, saved


def ones(**shapes):
    return {name.replace("__", "."): np.ones(shape) for name, shape in shapes.items()}


def loaded(folder, **arrays):
    np.savez(folder / "net.npz", **arrays)
    return networks.load(folder / "net.npz")


def refusal(folder, **arrays):
    with pytest.raises(DcscError) as error:
        loaded(folder, **arrays)
    return str(error.value)


# ---- names ---------------------------------------------------------------------------------------


def test_tensors_that_belong_to_no_layer_are_left_out_and_named(tmp_path):
    network = loaded(tmp_path, scale=np.ones(1), **ones(a__weight=(4, 1, 3), b__weight=(2, 4, 3)))
    assert [c.name for c in network.convolutions] == ["a", "b"]
    assert network.notes[0] == "left out, for their names have no dot after a layer's: scale"


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
def test_the_weights_of_one_layer_need_no_name(suffix, tmp_path):
    module = randomised(nn.Conv1d(2, 4, 3))
    network = assert_agrees(saved(module.state_dict(), tmp_path, suffix), module, (2, 9))
    assert "the weights have no name of a layer, which is called 'layer' here" in network.notes


def test_arrays_without_names_of_layers_are_refused(tmp_path):
    message = refusal(tmp_path, W=np.ones((4, 1, 3)), b=np.ones(4))
    assert "expected arrays with names like conv1.weight and conv1.bias, a layer" in message
    assert "got W, b; numpy.savez(path, " in message


# ---- order ---------------------------------------------------------------------------------------


def order(folder, *, dtypes=None, **shapes):
    """Return the layers of a .safetensors file in the order in which they run."""
    tensors = {
        name.replace("__", "."): torch.zeros(shape, dtype=(dtypes or {}).get(name, torch.float32))
        for name, shape in shapes.items()
    }
    safetensors.torch.save_file(tensors, folder / "net.safetensors")
    network = networks.load(folder / "net.safetensors")
    assert any("for such a file keeps none" in note for note in network.notes)
    weighted = (ops.Convolve, ops.Linear, ops.BatchNorm, ops.PRelu)
    return [n.name for n in network.graph.nodes if isinstance(n.operation, weighted)]


def test_numbers_are_ordered_as_numbers_whatever_their_dtype(tmp_path):
    module = randomised(nn.Sequential(*(nn.Conv1d(2, 2, 1) for _ in range(12))))
    for i in range(0, 12, 2):
        module[i] = module[i].half()
    path = saved(module.state_dict(), tmp_path, ".safetensors")
    layers = [str(i) for i in range(12)]
    assert [c.name for c in networks.load(path).convolutions] == layers


NORM = {"weight": 4, "bias": 4, "running_mean": 4, "running_var": 4}


def norm(name):
    return {f"{name}__{part}": (size,) for part, size in NORM.items()}


@pytest.mark.parametrize(("shapes", "expected"), [
    ({"conv1__weight": (4, 1, 3), **norm("bn1"), "conv2__weight": (5, 4, 3)},
     ["conv1", "bn1", "conv2"]),
    ({"fc1__weight": (3, 10), "conv1__weight": (4, 1, 3), "conv2__weight": (5, 4, 3)},
     ["conv1", "conv2", "fc1"]),
    ({"block2__conv__weight": (4, 4, 3), "block10__conv__weight": (4, 4, 3),
      "block1__conv__weight": (4, 4, 3)},
     ["block1.conv", "block2.conv", "block10.conv"]),
    ({"classifier__0__weight": (3, 10), "features__0__weight": (4, 1, 3)},
     ["features.0", "classifier.0"]),
    ({"conv2_1__weight": (4, 4, 3), "conv1_2__weight": (4, 4, 3), "conv1_1__weight": (4, 4, 3)},
     ["conv1_1", "conv1_2", "conv2_1"]),
    ({"act1__weight": (4,), "conv1__weight": (4, 1, 3), "conv2__weight": (4, 4, 3)},
     ["conv1", "act1", "conv2"]),
    ({"conv__weight": (4, 1, 3), **norm("bn"), "fc__weight": (3, 4)}, ["conv", "bn", "fc"]),
])  # fmt: skip
def test_the_order_that_names_tell(shapes, expected, tmp_path):
    assert order(tmp_path, **shapes) == expected


@pytest.mark.parametrize(("shapes", "reason"), [
    ({"encoder__weight": (4, 1, 3), "decoder__weight": (1, 4, 3)}, "decoder and encoder may each"),
    ({"conv1__weight": (4, 1, 3), "up1__weight": (4, 4, 3)}, "conv1 and up1 may each come first"),
    ({"a__x__weight": (4, 1, 3), "a__y__weight": (4, 4, 3)}, r"a\.x and a\.y may each come first"),
    ({"conv1__weight": (4, 1, 3), **norm("bn")}, "nothing says after which layer bn comes"),
    # as many channels as come in, not as go out: it stands before the convolution
    ({"conv1__weight": (5, 4, 3), **norm("bn1")}, "nothing says after which layer bn1 comes"),
])  # fmt: skip
def test_an_order_that_names_leave_open_is_asked(shapes, reason, tmp_path):
    with pytest.raises(DcscError, match=f"{reason}.*: expected a table of layers that says it"):
        order(tmp_path, **shapes)
    layers = {"layers": [{"name": name} for name in sorted({n.split("__")[0] for n in shapes})]}
    if "a__x__weight" not in shapes:
        with pytest.raises(DcscError) as error:  # with a table it is the table that counts
            networks.load(tmp_path / "net.safetensors", {**layers, "strange": 1})
        assert "strange" in str(error.value)


def test_a_name_of_very_many_parts_is_refused(tmp_path):
    with pytest.raises(DcscError, match="expected names of at most 50 parts, got 'a"):
        order(tmp_path, **{"a." * 5000 + "weight": (4, 1, 3)})


# ---- kinds ---------------------------------------------------------------------------------------


def test_the_weights_of_a_loss_are_no_activation(tmp_path):
    module = randomised(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3)))
    state = {**module.state_dict(), "criterion.weight": torch.tensor([1.0, 2.0, 5.0])}
    network = assert_agrees(saved(state, tmp_path, ".pt"), module, (1, 8, 8))
    assert network.notes[-1] == "weights that no layer uses: criterion"


@pytest.mark.parametrize("slopes", [1, 4])
def test_an_activation_between_layers_is_guessed_and_said(slopes, tmp_path):
    module = randomised(nn.Sequential(nn.Conv1d(2, 4, 3), nn.PReLU(slopes), nn.Conv1d(4, 3, 3)))
    network = assert_agrees(saved(module.state_dict(), tmp_path, ".npz"), module, (2, 9))
    (guess,) = (note for note in network.notes if "prelu" in note)
    assert guess.startswith('1: guessed kind = "prelu", for its weights are one number')


def test_an_analysis_says_in_one_line_that_geometry_was_guessed(tmp_path):
    """Without a table of layers, and where a table leaves something open; else nothing is said."""
    weights = {"a.weight": np.ones((4, 1, 3)), "b.weight": np.ones((4, 4, 3))}
    np.savez(tmp_path / "net.npz", **weights)
    table = "[[layers]]\nname = 'a'\n[[layers]]\nname = 'b'\n"
    (tmp_path / "open.toml").write_text(table)
    (tmp_path / "told.toml").write_text(table.replace("name", "kind = 'convolution'\nname"))
    for file, said in (
        (None, "no geometry was given: the layers are taken in the order of their weights"),
        ("open.toml", "guessed convolutions: "),
        ("told.toml", ""),
    ):
        network = networks.load(tmp_path / "net.npz", file and tmp_path / file)
        lines = repr(analyze(network, np.ones((1, 1, 9)))).split("\n")
        guesses = [line for line in lines if "no geometry" in line or "guessed" in line]
        assert len(guesses) == bool(said)
        assert all(line.strip().startswith(said) for line in guesses)
        assert lines[-1].strip().startswith("proved: theorems")
        assert said in analyze(network)._page()


@pytest.mark.parametrize(("name", "size"), [("1", 3), ("0.scale", 5)])
def test_numbers_that_fit_no_activation_are_left_out(name, size, tmp_path):
    shapes = {"0.weight": (4, 1, 3), f"{name}.weight": (size,), "2.weight": (2, 4, 3)}
    network = loaded(tmp_path, **{name: np.ones(shape) for name, shape in shapes.items()})
    assert network.notes[-1] == f"weights that no layer uses: {name}"


@pytest.mark.parametrize(("weights", "reason"), [
    ({"weight": (4,), "bias": (4,)}, "a norm without running statistics, whose groups are not in"),
    ({"weight": (4,)}, "no kind of layer is known by these weights: weight"),
    ({"weight": (4, 1, 3, 3, 3)}, "its filters have 3 spatial axes, not one or two"),
])  # fmt: skip
def test_what_is_not_read_of_weights_says_why(weights, reason, tmp_path):
    arrays = {f"norm.{part}": np.ones(shape) for part, shape in weights.items()}
    network = loaded(tmp_path, **ones(a__weight=(4, 1, 3)), **arrays)
    assert network.unread[0].reason.startswith(reason)


# ---- convolutions --------------------------------------------------------------------------------


def test_a_shortcut_is_not_taken_for_groups(tmp_path):
    message = refusal(
        tmp_path,
        **ones(a__weight=(8, 3, 3, 3), b__weight=(16, 8, 3, 3), down__weight=(16, 8, 1, 1)),
    )
    assert message.endswith(
        "expected 8 channels to come in, got 16; say in a table of layers how it is: from = 'a', "
        'groups = 2, kind = "transposed_convolution", another order; '
        "`dcsc template net.npz` prints a table to begin with"
    )


def test_a_transposed_convolution_is_asked_where_its_bias_tells(tmp_path):
    module = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.ConvTranspose1d(4, 2, 4, 2))
    path = saved(module.state_dict(), tmp_path, ".npz")
    with pytest.raises(DcscError, match=r"got weights of shape \(4, 2, 4\) and 2 biases") as error:
        networks.load(path)
    assert 'kind = "transposed_convolution"' in str(error.value)
    layers = [{"name": "0", "activation": "relu"},
              {"name": "2", "kind": "transposed_convolution", "stride": 2}]  # fmt: skip
    assert_agrees(path, module.eval(), (1, 12), {"layers": layers})


def test_a_convolution_that_could_be_transposed_is_said(tmp_path):
    network = loaded(tmp_path, **ones(a__weight=(4, 1, 3), b__weight=(4, 4, 3), c__weight=(4, 4)))
    (guess,) = (note for note in network.notes if "guessed" in note)
    assert guess.startswith("guessed convolutions: b; transposed ones have weights of these shapes")


def test_a_convolution_that_is_called_transposed_is_asked(tmp_path):
    message = refusal(tmp_path, **ones(a__weight=(4, 1, 3), deconv1__weight=(4, 4, 3)))
    assert 'kind = "convolution" or kind = "transposed_convolution"' in message


def test_an_error_of_a_network_without_geometry_says_what_was_assumed(tmp_path):
    network = loaded(tmp_path, **ones(a__weight=(4, 1, 3, 3), b__weight=(3, 64)))
    with pytest.raises(DcscError, match=r"Linear: .*\(no geometry was given: .*net\.npz\.toml"):
        network.forward(np.ones((1, 1, 8, 8)))
    table = {"layers": [{"name": "a"}, {"kind": "flatten"}, {"name": "b"}]}
    told = networks.load(tmp_path / "net.npz", table)
    with pytest.raises(
        DcscError,
        match=r"\(1, 144\): likely inputs of another extent.* \(geometry from the arguments\)$",
    ):
        told.forward(np.ones((1, 1, 8, 8)))


def test_a_shortcut_may_read_a_sum(tmp_path):
    """Of the layers with the channels that it needs the latest comes first, sums included."""
    weights = ones(
        a__weight=(4, 1, 3), b__weight=(4, 4, 3), c__weight=(2, 4, 3), d__weight=(2, 4, 1)
    )
    np.savez(tmp_path / "net.npz", **weights)
    added = {"name": "sum", "kind": "add", "from": ["a", "b"]}
    layers = [{"name": "a", "padding": 1}, {"name": "b", "padding": 1}, added]
    with pytest.raises(DcscError) as error:
        networks.load(tmp_path / "net.npz", {"layers": [*layers, {"name": "c"}, {"name": "d"}]})
    assert "got 2; say in a table of layers how it is: from = 'sum', from = 'b'," in str(
        error.value
    )
    strung = {"name": "both", "kind": "concatenate", "from": ["c", "d"]}
    end = [{"name": "c", "padding": 1}, {"name": "d", "from": "sum"}, strung, {"name": "b"}]
    network = networks.load(tmp_path / "net.npz", {"layers": [*layers, *end]})
    assert network.forward(np.ones((1, 1, 9)))[network.outputs[0]].shape == (1, 4, 7)
