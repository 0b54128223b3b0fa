"""Killed at any moment and resumed, a sweep has the numbers of an undisturbed one."""

import itertools
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from dcsc.experiments import open, run
from dcsc.experiments.sweeps.store import Store
from tests.commands import start, wait_for
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


def live(whole, folder, moment, seconds):
    """Run a sweep, and die some time after a moment, at the latest at the next one.

    Moment 0 is the start, 1 comes before all work, 2 when something is about to land, 3 when it has
    landed, and so on: a life gets as far on a busy machine as on a fast one.
    """
    moments, land = itertools.count(), Store.land

    def pass_on(*_):
        now = next(moments)
        if now == moment:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        if now > moment:
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    Store.land = lambda *given: pass_on() or land(*given)
    pass_on()
    run(whole, folder, jobs=1, progress=pass_on)


# From Python 3.12 on; what a child runs touches none of its parent's threads.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_twenty_times_it_has_the_numbers_of_one_run(tmp_path):
    """Each kill hits a copy of this process, so that no time goes into starting one.

    It comes while a run starts, while it works, or while something lands, for the first time or the
    second.
    """
    whole = sweep(LONG, trials=8000)
    folder, other = tmp_path / "killed", tmp_path / "one"
    rng = np.random.default_rng(0)
    run(whole, other, jobs=1)
    landed = [0]
    for _ in range(20):
        process = multiprocessing.get_context("fork").Process(
            target=live, args=(whole, folder, rng.integers(5), 10 ** rng.uniform(-4, -1))
        )
        process.start()
        process.join()
        assert process.exitcode in (-signal.SIGALRM, -signal.SIGKILL)
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
    with start("sweep", file, "--out", folder, "--jobs", 2, cwd=tmp_path) as process:
        ready = {
            "at work": lambda: list(folder.glob("blocks/*.json")),
            "importing": lambda: len(members(process.pid)) > 3,
        }
        wait_for(ready[moment], process)
        if moment == "importing":
            time.sleep(0.3)
        assert len(members(process.pid)) > 1
        process.kill()  # the workers notice that their parent has gone
        process.wait()
        # long before they would leave because they have nothing to do, after 300 seconds
        wait_for(lambda: not members(process.pid), seconds=60)
    assert run(sweep(LONG, trials=4096), folder, jobs=1).found > 0 or moment == "importing"
