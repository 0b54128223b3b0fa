"""Commands and scripts as the tests call them: in this process, or in one of their own."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from dcsc import cli


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


def start(*arguments, cwd):
    """Start the command line in a group of processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dcsc", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "MPLBACKEND": "agg"},
    )


def run(*arguments, cwd):
    """Run the command line in a process of its own."""
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=300)
    return Done(process.returncode, out, err)


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
