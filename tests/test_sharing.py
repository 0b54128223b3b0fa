"""Work that is shared out among processes."""

import gc
import os
import signal
import threading
import time

import joblib
import pytest

from dcsc._sharing import open_workers, results


@pytest.fixture
def another_thread():
    """A thread beside that of the test; either may get a signal that is for the process."""
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    yield
    leave.set()
    thread.join()


@pytest.mark.parametrize("to", ["this thread", "the process"])
def test_an_interrupt_while_workers_start_comes_after_that(to, another_thread, recwarn):
    """It is all that is heard; joblib has nothing to tell of what it cancels."""
    handed_out = []

    def calls():
        if to == "this thread":
            signal.raise_signal(signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)  # until one of them has it
        for number in range(100):
            handed_out.append(number)
            yield joblib.delayed(time.sleep)(60)

    with (
        pytest.raises(KeyboardInterrupt),
        open_workers(2, None) as (parallel, _),
        results(parallel, calls()),
    ):
        pytest.fail("the interrupt is lost")
    gc.collect()
    assert handed_out
    assert not recwarn.list
