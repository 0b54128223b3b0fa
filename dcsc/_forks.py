"""Forks: a child process has the thread that forked, and no other.

What the other threads held is held there for ever, and a pool has no threads. So a module that owns
a lock, a pool or a setting of the process says here what becomes of it.
"""

import os
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["begin_again", "hold"]


class _Lock(Protocol):
    def acquire(self) -> Any: ...
    def release(self) -> None: ...


_locks: list[_Lock] = []
_held: list[_Lock] = []  # by the thread that forks


def hold(lock: _Lock) -> None:
    """Let a fork wait for the lock: what it guards is whole in the child, and the lock is free.

    The thread that forks may hold it already, so it is one that a thread can take twice.
    """
    _locks.append(lock)


def begin_again(what: Callable[[], None]) -> None:
    """Let a forked child call a function first of all."""
    _register(after_in_child=what)


def _wait() -> None:
    for lock in _locks:  # others may be added while this one is waited for
        lock.acquire()
        _held.append(lock)


def _go_on() -> None:
    while _held:
        _held.pop().release()


def _register(**calls: Callable[[], Any]) -> None:
    if hasattr(os, "register_at_fork"):  # systems without it never fork
        os.register_at_fork(**calls)


_register(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)
