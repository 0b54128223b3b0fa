"""Numbers as the page and the table have them."""

import math

from dcsc._words import counted

__all__ = [
    "at_least_percent",
    "between_percent",
    "cosine",
    "number",
    "of_all",
    "percent",
    "rate",
    "rounded_out",
]

_NEAR = 0.0095  # as near as this to none, or to all, a share has a digit more
_MOST_DIGITS = 6


def percent(share: float | None) -> str:
    """Return a share in per cent; near none and near all it keeps a digit, and is neither.

    Examples
    --------
    >>> percent(0.5), percent(0.004), percent(0.999), percent(1.0)
    ('50%', '0.4%', '99.9%', '100%')
    >>> percent(1e-5), percent(1 - 1e-5)
    ('<0.1%', '>99.9%')
    """
    if share is None:
        return "–"
    if not 0 < share < 1 or _NEAR <= share <= 1 - _NEAR:
        return f"{share:.0%}"
    if share <= 0.0005:
        return "<0.1%"
    return ">99.9%" if share >= 0.9995 else f"{share:.1%}"


def at_least_percent(share: float) -> str:
    """Return a share of which it is proved that it is no less.

    Examples
    --------
    >>> at_least_percent(0.98765), at_least_percent(1.0), at_least_percent(1e-5)
    ('98.7%', '100.0%', '>0%')
    """
    low, _ = rounded_out(100 * share, 100 * share, 1)
    return ">0%" if share > 0 and float(low) == 0 else f"{low}%"


def between_percent(low: float, high: float, places: int = 1) -> str:
    """Return two ends that are proved of a share, rounded away from one another.

    Examples
    --------
    >>> between_percent(0.66412, 0.6675), between_percent(1.0, 1.0)
    ('66.4–66.8%', '100.0%')
    """
    ends = rounded_out(100 * low, 100 * high, places)
    return (ends[0] if ends[0] == ends[1] else "–".join(ends)) + "%"


def rounded_out(low: float, high: float, places: int) -> tuple[str, str]:
    """Return two ends to so many places, rounded away from one another."""
    step = 10**places
    ends = math.floor(low * step) / step, math.ceil(high * step) / step
    return f"{ends[0]:.{places}f}", f"{ends[1]:.{places}f}"


def rate(value: float | None) -> str:
    """Return how many there are for each, to two places; what is above none is not none.

    Examples
    --------
    >>> rate(1.254), rate(0.001), rate(0.0), rate(None)
    ('1.25', '<0.01', '0.00', '–')
    """
    if value is None:
        return "–"
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"


def number(value: float | None) -> str:
    """Return a number to two digits, and what is below 1 to so many that it is not 1.

    Examples
    --------
    >>> number(0.0821), number(0.998), number(1.0), number(-0.5)
    ('0.082', '0.998', '1', '−0.5')
    """
    if value is None:
        return "–"
    size = abs(value)
    texts = (f"{size:.{digits}g}" for digits in range(2, _MOST_DIGITS + 1))
    text = next((text for text in texts if size >= 1 or text != "1"), "1")
    return ("−" if value < 0 else "") + text


def cosine(value: float | None) -> str:
    """Return a number up to 1 as `number` does, with the zeros at its end: columns are even.

    Examples
    --------
    >>> cosine(0.4), cosine(0.08), cosine(0.998), cosine(1.0), cosine(0.0), cosine(1.8e-5)
    ('0.40', '0.080', '0.998', '1', '0', '1.8e-05')
    """
    text = number(value)
    return max(text, f"{value:#.2g}", key=len) if value is not None and 0 < value < 1 else text


def of_all(number: int, total: int, noun: str) -> str:
    """Return a number of things, and of how many where these are more.

    Examples
    --------
    >>> of_all(3, 3, "layer"), of_all(1, 3, "layer"), of_all(1, 1, "layer")
    ('3 layers', '1 of 3 layers', '1 layer')
    """
    return counted(number, noun) if number == total else f"{number} of {counted(total, noun)}"
