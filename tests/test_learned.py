"""Dictionaries that other libraries have learnt: synthesis is theirs."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "learned"
NEEDS = {
    "from_scikit_learn": ("sklearn", "peers"),
    "from_sporco": ("sporco", "peers"),
    "from_alphacsc": ("alphacsc", "peers"),
    "from_pywavelets": ("pywt", "wavelets"),
}


@pytest.mark.filterwarnings("ignore")  # of libraries that are older than what is beneath them
@pytest.mark.parametrize("name", NEEDS)
def test_the_dictionary_is_that_of_the_library(name, capsys):
    module, extra = NEEDS[name]
    pytest.importorskip(module, reason=f"needs {module}: pip install 'dcsc[{extra}]'")
    made = runpy.run_path(str(FOLDER / f"{name}.py"))
    assert made["same"]
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("energies" if name == "from_pywavelets" else "coherence")
    if name == "from_pywavelets":
        assert made["energies"][0] == pytest.approx(made["energies"][1], rel=1e-9)
    else:
        assert 0 < made["dictionary"].mutual_coherence() <= 1 + 1e-12


def test_every_script_is_run_and_shown():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)
    page = (FOLDER.parent / "learned.md").read_text()
    assert all(f"learned/{name}.py" in page for name in NEEDS)
