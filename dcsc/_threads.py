"""Threads: the outer loop is shared out, and inside it BLAS keeps to one thread.

Many small matrix products on two threads each collapse as soon as a core is busy; many of them on
one thread each, side by side, do not. The number of threads is what BLAS would use, so that the
usual controls (OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, threadpoolctl) hold here too.
"""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ContextDecorator
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from dcsc import _forks

__all__ = ["OneBlasThread", "share"]

_lock = threading.RLock()
_inside = 0
_before: list[tuple[Any, int]] = []  # each library of BLAS, and how many threads it had


class _Depth(threading.local):
    """How often this thread is inside."""

    now = 0


_depth = _Depth()


@cache
def _blas() -> ThreadpoolController:
    np.linalg.norm(np.eye(2) @ np.eye(2))
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="dcsc")


class OneBlasThread(ContextDecorator):
    """Keep BLAS at one thread while anyone is inside; the last one out restores what was.

    Some sums differ in their last bits from one number of threads to another.
    """

    def __enter__(self) -> None:
        global _inside  # noqa: PLW0603  # the limit is global to the process
        with _lock:
            if _inside == 0:
                for library in _blas().lib_controllers:
                    _before.append((library, library.num_threads))
                    _set(library, 1)
            _inside += 1
            _depth.now += 1

    def __exit__(self, *_: object) -> None:
        global _inside  # noqa: PLW0603
        with _lock:
            _inside -= 1
            _depth.now -= 1
            _restore_if_left()


def _restore_if_left() -> None:
    while _inside == 0 and _before:
        _set(*_before.pop())


def _set(library: Any, threads: int) -> None:
    """Set how many threads a library has, whoever asks.

    From version 3.8 on, threadpoolctl listens to one thread only, the first that asked, unless that
    right is given back; so it is taken before and given back after.
    """
    give_back = getattr(library, "clear_controlling_thread", lambda force: None)
    give_back(force=True)
    library.set_num_threads(threads)
    give_back(force=True)


def _begin_again() -> None:
    """Forget the threads that a forked child does not have: those of the pool, and those inside."""
    global _inside  # noqa: PLW0603
    _pool.cache_clear()
    _inside = _depth.now
    _restore_if_left()


_forks.hold(_lock)
_forks.begin_again(_begin_again)


def share(work: Callable[[int, int], None], count: int, least: int = 1) -> None:
    """Call ``work(start, stop)`` on pieces of ``range(count)``, side by side.

    Parameters
    ----------
    work : callable
        Writes its own part of an output and releases the interpreter lock for the most part.
    count : int
    least : int
        The least number of items that is worth a thread.
    """
    if count < 2 * least:
        work(0, count)
        return
    with _lock:
        busy = _inside > 0
    threads = (library.num_threads for library in _blas().lib_controllers)
    workers = 1 if busy else max(threads, default=1)
    pieces = min(workers, count // max(least, 1))
    if pieces < 2:
        work(0, count)
        return
    ends = np.linspace(0, count, pieces + 1).astype(int)
    with OneBlasThread():
        tasks = [
            _pool(workers).submit(work, int(start), int(stop))
            for start, stop in itertools.pairwise(ends)
        ]
        for task in tasks:
            task.result()
