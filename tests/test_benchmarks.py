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
    rows = json.loads(out.read_text())["rows"]
    assert [row["dtype"] for row in rows] == ["float64"] * 3 + ["float32"] * 3
    assert all(row["dense analyze"]["ratio"] > 0 for row in rows)
