"""What the commands share: printing, and writing files."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter
from rich.console import Console

from dcsc._files import make_folder, write_files

__all__ = [
    "Out",
    "Seed",
    "as_json",
    "console",
    "folder",
    "write",
]

Out = Annotated[Path, Parameter(help="Folder for the files; made if it does not exist.")]
Seed = Annotated[int, Parameter(help="Seed of all random numbers.")]


def console() -> Console:
    """Return a console that keeps tables whole in a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def folder(out: Path) -> None:
    """Make the folder before the work, so that a bad one costs nothing."""
    make_folder(out, "--out")


def as_json(value: Any) -> bytes:
    """Return JSON for people, of records too; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, allow_nan=False, default=_fields)
    return (text + "\n").encode()


def _fields(record: Any) -> dict[str, Any]:
    return attrs.asdict(record, recurse=False)


def write(out: Path, files: dict[str, bytes]) -> None:
    """Write files whole, and all of them or none."""
    write_files(out, files, "--out")
