"""Memory of large results, used again: fresh pages cost more than what is written to them.

The kernel clears each page that a process sees for the first time, which takes longer than most
maps take to fill it, and the allocator hands arrays of this size back as soon as they die. So a
little of it is kept for the next result, unless the environment says ``DCSC_KEEP_MEMORY=0``.
"""

import math
import os
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from dcsc import _forks
from dcsc._arrays import Array, Shape

__all__ = ["empty"]

_LEAST_BYTES = 2**20  # smaller arrays are kept by the allocator
_KEPT_BYTES = 0 if os.environ.get("DCSC_KEEP_MEMORY", "").strip() == "0" else 2**26

_lock = threading.Lock()
_kept: list[Array] = []


class _Lease:
    """The owner of an array's memory; when the last view dies, it keeps the memory."""

    def __init__(self, memory: Array) -> None:
        self.memory = memory
        self.__array_interface__ = memory.__array_interface__

    def __del__(self) -> None:
        # It can be called while this thread holds the lock: then nothing is kept.
        if self.memory.nbytes <= _KEPT_BYTES and _lock.acquire(blocking=False):
            try:
                _kept.append(self.memory)
                while sum(memory.nbytes for memory in _kept) > _KEPT_BYTES:
                    _kept.pop(0)
            finally:
                _lock.release()


def empty(shape: Shape, dtype: "npt.DTypeLike") -> Array:
    """Return a new array, like `numpy.empty`, of memory that was used before if there is some."""
    kind: np.dtype[Any] = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < _LEAST_BYTES:
        return np.empty(shape, kind)
    memory = _taken(size)
    if memory is None:
        memory = np.empty(size, np.uint8)
    return np.asarray(_Lease(memory))[:size].view(kind).reshape(shape)


def _begin_again() -> None:
    """Keep nothing of the parent's in a forked child: writing to shared pages copies them."""
    global _lock  # noqa: PLW0603  # a thread that is not there may hold it
    _lock = threading.Lock()
    _kept.clear()


_forks.begin_again(_begin_again)


def _taken(size: int) -> Array | None:
    """Return memory of that size, or up to an eighth more, and keep it no longer."""
    with _lock:
        for number, memory in enumerate(_kept):
            if size <= memory.nbytes <= size + size // 8:
                return _kept.pop(number)
    return None
