"""Optional libraries, which only some formats need."""

import importlib
from typing import Any

from dcsc.errors import DcscError

__all__ = ["extra"]


def extra(module: str, package: str) -> Any:
    """Return a module of an optional package.

    Raises
    ------
    DcscError
        If it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DcscError(
            f"this format needs the package {package}: pip install 'dcsc[{package}]'"
        ) from None
