"""What users call stays as it is, unless a change is meant."""

import importlib
import inspect
import subprocess
import sys

import pytest

import dcsc
from tests import public_api


def test_the_public_names_are_those_of_the_list(torch):
    """A change of this list belongs into the changelog, too.

    ``python -m tests.public_api`` writes it anew.
    """
    assert public_api.lines() == public_api.FILE.read_text(encoding="utf-8").splitlines()


def test_help_names_what_may_be_given(torch):
    """Unquoted, ``npt.ArrayLike`` would be numpy's own union, which takes several lines."""
    for module in map(importlib.import_module, public_api.MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            parts = vars(value).items() if inspect.isclass(value) else [(name, value)]
            for part, function in parts:
                if inspect.isfunction(function):
                    assert "_typing" not in str(inspect.signature(function)), f"{name}: {part}"


def test_what_is_imported_later_is_there_by_name_and_costs_nothing_before():
    script = """
import sys
import dcsc
later = ["experiments", "networks", "plotting", "report", "testing"]
assert not [name for name in later if f"dcsc.{name}" in sys.modules]
assert "torch" not in sys.modules and "matplotlib" not in sys.modules
assert {*later, "torch"} < {*dir(dcsc)}
for name in later:
    assert getattr(dcsc, name) is sys.modules[f"dcsc.{name}"]
dcsc.plotting.as_png, dcsc.networks.Graph, dcsc.experiments.Tally
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_module_whose_extra_is_missing_says_what_to_install():
    script = """
import sys
sys.modules["torch"] = None
import dcsc
try:
    dcsc.torch
except AttributeError as error:
    print(error)
assert not hasattr(dcsc, "torch")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    assert "pip install 'dcsc[torch]'" in ran.stdout


@pytest.mark.parametrize(
    ("name", "hint"),
    [("HardTreshold", ": did you mean 'HardThreshold'?"), ("zzz", ""), ("__zzz__", "")],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(name, hint):
    with pytest.raises(AttributeError) as told:
        getattr(dcsc, name)
    assert str(told.value) == f"module 'dcsc' has no attribute {name!r}{hint}"
