"""A forked child computes the same numbers, whatever the parent's threads were doing.

Each program runs by itself, with two threads of BLAS: a child that waits for ever ends by an alarm.
"""

import os
import subprocess
import sys

import pytest

FIRST = """
import multiprocessing, os, signal, sys, threading, time, zlib
import attrs
import numpy as np
import dcsc
from dcsc import codes
from dcsc._threads import OneBlasThread, _blas, share
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

PATIENCE = 300
signal.alarm(900)
dictionary = dcsc.CirculantDictionary(filters.gaussian(16, 4, (5, 5), rng=0), (24, 24))
signals = np.random.default_rng(0).standard_normal((8, 4, 24, 24))
large = np.random.default_rng(1).standard_normal(2**21)
small = dcsc.CirculantDictionary(filters.gaussian(2, 1, 5, rng=0), 12)
model = dcsc.DCSCModel([dcsc.Layer(small, dcsc.HardThreshold(0.5))])
code = codes.draw(small, 2, rng=0)


def numbers(_=None):
    signal.alarm(PATIENCE)
    fresh = attrs.evolve(dictionary)  # without what it has computed already
    return [
        zlib.crc32(fresh.analyze(signals)),
        zlib.crc32(dcsc.HardThreshold(0.5)(large)),
        fresh.mutual_coherence(),
        fresh.babel(3),
        *simulate(model, code, 64, rng=0).failures.tolist(),
    ]


def blas_threads():
    return {lib["num_threads"] for lib in _blas().info()}


def forked(check):
    \"\"\"Fork, and ask the child for `check`.\"\"\"
    pid = os.fork()
    if pid == 0:
        signal.alarm(PATIENCE)
        ok = False
        try:
            ok = bool(check())
        finally:
            os._exit(not ok)
    assert os.waitpid(pid, 0)[1] == 0


def meanwhile(work):
    \"\"\"Let another thread work, and go on once it says so.\"\"\"
    begun = threading.Event()
    threading.Thread(target=work, args=(begun,), daemon=True).start()
    assert begun.wait(PATIENCE)
"""

USED = "expected = numbers()\nassert blas_threads() == {2}\n"


def runs(*parts, **environment):
    done = subprocess.run(
        [sys.executable, "-c", "\n".join((FIRST, *parts))],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", **environment},
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" not in done.stderr


# ---- libraries that fork -------------------------------------------------------------------------


def test_multiprocessing():
    runs(USED, """
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map_async(numbers, range(4)).get(timeout=PATIENCE) == [expected] * 4
""")  # fmt: skip


def test_joblib():
    runs(USED, """
from joblib import Parallel, delayed
workers = Parallel(2, backend="multiprocessing", timeout=PATIENCE)
assert workers(delayed(numbers)() for _ in range(4)) == [expected] * 4
""")  # fmt: skip


@pytest.mark.usefixtures("torch")
def test_a_data_loader_of_pytorch():
    runs(USED, """
from torch.utils.data import DataLoader
class Data:
    def __len__(self): return 4
    def __getitem__(self, _): return numbers()
loader = DataLoader(Data(), batch_size=None, num_workers=2, timeout=PATIENCE,
                    collate_fn=list, multiprocessing_context="fork")
assert list(loader) == [expected] * 4
""")  # fmt: skip


def test_a_sweep_in_a_process_and_in_its_child(tmp_path):
    runs(USED, f"""
from pathlib import Path
from dcsc.experiments import run, open
from dcsc.experiments.sweeps import Sweep
from tests.sweeps.cases import SMALL, numbers as columns
import tomllib
sweep, folder = Sweep.of(tomllib.loads(SMALL)), Path({str(tmp_path)!r})
def swept(name, jobs):
    run(sweep, folder / name, jobs=jobs)
    return columns(open(folder / name))
first = swept("parent", 2)
for jobs in (1, 2):
    forked(lambda: swept("child" + str(jobs), jobs).equals(first))
""")  # fmt: skip


# ---- what the other threads do -------------------------------------------------------------------


def test_another_thread_keeps_blas_to_one_thread():
    """In the child it is not there, and BLAS has all its threads."""
    runs(USED, """
def stay(begun):
    with OneBlasThread():
        begun.set()
        threading.Event().wait()
meanwhile(stay)
assert blas_threads() == {1}
forked(lambda: blas_threads() == {2} and numbers() == expected)
assert blas_threads() == {1}
""")  # fmt: skip


def test_the_thread_that_forks_keeps_blas_to_one_thread():
    """In the child it goes on to do so, until it leaves."""
    runs(USED, """
with OneBlasThread():
    pid = os.fork()
    inside = blas_threads()
    assert numbers() == expected
if pid == 0:
    os._exit((inside, blas_threads()) != ({1}, {2}))
assert os.waitpid(pid, 0)[1] == 0
assert (inside, blas_threads()) == ({1}, {2})
""")  # fmt: skip


@pytest.mark.parametrize("lock", ["_threads._lock", "_numerics.memory._lock",
                                  "_numerics.ways._loading"])  # fmt: skip
def test_another_thread_holds_a_lock(lock):
    runs(USED, f"""
def hold(begun):
    with dcsc.{lock}:
        begun.set()
        time.sleep(1)
meanwhile(hold)
forked(lambda: numbers() == expected)
assert numbers() == expected
""")  # fmt: skip


def test_another_thread_adds_a_lock_while_a_fork_waits():
    """As one does that imports the compiler, whose lock is added then, and goes on to compile."""
    runs("""
first, second = threading.RLock(), threading.RLock()
dcsc._forks.hold(first)
def add(begun):
    with second:
        with first:
            begun.set()
            time.sleep(1)
            dcsc._forks.hold(second)
        time.sleep(1)
meanwhile(add)
forked(lambda: second.acquire(timeout=PATIENCE))
""")


def test_other_threads_work():
    runs(USED, """
def work(begun):
    while True:
        share(lambda start, stop: begun.set(), 64)
        dcsc.HardThreshold(0.5)(large)
        time.sleep(0.01)
for _ in range(2):
    meanwhile(work)
for _ in range(8):
    forked(lambda: numbers() == expected)
""")  # fmt: skip


MOMENTS = {
    "imports numba": "while 'numba' not in sys.modules: time.sleep(0.001)",
    "compiles": """
while not hasattr(sys.modules.get("dcsc._numerics.compiling"), "loop"): time.sleep(0.001)
from numba.core.compiler_lock import global_compiler_lock as lock
while lock._lock.acquire(blocking=False): lock._lock.release(); time.sleep(0.001)
""",
}


@pytest.mark.parametrize("what", MOMENTS)
def test_another_thread_begins_the_first_call(what, tmp_path):
    runs("""
results = []
def work(begun):
    begun.set()
    results.append(numbers())
meanwhile(work)
""", MOMENTS[what], """
assert not results
read, write = os.pipe()
forked(lambda: os.write(write, repr(numbers()).encode()))
while not results: time.sleep(0.01)
assert os.read(read, 1000).decode() == repr(results[0])
""", NUMBA_CACHE_DIR=str(tmp_path))  # fmt: skip


def test_another_thread_computes_a_property():
    """Python 3.11 has a lock there, one for all objects."""
    runs(USED, """
class Slow:
    @dcsc._cached.cached_property
    def value(self):
        if self is first:
            begun.set()
            threading.Event().wait()
        return 3
first, begun = Slow(), threading.Event()
threading.Thread(target=lambda: first.value, daemon=True).start()
begun.wait()
forked(lambda: Slow().value == 3)
""")  # fmt: skip
