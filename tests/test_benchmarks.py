"""The benchmarks run; how fast is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "side_by_side.py"


def test_side_by_side_runs(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is the other side of the comparison")
    out = tmp_path / "speed.json"
    arguments = [sys.executable, str(SCRIPT), "--quick", "--repetitions", "1", "--out", str(out)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert [row["dtype"] for row in found["convolutions"]] == ["float64"] * 4 + ["float32"] * 4
    assert [row["dtype"] for row in found["forward"]] == ["float64", "float32"]
    assert len(found["geometry"]) > 40
    assert found["sweeps"][0]["cells"] == 8
    for section in ("convolutions", "forward", "monte_carlo", "geometry", "growth", "sweeps"):
        assert f"## {section}" in done.stdout
        assert found[section]


def test_the_crossover_is_shown():
    pytest.importorskip("torch", reason="its module also has PyTorch's side")
    arguments = [sys.executable, str(SCRIPT), "--quick", "--repetitions", "1", "--crossover"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| synthesize |") == 4
