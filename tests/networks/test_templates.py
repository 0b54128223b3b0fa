"""A table of layers to begin with: what it asks, and what it leads to once it is filled in."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dcsc import DcscError, networks
from dcsc.networks.weights.kinds import KINDS, Table
from dcsc.networks.weights.modules import Module
from tests.commands import call, refused
from tests.networks.test_checkpoints import PLAIN, outputs, written
from tests.networks.test_weights import randomised


def test_a_template_becomes_a_geometry(tmp_path):
    path = written(PLAIN, tmp_path)
    expected = outputs(networks.load(path))
    text = networks.template(path)
    table = tomllib.loads(text)
    assert [layer["name"] for layer in table["layers"]] == ["conv1", "conv2"]
    assert table["input"] == [2, "?"]
    (tmp_path / "net.toml").write_text(text.replace('[2, "?"]', "[2, 9]"))
    with pytest.raises(DcscError, match=r"geometry from net.toml: expected values in place"):
        networks.load(path)
    lines = [line for line in text.splitlines() if '"?"' not in line]
    lines.insert(
        lines.index('name = "conv1"  # 4 filters on 2 channels, 3 taps'), 'activation = "relu"'
    )
    (tmp_path / "net.toml").write_text("\n".join(lines))
    np.testing.assert_array_equal(outputs(networks.load(path)), expected)


def test_a_template_asks_what_weights_do_not_tell(tmp_path):
    tensors = {
        "a.weight": np.ones((4, 1, 3, 3)),
        "n.weight": np.ones(4), "n.bias": np.ones(4), "n.running_mean": np.ones(4),
        "n.running_var": np.ones(4), "n.num_batches_tracked": np.array(1),
        "b.weight": np.ones((4, 1, 3, 3)),
        "cell.weight_ih_l0": np.ones((4, 4)),
        "out.weight": np.ones((5, 4)),
    }  # fmt: skip
    text = networks.template(written(tensors, tmp_path))
    assert "# left out, for they are no weights: n.num_batches_tracked" in text
    assert 'norm = "n"\nactivation = "?"' in text
    assert 'groups = "?"  # 4 channels come in' in text
    assert 'kind = "flatten"' in text
    layers = tomllib.loads(text)["layers"]
    assert [layer.get("name") for layer in layers] == ["a", "b", "cell", None, "out"]
    assert layers[2] == {"name": "cell", "kind": "unread", "operation": "?"}


class Residual(nn.Module):
    """A block whose shortcut has a convolution, with batch norms before all rectifiers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.conv2, self.bn2 = nn.Conv1d(4, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.short = nn.Sequential(nn.Conv1d(2, 4, 1), nn.BatchNorm1d(4))

    def forward(self, x):
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.short(x))


def test_the_template_of_a_residual_block_leads_to_its_network(tmp_path):
    module = randomised(Residual()).double().eval()
    path = written({k: v.numpy() for k, v in module.state_dict().items()}, tmp_path)
    text = networks.template(path)
    # the sum is there once its lines are no comments any more
    assert "residual network, what comes next is\n# [[layers]]\n# kind" in text
    start = text.index("# [[layers]]")
    text = text[:start] + text[start:].replace("# [[", "[[").replace("\n# ", "\n")
    for name, padding, function in (("conv1", 1, "relu"), ("conv2", 1, None), ("short.0", 0, None)):
        at = text.index(f'name = "{name}"')
        layer = text[at:].replace('padding = "?"', f"padding = {padding}", 1)
        layer = layer.replace('from = "?"', 'from = "input"', 1) if name == "short.0" else layer
        if function:
            layer = layer.replace('activation = "?"', f'activation = "{function}"', 1)
        text = text[:at] + layer
    lines = [line.replace('[2, "?"]', "[2, 9]") for line in text.splitlines()]
    (tmp_path / "net.toml").write_text("\n".join(line for line in lines if '= "?"' not in line))
    network = networks.load(path)
    x = np.random.default_rng(0).normal(size=(2, 2, 9))
    expected = module(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(outputs(network, x), expected, atol=1e-12)
    assert not any("this norm" in note or "nothing reads" in note for note in network.notes)


def test_an_unfilled_template_is_told_with_its_file(tmp_path):
    path = written(PLAIN, tmp_path)
    (tmp_path / "net.toml").write_text(networks.template(path))
    message = f"networks.load: {path.name}: geometry from net.toml: expected values"
    with pytest.raises(DcscError, match=re.escape(message)):
        networks.load(path)


def test_a_template_of_names_that_hold_anything(tmp_path):
    name = 'a"\\\x1b[31m# ]'
    text = networks.template(written({f"{name}.weight": np.ones((1, 1, 1))}, tmp_path))
    assert tomllib.loads(text)["layers"][0]["name"] == name
    assert "\x1b" not in text
    json.dumps(text)


def test_the_command_prints_it(tmp_path, monkeypatch, capsys):
    path = written(PLAIN, tmp_path)
    done = call(monkeypatch, capsys, "template", path)
    assert (done.code, done.out, done.err) == (0, networks.template(path), "")
    told = refused(call(monkeypatch, capsys, "template", tmp_path / "net.keras"))
    assert told.startswith("networks.template: path: expected a file, got ")


def test_files_that_carry_their_geometry_need_no_template(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(DcscError, match=r"networks\.template: path: expected a file that holds w"):
        networks.template(tmp_path / "net.onnx")
    (tmp_path / "net.npz").write_bytes(b"")
    with pytest.raises(DcscError, match=r"template: net\.npz: expected"):
        networks.template(tmp_path / "net.npz")


# ---- tables that may be wrong --------------------------------------------------------------------


def noted(folder, *layers):
    """Return the notes on a residual block that is read by a table of these layers."""
    module = randomised(Residual())
    path = written({k: v.numpy() for k, v in module.state_dict().items()}, folder)
    return networks.load(path, {"layers": [dict(layer) for layer in layers]}).notes


CONVOLUTION = {"name": "conv1", "padding": 1, "activation": "relu"}


def test_a_norm_after_an_activation_is_said(tmp_path):
    said = (
        "bn1: this norm comes after the activation of conv1; if it comes before, say norm = 'bn1'"
    )
    assert any(note.startswith(said) for note in noted(tmp_path, CONVOLUTION, {"name": "bn1"}))
    meant = {**CONVOLUTION, "norm": "bn1", "order": ["activation", "norm", "pool"]}
    plain = {"name": "conv1", "padding": 1}
    for layers in ([meant], [plain, {"name": "bn1", "activation": "relu"}]):
        assert not any("this norm" in note for note in noted(tmp_path, *layers))


def test_a_layer_that_nothing_reads_is_said(tmp_path):
    loose = {"name": "short.0", "from": "input"}
    notes = noted(tmp_path, CONVOLUTION, loose)
    assert "nothing reads conv1.activation: outputs of the network beside short.0" in "\n".join(
        notes
    )
    joined = {"kind": "add", "from": ["conv1", "short.0"]}
    assert not any("nothing reads" in x for x in noted(tmp_path, CONVOLUTION, loose, joined))


# ---- the table of kinds in the reference ---------------------------------------------------------

REFERENCE = Path("docs/api/networks.md").read_text().splitlines()
ROWS = [line.split("|")[1:-1] for line in REFERENCE if line.startswith("| `")]
CASES = [
    (kind, row[2], row[3].strip(" `"))
    for row in ROWS
    if len(row) == 4
    for kind in re.findall(r"`(\w+)`", row[0])
]
BESIDE = ("kind", "name", "from", "activation")


def test_the_reference_has_every_kind():
    assert sorted(kind for kind, *_ in CASES) == sorted(KINDS)


@pytest.mark.parametrize(("kind", "keys", "example"), CASES)
def test_the_reference_says_which_keys_a_kind_has(kind, keys, example):
    layer = tomllib.loads(f"layer = {example}")["layer"]
    table = Table("layer", {"kind": layer} if isinstance(layer, str) else layer)
    for key in BESIDE:
        table.values.pop(key, None)
    shape = (4,) if "norm" in kind or kind == "prelu" else (4, 4) if kind == "linear" else (4, 4, 3)
    tensors = {name: np.ones(4) for name in ("bias", "running_mean", "running_var")}
    KINDS[kind](table, Module("layer", {"weight": np.ones(shape)} | tensors))
    table.finish()
    assert sorted(table.keys) == sorted(re.findall(r"`(\w+)`", keys))
