"""What the commands share: options, and printing."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter, Token
from rich.console import Console

from dcsc._words import visible

__all__ = [
    "Force",
    "Out",
    "Screen",
    "Seed",
    "as_json",
    "console",
    "say",
    "whole",
]


def whole(_: Any, tokens: Sequence[Token]) -> int:
    """Read a whole number, with all its digits; what is none is refused, not rounded."""
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError:
        raise ValueError(f"expected a whole number, got {token.value!r}") from None


Out = Annotated[Path, Parameter(help="Folder for the files; made if it does not exist.")]
Force = Annotated[
    bool, Parameter(negative=(), help="Replace files of these names that dcsc did not write.")
]
Seed = Annotated[int, Parameter(converter=whole, help="Seed of all random numbers.")]


class Screen(Console):
    """What commands print to: where nobody reads any more, that is an error like others."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError from None


def console() -> Screen:
    """Return a console that takes no text for markup; a pipe is 100 columns wide, or COLUMNS."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 100
    return Screen(highlight=False, markup=False, emoji=False, width=width)


def say(text: object) -> None:
    """Print lines in which names from files are shown as they are."""
    for line in str(text).split("\n"):
        print(visible(line))


def as_json(value: Any) -> bytes:
    """Return JSON for people, of records too; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, allow_nan=False, default=_fields)
    return (text + "\n").encode()


def _fields(record: Any) -> dict[str, Any]:
    return attrs.asdict(record, recurse=False)
