"""Whole numbers on the command line: each digit counts, and none is rounded."""

import inspect
import typing

import pytest

from dcsc import cli
from dcsc.experiments.sweeps import run
from tests.commands import refused
from tests.sweeps.cases import BARE, sweep

COMMANDS = [cli.app[name].default_command for name in cli.app if not name.startswith("-")]


def whole_options(command):
    """Yield the names of the options that take whole numbers."""
    for name, hint in typing.get_type_hints(command).items():
        if int in (hint, *typing.get_args(hint)):
            yield "--" + name.replace("_", "-")


OPTIONS = [(command, option) for command in COMMANDS for option in whole_options(command)]


def test_there_are_such_options():
    names = {f"{command.__name__} {option}" for command, option in OPTIONS}
    assert {"sweep --jobs", "sweep --max-trials", "replay --trial", "analyze --seed"} <= names
    names = "poster recover analyze explain verify sweep plot replay template doctor"
    assert {command.__name__ for command in COMMANDS} == set(names.split())


@pytest.mark.parametrize("text", ["1.5", "2.0", "1e3", "x", ""])
@pytest.mark.parametrize(
    ("command", "option"), OPTIONS, ids=[f"{command.__name__} {name}" for command, name in OPTIONS]
)
def test_what_is_no_whole_number_is_refused(command, option, text, called):
    needed = []
    for name, parameter in inspect.signature(command).parameters.items():
        if parameter.default is parameter.empty:
            flag = [] if parameter.kind is parameter.POSITIONAL_ONLY else [f"--{name}"]
            needed += [*flag, "file"]
    done = called(command.__name__, *needed, f"{option}={text}")
    assert refused(done) == (f"Invalid value for {option}: expected a whole number, got {text!r}")


def test_no_digit_is_lost(tmp_path, called):
    run(sweep(BARE, trials=1), tmp_path, jobs=1)
    trial = 10**17 + 1
    code, out, _ = called("replay", tmp_path, "--trial", trial)
    assert code == 0
    assert f"trial {trial}:" in out
