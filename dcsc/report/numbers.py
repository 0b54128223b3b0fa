"""Numbers as the page and the table have them."""

import math

__all__ = ["counted", "number", "percent", "rounded_out"]


def percent(share: float | None) -> str:
    """Return a share in per cent; small ones keep a digit."""
    if share is None:
        return "–"
    return f"{share:.1%}" if 0 < share < 0.0095 else f"{share:.0%}"


def rounded_out(low: float, high: float, places: int) -> tuple[str, str]:
    """Return two ends to so many places, rounded away from one another."""
    step = 10**places
    ends = math.floor(low * step) / step, math.ceil(high * step) / step
    return f"{ends[0]:.{places}f}", f"{ends[1]:.{places}f}"


def number(value: float | None) -> str:
    """Return a number to two digits."""
    return "–" if value is None else ("−" if value < 0 else "") + f"{abs(value):.2g}"


def counted(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
