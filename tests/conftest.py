"""Hypothesis profiles: ``dev`` explores at random, ``ci`` is longer and always the same."""

import functools
import os
import signal

import pytest
from hypothesis import settings

from tests import extras

settings.register_profile("dev", max_examples=25, deadline=None)
# Derandomized, so that a change is judged by what it changes, and a red run stays red.
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# What commands print is that of a pipe in which nobody has asked for anything else.
for name in (
    *("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    "DCSC_TRACEBACK",
):
    os.environ.pop(name, None)

# What a shell starts in the background ignores interrupts, and so would the commands of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def called(monkeypatch, capsys):
    """Return a function that runs the command line in this process, and returns a `Done`."""
    from tests import commands  # noqa: PLC0415  # a second, for those who call it

    return functools.partial(commands.call, monkeypatch, capsys)


@pytest.fixture(scope="session")
def torch():
    """PyTorch; whoever asks for it is skipped where it is not installed."""
    return extras.torch()
