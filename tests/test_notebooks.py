"""The notebooks of the examples: each runs from top to bottom, and shows what it says it shows."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
# What a cell shows, by the end of its last line.
SHOWN = {
    "one_model": {
        "below": "text/html",
        "model": "<svg",
        "truth": "text/html",
        "tally": "95% interval",
        "tally.to_pandas()": "dataframe",
        "why": "sharpest bound",
        "plotting.explanation(why)": "image/png",
    },
    "one_sweep": {
        "sweep": "codes.sparsity",
        "data": "xarray.Dataset",
        "plotting.sweep_figure(data)": "image/png",
    },
    "two_networks": {
        "plain": "<svg",
        "before": "<iframe",
        "comparison": "plain → incoherent",
        "plotting.comparison_figure(comparison)": "image/png",
    },
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_shows(path):
    cells = json.loads(path.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    lasts = {"".join(cell["source"]).splitlines()[-1] for cell in code}
    assert SHOWN[path.stem].keys() <= lasts


@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_says(path, monkeypatch):
    reason = "needs Jupyter's kernel: pip install '.[notebooks]'"
    nbformat = pytest.importorskip("nbformat", reason=reason)
    nbclient = pytest.importorskip("nbclient", reason=reason)
    pytest.importorskip("ipykernel", reason=reason)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    # An error in a cell ends this with its traceback.
    nbclient.NotebookClient(
        notebook, timeout=600, startup_timeout=600, kernel_name="python3"
    ).execute()
    shown = dict(SHOWN[path.stem])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            results = [output for output in cell.outputs if output.output_type == "execute_result"]
            assert not [out for out in cell.outputs if out.get("name") == "stderr"]
            text = json.dumps([result.data for result in results], ensure_ascii=False)
            assert shown.pop(cell.source.splitlines()[-1], "") in text
    assert not shown
