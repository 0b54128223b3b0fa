"""The border to other libraries that look into files: what they raise becomes one sentence."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dcsc.errors import DcscError

__all__ = ["outside"]

# Errors whose text is about the inside of a library; that of others helps a person.
_SILENT = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
_LONGEST = 200


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
        raise DcscError(f"{sentence}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = told.strip().partition("\n")[0]
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if not text or isinstance(error, _SILENT):
        return f"it is broken ({type(error).__name__})"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
