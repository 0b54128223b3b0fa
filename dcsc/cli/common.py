"""What the commands share: options, and printing."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter
from rich.console import Console

from dcsc._words import visible

__all__ = [
    "Force",
    "Out",
    "Seed",
    "as_json",
    "console",
    "say",
]

Out = Annotated[Path, Parameter(help="Folder for the files; made if it does not exist.")]
Force = Annotated[
    bool, Parameter(negative=(), help="Replace files of these names that dcsc did not write.")
]
Seed = Annotated[int, Parameter(help="Seed of all random numbers.")]


def console() -> Console:
    """Return a console that keeps tables whole in a pipe, and takes no text for markup."""
    width = None if sys.stdout.isatty() else 100
    return Console(highlight=False, markup=False, emoji=False, width=width)


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
