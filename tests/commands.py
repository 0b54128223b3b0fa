"""Commands and scripts as the tests call them: in this process, or in one of their own."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import matplotlib.font_manager  # noqa: F401  # no command has to tell that it makes the list of fonts

from dcsc import cli

PATIENCE = 300  # seconds after which what does not come is given up; no test measures them


class Done(NamedTuple):
    """What a command leaves behind."""

    code: int
    out: str
    err: str


def call(monkeypatch, capsys, *arguments):
    """Run the command line in this process, whose imports are paid for."""
    monkeypatch.setattr(sys, "argv", ["dcsc", *map(str, arguments)])
    code = 0
    with warnings.catch_warnings():
        # cyclopts warns tests that the arguments come from sys.argv, as they do from a shell
        warnings.filterwarnings("ignore", "Cyclopts application invoked without tokens")
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    return Done(code, *capsys.readouterr())


@contextlib.contextmanager
def start(*arguments, cwd, program=("-m", "dcsc")):
    """Start the command line; yield its process, and kill what is left of its group at the end."""
    with attended():
        process = subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "MPLBACKEND": "agg"},
        )
    with process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def attended():
    """Let what starts here listen to the signals of a terminal, also under nohup.

    A signal that is ignored here would be ignored there; one that is handled is not.
    """
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def run(*arguments, cwd):
    """Run the command line in a process of its own."""
    with start(*arguments, cwd=cwd) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out, err)


def wait_for(ready, process=None, seconds=PATIENCE):
    """Wait until something is so, which the work of a process is to bring about."""
    end = time.monotonic() + seconds
    while not ready():
        assert process is None or process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def refused(done):
    """Return the one line of a command that was refused, with exit code 2 and nothing else said."""
    assert (done.code, done.out) == (2, ""), done.err
    (line,) = done.err.splitlines()
    assert line.startswith("dcsc: ")
    return line.removeprefix("dcsc: ")


def script(path, *arguments):
    """Run a script as ``python path arguments`` does, in this process; return what it prints.

    The modules beside it, which only it can import, are forgotten afterwards.
    """
    printed, argv = io.StringIO(), [str(path), *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "path", [str(path.parent), *sys.path]),
        contextlib.redirect_stdout(printed),
    ):
        runpy.run_path(str(path), run_name="__main__")
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent == path.parent:
            del sys.modules[name]
    return printed.getvalue()
