"""The three commands, as a person runs them."""

import contextlib
import json
import os
import re
import signal
import time

import attrs
import matplotlib.image
import pytest

from dcsc._words import visible
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import Sweep, run
from tests import commands
from tests.commands import PATIENCE, start, wait_for
from tests.sweeps.cases import BARE, SMALL, numbers, sweep
from tests.sweeps.test_killed import members


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def refused(done):
    """Return the one line of a command that was refused, apart from those about its progress."""
    lines = [line for line in done.err.splitlines() if not line.startswith("dcsc sweep: ")]
    return commands.refused(done._replace(err="\n".join(lines)))


def test_recall_is_drawn_where_it_is_proved(tmp_path, called):
    run(sweep(BARE, axes={}, trials=2, bounds=["PartialBound"]), tmp_path, jobs=1)
    names = ["sweep.png", "sweep.svg", "recall.png", "recall.svg"]
    first, *others, last = (f"{tmp_path}/{name}" for name in names)
    said = f"Wrote {', '.join([first, *others])} and {last}.\n"
    assert called("plot", tmp_path) == (0, said, "")
    assert {path.name for path in tmp_path.iterdir()} >= set(names)


def test_a_sweep_from_file_to_figure(file, tmp_path, called):
    """The first in a process of its own: what is printed where nobody looks on, and written."""
    with start("sweep", "small.toml", "--out", "out", "--jobs", "1", cwd=tmp_path) as done:
        out, err = done.communicate(timeout=PATIENCE)
    assert done.returncode == 0, err
    lines = err.splitlines()
    assert lines[0] == "dcsc sweep: 8 cells, at most 100 trials each"
    assert lines[-1].startswith("dcsc sweep: 8 cells: 100%, ")
    assert lines[-1].endswith(" trials/s, 0 s left")
    assert all(line.startswith("dcsc sweep: ") for line in lines)
    first, *_, last = out.splitlines()
    assert first.startswith("8 cells, 800 trials in ")
    assert first.endswith(" s; 0 were there before.")
    assert last == "Wrote out/results.nc. See it with: dcsc plot out"
    run(Sweep.load(file), tmp_path / "mine", jobs=1)
    assert numbers(sweeps.open(tmp_path / "out")).identical(numbers(sweeps.open(tmp_path / "mine")))
    place = tmp_path / "out"
    assert called("plot", place) == (0, f"Wrote {place}/sweep.png and {place}/sweep.svg.\n", "")
    assert matplotlib.image.imread(place / "sweep.png").std() > 0.05
    assert (place / "sweep.svg").read_text().startswith("<?xml")
    said = f"{sweeps.replay(place, {'sparsity': 5, 'noise': 0.2}, 0)}\n"
    cell = ("--cell", "sparsity=5,noise=.2", "--trial", 0)
    assert called("replay", place, *cell) == (0, said, "")


@pytest.mark.parametrize(
    ("jobs", "moment", "sent"),
    [
        (1, "landed", signal.SIGINT),
        (2, "landed", signal.SIGINT),
        (2, "started", signal.SIGINT),
        (2, "importing", signal.SIGINT),
        (2, "landed", signal.SIGTERM),
        (2, "importing", signal.SIGHUP),
    ],
)
def test_an_interrupted_sweep_goes_on(jobs, moment, sent, tmp_path):
    """One line, also where workers are interrupted with it, as a terminal does; nothing is lost.

    The workers may have landed something, or not have come to life yet.
    """
    file = tmp_path / "long.toml"
    file.write_text(SMALL.replace("trials = 100", "trials = 10000000"))
    blocks = tmp_path / "out" / "blocks"
    with start("sweep", "long.toml", "--out", "out", "--jobs", jobs, cwd=tmp_path) as done:
        moments = {
            "landed": lambda: list(blocks.glob("[0-9a-f]*.json")),
            "started": lambda: len(members(done.pid)) >= 3,
            "importing": lambda: len(members(done.pid)) >= 3 and not time.sleep(0.5),
        }
        wait_for(moments[moment], done)
        if jobs > 1 and sent == signal.SIGINT:
            # The one who started them stops them soon after; nobody is that fast here.
            for worker in set(members(done.pid)) - {str(done.pid)}:
                with contextlib.suppress(ProcessLookupError):  # a helper that is through
                    os.kill(int(worker), signal.SIGINT)
            time.sleep(0.3)
        os.killpg(done.pid, sent)
        out, err = done.communicate(timeout=PATIENCE)
    assert done.returncode == 128 + sent, err
    assert out == ""
    assert [line for line in err.splitlines() if not line.startswith("dcsc sweep: ")] == [
        "dcsc: interrupted: what was finished is in out; the same command goes on"
    ]
    landed = int(sweeps.open(tmp_path / "out")["trials"].sum())
    assert landed > 0 or moment != "landed"
    assert landed < 8 * 10_000_000
    assert not (tmp_path / "out" / "results.nc").exists()
    fewer = attrs.evolve(Sweep.load(file), trials=4096)
    again = run(fewer, tmp_path / "out", jobs=1)
    assert again.found + again.trials == 8 * 4096
    run(fewer, tmp_path / "mine", jobs=1)
    assert numbers(sweeps.open(tmp_path / "out")).identical(numbers(sweeps.open(tmp_path / "mine")))


def test_a_rerun_says_what_was_there(file, tmp_path, called):
    out = tmp_path / "out"
    run(sweep(), out, jobs=1)
    code, said, _ = called("sweep", file, "--out", out, "--jobs", 1)
    assert code == 0
    assert said.splitlines()[0].startswith("8 cells, 0 trials in ")
    assert said.splitlines()[0].endswith(" s; 800 were there before.")


def test_options_take_the_place_of_what_the_file_says(file, tmp_path, called):
    out = tmp_path / "out"
    rule = ("--stop-width", 0.2, "--level", 0.5, "--max-trials", 128)
    code, said, err = called("sweep", file, "--out", out, "--jobs", 1, *rule)
    assert code == 0
    data = sweeps.open(out)
    assert data.attrs["trials"] == 128
    assert "the interval is wider than 0.2 or it holds 0.5" in data.attrs["stopping_rule"]
    saved = 8 * 128 - int(data["trials"].sum())
    assert saved > 0
    assert f"The stopping rule saved {saved} of 1,024 trials." in said.splitlines()
    assert "dcsc sweep: look 1 of at most 2: 8 of 8 cells: 100%" in err


def test_one_option_leaves_the_rest_of_the_rule(tmp_path, called):
    file = tmp_path / "rule.toml"
    file.write_text(SMALL.replace("[codes]", "[stop]\nlevels = [0.25]\n\n[codes]"))
    out = tmp_path / "out"
    assert called("sweep", file, "--out", out, "--jobs", 1, "--stop-width", 0.2)[0] == 0
    assert "wider than 0.2 or it holds 0.25" in sweeps.open(out).attrs["stopping_rule"]


def test_cells_that_do_not_exist_are_said(tmp_path, called):
    file = tmp_path / "dense.toml"
    file.write_text(SMALL.replace("values = [1, 2, 3, 5]", "values = [1, 99]"))
    code, said, _ = called("sweep", file, "--out", tmp_path / "out", "--jobs", 1)
    assert code == 0
    assert (
        "2 cells do not exist, such as: cell sparsity=99, noise=0: codes.draw: sparsity: expected "
        "at most 15, the entries of a stripe of CirculantDictionary, got 99"
    ) in said.splitlines()


def test_bad_input_is_one_line(file, tmp_path, called):
    out = tmp_path / "out"
    assert refused(called("sweep", tmp_path / "none.toml", "--out", out)) == (
        f"sweep: expected a file, got {tmp_path / 'none.toml'}: No such file or directory"
    )
    bad = tmp_path / "bad.toml"
    bad.write_text(SMALL.replace("trials", "trails").replace("HardThreshold", "HardTreshold"))
    assert refused(called("sweep", bad, "--out", out)) == (
        f"{bad}: no key 'trails': did you mean 'trials'?; expected a key 'trials', got none; "
        "layers.1.projection: no projection is called 'HardTreshold': did you mean "
        "'HardThreshold'?"
    )
    assert "--out" in refused(called("sweep", file))
    assert refused(called("sweep", file, "--out", file)) == (
        f"--out: expected a folder to write to, got {file}: Not a directory"
    )
    for option, value, said in (
        ("--jobs", 0, "sweep: jobs: expected at least 1, got 0"),
        ("--max-trials", 0, "--max-trials: expected at least 1, got 0"),
        ("--max-trials", 10**17, f"--max-trials: expected at most {10**9}, got {10**17}"),
        ("--stop-width", -1, "--stop-width: expected at least 0, got -1.0"),
        ("--level", 2, "Stopping: levels: expected at most 1, got 2.0"),
    ):
        assert refused(called("sweep", file, "--out", out, option, value)) == said
    assert "--stop-width" in refused(called("sweep", file, "--out", out, "--stop-width", "x"))
    for command in ("plot", "replay"):
        assert refused(called(command, tmp_path)) == (
            f"sweep: expected the folder of a sweep, with a sweep.json, got {tmp_path}"
        )
    assert not out.exists()


def test_bad_cells_are_one_line(tmp_path, called):
    run(sweep(BARE, trials=1), tmp_path / "out", jobs=1)
    for cell in ("noise", "noise=", "=1", "a=1,b"):
        assert refused(called("replay", tmp_path / "out", "--cell", cell)) == (
            f"--cell: expected axis=label,axis=label, got {cell!r}"
        )
    assert refused(called("replay", tmp_path / "out", "--cell", "{")).startswith(
        "--cell: expected JSON, got '{': "
    )
    assert refused(called("replay", tmp_path / "out", "--cell", '{"a": [1]}')) == (
        "replay: cell: no axis is called 'a': there are none"
    )
    assert refused(called("replay", tmp_path / "out", "--trial", -1)) == (
        "replay: trial: expected at least 0, got -1"
    )


def test_labels_of_any_characters_can_be_told(tmp_path, called):
    """As JSON all of them; without it those that have no comma and no space at an end."""
    labels = ["β=0,9 – café", 'a "b" \\ {c}', " ", "", "1", "[x]=y", "new\nline", "a=b=c", "{"]
    signs = ["RademacherSigns", "IdentitySigns", "FilterSigns"]
    values = [{"kind": signs[at % 3]} for at in range(len(labels))]
    given = sweep(
        BARE,
        trials=1,
        axes={
            "a": {"parameter": "layers.1.signs", "values": values, "labels": labels},
            "noise": {"parameter": "noise", "values": [0.25, 1]},
        },
    )
    run(given, tmp_path, jobs=1)
    for at, label in enumerate(labels):
        for cell in (
            json.dumps({"a": label, "noise": 1}),
            json.dumps({"noise": 1.0, "a": label}, ensure_ascii=False, indent=1),
            *([f"a={label},noise=1"] if label in ("1", "[x]=y", "a=b=c", "{") else []),
        ):
            code, out, err = called("replay", tmp_path, "--cell", cell, "--trial", 0)
            assert (code, err) == (0, "")
            expected = sweeps.replay(tmp_path, {"a": label, "noise": 1}, 0)
            assert expected.cell.index == (at, 1)
            assert out == "\n".join(map(visible, str(expected).split("\n"))) + "\n"


FAILING = """
import attrs
from dcsc.projections import Projection


@attrs.frozen
class Failing(Projection):
    fails: bool = False

    def _project(self, coefficients, dictionary):
        if self.fails:
            raise RuntimeError("it fails")
        return coefficients.copy()
"""


def test_a_cell_that_fails_is_one_line_and_leaves_what_has_landed(tmp_path, called):
    """Workers' errors too; of two workers it is chance which one fails first."""
    (tmp_path / "own_failing.py").write_text(FAILING)
    file = tmp_path / "bad.toml"
    text = SMALL.replace('"noise"\nvalues = [0.0, 0.2]', '"layers.1.projection.fails"\nvalues = X')
    text = text.replace("X", "[false, true]").replace(", threshold = 0.5 }", " }")
    file.write_text(text.replace("HardThreshold", "own_failing:Failing"))
    for jobs, cells in ((1, "1"), (2, "1235")):
        options = ("--jobs", jobs, "--allow-code")
        line = refused(called("sweep", file, "--out", tmp_path / "out", *options))
        assert re.match(rf"cell sparsity=[{cells}], noise=True: RuntimeError: it fails \(", line)
    assert sweeps.open(tmp_path / "out")["trials"].sum() > 0


def test_help(called):
    for command, words in {
        "sweep": ("--out", "--jobs", "--dask", "--stop-width", "--level", "--max-trials", "FILE"),
        "plot": ("--out", "DIR"),
        "replay": ("--cell", "--trial", "--allow-code", "DIR"),
    }.items():
        code, said, err = called(command, "--help")
        assert (code, err) == (0, "")
        for word in words:
            assert word in said
        assert "--no-allow-code" not in said
