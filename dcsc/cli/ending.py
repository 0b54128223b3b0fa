"""How commands end: in one line on stderr, with the exit code of its kind."""

import os
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from dcsc._starting import FAULT, Terminated, guard, release
from dcsc._words import listed, short, visible
from dcsc.errors import DcscError

__all__ = ["CLOSED", "REFUSED", "run"]

REFUSED = 2
CLOSED = 141  # what a shell says of a program whose reader has gone
_LONGEST = 2000


def run(command: Callable[[], object]) -> int:
    """Run a command, and return its exit code.

    ====  ==========================================================================
    code  the command
    ====  ==========================================================================
    0     did what it was asked for; ``verify``: true
    1     ``verify``: false, and nothing else
    2     was refused: by what it was given, by files, by the machine
    70    failed by a mistake of dcsc's or of a library; ``DCSC_TRACEBACK=1`` says where
    130   was interrupted; 129 by SIGHUP, 143 by SIGTERM
    141   found nobody reading what it printed
    ====  ==========================================================================
    """
    _mend_streams()
    release()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = _finish(command)
    except KeyboardInterrupt as error:
        number = error.args[0] if isinstance(error, Terminated) else signal.SIGINT
        code = _end(": ".join(["interrupted", *getattr(error, "__notes__", ())]), 128 + number)
    except DcscError as error:
        code = _end(str(error), REFUSED)
    except CycloptsError as error:
        code = _end(_misused(error), REFUSED)
    except MemoryError as error:
        code = _end(f"not enough memory: {str(error) or 'the machine has no more'}", REFUSED)
    except OSError as error:
        code = CLOSED if _nobody_reads() else _end(_reason(error), REFUSED)
    except Exception as error:  # a mistake of dcsc's or of a library must not look like "false"
        text = f"{type(error).__name__}: {error}"
        code = _end(f"unexpected {text} (DCSC_TRACEBACK=1 shows where)", FAULT)
    guard()
    _drop_unprinted()
    return code


def _finish(command: Callable[[], object]) -> int:
    """Return what a command says about itself, once all that it printed is out."""
    code = 0
    try:
        command()
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    return code


def _mend_streams() -> None:
    """Let output go nowhere where it is closed, and show numbers of letters that it has not."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for good
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _end(message: str, code: int) -> int:
    if os.environ.get("DCSC_TRACEBACK"):
        traceback.print_exc()
    _print_line(message)
    return code


def _print_line(message: str) -> None:
    line = short(visible(" ".join(message.split())), _LONGEST)
    try:
        print(f"dcsc: {line}", file=sys.stderr, flush=True)
    except OSError:  # nobody reads this either
        return


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    _print_line(f"warning: {message}")


def _misused(error: CycloptsError) -> str:
    """Return what is wrong with the words of a command, and what was expected."""
    text = str(error).rstrip(".")
    if isinstance(error, UnusedCliTokensError):
        text = f"expected no more words after the others, got {listed(error.unused_tokens or ())}"
    command = " ".join(("dcsc", *(error.command_chain or ())))
    shown = isinstance(error, UnusedCliTokensError | UnknownOptionError | MissingArgumentError)
    return f"{text}; {command} --help shows what there is" if shown else text


def _reason(error: OSError) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([error.strerror or str(error) or type(error).__name__, *names])


def _nobody_reads() -> bool:
    """Whether the reader of what is printed has gone."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        try:
            poll.register(stream.fileno(), 0)
        except (OSError, ValueError):
            continue
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _drop_unprinted() -> None:
    """Forget what could not be printed, at which Python would stumble when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
