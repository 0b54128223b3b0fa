"""The validation of partial recovery runs, finds nothing, and would find something."""

import importlib
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from dcsc.bounds.depth import actual
from dcsc.bounds.instance.problem import Problem
from dcsc.bounds.partial import bound, counting

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("validate_partial")


def violations(script, settings):
    table = defaultdict(script.Row)
    examples = [text for number in settings for text in script.compare(0, number, table)]
    assert bool(examples) == any(row.violations for row in table.values())
    return {name for name, row in table.items() if row.violations}


def test_no_end_is_on_the_wrong_side(script, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["validate_partial.py", "--cases", "60", "--models", "60", "--seed", "3"]
    )
    assert script.main() == 0
    *rows, total = capsys.readouterr().out.splitlines()
    assert total.startswith("60 cases, 0 violations")
    tells = {row[:24].strip(): int(row[24:].split()[1]) for row in rows[1:]}
    assert tells["recall, low"] > 30
    assert tells["count, said"] > 30
    assert tells["actual, layer 2, high"] == 1


def test_a_unit_that_overshoots_and_is_not_taken_off_is_found(script, monkeypatch):
    ends = Problem.ends

    def naive(self, tail, atoms, weights, gap):
        low, high = ends(self, tail, atoms, weights, gap)
        return np.where(self.column.on[atoms], high, low), high  # no more than the tie is open

    monkeypatch.setattr(Problem, "ends", naive)
    assert any("low" in name for name in violations(script, range(6)))


def test_a_variance_of_independent_units_is_found(script, monkeypatch):
    monkeypatch.setattr(
        counting, "largest_variance", lambda p, places, windows: float(p @ (1 - p)) / 4
    )
    assert violations(script, [22, 28]) >= {"count, Cantelli"}


def test_an_energy_without_that_of_errors_is_found(script, monkeypatch):
    monkeypatch.setattr(counting, "interference_energy", lambda column, units: 0.0)
    assert violations(script, range(5)) >= {"count, energy cap"}


def test_means_that_forget_the_upper_ends_are_found(script, monkeypatch):
    means = bound.means_of_units
    monkeypatch.setattr(bound, "means_of_units", lambda on, low, high: means(on, low, low))
    names = violations(script, range(4))
    assert names >= {"recall, low", "missed, high", "false_alarms, high"}


def test_errors_below_that_are_forgotten_are_found(script, monkeypatch):
    monkeypatch.setattr(actual, "_bounded", lambda task, below, choice, draw: draw[-1].upper)
    wrong = []
    for number in range(2):
        for name, low, high in script.model_checks(np.random.default_rng(number)):
            wrong += [name] * (low > high + 1e-9)
    assert set(wrong) == {"actual, layer 2, high"}
