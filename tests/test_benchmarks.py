"""The benchmarks run; how fast is not a test's business."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dcsc.networks import load
from dcsc.networks.analysis import analyze
from tests.commands import script

SIDES = Path(__file__).parents[1] / "benchmarks" / "side_by_side.py"
SECTIONS = (
    *("convolutions", "coordinates", "forward", "monte_carlo", "geometry", "growth"),
    *("tails", "stability", "sweeps", "peers"),
)
QUICK = ("--quick", "--repetitions", 1)


pytestmark = pytest.mark.usefixtures("torch")  # the other side of the comparison


def test_side_by_side_runs(tmp_path):
    out = tmp_path / "speed.json"
    printed = script(SIDES, *QUICK, "--out", out)
    found = json.loads(out.read_text())
    assert [row["dtype"] for row in found["convolutions"]] == ["float64"] * 4 + ["float32"] * 4
    assert [row["dtype"] for row in found["forward"]] == ["float64", "float32"]
    assert len(found["geometry"]) > 40
    assert found["sweeps"][0]["cells"] == 8
    for section in SECTIONS:
        assert f"## {section}" in printed
        assert found[section]


def test_the_analysis_of_a_checkout_beside_itself():
    *_, row, mean = script(SIDES.with_name("analysis.py"), SIDES.parents[1], "--quick").splitlines()
    name, *_, numbers, difference = row.strip("| ").split(" | ")
    assert (name, difference) == ("the shipped network", "0e+00")
    assert int(numbers) > 300
    assert mean.startswith("| geometric mean |")


def test_wide_networks_are_what_is_said(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SIDES.parent)
    wide = importlib.import_module("analysis").wide
    network, _, inputs = wide(tmp_path, (30, 4, 3, 2), (5, 4), 2)
    signals = np.load(inputs)
    found = analyze(load(network), {"input": signals})
    (layer,) = found.layers
    assert layer.filters.shape == (30, 4, 3, 2)
    assert signals.shape == (2, 4, 5, 4)
    assert found.inputs.count == 2
    assert wide(tmp_path, (30, 4, 3, 2), (5, 4), 0) == [network]


def test_stages_make_up_the_whole():
    # in a process of its own, whose functions it replaces
    command = [sys.executable, SIDES.with_name("stages.py"), "--most", "2"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    whole = float(re.search(r"^([0-9.]+) s of processor time$", printed, re.MULTILINE)[1])
    rows = re.findall(r"^ *([0-9.]+)% +([0-9.]+) s  (.+)$", printed, re.MULTILINE)
    stages = {stage: float(seconds) for _, seconds, stage in rows}
    assert {"imports", "own signs among draws", "page", "the rest"} <= set(stages)
    assert sum(stages.values()) == pytest.approx(whole, abs=0.005 * (len(rows) + 1))
    assert sum(float(share) for share, _, _ in rows) == pytest.approx(100, abs=0.05 * len(rows))


def test_the_crossover_is_shown():
    assert script(SIDES, *QUICK, "--crossover").count("| synthesize |") == 4


def test_other_packages_compute_the_same():
    """Those that are here now, and all of them when the table was made."""
    folder = SIDES.parent
    for text in (script(folder / "comparison.py"), (folder / "comparison.txt").read_text()):
        heading, *rows = text.splitlines()
        numbers = [float(row.split()[-1]) for row in rows if not row.endswith("not installed")]
        assert heading.endswith("differ by")
        assert len(numbers) >= 2
        assert max(numbers) < 1e-10
