"""Files in the folder of a sweep whose contents are not those of a sweep: one sentence each."""

import copy
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest

from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from tests.sweeps.cases import DEEP, sweep

TRIALS = {"cell": "0" * 32, "start": 0, "stop": 64, "seconds": 1.0}
COUNTS = {"failures": [1, 1], "missed": [2], "false_alarms": [0]}
OTHERS = (None, True, -1, 1e300, "x", [], {}, [[]], {"a": {}}, 2**70, "inf")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(sweep(DEEP, trials=5), folder, jobs=1)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return pathlib.Path(shutil.copytree(finished, tmp_path / "copy"))


def written(folder, content):
    """Put bytes among the finished work, under the name that they should have."""
    path = folder / "blocks" / (hashlib.sha256(content).hexdigest()[:32] + ".json")
    path.write_bytes(content)
    return path


def said_of(path, *calls):
    """Return what all calls say of a file."""
    words = set()
    for call in calls:
        with pytest.raises(DcscError) as error:
            call()
        words.add(str(error.value))
    (text,) = words
    start = f"sweep: {path} is not what a sweep wrote: "
    assert text.startswith(start)
    return text.removeprefix(start)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{**TRIALS, **COUNTS, "stop": 0}], "expected a stretch of trials, got 0 to 0"),
        ([{**TRIALS, **COUNTS, "start": -1}], "expected a stretch of trials, got -1 to 64"),
        ([{**TRIALS, **COUNTS, "failures": [65, 65]}], "failures: expected no more of them than "
            "trials"),
        ([{**TRIALS, **COUNTS, "missed": []}], "expected as many counts of missed and false_alarms "
            "as of layers"),
        ([{**TRIALS, **COUNTS, "missed": [-1]}], "missed, false_alarms: expected counts"),
        ([{**TRIALS, **COUNTS, "missed": "1"}], "missed: expected a list, got '1'"),
        ([{**TRIALS, **COUNTS, "start": True}], "start: expected a whole number, got True"),
        ([{**TRIALS, **COUNTS, "seconds": "1"}], "seconds: expected a number, got '1'"),
        ([TRIALS], "expected a key 'failures', got none"),
        ([{"infeasible": 3, "why": "", "seconds": 0}], "infeasible: expected a string, got 3"),
        ([3], "records.1: expected a table, got 3"),
        ({}, "records: expected a list, got {}"),
        ([{"guarantees": "0", "bounds": [], "constants": {}, "kept": None, "seconds": 0}],
            "constants: expected coherence, sparsity, x_min, x_max, noise"),
    ],
)  # fmt: skip
def test_work_that_is_none(records, said, copied):
    content = json.dumps({"format": "dcsc blocks 1", "records": records}).encode()
    path = written(copied, content)
    calls = (
        lambda: sweeps.open(copied),
        lambda: sweeps.replay(copied, {"depth": 1, "sparsity": 1}),
        lambda: run(sweep(DEEP, trials=5), copied, jobs=1),
    )
    assert said_of(path, *calls) == said


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"3", b"[" * 10**5, b"NaN", b"{}"])
def test_work_that_is_no_table(content, copied):
    assert said_of(written(copied, content), lambda: sweeps.open(copied))


def test_layers_of_another_cell(copied):
    """A record of a cell that the plan says has one layer more."""
    plan = json.loads((copied / "sweep.json").read_text())
    cell = plan["cells"][plan["depths"].index(2)]
    content = json.dumps(
        {"format": "dcsc blocks 1", "records": [{**TRIALS, **COUNTS, "cell": cell}]}
    )
    path = written(copied, content.encode())
    assert said_of(path, lambda: sweeps.open(copied)) == "expected 2 layers of a cell, got 1"


def places(value, path=()):
    """Yield the path of everything inside a value."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else items:
        yield from places(inner, (*path, key))


def changed(value, path, other):
    """Return a copy with something else at a place; nothing if that is ``...``."""
    if not path:
        return other
    value = copy.deepcopy(value)
    node = value
    for key in path[:-1]:
        node = node[key]
    if other is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = other
    return value


@pytest.mark.parametrize("what", ["blocks", "plan"])
def test_anything_else_in_any_place(what, copied):
    """It is read, or refused in a sentence that names the file, whatever it is."""
    plan = copied / "sweep.json"
    blocks = sorted((copied / "blocks").iterdir())
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        path = plan if what == "plan" else blocks[rng.integers(len(blocks))]
        before = path.read_bytes()
        value = json.loads(before)
        at = list(places(value))
        place = at[rng.integers(1, len(at))]
        other = (..., *OTHERS)[rng.integers(len(OTHERS) + 1)]
        content = json.dumps(changed(value, place, other)).encode()
        path.write_bytes(content)
        new = (
            path
            if what == "plan"
            else path.rename(path.with_name(hashlib.sha256(content).hexdigest()[:32] + ".json"))
        )
        words = None
        try:
            sweeps.open(copied)
        except DcscError as error:
            words = str(error)
            refused += 1
        assert words is None or (str(copied) in words and "\n" not in words)
        new.rename(path).write_bytes(before)
    assert 30 < refused < 300
    assert int(sweeps.open(copied)["trials"].sum()) == 20
