"""Weights in several files, with an index and without."""

import json

import numpy as np
import pytest
import safetensors.numpy

from dcsc import DcscError, networks
from tests import extras

RNG = np.random.default_rng(0)
WEIGHTS = {f"{i}.weight": RNG.normal(size=(3, 3, 2)).astype(np.float32) for i in range(3)}
SIGNAL = RNG.normal(size=(1, 3, 9))


def split(folder, suffix=".safetensors", stem="model", parts=((0, 2), (1,))):
    """Write the weights in two files and an index; return the paths."""
    torch = extras.torch() if suffix == ".bin" else None
    names = [f"{stem}-{i:05d}-of-{len(parts):05d}{suffix}" for i in range(1, len(parts) + 1)]
    for name, part in zip(names, parts, strict=True):
        tensors = {f"{i}.weight": WEIGHTS[f"{i}.weight"] for i in part}
        if torch:
            torch.save({k: torch.tensor(v) for k, v in tensors.items()}, folder / name)
        else:
            safetensors.numpy.save_file(tensors, folder / name)
    places = {f"{i}.weight": name for name, part in zip(names, parts, strict=True) for i in part}
    index = folder / f"{stem}{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return [*(folder / name for name in names), index]


def whole(folder):
    safetensors.numpy.save_file(WEIGHTS, folder / "whole.safetensors")
    return networks.load(folder / "whole.safetensors").forward(SIGNAL).values["2"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_all_files_are_read_whichever_is_named(place, tmp_path):
    path = split(tmp_path)[place]
    network = networks.load(path)
    np.testing.assert_array_equal(network.forward(SIGNAL)["2"], whole(tmp_path))
    assert network.notes[0] == (
        "weights from 2 files: model-00001-of-00002.safetensors, model-00002-of-00002.safetensors"
    )


@pytest.mark.parametrize("place", [0, 2])
def test_files_of_pytorch(place, tmp_path):
    path = split(tmp_path, ".bin", "pytorch_model", parts=((0,), (1, 2)))[place]
    np.testing.assert_allclose(networks.load(path).forward(SIGNAL)["2"], whole(tmp_path))


@pytest.mark.parametrize("place", [0, 2])
def test_a_missing_file_is_named(place, tmp_path):
    paths = split(tmp_path)
    paths[1].unlink()
    with pytest.raises(DcscError, match=r"all 2 files .*, model-00002-of-00002\.safetensors not"):
        networks.load(paths[place])


@pytest.mark.parametrize(("content", "message"), [
    ("{", "is no index of weights"),
    ("[]", "expected an index with a 'weight_map'"),
    ('{"weight_map": {}}', "expected an index with a 'weight_map'"),
    ('{"weight_map": {"a": 3}}', "expected names of files in the same folder, got 3"),
    ('{"weight_map": {"a": []}}', "expected names of files in the same folder, got"),
    (f'{{"weight_map": {{"a": "{"a" * 300}.safetensors"}}}}', "expected a path, got 'aaa"),
    ('{"weight_map": {"a": "../a.safetensors"}}', r"in the same folder, got '\.\./a\.safetensors'"),
    ('{"weight_map": {"a": "a.bin"}}', "got 'a.bin'"),
])  # fmt: skip
def test_an_index_that_is_none_is_refused(content, message, tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(content)
    with pytest.raises(DcscError, match=message):
        networks.load(path)


def test_a_tensor_in_two_files_is_refused(tmp_path):
    with pytest.raises(DcscError, match=r"expected other tensors than before, got 1\.weight"):
        networks.load(split(tmp_path, parts=((0, 1), (1, 2)))[0])


def test_a_broken_file_is_named(tmp_path):
    first, second, _ = split(tmp_path)
    second.write_bytes(second.read_bytes()[:-1])
    with pytest.raises(DcscError, match=r"model-00001.*: model-00002-of-00002\.safetensors: "):
        networks.load(first)


def test_a_checkpoint_whose_name_ends_in_tar_is_read(tmp_path):
    torch = extras.torch()
    torch.save({"a.weight": torch.ones(2, 1, 3)}, tmp_path / "model.pth.tar")
    assert networks.load(tmp_path / "model.pth.tar").convolutions[0].name == "a"
