"""A real scheduler that is killed, a wrong address, and one worker only."""

import json
import os
import subprocess
import sys

import pytest

from dcsc.errors import DcscError
from dcsc.experiments import open, run
from dcsc.experiments.sweeps import work
from tests.commands import PATIENCE, start, wait_for
from tests.sweeps.cases import SMALL, sweep
from tests.sweeps.test_killed import LONG, assert_same

distributed = pytest.importorskip("distributed")

LOST = "the scheduler at '{}' or its workers are lost"


@pytest.fixture
def scheduler(tmp_path):
    """Start a scheduler with two workers; return it and its address."""
    file = tmp_path / "scheduler.json"
    processes = []

    def dask(*arguments):
        command = [sys.executable, "-m", *map(str, arguments), "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes.append(subprocess.Popen(command, **quiet))

    try:
        place = ("--host", "127.0.0.1", "--port", 0, "--scheduler-file", file)
        dask("distributed.cli.dask_scheduler", *place)
        wait_for(lambda: file.exists() and file.read_text())
        address = json.loads(file.read_text())["address"]
        for _ in range(2):
            dask("distributed.cli.dask_worker", address, "--nthreads", 1)
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield processes[0], address
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore")  # of dask
def test_a_scheduler_that_dies_is_one_sentence_and_a_rerun_goes_on(scheduler, tmp_path):
    process, address = scheduler
    whole = sweep(LONG, trials=8000)

    def kill(state):
        if state.done and process.poll() is None:
            process.kill()
            process.wait()

    with pytest.raises(DcscError) as error:
        run(whole, tmp_path / "a", dask=address, progress=kill)
    assert LOST.format(address) in str(error.value)
    assert "\n" not in str(error.value)
    done = run(whole, tmp_path / "a", jobs=1)
    assert 0 < done.found < 16 * 8000
    run(whole, tmp_path / "b", jobs=1)
    assert_same(open(tmp_path / "a"), open(tmp_path / "b"))


def test_the_command_ends_in_one_line_too(scheduler, tmp_path):
    process, address = scheduler
    (tmp_path / "long.toml").write_text(SMALL.replace("trials = 100", "trials = 10000000"))
    with start("sweep", "long.toml", "--out", "out", "--dask", address, cwd=tmp_path) as done:
        wait_for(lambda: list(tmp_path.glob("out/blocks/*.json")), done)
        process.kill()
        out, err = done.communicate(timeout=PATIENCE)
    assert (done.returncode, out) == (2, "")
    (line,) = [line for line in err.splitlines() if not line.startswith("dcsc sweep: ")]
    assert line.startswith(f"dcsc: --dask: {LOST.format(address)}")


def test_a_wrong_address_is_one_line_and_leaves_nothing(tmp_path):
    """Nothing is said after it either, when the process ends, and an old sweep stays as it was."""
    (tmp_path / "small.toml").write_text(SMALL)
    run(sweep(trials=7), tmp_path / "old", jobs=1)
    before = {path: path.read_bytes() for path in (tmp_path / "old").rglob("*") if path.is_file()}
    for folder in ("new/inner", "old"):
        address = "tcp://127.0.0.1:1"
        with start("sweep", "small.toml", "--out", folder, "--dask", address, cwd=tmp_path) as done:
            out, err = done.communicate(timeout=PATIENCE)
        assert (done.returncode, out) == (2, "")
        (line,) = [line for line in err.splitlines() if not line.startswith("dcsc sweep: ")]
        assert line.startswith(f"dcsc: --dask: expected a scheduler at '{address}': ")
        assert not (tmp_path / "new").exists()
    after = {path: path.read_bytes() for path in (tmp_path / "old").rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.filterwarnings("ignore")  # of dask, about ports and versions
def test_a_single_worker_does_the_work(tmp_path, monkeypatch):
    """It is not done here, although one process would be enough."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        monkeypatch.setattr(work, "_named", lambda *_: os.abort())
        done = run(sweep(), tmp_path, dask=cluster.scheduler_address)
    assert done.trials == 800


@pytest.mark.parametrize("address", [-1, b"tcp://127.0.0.1:1", "tcp://nowhere"])
def test_what_is_no_address_is_refused(address, tmp_path):
    with pytest.raises(DcscError, match="--dask: expected an address such as tcp://HOST:8786, got"):
        run(sweep(trials=1), tmp_path / "out", dask=address)
    assert not (tmp_path / "out").exists()
