"""What ``dcsc doctor`` says of an installation."""

import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import dcsc
from dcsc._numerics import ways
from dcsc.dictionaries import CirculantDictionary

REQUIRED = [
    "numpy>=2.0",
    "safetensors>=0.6",
    'torch>=2.13; extra == "torch"',
    'dcsc[torch]; extra == "all"',
]


@pytest.fixture
def installed(monkeypatch):
    """Return the packages of an installation, to be changed by the test."""
    versions = {"numpy": "2.4.0", "safetensors": "0.8.0", "torch": "2.13.0+cpu"}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "requires", {"dcsc": REQUIRED}.get)
    monkeypatch.setattr(metadata, "version", version)
    return versions


def test_a_sound_installation(installed, called):
    code, out, err = called("doctor")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"dcsc {dcsc.__version__} in ")
    assert lines[3].startswith("Computes rightly, with loops that numba compiles; ")
    rows = [line.split() for line in lines if line.startswith("│")]
    assert [(row[1], row[3], row[5]) for row in rows] == [
        ("numpy", ">=2.0", "2.4.0"),
        ("safetensors", ">=0.6", "0.8.0"),
        ("torch", ">=2.13", "2.13.0+cpu"),
    ]


def test_optional_parts_are_named(installed, called):
    del installed["torch"]
    code, out, err = called("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "For PyTorch's files and modules: pip install 'dcsc[torch]'"


def test_packages_that_are_missing_or_too_old(installed, called):
    installed["numpy"] = "1.26.4"
    del installed["safetensors"]
    code, out, err = called("doctor")
    assert code == 2
    assert "1.26.4, too old" in out
    assert err == (
        "dcsc: packages are missing or too old: pip install 'numpy>=2.0' 'safetensors>=0.6'\n"
    )


def test_a_computation_that_goes_wrong(installed, called, monkeypatch):
    monkeypatch.setattr(CirculantDictionary, "analyze", lambda self, signal: np.zeros((3, 8)))
    code, _, err = called("doctor")
    assert code == 2
    assert "does not compute what it is defined to" in err


def test_why_it_is_slow(installed, called, monkeypatch):
    monkeypatch.setattr(ways, "_failures", ["ImportError: no numba"])
    _, out, _ = called("doctor")
    assert "in numpy, slower: the loops cannot be compiled (ImportError: no numba);" in out


def test_every_optional_part_is_named(called, monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    _, out, _ = called("doctor")
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    (every,) = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]["all"]
    parts = every.removeprefix("dcsc[").removesuffix("]").split(",")
    for part in parts:
        assert f"pip install 'dcsc[{part}]'" in out
    assert out.count("pip install 'dcsc[") == len(parts)


def test_what_is_declared_is_here(called):
    """The metadata of this installation, as pip reads it."""
    code, out, err = called("doctor")
    assert (code, err) == (0, "")
    for name in ("numpy", "scipy", "torch", "onnx", "distributed"):
        assert f"│ {name} " in out
