"""A folder that one run holds at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from dcsc.errors import DcscError

__all__ = ["LOCK", "held_folder"]

LOCK = ".dcsc-lock"


@contextmanager
def held_folder(folder: Path, where: str) -> Iterator[None]:
    """Hold a folder that exists; the lock goes with the process that holds it, however it ends.

    Raises
    ------
    DcscError
        If another run holds it.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise DcscError(f"{where}: another run is at work in {folder}: wait for it") from None
    try:
        yield
    finally:
        lock.release()
