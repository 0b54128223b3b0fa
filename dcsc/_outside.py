"""The border to other libraries that look into files: what they raise becomes one sentence."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dcsc.errors import DcscError

__all__ = ["check_depth", "outside", "reason"]

# Errors whose text is about the inside of a library; that of others helps a person.
_SILENT = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
_LONGEST = 200
_DEEPEST = 50


@contextmanager
def outside(sentence: str) -> Iterator[None]:
    """Say why a file could not be read, whatever the library that reads it raises.

    Libraries raise anything at broken files, NameError and MemoryError included, and warn of what
    they make of them. So nothing but their calls, and those that depend on what they return, stands
    inside. Errors of dcsc pass.

    Parameters
    ----------
    sentence : str
        What was expected and which file it was; a colon and the reason follow.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except DcscError:
        raise
    except Exception as error:  # see above
        raise DcscError(f"{sentence}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return what an error of a library says, where that helps a person."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = told.strip().partition("\n")[0]
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if not text or isinstance(error, _SILENT):
        return f"it is broken ({type(error).__name__})"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def check_depth(tree: Any, where: str, room: int = _DEEPEST) -> None:
    """Refuse tables and lists from a file that are nested so deeply that no file means it.

    Whatever goes through them calls itself at each level.
    """
    if room == 0:
        raise DcscError(f"{where}: it is nested too deeply, expected {_DEEPEST} levels at most")
    children = tree.values() if isinstance(tree, Mapping) else tree
    if isinstance(tree, Mapping | list | tuple):
        for child in children:
            check_depth(child, where, room - 1)
