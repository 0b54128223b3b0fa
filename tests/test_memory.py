"""Memory of results is used again once nobody can see it any more, and not before."""

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from dcsc import CirculantDictionary
from dcsc._numerics import memory

SIZE = 2**18  # entries of float64: twice what is worth keeping


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(memory, "_kept", [])


def test_memory_is_used_again_when_the_last_view_has_died():
    first = memory.empty((2, SIZE // 2), np.float64)
    view = first[1, ::2]
    place = first.ctypes.data
    del first
    gc.collect()
    other = memory.empty((SIZE,), np.float64)
    assert other.ctypes.data != place
    del view
    again = memory.empty((SIZE,), np.float32)
    assert again.ctypes.data != place  # half of it would be wasted
    assert memory.empty((SIZE - 5,), np.float64).ctypes.data == place


@pytest.mark.parametrize("more", [1, SIZE // 16])
def test_memory_that_is_too_small_is_not_given_out(more):
    first = memory.empty((SIZE,), np.float64)
    place = first.ctypes.data
    del first
    larger = memory.empty((SIZE + more,), np.float64)
    assert larger.shape == (SIZE + more,)
    assert larger.ctypes.data != place
    larger[:] = 1  # all of it is there
    assert memory.empty((SIZE,), np.float64).ctypes.data == place  # it was left for who it fits


@pytest.mark.parametrize("kept", [True, False])
def test_the_environment_says_whether_memory_is_kept(kept):
    code = (
        "import numpy as np; from dcsc._numerics import memory\n"
        f"memory.empty(({SIZE},), np.float64); print(len(memory._kept))"
    )
    environment = os.environ | ({} if kept else {"DCSC_KEEP_MEMORY": "0"})
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == kept


def test_what_is_returned_is_an_ordinary_array():
    array = memory.empty((4, SIZE), np.float32)
    assert array.shape == (4, SIZE)
    assert array.dtype == np.float32
    assert array.flags.writeable
    assert array.flags.c_contiguous
    assert memory.empty((3,), np.float64).base is None


def test_no_more_is_kept_than_the_limit(monkeypatch):
    monkeypatch.setattr(memory, "_KEPT_BYTES", 5 * 8 * SIZE // 2)
    arrays = [memory.empty((SIZE,), np.float64) for _ in range(4)]
    large = memory.empty((4 * SIZE,), np.float64)
    places = [array.ctypes.data for array in arrays]
    del large
    assert not memory._kept
    while arrays:
        del arrays[0]
    assert [buffer.ctypes.data for buffer in memory._kept] == places[2:]


def test_dying_while_the_lock_is_held_keeps_nothing_and_waits_for_nobody():
    array = memory.empty((SIZE,), np.float64)
    with memory._lock:
        del array
    assert not memory._kept


def test_results_of_many_threads_are_their_own():
    dictionary = CirculantDictionary(np.ones((8, 1, 1)), SIZE // 8)
    wrong = []

    def work(number):
        for _ in range(20):
            out = dictionary.analyze(np.full(dictionary.signal_shape, number))
            if not (out == number).all():
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
