"""Numbers in sentences, and text of others as it is."""

from collections.abc import Iterable

__all__ = ["listed", "visible"]


def listed(numbers: Iterable[int], most: int = 12) -> str:
    """Return numbers with commas between them; of more than ``most`` the first and a count.

    Examples
    --------
    >>> listed(range(5), most=3)
    '0, 1, 2 and 2 more'
    """
    numbers = list(numbers)
    shown = ", ".join(map(str, numbers[:most]))
    return shown + (f" and {len(numbers) - most} more" if len(numbers) > most else "")


def visible(text: str) -> str:
    r"""Return text of one line in which nothing acts on a terminal: control characters are shown.

    Examples
    --------
    >>> print(visible("red: \x1b[31m"))
    red: \x1b[31m
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
