"""The face of the experiments, and the paths that their documentation once named."""

import importlib

import pytest

from dcsc import experiments


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("tally", "simulation"),
        ("poster", "studies.poster"),
        ("recover", "studies.recover"),
        ("inputs", "studies.inputs"),
        ("example", "studies.example"),
    ],
)
def test_documented_paths_lead_to_the_same_objects(path, home):
    old = importlib.import_module(f"dcsc.experiments.{path}")
    new = importlib.import_module(f"dcsc.experiments.{home}")
    assert old.__all__
    assert set(old.__all__) <= set(new.__all__)
    for name in old.__all__:
        assert getattr(old, name) is getattr(new, name)


def test_the_face_holds_what_the_rooms_export():
    for room in ("simulation", "rare", "sweeps"):
        module = importlib.import_module(f"dcsc.experiments.{room}")
        shared = set(module.__all__) & set(experiments.__all__)
        assert shared
        for name in shared:
            assert getattr(experiments, name) is getattr(module, name)
