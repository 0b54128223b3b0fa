"""Checkpoints as others write them: the same network as from tensors under plain names."""

import argparse
import pathlib
import warnings

import numpy as np
import pytest
import safetensors.numpy

from dcsc import DcscError, networks
from dcsc.networks.readers import nested, state_dict
from tests import extras

RNG = np.random.default_rng(0)
PLAIN = {
    "conv1.weight": RNG.normal(size=(4, 2, 3)),
    "conv1.bias": RNG.normal(size=4),
    "conv2.weight": RNG.normal(size=(3, 4, 3)),
}
SIGNAL = RNG.normal(size=(2, 2, 9))


def written(tensors, folder, name="net.npz"):
    np.savez(folder / name, **tensors)
    return folder / name


def outputs(network, signal=SIGNAL):
    return network.forward(signal)[network.outputs[0]]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return outputs(networks.load(written(PLAIN, tmp_path_factory.mktemp("plain"))))


# ---- prefixes and buffers ------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [
    "module.", "_orig_mod.", "model.", "net.", "module._orig_mod.", "_orig_mod.module.model.net.",
])  # fmt: skip
def test_prefixes_in_any_order_are_left_out(prefix, expected, tmp_path):
    tensors = {prefix + name: value for name, value in PLAIN.items()}
    network = networks.load(written(tensors, tmp_path))
    np.testing.assert_array_equal(outputs(network), expected)
    assert [c.name for c in network.convolutions] == ["conv1", "conv2"]
    assert network.notes[0] == f"left out the prefix {prefix!r} of all names"
    geometry = {
        "layers": [{"name": f"{prefix}conv1", "activation": "relu"}, {"name": f"{prefix}conv2"}]
    }
    named = networks.load(tmp_path / "net.npz", geometry)
    np.testing.assert_array_equal(outputs(named), expected)
    assert named.convolutions[0].name == f"{prefix}conv1"


def test_compiled_parts_have_the_names_of_their_inside(expected, tmp_path):
    tensors = {name.replace(".", "._orig_mod."): value for name, value in PLAIN.items()}
    np.testing.assert_array_equal(outputs(networks.load(written(tensors, tmp_path))), expected)


def test_a_layer_that_is_called_like_a_wrapper_keeps_its_name(tmp_path):
    network = networks.load(written({"model.weight": np.ones((2, 1, 3))}, tmp_path))
    assert network.convolutions[0].name == "model"


def test_counters_and_buffers_are_left_out_and_listed(expected, tmp_path):
    more = {
        "conv1.num_batches_tracked": np.array(3),
        "position.ids": np.arange(4),
        "rotary.inv_freq": np.ones(3),
    }
    network = networks.load(written({**more, **PLAIN}, tmp_path))
    np.testing.assert_array_equal(outputs(network), expected)
    assert network.notes[-1] == (
        "left out, for they are no weights: conv1.num_batches_tracked, position.ids, "
        "rotary.inv_freq"
    )


def test_weights_in_units_of_others_are_refused(tmp_path):
    tensors = {**PLAIN, "conv1.weight_scale": np.ones(1)}
    with pytest.raises(DcscError, match=r"conv1\.weight_scale: expected weights as they are"):
        networks.load(written(tensors, tmp_path))


# ---- weights that are made of others -------------------------------------------------------------


def torch_layers(torch):
    """Convolutions whose weights are made of others, by the name of what makes them."""
    from torch.nn.utils import parametrizations, prune  # noqa: PLC0415  # where it is installed

    torch.manual_seed(0)  # half of random weights may be all of a filter

    def conv():
        return torch.nn.Conv1d(2, 4, 3)

    with warnings.catch_warnings(action="ignore"):  # that they are old
        yield "weight norm", torch.nn.utils.weight_norm(conv())
        yield "spectral norm", torch.nn.utils.spectral_norm(conv())
    yield "new weight norm", parametrizations.weight_norm(conv())
    yield "new spectral norm", parametrizations.spectral_norm(conv())
    pruned = conv()
    prune.l1_unstructured(pruned, "weight", 0.5)
    prune.l1_unstructured(pruned, "bias", 0.5)
    yield "pruned", pruned


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
def test_weights_made_of_others_are_those_of_the_forward_pass(suffix, torch, tmp_path):
    for name, layer in torch_layers(torch):
        layer.double()
        for _ in range(3):  # the vectors of spectral norms move
            layer(torch.randn(1, 2, 9, dtype=torch.float64))
        module = torch.nn.Sequential(layer.eval())
        state = module.state_dict()
        path = tmp_path / f"net{suffix}"
        if suffix == ".pt":
            torch.save(state, path)
        else:
            arrays = {key: value.numpy() for key, value in state.items()}
            save = (
                np.savez
                if suffix == ".npz"
                else lambda path, **a: safetensors.numpy.save_file(a, path)
            )
            save(path, **arrays)
        network = networks.load(path)
        with torch.no_grad():
            wanted = module(torch.tensor(SIGNAL)).numpy()
        np.testing.assert_allclose(outputs(network), wanted, rtol=1e-12, atol=1e-12, err_msg=name)
        assert len(network.notes) == 3, name


def test_a_spectral_norm_of_a_transposed_convolution_is_over_its_outputs(torch, tmp_path):
    layer = torch.nn.utils.parametrizations.spectral_norm(
        torch.nn.ConvTranspose1d(4, 4, 3)
    ).double()
    for _ in range(30):
        layer(torch.randn(1, 4, 9, dtype=torch.float64))
    torch.save(torch.nn.Sequential(layer.eval()).state_dict(), tmp_path / "net.pt")
    network = networks.load(
        tmp_path / "net.pt", {"layers": [{"name": "0", "kind": "transposed_convolution"}]}
    )
    np.testing.assert_allclose(
        network.transposed[0].operation.weight, layer.weight.detach(), rtol=1e-10
    )


@pytest.mark.parametrize(("more", "message"), [
    ({"a.weight_mask": np.ones((4, 2, 2))}, r"a\.weight_mask: expected shape \(4, 2, 3\), got"),
    ({"a.weight_u": np.ones(3), "a.weight_v": np.ones(6)}, "spectral norm: expected vectors"),
    ({"a.weight_u": np.ones((4, 1)), "a.weight_v": np.ones(6)}, "spectral norm: expected vectors"),
    ({"b.depthwise_kernel": np.ones(3)}, "channels, multiplier"),
])  # fmt: skip
def test_parts_that_do_not_fit_are_refused(more, message, tmp_path):
    with pytest.raises(DcscError, match=message):
        networks.load(written({"a.weight_orig": np.ones((4, 2, 3)), **more}, tmp_path))


@pytest.mark.parametrize("name", [
    "a._orig_mod.weight", "a.weight_orig", "a.parametrizations.weight.original", "a.kernel",
])  # fmt: skip
def test_two_tensors_of_one_name_are_refused(name, tmp_path):
    tensors = {"a.weight": np.ones((4, 2, 3)), name: np.zeros((4, 2, 3)), "b.weight": np.ones(4)}
    tensors |= {f"{name[:-5]}_mask": np.ones((4, 2, 3))} if name.endswith("_orig") else {}
    with pytest.raises(DcscError, match=r"expected one tensor for a\.weight(_orig)?, got two"):
        networks.load(written(tensors, tmp_path))


# ---- Keras and Flax ------------------------------------------------------------------------------


def channels_last(tensors, same):
    """A network of one convolution, a norm and a matrix as Keras and Flax compute it."""
    torch = extras.torch()
    signal = torch.tensor(RNG.normal(size=(2, 2, 6, 5)))
    kernel = torch.tensor(tensors["kernel"]).permute(3, 2, 0, 1)
    maps = torch.nn.functional.conv2d(signal, kernel, torch.tensor(tensors["bias"]), padding=same)
    shape = (1, -1, 1, 1)
    gamma, beta, mean, var = (
        torch.tensor(tensors[n]).view(shape) for n in ("gamma", "beta", "mean", "var")
    )
    maps = torch.relu((maps - mean) / torch.sqrt(var + tensors["epsilon"]) * gamma + beta)
    flat = maps.permute(0, 2, 3, 1).flatten(1)
    return signal.numpy(), (flat @ torch.tensor(tensors["dense"])).numpy()


@pytest.mark.parametrize("origin", ["keras", "flax", "old keras"])
def test_names_and_layouts_of_keras_and_flax(origin, tmp_path):
    same = 1 if origin == "flax" else 0
    positions = 30 if same else 12
    parts = {
        "kernel": RNG.normal(size=(3, 3, 2, 4)),
        **{name: RNG.normal(size=4) for name in ("bias", "gamma", "beta", "mean")},
        "var": RNG.uniform(0.5, 2, size=4),
        "dense": RNG.normal(size=(positions * 4, 3)),
        "epsilon": 1e-5 if origin == "flax" else 1e-3,
    }
    names = {
        "keras": ("model/conv2d/", "model/batch_normalization/", "model/dense/", ""),
        "old keras": ("conv2d/", "batch_normalization/", "dense/", ":0"),
        "flax": ("params/Conv_0/", "params/BatchNorm_0/", "params/Dense_0/", ""),
    }[origin]
    conv, norm, dense, end = names
    norms = {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "var": "moving_variance"}
    if origin == "flax":
        norms = {"gamma": "scale", "beta": "bias", "mean": "mean", "var": "var"}
    tensors = {f"{conv}{name}{end}": parts[name] for name in ("kernel", "bias")}
    for name, theirs in norms.items():
        place = norm
        if origin == "flax" and name in ("mean", "var"):
            place = norm.replace("params", "batch_stats")
        tensors[f"{place}{theirs}{end}"] = parts[name]
    tensors[f"{dense}kernel{end}"] = parts["dense"]
    if origin == "flax":
        tensors = dict(sorted(tensors.items()))
    signal, wanted = channels_last(parts, same)
    network = networks.load(written(tensors, tmp_path))
    np.testing.assert_allclose(outputs(network, signal), wanted, atol=1e-10)
    assert any("names and layouts are those of" in note for note in network.notes)
    assert any("guessed by the defaults of" in note for note in network.notes)


def test_depthwise_kernels_of_keras(torch, tmp_path):
    kernel = RNG.normal(size=(3, 3, 2, 2))
    tensors = {"first/kernel": np.eye(2)[None, None], "deep/depthwise_kernel": kernel}
    network = networks.load(written(tensors, tmp_path))
    signal = RNG.normal(size=(1, 2, 6, 6))
    # Channel c has the outputs c·2 and c·2 + 1, each with a kernel of its own.
    weight = np.stack([kernel[:, :, c, m] for c in range(2) for m in range(2)])[:, None]
    wanted = torch.nn.functional.conv2d(torch.tensor(signal).relu(), torch.tensor(weight), groups=2)
    np.testing.assert_allclose(outputs(network, signal), wanted, atol=1e-12)


# ---- PyTorch's checkpoints -----------------------------------------------------------------------


def beside(torch):
    """What training leaves beside the weights."""
    return {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1),
        "path": pathlib.PurePosixPath("runs/1"),
        "best": np.float64(0.5),
        "step": np.int64(7),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
    }


@pytest.mark.parametrize("key", ["state_dict", "net", "weights", "params_ema", "a.b"])
def test_the_one_mapping_of_tensors_is_found(key, expected, torch, tmp_path):
    state = {name: torch.tensor(value) for name, value in PLAIN.items()}
    for part in reversed(key.split(".")):
        state = {part: state}
    torch.save({**beside(torch), **state}, tmp_path / "net.pth.tar")
    network = networks.load(tmp_path / "net.pth.tar")
    np.testing.assert_array_equal(outputs(network), expected)
    assert network.notes[0] == f"weights from the entry {key!r} of the file"


def test_what_is_no_tensor_is_left_out_and_listed(expected, torch, tmp_path):
    state = {name: torch.tensor(value) for name, value in PLAIN.items()}
    torch.save({**state, **beside(torch)}, tmp_path / "net.pt")
    network = networks.load(tmp_path / "net.pt")
    np.testing.assert_array_equal(outputs(network), expected)
    assert network.notes[0] == (
        "left out, for they are no tensors: epoch, args, path, best, step, optimizer"
    )


def test_several_mappings_and_none_are_refused_by_their_keys(torch, tmp_path):
    one = {"a.weight": torch.ones(2, 1, 3)}
    torch.save({"student": one, "teacher": one}, tmp_path / "net.pt")
    with pytest.raises(DcscError, match="expected one mapping of tensors, got several: 'student'"):
        networks.load(tmp_path / "net.pt")
    torch.save({"epoch": 3, "names": ["a"]}, tmp_path / "net.pt")
    with pytest.raises(DcscError, match="expected a state_dict of tensors, got the keys epoch"):
        networks.load(tmp_path / "net.pt")


def test_nothing_of_what_is_beside_is_made(torch, tmp_path, monkeypatch):
    args = argparse.Namespace(x=np.float32(1))
    torch.save({"a.weight": torch.ones(2, 1, 3), "args": args}, tmp_path / "net.pt")

    def made(*arguments, **named):
        raise AssertionError

    monkeypatch.setattr(argparse, "Namespace", made)
    monkeypatch.setattr(np, "dtype", made)
    state = nested.state_of(torch, state_dict._loaded(torch, tmp_path / "net.pt"))
    assert list(state[0]) == ["a.weight"]


# ---- narrow floats and tied weights --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_narrow_floats_are_widened(kind, suffix, torch, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # it needs PyTorch

    weight = torch.randn(16, 1, 15).to(getattr(torch, kind))
    save = torch.save if suffix == ".pt" else save_file
    save({"a.weight": weight}, tmp_path / f"net{suffix}")
    network = networks.load(tmp_path / f"net{suffix}")
    np.testing.assert_array_equal(network.convolutions[0].weight, weight.float().numpy())
    assert network.notes[0] == f"1 tensors are {kind}, computed with as float32"


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2"])
def test_every_byte_of_a_narrow_float_is_its_number(kind, torch, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # it needs PyTorch

    every = torch.arange(256).to(torch.uint8).view(getattr(torch, kind))
    numbers = every[torch.isfinite(every.float())]
    save_file({"a.weight": numbers.reshape(-1, 1, 1).clone()}, tmp_path / "net.safetensors")
    weight = networks.load(tmp_path / "net.safetensors").convolutions[0].weight
    np.testing.assert_array_equal(weight.reshape(-1), numbers.float().numpy())


def test_tied_weights_are_read_for_both_layers(torch, tmp_path):
    from safetensors.torch import save_model  # noqa: PLC0415  # it needs PyTorch

    module = torch.nn.Sequential(*(torch.nn.Conv1d(2, 2, 3) for _ in range(3))).double()
    module[2].weight = module[0].weight
    save_model(module, str(tmp_path / "net.safetensors"))
    network = networks.load(tmp_path / "net.safetensors")
    first, _, third = network.convolutions
    np.testing.assert_array_equal(first.weight, third.weight)
    assert any(note.startswith("tied to others, and saved once: ") for note in network.notes)
