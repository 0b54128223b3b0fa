"""What a run would do: counts against the run itself, time and memory within a stated factor."""

import pickle
import re
import subprocess
import sys

import attrs
import pytest

from dcsc.errors import DcscError
from dcsc.experiments.sweeps import Sweep, forecast, run
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.examination import examine
from tests.commands import refused
from tests.sweeps.cases import BARE, DEEP, SMALL, axes, sweep, table

FACTOR = 3  # as docs/sweeps.md states

DENSE = axes(sparsity=("codes.sparsity", [1, 2, 99, 500]), noise=("noise", [0.0, 0.2]))
WHY = (
    "cell sparsity=99, noise=0: codes.draw: sparsity: expected at most 15, the entries of a stripe "
    "of CirculantDictionary, got 99 (and 1 more)"
)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (SMALL, {"trials": 60_000}),
        (SMALL, {"trials": 64, "axes": axes(seed=("seed", list(range(60))))}),
        (DEEP, {"trials": 8000}),
    ],
    ids=["trials", "cells", "deep"],
)
def test_the_time_is_right_within_a_factor(text, changes, tmp_path, own_seconds):
    given = sweep(text, **changes)
    guess = forecast(given).seconds
    done = run(given, tmp_path, jobs=1)
    assert guess / FACTOR < done.seconds * done.busy < guess * FACTOR


def test_what_else_the_machine_does_is_not_counted(monkeypatch, own_seconds):
    """One measurement of 64 trials that waits for a second would stand for all trials of a cell."""
    given = sweep(SMALL, trials=60_000)
    quiet = forecast(given).seconds
    module = sys.modules[forecast.__module__]
    plain, calls = module._run, []

    def waiting(sweep, cell, trials, guarantees):
        spent, proved = plain(sweep, cell, trials, guarantees)
        if sweep is given:
            calls.append(trials)
        return spent + (len(calls) == 1 and sweep is given), proved

    monkeypatch.setattr(module, "_run", waiting)
    assert forecast(given).seconds < FACTOR * quiet
    assert calls


def test_guarantees_count_as_what_they_take_the_first_time(monkeypatch):
    """What a cell's guarantees keep makes those of the same cell quick, as in no run."""
    given = sweep(SMALL, trials=64)
    module = sys.modules[forecast.__module__]
    plain, seen = module._run, set()

    def keeping(sweep, cell, trials, guarantees):
        spent, _ = plain(sweep, cell, trials, guarantees)
        first = (id(sweep), cell.identity) not in seen
        seen.add((id(sweep), cell.identity))
        return spent, 1.0 if first else 0.0

    monkeypatch.setattr(module, "_run", keeping)
    bounds = {cell.guarantees_identity for cell in given.cells()}
    assert forecast(given).seconds >= len(bounds)


def test_the_memory_is_right_within_a_factor(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.replace("trials = 100", "trials = 20000"))
    command = [sys.executable, "-m", "dcsc", "sweep", "small.toml", "--jobs", "1", "--out", "out"]
    done = subprocess.run(
        [*command, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    guess = int(re.search(r"with some ([\d,]+) MB", done.stdout)[1].replace(",", "")) * 1e6
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=2); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert guess / FACTOR < int(done.stdout) * unit < guess * FACTOR


def test_the_counts_are_those_of_the_run(tmp_path):
    """Before it, half way and after it; cells that agree count once, infeasible ones not at all."""
    both = {**DENSE, "delta": {"parameter": "delta", "values": [0.1, 0.2]}}
    given = sweep(axes=both)
    guess = forecast(given, tmp_path / "out")
    assert (guess.cells, guess.trials, guess.found, guess.sampled) == (16, 400, 0, 4)
    assert len(guess.examination.infeasible) == 8
    assert not (tmp_path / "out").exists()
    done = run(given, tmp_path / "out", jobs=1)
    assert done.trials == guess.trials
    guess = forecast(given, tmp_path / "out")
    assert (guess.trials, guess.found, guess.seconds, guess.sampled) == (0, 400, 0.0, 0)
    more = attrs.evolve(given, trials=2000)
    guess = forecast(more, tmp_path / "out")
    done = run(more, tmp_path / "out", jobs=1)
    assert (guess.trials, guess.found) == (done.trials, 4 * 64)


def test_a_stopping_rule_makes_it_at_most(tmp_path):
    given = sweep(trials=1000, stop={"width": 0.2})
    guess = forecast(given)
    done = run(given, tmp_path, jobs=1)
    assert done.trials < guess.trials == done.most
    assert forecast(given, tmp_path).trials == 0


def test_the_command(tmp_path, called):
    file = tmp_path / "dense.toml"
    Sweep.of(table(axes=DENSE))
    file.write_text(SMALL.replace("values = [1, 2, 3, 5]", "values = [1, 2, 99, 500]"))
    for options in (("--jobs", 1), ("--jobs", 1, "--out", tmp_path / "out"), ("--jobs", 2)):
        code, out, err = called("sweep", file, "--dry-run", *options)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[:3] == [
            "8 cells, at most 100 trials each.",
            f"4 of 8 cells do not exist, such as: {WHY}",
            "400 trials to run; 0 are there.",
        ]
        assert re.fullmatch(
            r"About [\d.]+ s of work(, [\d.]+ s on 2 processes)?, with some [\d,]+ MB of memory a "
            r"process: from 4 cells, right within a factor of 3\.",
            lines[3],
        )
        assert ("on 2 processes" in lines[3]) == (2 in options)
    assert [path.name for path in tmp_path.iterdir()] == ["dense.toml"]
    assert refused(called("sweep", file)) == (
        "--out: expected a folder for the results, or --dry-run"
    )


def test_cells_that_do_not_exist_are_told_before_the_run(tmp_path, called):
    file = tmp_path / "dense.toml"
    file.write_text(SMALL.replace("values = [1, 2, 3, 5]", "values = [1, 2, 99, 500]"))
    code, _, err = called("sweep", file, "--out", tmp_path / "out", "--jobs", 1)
    assert code == 0
    assert err.splitlines()[0] == f"dcsc sweep: 4 of 8 cells do not exist, such as: {WHY}"


def test_cells_that_cannot_be_made_are_told_all_at_once(tmp_path):
    """Of whatever part; neither a run nor a forecast begins."""
    layer = table(BARE)["layers"][0]
    over = {
        "batch": {"parameter": "codes.batch", "values": [1, -1, -2]},
        "threshold": {"parameter": "layers.1.projection.threshold", "values": [0.5, "high"]},
        "extent": {"parameter": "layers.1.dictionary.extent", "values": [12, -5]},
    }
    given = sweep(BARE, axes=over, layers=[layer])
    expected = [
        "cell batch=1, threshold=0.5, extent=-5: layers.1.dictionary: CirculantDictionary: extent: "
        "expected at least 1, got -5 (and 5 more)",
        "cell batch=1, threshold=high, extent=12: layers.1.projection: HardThreshold: threshold: "
        "expected a real number, got 'high' (and 5 more)",
        "cell batch=-1, threshold=0.5, extent=12: codes: codes.draw: batch: expected at least 0, "
        "got -1",
        "cell batch=-2, threshold=0.5, extent=12: codes: codes.draw: batch: expected at least 0, "
        "got -2",
    ]
    for call in (lambda: forecast(given), lambda: run(given, tmp_path / "out", jobs=1)):
        with pytest.raises(DcscError) as error:
            call()
        assert str(error.value) == "sweep: " + "; ".join(expected)
    assert not (tmp_path / "out").exists()
    tail = {"kind": "Selberg", "degree": "none"}
    bounds = [{"kind": "InstanceBound", "tail": tail}, {"kind": "InstanceBound"}]
    with pytest.raises(DcscError, match=r"the only cell: bounds\.1"):
        forecast(sweep(BARE, bounds=bounds))


def test_what_cells_share_is_made_once(monkeypatch):
    calls = []
    for name in ("model", "codes"):
        made = getattr(Cell, name)
        monkeypatch.setattr(
            Cell,
            name,
            lambda self, *rest, made=made, name=name: calls.append(name) or made(self, *rest),
        )
    over = {
        "sparsity": {"parameter": "codes.sparsity", "values": [1, 2, 3]},
        "noise": {"parameter": "noise", "linear": [0.0, 1.0, 100]},
    }
    assert examine(sweep(BARE, axes=over)).cells == 300
    assert sorted(calls) == ["codes"] * 3 + ["model"]


def test_an_examination_has_an_end():
    given = sweep(BARE, axes=axes(seed=("seed", list(range(5000)))))
    assert 0 < examine(given, 0.05).cells < 5000


def test_all_that_is_wrong_with_a_cell_is_told_with_the_file_and_the_places_in_it(tmp_path, called):
    text = BARE.replace("extent = 12", "extent = -4").replace("threshold = 0.5", "threshold = -1")
    text = text.replace('"ConstantAmplitudes"', '{ kind = "ConstantAmplitudes", value = -1 }')
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    expected = (
        f"{file}: the only cell: layers.1.dictionary: CirculantDictionary: extent: expected "
        "at least 1, got -4; the only cell: layers.1.projection: HardThreshold: threshold: "
        "expected at least 0, got -1.0; the only cell: codes.amplitudes: ConstantAmplitudes: "
        "value: expected a positive number, got -1.0"
    )
    for way in (["--dry-run"], ["--out", tmp_path / "out"]):
        done = called("sweep", file, *way)
        assert (done.code, done.err.splitlines()[-1]) == (2, f"dcsc: {expected}")
    cell = next(sweep(text).cells())
    with pytest.raises(DcscError) as error:
        cell.model(sweep(text).strategies)
    copy = pickle.loads(pickle.dumps(error.value))  # as a worker hands it over
    assert (str(copy), copy.texts) == (str(error.value), error.value.texts)
    assert [each.partition(":")[0] for each in copy.texts] == [
        "layers.1.dictionary",
        "layers.1.projection",
    ]
