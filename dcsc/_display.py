"""What records show of themselves: a title and a small table, as text and in a notebook."""

import html
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._diagram import Station, diagram
from dcsc._words import readable

__all__ = [
    "Display",
    "Displayed",
    "Facts",
    "at_least",
    "at_most",
    "between",
    "digits",
    "ends",
    "fraction",
    "framed",
    "interval",
    "percent",
    "rounded",
    "times",
]

_MOST_ROWS = 8
_MOST_ENTRIES = 4
_FIRST = 3
_LEVELS, _MOST_LEVELS = 255, 32
_WIDEST = 44
_FRACTION = re.compile(r"(?<![\w.])\d+\.\d+(e[-+]\d+)?")
_NUMBER = re.compile(r"[-+.\d–]|nan|inf")


@attrs.frozen
class Display:
    """What is shown of a record.

    Parameters
    ----------
    title : str
        One line: what it is, and what matters most of it.
    headings : sequence of str
        Of the columns of the table; none without a table.
    rows : sequence of sequences of str
        The first entry of each is its name.
    remarks : sequence of str
        Sentences below the table, the most important first.
    chain : sequence of Station
        How the layers follow on each other, drawn in a notebook.
    lines : int, default 1
        How many of the remarks the text has, up to four.
    """

    title: str
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    remarks: Sequence[str] = ()
    chain: Sequence[Station] = ()
    lines: int = 1

    def text(self) -> str:
        """Return at most ten lines; rows in the middle and later remarks are left out."""
        rows = [[_cell(cell) for cell in row] for row in (self.headings, *self.rows)]
        columns = [_aligned(column) for column in zip(*rows, strict=True)]
        lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
        # A remark takes the line of a row.
        shown = self.remarks[: self.lines]
        room = _MOST_ROWS - len(shown)
        if len(self.rows) > room:
            half = (room - 1) // 2
            between = len(self.rows) - 2 * half
            lines[1 + half : -half] = [f"… {between} more"]
        remarks = [readable(remark) for remark in shown]
        table = [f"  {line}" for line in lines] if self.headings else []
        return "\n".join([readable(self.title), *table, *(f"  {remark}" for remark in remarks)])

    def html(self) -> str:
        """Return all of it as plain HTML, which takes the style of the page that it stands on."""
        parts = [f"<p><strong>{_escaped(self.title)}</strong></p>"]
        if self.chain:
            parts.append(f"<p>{diagram(self.chain)}</p>")
        if self.headings:
            head = "".join(f"<th>{_escaped(heading)}</th>" for heading in self.headings)
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
            for name, *cells in self.rows:
                entries = "".join(f"<td>{_escaped(cell)}</td>" for cell in cells)
                parts.append(f"<tr><th>{_escaped(name)}</th>{entries}</tr>")
            parts.append("</tbody></table>")
        parts += [f"<p>{_escaped(remark)}</p>" for remark in self.remarks]
        return f"<div>{''.join(parts)}</div>"


class Displayed(ABC):
    """A record that a person looks at: what it shows is its repr and what a notebook draws.

    A subclass has the hook ``_display``. A class of attrs that is declared with ``repr=False``
    takes the text as its repr; another keeps the repr of its fields.
    """

    __slots__ = ()

    @abstractmethod
    def _display(self) -> Display:
        """Return what is shown; it computes nothing that takes long."""

    def __repr__(self) -> str:
        return self._display().text()

    def _repr_html_(self) -> str:
        return self._display().html()


class Facts(Displayed):
    """A record of attrs that shows its fields, a row for each, however long they are."""

    __slots__ = ()

    def _display(self) -> Display:
        kind: Any = type(self)
        return self._shown(attrs.fields_dict(kind))

    def _shown(self, names: Iterable[str]) -> Display:
        rows = [(name.replace("_", " "), _told(getattr(self, name))) for name in names]
        return Display(type(self).__name__, ("", "is"), rows)


def _told(value: Any) -> str:
    """Return a value in a few characters: of many numbers how many, and between which they are."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return digits(value)
    if isinstance(value, np.ndarray):
        return f"{times(value.shape)}, {between(value)}"
    if not isinstance(value, tuple):
        return str(value) if "__str__" in vars(type(value)) else type(value).__name__
    if len(value) == 2 and getattr(value, "_fields", ()) == ("low", "high"):
        return ends(*value)
    if len(value) == 2 and isinstance(value[0], str) and attrs.has(type(value[1])):
        return f"{value[0]}: {_told(value[1])}"
    kinds = {type(one).__name__ for one in value if attrs.has(type(one))}
    if kinds and all("__str__" in vars(type(one)) for one in value):
        rest = f" and {len(value) - _FIRST} more" if len(value) > _FIRST else ""
        return ", ".join(map(str, value[:_FIRST])) + rest
    if kinds:
        return f"{len(value)} of {' or '.join(sorted(kinds))}"
    numbers = all(isinstance(one, int | float) for one in value)
    if len(value) <= _MOST_ENTRIES:
        return ", ".join(map(_told, value)) or "none"
    return f"{len(value)} " + (f"numbers, {between(value)}" if numbers else "of them")


def _aligned(column: Sequence[str]) -> list[str]:
    """Return cells of one width: numbers to the right, words to the left."""
    width = max(map(len, column))
    right = len(column) > 1 and all(_NUMBER.match(cell) for cell in column[1:])
    return [cell.rjust(width) if right else cell.ljust(width) for cell in column]


def _cell(text: str) -> str:
    return readable(text) if len(text) <= _WIDEST else readable(text[: _WIDEST - 1]) + "…"


def _escaped(text: str) -> str:
    return html.escape(readable(text))


def framed(display: Display, page: str, height: int = 640) -> str:
    """Return a page in a frame, where neither restyles the other, and the table to fold out.

    A notebook that somebody else has run is shown without frames until it is trusted: then the
    table is what is left.
    """
    return (
        f'<iframe srcdoc="{html.escape(page)}" title="{_escaped(display.title)}" width="100%" '
        f'height="{height}" frameborder="0" sandbox="allow-scripts"></iframe>'
        f"<details><summary>Numbers</summary>{display.html()}</details>"
    )


def digits(value: float | None) -> str:
    """Return a number in four digits, and a dash where there is none.

    Examples
    --------
    >>> digits(0.123456), digits(1e-12), digits(250), digits(None)
    ('0.1235', '1e-12', '250', '–')
    """
    return "–" if value is None else f"{value:.4g}"


def fraction(value: float | None) -> str:
    """Return a number as `digits` does, and a few steps of 255 levels as the fraction they are.

    Examples
    --------
    >>> fraction(1 / 255), fraction(8 / 255), fraction(0.004), fraction(1), fraction(None)
    ('1/255', '8/255', '0.004', '1', '–')
    """
    steps = (count for count in range(1, _MOST_LEVELS + 1) if value == count / _LEVELS)
    return next((f"{count}/{_LEVELS}" for count in steps), digits(value))


def at_least(value: float, places: int = 4) -> str:
    """Return a number to so many digits, rounded down, as what is proved has to be.

    Examples
    --------
    >>> at_least(0.99999), at_most(0.99999), at_most(0.12341), at_least(1.0)
    ('0.9999', '1', '0.1235', '1')
    """
    return _rounded(value, places, ROUND_FLOOR)


def at_most(value: float, places: int = 4) -> str:
    """Return a number to so many digits, rounded up."""
    return _rounded(value, places, ROUND_CEILING)


def _rounded(value: float, places: int, rounding: str) -> str:
    exact = Decimal(float(value))
    if not exact.is_finite():
        return f"{value:.{places}g}"
    return f"{float(Context(prec=places, rounding=rounding).plus(exact)):.{places}g}"


def ends(low: float, high: float) -> str:
    """Return two ends between which something lies, rounded away from one another."""
    texts = at_least(low), at_most(high)
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def percent(value: float | None) -> str:
    """Return a share in per cent; what is not all of it is not 100%.

    Examples
    --------
    >>> percent(0.5), percent(0.00012), percent(0.9996), percent(None)
    ('50%', '0.012%', '>99.9%', '–')
    """
    if value is None:
        return "–"
    text = f"{100 * value:.3g}"
    return ">99.9%" if text == "100" and value < 1 else f"{text}%"


def interval(low: float, high: float) -> str:
    """Return the two ends of an interval, or the only number in it, or that it is empty."""
    return (
        digits(low) if low == high else f"{digits(low)} to {digits(high)}" if low < high else "none"
    )


def rounded(text: str) -> str:
    """Return a repr whose numbers have four digits at the most.

    Examples
    --------
    >>> rounded("HardThreshold(threshold=0.16666666666666666)")
    'HardThreshold(threshold=0.1667)'
    """
    return _FRACTION.sub(lambda number: digits(float(number[0])), text)


def between(numbers: "npt.ArrayLike") -> str:
    """Return the smallest and the largest of numbers, of which there may be none.

    Examples
    --------
    >>> between([0.25, 0.5]), between(0.5), between([])
    ('0.25 to 0.5', '0.5', 'none')
    """
    array = np.asarray(numbers)
    return interval(float(array.min()), float(array.max())) if array.size else "none"


def times(sizes: Sequence[int | str]) -> str:
    """Return a shape.

    Examples
    --------
    >>> times((16, 3, 3))
    '16 × 3 × 3'
    """
    return " × ".join(map(str, sizes)) or "a number"
