"""The validation at ties runs, finds nothing, and would find something."""

import importlib
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from dcsc import DCSCModel, Layer, dictionaries, projections
from dcsc.coefficients import ties
from dcsc.experiments import enumerate_signs
from dcsc.experiments.rare.tilting import AtRisk

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("validate_ties")


def violations(script, *settings):
    table = defaultdict(script.Row)
    examples = [text for number in settings for text in script.compare(0, number, table)]
    return {name for name, row in table.items() if row.violations}, examples


def arguments(cases, seed):
    return ["validate_ties.py", "--cases", str(cases), "--seed", str(seed)]


def test_no_guarantee_is_below_the_truth(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", arguments(120, 2))
    assert script.main() == 0
    *rows, total = capsys.readouterr().out.splitlines()
    assert total.startswith("120 cases, 0 violations")
    tied = {row[:19].strip(): int(row[19:].split()[2]) for row in rows[1:]}
    assert tied["uniform (2)"] > 30


def test_a_rule_of_ties_that_forgets_single_precision_is_found(script, monkeypatch, capsys):
    monkeypatch.setattr(ties, "rounding_of", lambda *layer: 0.0)
    names, examples = violations(script, 22, 42, 47)
    assert names >= {"uniform (2)", "hybrid", "layered", "instance, exact"}
    assert names >= {"lower", "each atom", "safe", "lost"}
    # what is printed is code, and keeps no non-zero that is not needed
    lines = [line.strip() for line in min(examples, key=len).splitlines()]
    known = {"np": np} | {
        name: getattr(family, name)
        for family in (dictionaries, projections)
        for name in family.__all__
    }
    exec("\n".join(lines[1:4]), known)
    assert known["codes"].shape[1:] == known["dictionary"].code_shape
    assert np.count_nonzero(known["codes"]) == 1
    assert known["projection"].selection.threshold > 0
    monkeypatch.setattr(sys, "argv", arguments(160, 0))
    assert script.main() == 1
    assert "safe: 1.0 > 0.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "share", "name"), [(0, 0, "estimate, high"), (161, 1, "estimate, low")]
)
def test_an_estimate_that_is_far_off_is_found(script, monkeypatch, setting, share, name):
    failure = AtRisk.failure
    monkeypatch.setattr(AtRisk, "failure", lambda self, signs: 0 * failure(self, signs) + share)
    assert violations(script, setting)[0] == {name}


def test_an_enumeration_of_another_model_is_found(script, monkeypatch):
    def other(model, codes, noise):
        layer = model.layers[0]
        moved = layer.projection.with_threshold(0.0)
        return enumerate_signs(DCSCModel([Layer(layer.dictionary, moved)]), codes, noise)

    monkeypatch.setattr(script, "enumerate_signs", other)
    assert violations(script, *range(16))[0] == {"enumerate_signs"}
