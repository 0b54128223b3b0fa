"""Numbers in sentences."""

from collections.abc import Iterable

__all__ = ["listed"]


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
