"""The table of real networks: what it shows, and that the script behind it still works."""

import importlib.util
import re
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from tests.networks.graphs import model, node, saved

FOLDER = Path(__file__).parents[2] / "examples"
DEVIATION = 8


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("real_networks", FOLDER / "real_networks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_shows_the_networks_of_the_script(script):
    table = (FOLDER / "real_networks.txt").read_text().split("\n\n")[0]
    head, *rows = [re.split(r"\s{2,}", line) for line in table.splitlines()]
    assert head == script.HEAD
    assert [row[:2] for row in rows] == [[n.package, n.file] for n in script.NETWORKS]
    assert len(rows) >= 20
    assert len({row[0] for row in rows}) >= 12
    apart = {row[1] for row in rows if row[DEVIATION] == "-" or float(row[DEVIATION]) > 1e-5}
    # Nothing of them is outside of branches, or is reached; of one the roundings are left out.
    assert apart == {"silero_vad.onnx", "common_old.onnx", "smart-turn-v3.2-cpu.onnx"}


def test_the_analysis_shows_the_networks_of_the_script(script):
    table = (FOLDER / "real_networks_analysis.txt").read_text()
    head, *rows = [re.split(r"\s{2,}", line) for line in table.splitlines()]
    assert head == script.FOUND
    analyzed = [network for network in script.NETWORKS if network.analyzed]
    assert [row[:2] for row in rows] == [[n.package, n.file] for n in analyzed]
    assert {len(row) for row in rows} == {len(head)}


SHAPES = {"conv1": (10, 3, 3, 3), "conv2": (16, 10, 3, 3), "conv3": (32, 16, 3, 3),
          "conv4_1": (2, 32, 1, 1), "conv4_2": (4, 32, 1, 1)}  # fmt: skip


def test_a_row_of_weights_and_one_with_a_fault(script, tmp_path):
    torch.manual_seed(0)
    state = {f"{name}.weight": torch.randn(shape) / 9 for name, shape in SHAPES.items()}
    state |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in SHAPES.items()}
    state |= {f"prelu{i}.weight": torch.rand(SHAPES[f"conv{i}"][0]) for i in (1, 2, 3)}
    torch.save(state, tmp_path / "pnet.pt")
    network = next(n for n in script.NETWORKS if n.file == "pnet.pt")
    cells, reason = script.row(network, tmp_path / "pnet.pt")
    assert (cells[:2], cells[3:6], reason) == (["5 of 5", "64"], ["64", "0", "-"], "")
    assert float(cells[6]) < 1e-5
    cells, reason = script.findings(network, tmp_path / "pnet.pt")
    assert len(cells) == len(script.FOUND) - 2
    assert (cells[0], reason) == ("5 of 5", "")
    wrong = [{**network.geometry[0], "activation": "relu"}, *network.geometry[1:]]
    cells, _ = script.row(attrs.evolve(network, geometry=wrong), tmp_path / "pnet.pt")
    assert float(cells[6]) > 1e-2


def test_a_row_of_a_graph_with_a_stop(script, tmp_path):
    weight = np.ones((2, 3, 3), np.float32)
    steps = [node("Conv", "x w", "z"), node("RandomUniformLike", "z", "y")]
    signal = np.ones((1, 3, 8), np.float32)
    path = saved(model(steps, {"x": signal}, {"w": weight}, outputs="y"), tmp_path)
    cells, reason = script.row(script.Network("", "", (1, 3, 8)), path)
    assert cells[:6] == ["1 of 1", "2", "0", "2", "0", "RandomUniformLike"]
    assert reason == "net.onnx: RandomUniformLike (y): no operation of dcsc does this"
