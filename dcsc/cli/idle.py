"""Options that would have no effect beside the others: they are refused, and not passed over."""

from collections.abc import Mapping
from typing import Any

from dcsc._words import listed
from dcsc.errors import DcscError

__all__ = ["refuse_idle"]


def refuse_idle(options: Mapping[str, Any], expected: str) -> None:
    """Refuse the options among these that were given.

    Parameters
    ----------
    options : mapping
        Their values by their names; None and False are those of options that were not given.
    expected : str
        What they need, or are not for: what follows "expected" in the error.
    """
    given = [name for name, value in options.items() if value is not None and value is not False]
    if given:
        raise DcscError(f"{listed(given)}: expected {expected}, for it would have no effect")
