"""Killed at any moment and resumed, a sweep has the numbers of an undisturbed one."""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dcsc.experiments import open, run
from tests.sweeps.cases import SMALL, sweep

LONG = SMALL.replace("trials = 100", "trials = 24000").replace("[0.0, 0.2]", "[0.0, 0.2, 0.3, 0.4]")


def assert_same(first, second):
    assert set(first.variables) == set(second.variables)
    for name in set(first.variables) - {"seconds"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


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


# From Python 3.12 on; what a child runs touches none of its parent's threads.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_twenty_times_it_has_the_numbers_of_one_run(tmp_path):
    """Each kill hits a copy of this process, so that no time goes into starting one.

    All of them together come before a run is through, however fast the machine is.
    """
    whole = sweep(LONG, trials=8000)
    folder, other = tmp_path / "killed", tmp_path / "one"
    rng = np.random.default_rng(0)
    begin = time.monotonic()
    run(whole, other, jobs=1)
    seconds = time.monotonic() - begin
    landed = [0]
    for _ in range(20):
        process = multiprocessing.get_context("fork").Process(
            target=run, args=(whole, folder), kwargs={"jobs": 1}
        )
        process.start()
        time.sleep(rng.uniform(0.01, seconds / 12))
        assert process.is_alive()
        process.kill()
        process.join()
        landed.append(len(list(folder.glob("blocks/*.json"))))
    assert len(set(landed)) > 2
    rest = run(whole, folder, jobs=1)
    assert rest.found > 0
    assert rest.trials > 0
    assert_same(open(folder), open(other))


@pytest.mark.parametrize("moment", ["at work", "importing"])
def test_nobody_is_left_behind_a_killed_command(moment, tmp_path):
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
    ready = {
        "at work": lambda: list(folder.glob("blocks/*.json")),
        "importing": lambda: len(members(process.pid)) > 3,
    }
    while not ready[moment]() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(members(process.pid)) > 1
    if moment == "importing":
        time.sleep(0.3)
    process.kill()  # the workers notice that their parent has gone
    process.wait()
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not members(process.pid)
    assert run(sweep(LONG, trials=4096), folder, jobs=1).found > 0 or moment == "importing"
