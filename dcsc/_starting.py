"""How the command ends while it still imports: in one line, and with the right code.

``dcsc`` and ``python -m dcsc`` import this package, which takes half a second, before any code of
the command line runs. Whoever imports dcsc otherwise finds nothing changed.
"""

import atexit
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["FAULT", "Terminated", "guard", "release"]

FAULT = 70
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATIONS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C's asks the command to end; its number is the argument."""


def guard() -> None:
    """Let the command end at once where it is interrupted or fails: there is nothing to undo."""
    if _is_command():
        sys.excepthook = _fail
        _replace(signal.SIGINT, signal.default_int_handler, _leave)
        for number in _TERMINATIONS:
            _replace(number, _terminate, signal.SIG_DFL)


def release() -> None:
    """Let signals be exceptions, so that what the command has begun is tidied up, in silence."""
    if _is_command():
        _replace(signal.SIGINT, _leave, signal.default_int_handler)
        for number in _TERMINATIONS:
            _replace(number, signal.SIG_DFL, _terminate)
        # A process that ends early leaves things to the tracker that joblib starts beside it. What
        # the tracker finds it removes; it warns of each on the terminal, where one line is due.
        sys.warnoptions.append("ignore:resource_tracker:UserWarning")


def _replace(number: int, old: Any, new: Any) -> None:
    """Handle a signal anew, unless somebody else handles or ignores it."""
    if signal.getsignal(number) == old:
        signal.signal(number, new)


def _is_command() -> bool:
    _, *arguments = sys.orig_argv
    return arguments[:2] == ["-m", "dcsc"] or Path(*arguments[:1]).stem == "dcsc"


def _leave(number: int, frame: Any) -> None:
    _end("interrupted", _INTERRUPTED)


def _terminate(number: int, frame: Any) -> None:
    raise Terminated(number)


def _fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("DCSC_TRACEBACK"):
        sys.__excepthook__(kind, error, trace)
    text = " ".join(str(error).split())
    _end(f"could not start: {kind.__name__}: {ascii(text)[1:-1]}", FAULT)


def _end(line: str, code: int) -> None:
    with contextlib.suppress(OSError):  # nobody reads it
        os.write(2, f"dcsc: {line}\n".encode())
    os._exit(code)


if _is_command():
    # What imports make stays, so that there is little to collect, and nothing at the end, when all
    # memory is given back at once
    gc.set_threshold(500_000, 50, 50)
    atexit.register(gc.freeze)
    # Threads of OpenBLAS that wait run a loop for 2^26 ticks of the processor. They go to sleep
    # after 2^20, which is less than a millisecond; to wake them takes a tenth of it.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")
guard()
