"""The workers: processes on this machine, or those of a Dask cluster."""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Any

from dcsc._arrays import integer
from dcsc._sharing.cluster import cluster

__all__ = ["open_workers", "process_count", "results"]

_MOST_JOBS = 4096


def process_count(jobs: int | None, where: str) -> int:
    """Return how many processes are asked for; one per core is usual."""
    return integer(os.cpu_count() if jobs is None else jobs, where, minimum=1, maximum=_MOST_JOBS)


@contextmanager
def open_workers(
    jobs: int, dask: str | None, idle: Callable[[], None] = lambda: None
) -> Iterator[tuple[Any, int]]:
    """Yield a function that yields what calls return, and how many of them run at a time.

    While all workers of a cluster are lost, ``idle`` is called now and then.
    """
    if dask is not None:
        with cluster(dask, idle) as (run_calls, cores):
            yield run_calls, cores
    else:
        import joblib  # noqa: PLC0415  # it takes a while, and only who shares out work needs it

        settings: dict[str, Any] = {}
        if jobs > 1:
            settings = {
                "inner_max_num_threads": 1,
                "initializer": _leave_with,
                "initargs": (os.getpid(),),
            }
        with ExitStack() as stack:
            with _deaf():
                stack.enter_context(joblib.parallel_config("loky", n_jobs=jobs, **settings))
                parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
                stack.enter_context(parallel)
            yield parallel, jobs


@contextmanager
def results(parallel: Any, calls: Iterable[Any]) -> Iterator[Any]:
    """Yield what calls return, as they end, by what `open_workers` has yielded.

    What is still at work if nobody takes it any more is cancelled, without a word of joblib's.
    """
    with ExitStack() as stack:
        with _deaf():
            landed = parallel(calls)  # starts the workers
            stack.callback(_cancel, landed)  # before a signal that was held back ends this
        yield landed


def _cancel(landed: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        landed.close()


def _leave_with(parent: int) -> None:
    """End this process, within a second, once the one that started it has gone.

    A parent that is killed cannot tell its workers, which would wait for it; it says who it is, as
    it may have gone before they ask.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _deaf() -> Iterator[None]:
    """Hold signals that end this process back for a moment, and let them come at its end.

    Who starts meanwhile never gets those of a terminal, which reach workers too: these would each
    print where they were, and the process that tidies up after them would be gone too early.
    """
    if sys.platform == "win32":
        yield
        return
    with _later():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            resource_tracker.ensure_running()  # lets SIGINT through where it has to start first
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _later() -> Iterator[None]:
    """Call the handler of a signal that ends this process at the end only.

    It is not enough to block signals in this thread. Another one, as those of BLAS, receives them,
    and the handler then interrupts this thread all the same, half way through a worker's start.
    """
    if threading.current_thread() is not threading.main_thread():  # no handler is called there
        yield
        return
    held = list[int]()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {n: signal.getsignal(n) for n in numbers if callable(signal.getsignal(n))}
    try:
        for number in handlers:
            signal.signal(number, lambda number, _: held.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
