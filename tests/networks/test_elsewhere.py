"""Files that are not read: the sentence names the next step."""

from fractions import Fraction

import pytest

from dcsc import DcscError, networks
from tests import extras


@pytest.mark.parametrize(("name", "way"), [
    ("net.h5", "of Keras: keras.saving.load_model"),
    ("net.KERAS", "of Keras"),
    ("net.tflite", "python -m tf2onnx.convert --tflite FILE"),
    ("frozen.pb", "python -m tf2onnx.convert --saved-model"),
    ("model.json", "python -m tf2onnx.convert --tfjs FILE"),
    ("net.xml", "of OpenVINO: give the model that it was made from"),
    ("net.param", "of ncnn"),
    ("net.mlmodel", "of Core ML"),
    ("net.caffemodel", "of Caffe"),
    ("net.pdmodel", "paddle2onnx --model_dir"),
    ("net.pt2", "torch.save(torch.export.load(path).state_dict, 'net.pt')"),
    ("net.msgpack", "flax.serialization.msgpack_restore"),
    ("net.npy", "numpy.savez under names like conv1.weight"),
    ("net.pkl", "a pickle, which is code"),
])  # fmt: skip
def test_another_format_is_refused_with_the_way_to_one_that_is_read(name, way, tmp_path):
    (tmp_path / name).write_bytes(b"content")
    with pytest.raises(DcscError, match=r"path: expected a name that ends in \.npz, ") as error:
        networks.load(tmp_path / name)
    assert f"got {name}; such a file is of " in str(error.value)
    assert way in str(error.value)


@pytest.mark.parametrize(("names", "way"), [
    (["saved_model.pb", "a.onnx"], "of TensorFlow: python -m tf2onnx.convert --saved-model"),
    (["config.json", "sae.safetensors"], "name one of its files, sae.safetensors for example"),
    (["notes.txt"], "which is a folder"),
])  # fmt: skip
def test_a_folder_is_refused_with_what_is_in_it(names, way, tmp_path):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DcscError, match=r"expected a file, got .*, which is a folder") as error:
        networks.load(tmp_path)
    assert way in str(error.value)


@pytest.mark.parametrize("content", ["module", "fraction"])
def test_what_is_in_a_pickle_is_named(content, tmp_path):
    torch = extras.torch()
    tensors = {"a.weight": torch.ones(2, 1, 3)}
    value, name = {
        "module": (torch.nn.Conv1d(1, 2, 3), "torch.nn.modules.conv.Conv1d"),
        "fraction": ({"state_dict": tensors, "lr": Fraction(1, 3)}, "fractions.Fraction"),
    }[content]
    torch.save(value, tmp_path / "net.pt")
    with pytest.raises(DcscError, match=f"got a pickle with {name} in it, which is not") as error:
        networks.load(tmp_path / "net.pt")
    assert "torch.save(model.state_dict(), path)" in str(error.value)


def test_numbers_without_a_format_are_named(torch, tmp_path):
    (tmp_path / "group1-shard1of1.bin").write_bytes(b"\0\0\x80?" * 9)
    with pytest.raises(DcscError, match=r"expected an archive or a pickle.*TensorFlow\.js"):
        networks.load(tmp_path / "group1-shard1of1.bin")
