"""The command line as the tests call it: in this process, or in one of its own."""

import os
import subprocess
import sys
import warnings
from typing import NamedTuple

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
