"""Names of packages are imported when they are first named, and all of them are found."""

import ast
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import dcsc

ROOT = Path(dcsc.__file__).parents[1]
FACES = [
    path
    for path in sorted((ROOT / "dcsc").rglob("__init__.py"))
    if "named_later(__name__)" in path.read_text(encoding="utf-8")
]


def package(path):
    return ".".join(path.parent.relative_to(ROOT).parts)


def loaded(statement):
    """The modules that a statement imports, in a process of its own."""
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_there_are_faces():
    assert {"dcsc", "dcsc.bounds", "dcsc.pursuits"} <= {*map(package, FACES)}


@pytest.mark.parametrize("path", FACES, ids=package)
def test_every_name_of_a_face_is_what_its_import_statement_says(path):
    face = importlib.import_module(package(path))
    said = {
        alias.name: node.module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*face.__all__} <= {*dir(face)}
    for name in {*face.__all__} - {"__version__"}:
        home = importlib.import_module(said[name])
        assert getattr(face, name) is getattr(home, name)


@pytest.mark.parametrize("path", FACES, ids=package)
def test_no_name_of_a_face_is_that_of_a_module_beside_it(path):
    """Python would put the module in its place as soon as anybody imports that."""
    face = importlib.import_module(package(path))
    for name in face.__all__:
        if path.with_name(f"{name}.py").exists() or path.with_name(name).is_dir():
            assert getattr(face, name) is sys.modules[f"{face.__name__}.{name}"]


def test_importing_the_package_imports_no_library():
    assert not loaded("import dcsc") & {"numpy", "scipy", "attrs"}


def test_one_name_does_not_import_the_others():
    found = loaded("from dcsc.bounds import Babel\nfrom dcsc import Dictionary")
    assert not {x for x in found if x.startswith(("dcsc.pursuits", "dcsc.bounds.pursued"))}


def test_the_command_that_analyzes_imports_nothing_that_few_analyses_need():
    found = loaded("import dcsc.cli.analyze")
    few = (
        *("dcsc._sharing", "dcsc.experiments", "dcsc.plotting"),
        *("dcsc.bounds.certificates", "dcsc.bounds.depth", "dcsc.bounds.explanations"),
        *("dcsc.bounds.partial", "dcsc.bounds.pursued"),
        *("dcsc.networks.autoencoders", "dcsc.networks.tallies.layers"),
        *("dcsc.pursuits.basis", "dcsc.pursuits.matching", "dcsc.pursuits.proximal"),
        *("scipy.linalg", "scipy.sparse", "scipy.special", "numpy.f2py", "numpy.ma.core"),
        *("asyncio", "cattrs", "filelock", "joblib", "matplotlib", "numba", "onnx", "torch"),
        "xarray",
    )
    assert not {name for name in found if name.startswith(few)}


def test_usual_activations_import_nothing_slow():
    apply = (
        "import numpy as np\nfrom dcsc.networks.operations import Sigmoid, Silu, Softmax\n"
        "for one in (Sigmoid(), Silu(), Softmax()): one(np.zeros((2, 3), np.float32))"
    )
    assert not loaded(apply) & {"scipy.special", "scipy.sparse"}


def test_modules_below_a_face_are_found_by_name():
    assert "dcsc.bounds.tails" not in loaded("import dcsc")
    assert "dcsc.bounds.tails" in loaded("import dcsc\ndcsc.bounds.tails.Exact")


def test_a_star_imports_all_names():
    names = {}
    exec("from dcsc.bounds import *", names)
    assert {*dcsc.bounds.__all__} <= {*names}


def test_what_a_face_gives_is_pickled_by_its_home():
    assert pickle.loads(pickle.dumps(dcsc.TopK)) is dcsc.projections.TopK


def test_a_wrong_name_of_any_face_is_told_with_the_nearest():
    with pytest.raises(AttributeError) as told:
        dcsc.bounds.HybirdBound  # noqa: B018
    assert str(told.value) == (
        "module 'dcsc.bounds' has no attribute 'HybirdBound': did you mean 'HybridBound'?"
    )
    with pytest.raises(ImportError, match="HybirdBound"):
        exec("from dcsc.bounds import HybirdBound")
