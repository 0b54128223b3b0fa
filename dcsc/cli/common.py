"""What the commands share: options, and printing."""

import os
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from dcsc._words import readable, short, visible

__all__ = [
    "Force",
    "Out",
    "Screen",
    "Seed",
    "console",
    "fitting",
    "print_table",
    "ratio",
    "say",
    "whole",
]

_SHORTEST, _LONGEST_NAME = 12, 40  # characters of a name in a table
_LONGEST = 5000  # of a line: a path may be as long


def whole(_: Any, tokens: Sequence[Token]) -> int:
    """Read a whole number, with all its digits; what is none is refused, not rounded."""
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError:
        raise ValueError(f"expected a whole number, got {token.value!r}") from None


def ratio(_: Any, tokens: Sequence[Token]) -> float:
    """Read a number or a fraction."""
    (token,) = tokens
    try:
        return float(Fraction(token.value))
    except (ValueError, ArithmeticError):
        raise ValueError(f"expected a number or a fraction, got {token.value!r}") from None


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
        print(short(visible(line), _LONGEST))


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, of whose first column long names lose their middle.

    Where even that is wider than the screen, each row is a block of lines.
    """
    screen = console()
    others = [
        [heading, *map(readable, cells)]
        for heading, *cells in zip(headings[1:], *(row[1:] for row in rows), strict=True)
    ]
    words = [[word for cell in column for word in cell.split() or [cell]] for column in others]
    # Cells may be broken between words, names are not.
    narrow, wide = (screen.width - _width([[""], *columns]) for columns in (words, others))
    if narrow >= min(_SHORTEST, max((len(row[0]) for row in rows), default=0)):
        table = Table(*headings, title=readable(title), title_justify="left")
        table.columns[0].no_wrap = True
        most = min(max(wide, _SHORTEST), _LONGEST_NAME)
        for name, *cells in rows:
            table.add_row(short(readable(name), most), *map(readable, cells))
        screen.print(table)
        return
    screen.print(readable(title))
    for name, *cells in rows:
        screen.print(f"{headings[0]} {short(readable(name), _LONGEST_NAME)}".strip())
        for heading, cell in zip(headings[1:], cells, strict=True):
            screen.print(f"  {heading}: {readable(cell)}")


def fitting(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many of the first columns fit on the screen with no cell broken, two or more."""
    screen = console().width
    columns = [[headings[0], *(short(readable(row[0]), _LONGEST_NAME) for row in rows)]]
    for count in range(1, len(headings)):
        columns.append([headings[count], *(readable(row[count]) for row in rows)])
        if count > 1 and _width(columns) > screen:
            return count
    return len(headings)


def _width(columns: Iterable[Iterable[str]]) -> int:
    """Return how wide a table is, with a line and two spaces beside each column."""
    return 1 + sum(3 + max(map(cell_len, column)) for column in columns)
