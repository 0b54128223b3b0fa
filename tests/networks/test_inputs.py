"""The inputs that a network is shown: arrays, pictures and sounds from files, and noise."""

import numpy as np
import pytest
import scipy.io.wavfile
from PIL import Image

from dcsc import DcscError
from dcsc.errors import TooLargeError
from dcsc.networks import ConvNetwork, Graph, Input, Node, load, operations
from dcsc.networks.analysis import noise_inputs, read_inputs
from dcsc.networks.shipped import digits_network_path
from tests.networks.chains import convolve, network


def test_arrays_with_and_without_batch_and_labels(tmp_path):
    net = network(convolve(3, 2, (3,), -0.1))
    values = np.random.default_rng(0).normal(size=(5, 2, 9))
    np.save(tmp_path / "batch.npy", values)
    np.save(tmp_path / "one.npy", values[0])
    np.savez(tmp_path / "all.npz", images=values, labels=np.arange(5))
    assert np.array_equal(read_inputs(net, tmp_path / "batch.npy").values["input"], values)
    assert np.array_equal(read_inputs(net, tmp_path / "one.npy").values["input"], values[:1])
    found = read_inputs(net, tmp_path / "all.npz")
    assert np.array_equal(found.labels, np.arange(5))
    assert found.first(2).count == 2
    assert len(found.first(2).labels) == 2


def test_pictures_and_sounds_are_made_to_fit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    free = network(convolve(3, 3, (3, 3), -0.1), channels=3, lengths=(None, None))
    value = read_inputs(free, tmp_path / "picture.png").values["input"]
    assert np.array_equal(value[0], np.moveaxis(pixels, -1, 0) / 255)
    grey = network(convolve(3, 1, (3, 3), -0.1), channels=1, lengths=(8, 6))
    assert read_inputs(grey, tmp_path / "picture.png").values["input"].shape == (1, 1, 8, 6)
    wave = np.zeros(1000, np.int16)
    wave[700:760] = 2**14
    scipy.io.wavfile.write(tmp_path / "sound.wav", 8000, wave)
    sound = network(convolve(3, 1, (3,), -0.1), channels=1, lengths=(100,))
    value = read_inputs(sound, tmp_path / "sound.wav").values["input"]
    assert value.shape == (1, 1, 100)
    assert np.count_nonzero(value) == 60
    assert value.max() == 2**14 / 2**15


def test_noise_says_that_it_is_noise():
    found = noise_inputs(load(digits_network_path()), 3)
    assert found.values["input"].shape == (3, 1, 8, 8)
    assert "not data" in found.note
    again = noise_inputs(load(digits_network_path()), 3)
    assert np.array_equal(found.values["input"], again.values["input"])


def test_noise_for_an_input_too_large_to_make_is_refused():
    step = Node("step", operations.Relu(), ("x",), "y")
    net = ConvNetwork(Graph([Input("x", (None, 2**20, 2**20))], [step], ["y"]), "net")
    with pytest.raises(TooLargeError, match="network: input x: expected at most"):
        noise_inputs(net)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("wide.npy", np.zeros((2, 5, 9)), r"expected shape \(any, 2, any\), got \(2, 5, 9\)"),
        ("none.npy", np.zeros((0, 2, 9)), "at least one input"),
        ("nan.npy", np.full((1, 2, 9), np.nan), "input"),
        ("text.npy", b"hello", "expected an array of numbers"),
        ("picture.png", b"hello", "one or three channels"),
        ("labels.npz", {"x": np.zeros((2, 2, 9)), "labels": np.zeros(3)}, r"labels.*\(3,\)"),
        ("two.npz", {"a": np.zeros((2, 2, 9)), "b": np.zeros(3)}, "expected the inputs input"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.save(path, content)
    with pytest.raises(DcscError, match=words):
        read_inputs(network(convolve(3, 2, (3,), -0.1)), path)


def test_a_broken_picture_is_refused(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"hello")
    net = network(convolve(3, 3, (3, 3), -0.1), channels=3, lengths=(None, None))
    with pytest.raises(DcscError, match="could not read"):
        read_inputs(net, tmp_path / "picture.png")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DcscError, match="expected a file"):
        read_inputs(network(convolve(3, 2, (3,), -0.1)), tmp_path / "none.npy")


def test_inputs_that_no_machine_holds_are_refused():
    graph = Graph((Input("x", (1, 1, 2**40)),), (), ("x",))
    with pytest.raises(DcscError, match=r"1073741824 samples, got the shape \(1, 1"):
        noise_inputs(ConvNetwork(graph, "huge"))


def channels_last():
    nodes = [
        Node("turn", operations.Transpose((0, 3, 1, 2)), ("x",), "t"),
        Node("conv", operations.Convolve(np.ones((2, 3, 2, 2))), ("t",), "y"),
    ]
    return ConvNetwork(Graph([Input("x", (None, None, 5, 3))], nodes, ["y"]), "net")


def test_channels_of_a_picture_come_last_where_the_network_has_them_there(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    value = read_inputs(channels_last(), tmp_path / "picture.png").values["x"]
    assert np.array_equal(value, pixels[None] / 255)
    assert channels_last().forward(value)["y"].shape == (1, 2, 3, 4)


def recurrent(*others):
    inputs = [Input("sound", (None, 1, None)), *others]
    step = Node("conv", operations.Convolve(np.ones((2, 1, 3))), ("sound",), "y")
    return ConvNetwork(Graph(inputs, [step], ["y"]), "net")


def test_other_inputs_of_known_size_are_zero_and_said(tmp_path):
    scipy.io.wavfile.write(tmp_path / "sound.wav", 8000, np.ones(50, np.int16))
    np.save(tmp_path / "batch.npy", np.ones((5, 1, 9)))
    net = recurrent(Input("h", (2, None, 4)), Input("c", (None, 3)))
    found = read_inputs(net, tmp_path / "sound.wav")
    assert {name: value.shape for name, value in found.values.items()} == {
        "sound": (1, 1, 50), "h": (2, 1, 4), "c": (1, 3),
    }  # fmt: skip
    assert not found.values["h"].any()
    assert found.note.endswith(" Hz. Zero: h, c.")
    batch = read_inputs(recurrent(Input("c", (None, 3))), tmp_path / "batch.npy")
    assert batch.values["c"].shape == (5, 3)


@pytest.mark.parametrize("other", [
    Input("rate", (), integer=True),  # zero is no rate
    Input("rate", (None,), integer=True),
    Input("h", (2, None, 4)),  # of which axis is as long as the batch?
    Input("h"),
])  # fmt: skip
def test_other_inputs_that_zeros_are_not_sure_to_fit_are_asked(other, tmp_path):
    np.save(tmp_path / "batch.npy", np.ones((5, 1, 9)))
    with pytest.raises(DcscError, match=f"{other.name}: expected an .npz with the inputs sound, "):
        read_inputs(recurrent(other), tmp_path / "batch.npy")
