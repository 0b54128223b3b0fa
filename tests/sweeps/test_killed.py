"""The folder of a sweep: whatever happens to a run, its numbers are those of an undisturbed one."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dcsc import DcscError, _files
from dcsc.experiments import open, run
from dcsc.experiments.sweeps.store import Store
from tests.sweeps.cases import SMALL, sweep

COUNTED = ("trials", "failures", "layer_failures", "missed", "false_alarms", "guarantee", "limit")
LONG = SMALL.replace("trials = 100", "trials = 40000").replace(
    "[0.0, 0.2]", "[0.0, 0.2, 0.3, 0.4]"
)


def assert_same(first, second):
    for name in COUNTED:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    run(sweep(), folder, jobs=1)
    return open(folder)


def test_a_rerun_makes_nothing_again(tmp_path, undisturbed):
    assert run(sweep(), tmp_path, jobs=1).trials == 800
    before = sorted((tmp_path / "blocks").iterdir())
    again = run(sweep(), tmp_path, jobs=1)
    assert (again.found, again.trials) == (800, 0)
    assert sorted((tmp_path / "blocks").iterdir()) == before
    assert_same(open(tmp_path), undisturbed)


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_full_disk_stops_the_run_and_a_rerun_goes_on(
    tmp_path, monkeypatch, undisturbed, broken, after
):
    run(sweep(trials=1, axes=None, codes={"sparsity": 1}), tmp_path, jobs=1)  # another sweep's
    left, whole = [after], getattr(os if broken == "fsync" else Path, broken, None)

    def full(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(*arguments, **options)

    def opened(*arguments, real=os.fdopen, **options):
        file = real(*arguments, **options)
        inner = file.write

        def write(content):
            left[0] -= 1
            if left[0] < 0:
                inner(content[: len(content) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return inner(content)

        return Proxy(file, write)

    with monkeypatch.context() as patch:
        if broken == "write":
            patch.setattr(_files.os, "fdopen", opened)
        else:
            patch.setattr(_files.os if broken == "fsync" else Path, broken, full)
        with pytest.raises(DcscError, match=r"could not write .*: No space left on device"):
            run(sweep(), tmp_path, jobs=1)
    assert not list(tmp_path.rglob(".tmp-*"))
    run(sweep(), tmp_path, jobs=1)
    assert_same(open(tmp_path), undisturbed)


class Proxy:
    """A file whose ``write`` is another."""

    def __init__(self, file, write):
        self.file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("damage", ["truncated", "changed", "foreign", "renamed"])
def test_what_is_damaged_is_refused_and_can_be_removed(tmp_path, undisturbed, damage):
    run(sweep(), tmp_path, jobs=1)
    path = min((tmp_path / "blocks").iterdir())
    content = path.read_bytes()
    if damage == "foreign":
        path = path.with_name("notes.txt")
        path.write_text("not ours")
    elif damage == "renamed":
        path = path.rename(path.with_name("0" * 32 + ".json"))
    else:
        path.write_bytes(content[:-20] if damage == "truncated" else content.replace(b"1", b"2"))
    for act in (lambda: open(tmp_path), lambda: run(sweep(), tmp_path, jobs=1)):
        with pytest.raises(DcscError, match=rf"{path.name} is not what its name says"):
            act()
    path.unlink()
    run(sweep(), tmp_path, jobs=1)
    assert_same(open(tmp_path), undisturbed)


def test_leftovers_of_a_killed_writer_are_removed(tmp_path, undisturbed):
    (tmp_path / "blocks").mkdir()
    for place in (tmp_path / ".tmp-abc", tmp_path / "blocks" / ".tmp-abc"):
        place.write_text("half a file")
    run(sweep(), tmp_path, jobs=1)
    assert not list(tmp_path.rglob(".tmp-*"))
    assert_same(open(tmp_path), undisturbed)


def test_one_run_at_a_time(tmp_path):
    with (
        Store.locked(tmp_path, {"format": "dcsc sweep 1"}),
        pytest.raises(DcscError, match="another run is at work in"),
    ):
        run(sweep(), tmp_path, jobs=1)
    assert run(sweep(), tmp_path, jobs=1).trials == 800


def test_a_sweep_that_has_grown_keeps_what_it_had(tmp_path):
    axes = sweep().as_table()["axes"]
    fewer = {**axes, "sparsity": {"parameter": "codes.sparsity", "values": [2, 5]}}
    run(sweep(axes=fewer), tmp_path, jobs=1)
    small = open(tmp_path)
    grown = run(sweep(title="another", delta=0.1), tmp_path, jobs=1)
    assert (grown.found, grown.trials) == (400, 400)
    for name in ("failures", "missed", "false_alarms"):
        found = open(tmp_path)[name].sel(sparsity=[2, 5])
        np.testing.assert_array_equal(found, small[name])


def test_a_folder_that_is_no_sweep(tmp_path):
    with pytest.raises(DcscError, match=r"expected the folder of a sweep, with a sweep\.json"):
        open(tmp_path)
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(DcscError, match="is not what a sweep wrote"):
        open(tmp_path)


def members(group):
    """Return the processes of a group that are still there, zombies apart."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def test_killed_twenty_times_it_has_the_numbers_of_one_run(tmp_path):
    """Each kill hits a copy of this process, so that no time goes into starting one."""
    folder, other = tmp_path / "killed", tmp_path / "one"
    rng = np.random.default_rng(0)
    landed = [0]
    for _ in range(20):
        process = multiprocessing.get_context("fork").Process(
            target=run, args=(sweep(LONG), folder), kwargs={"jobs": 1}
        )
        process.start()
        time.sleep(rng.uniform(0.05, 0.6))
        assert process.is_alive()
        process.kill()
        process.join()
        landed.append(len(list(folder.glob("blocks/*.json"))))
    assert len(set(landed)) > 5
    rest = run(sweep(LONG), folder, jobs=1)
    assert rest.found > 0
    assert rest.trials > 0
    run(sweep(LONG), other, jobs=1)
    assert_same(open(folder), open(other))


def test_nobody_is_left_behind_a_killed_command(tmp_path):
    file, folder = tmp_path / "long.toml", tmp_path / "out"
    file.write_text(LONG)
    command = [
        sys.executable,
        "-m",
        "dcsc",
        "sweep",
        str(file),
        "--out",
        str(folder),
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob("blocks/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(members(process.pid)) > 1
    process.kill()  # the workers notice that their parent has gone
    process.wait()
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not members(process.pid)
    assert 0 < run(sweep(LONG), folder, jobs=1).found


def test_records_hold_nothing_of_the_machine(tmp_path):
    run(sweep(), tmp_path, jobs=1)
    for path in (tmp_path / "blocks").iterdir():
        body = json.loads(path.read_bytes())
        assert str(tmp_path) not in path.read_text()
        assert body["format"] == "dcsc blocks 1"
