"""Arguments that are no numbers: each is returned as it should be, or refused by name."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dcsc._arrays import instance, real
from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = ["any_path", "choice", "flag", "function", "instances", "items", "mapping", "two_ends"]

_MOST_ITEMS = 2**20
_LONGEST_NAME = 255  # bytes, of a file or a folder

T = TypeVar("T")


def flag(value: Any, where: str) -> bool:
    """Return True or False; what merely counts as one of them is refused."""
    if not isinstance(value, bool | np.bool_):
        raise DcscError(f"{where}: expected True or False, got {quoted(value)}")
    return bool(value)


def choice(value: Any, options: Iterable[str], where: str) -> str:
    """Return one of some words."""
    words = tuple(options)
    if not isinstance(value, str) or value not in words:
        raise DcscError(f"{where}: expected one of {', '.join(words)}, got {quoted(value)}")
    return value


def items(value: Any, where: str, expected: str = "a sequence") -> tuple[Any, ...]:
    """Return the items of a sequence or of anything else that ends."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes) or _is_number(value):
        raise DcscError(f"{where}: expected {expected}, got {quoted(value)}")
    found = tuple(itertools.islice(value, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        raise DcscError(f"{where}: expected at most {_MOST_ITEMS} items, got {quoted(value)}")
    return found


def _is_number(value: Any) -> bool:
    return getattr(value, "ndim", 1) == 0


def function(value: Any, where: str) -> Callable[..., Any]:
    """Return what can be called."""
    if not callable(value):
        raise DcscError(f"{where}: expected a function, got {quoted(value)}")
    return value


def instances(value: Any, kind: type[T], where: str) -> tuple[T, ...]:
    """Return the items of a sequence, all of one class."""
    return tuple(instance(item, kind, where) for item in items(value, where))


def mapping(value: Any, where: str) -> Mapping[Any, Any]:
    """Return a mapping."""
    if not isinstance(value, Mapping):
        raise DcscError(f"{where}: expected a mapping, got {quoted(value)}")
    return value


def two_ends(value: Any, where: str) -> tuple[float, float]:
    """Return two finite numbers, the smaller first."""
    ends = items(value, where, "two numbers")
    if len(ends) != 2:
        raise DcscError(f"{where}: expected two numbers, got {len(ends)}")
    low, high = (real(end, where) for end in ends)
    if low > high:
        raise DcscError(f"{where}: expected low ≤ high, got ({low}, {high})")
    return low, high


def any_path(value: Any, where: str) -> Path:
    """Return a path, of something that may exist or not, from text or from a Path."""
    try:
        path = Path(value)
        longest = max((len(part.encode()) for part in path.parts), default=0)
    except (TypeError, ValueError):
        raise DcscError(f"{where}: expected a path, got {quoted(value)}") from None
    if "\0" in str(path) or longest > _LONGEST_NAME:
        raise DcscError(f"{where}: expected a path, got {quoted(value)}")
    return path
