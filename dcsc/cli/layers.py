"""Tables of layers in a terminal: as many columns as it has room for, and what they mean."""

import textwrap
from collections.abc import Sequence

from dcsc.cli.common import console, fitting, print_table
from dcsc.report.glossary import legend, word

__all__ = ["print_layers"]

_PROVED = "✓"


def print_layers(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], every: bool = False
) -> None:
    """Print a table of layers, and below it what its columns mean.

    Columns that the screen has no room for are named; the page has them. What is proved is marked.

    Parameters
    ----------
    title : str
    headings : sequence of str
        The most important first.
    rows : sequence of sequences of str
    every : bool, default False
        Whether the table is that of all inputs.
    """
    marked = [f"{_PROVED} {x}" if word(x).kind == "proved" else x for x in headings]
    count = fitting(marked, rows)
    print_table(title, marked[:count], [row[:count] for row in rows])
    screen = console()
    for kind, words in legend(headings[:count]):
        mark = f"{_PROVED} " if words[0].kind == "proved" else ""
        screen.print(f"{mark}{kind}")
        for one in words:
            column = headings.index(one.name)
            text = one.brief(every) if any("(" in row[column] for row in rows) else one.line()
            screen.print(_hanging(f"{one.name}: {text}", screen.width))
    if count < len(headings):
        screen.print(f"The page has more columns: {', '.join(headings[count:])}.")


def _hanging(text: str, width: int) -> str:
    """Return a text in lines, of which the first begins further left."""
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    ")
