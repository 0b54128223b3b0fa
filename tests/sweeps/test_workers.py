"""Who does the work changes nothing: one process, two, or a Dask cluster that loses a worker."""

import os
import signal
import threading

import pytest

from dcsc import DcscError
from dcsc._sharing import cluster as sharing
from dcsc._sharing import open_workers
from dcsc.cli.progress import sweep_progress
from dcsc.experiments import open, run
from tests.commands import wait_for
from tests.sweeps.cases import DEEP, SMALL, sweep
from tests.sweeps.test_killed import LONG, assert_same

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


@pytest.mark.parametrize("text", [SMALL, DEEP], ids=["small", "deep"])
@pytest.mark.filterwarnings("ignore")  # of dask, about ports and versions
def test_the_same_tallies_from_one_two_and_a_cluster(tmp_path, cluster, text):
    found = []
    for name, options in {
        "one": {"jobs": 1},
        "two": {"jobs": 2},
        "cluster": {"dask": cluster.scheduler_address},
    }.items():
        done = run(sweep(text), tmp_path / name, **options)
        assert done.trials == done.cells * sweep(text).trials
        found.append(open(tmp_path / name))
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])
    assert found[0].failures.values.any()


@pytest.mark.filterwarnings("ignore")  # of dask, about the worker that is gone
def test_a_worker_that_is_killed_half_way_changes_nothing(tmp_path):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        killed = []

        def kill_one(state):
            if state.done and not killed:
                with distributed.Client(cluster, set_as_default=False) as client:
                    address, process = next(iter(client.run(os.getpid).items()))
                os.kill(process, signal.SIGKILL)
                wait_for(lambda: address not in cluster.scheduler_info["workers"])
                killed.append(state)

        whole = sweep(LONG, trials=8000)
        run(whole, tmp_path / "a", dask=cluster.scheduler_address, progress=kill_one)
    assert 0 < killed[0].done < killed[0].pending
    run(whole, tmp_path / "b", jobs=2)
    assert_same(open(tmp_path / "a"), open(tmp_path / "b"))


@pytest.mark.filterwarnings("ignore")  # of dask, about the workers that are gone
def test_a_run_without_workers_says_that_it_waits_and_goes_on_with_others(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sharing, "_SILENCE", 1.0)
    whole, states = sweep(LONG, trials=2000), []
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        sweep_progress(whole) as report,
    ):
        # without a word of it this test ends as well
        late = threading.Timer(60, cluster.scale, [1])

        def leave_alone(state):
            report(state)
            if not any(before.done for before in states) and state.done:
                cluster.scale(0)
                # meanwhile it may have ended another call, whose result goes with it
                wait_for(lambda: not cluster.scheduler_info["workers"])
                late.start()
            if state.waiting and not any(before.waiting for before in states):
                cluster.scale(1)
            states.append(state)

        done = run(whole, tmp_path, dask=cluster.scheduler_address, progress=leave_alone)
        late.cancel()
    assert done.trials == done.cells * 2000
    first = next(at for at, state in enumerate(states) if state.waiting)
    assert 0 < states[first].done < states[first].pending
    assert not states[-1].waiting
    assert " cells: waiting for workers\n" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")  # of dask
def test_a_call_that_times_out_ends_the_run(cluster):
    """It is not taken for a result that is on its way."""

    def call():
        raise TimeoutError

    with (
        open_workers(1, cluster.scheduler_address) as (run_calls, _),
        pytest.raises(DcscError, match=r"or its workers are lost \(TimeoutError\)"),
    ):
        list(run_calls([(call, (), {})]))


@pytest.mark.filterwarnings("ignore")  # of dask
def test_addresses_without_anybody(tmp_path):
    with pytest.raises(DcscError, match=r"--dask: expected an address such as tcp://HOST:8786"):
        run(sweep(), tmp_path, dask="nonsense")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(DcscError, match="got a scheduler without any"),
    ):
        run(sweep(), tmp_path, dask=empty.scheduler_address)


def test_an_error_of_a_cell_names_it_and_what_landed_stays(tmp_path):
    text = SMALL.replace("values = [0.0, 0.2]", "values = [0.0, -1.0]")
    with pytest.raises(DcscError, match=r"noise"):
        run(sweep(text), tmp_path, jobs=1)


def test_every_stretch_is_run_once(tmp_path, own_seconds):
    states = []
    done = run(sweep(LONG), tmp_path, jobs=1, progress=states.append)
    assert states[-1].trials == done.trials == 16 * 24_000
    assert [state.trials for state in states] == sorted(state.trials for state in states)
    assert states[-1].done == states[-1].pending
    assert 2 <= len([state for state in states if state.done]) < states[-1].pending
    assert 0 < done.bookkeeping < 0.5
    assert 0.5 < done.busy <= 1
