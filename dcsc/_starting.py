"""How the command ends while it still imports: in one line, and with the right code.

``dcsc`` and ``python -m dcsc`` import this package, which takes a second or two, before any code of
the command line runs. Whoever imports dcsc otherwise finds nothing changed.
"""

import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["FAULT", "INTERRUPTED", "guard", "release"]

FAULT = 70
INTERRUPTED = 130


def guard() -> None:
    """Let the command end at once where it is interrupted or fails: there is nothing to undo."""
    if _is_command():
        sys.excepthook = _fail
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _leave)


def release() -> None:
    """Let interruptions be exceptions again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    _, *arguments = sys.orig_argv
    return arguments[:2] == ["-m", "dcsc"] or Path(*arguments[:1]).stem == "dcsc"


def _leave(number: int, frame: Any) -> None:
    _end("interrupted", INTERRUPTED)


def _fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("DCSC_TRACEBACK"):
        sys.__excepthook__(kind, error, trace)
    text = " ".join(str(error).split())
    _end(f"could not start: {kind.__name__}: {ascii(text)[1:-1]}", FAULT)


def _end(line: str, code: int) -> None:
    os.write(2, f"dcsc: {line}\n".encode())
    os._exit(code)


guard()
