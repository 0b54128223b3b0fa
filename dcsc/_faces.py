"""Faces of packages: a name is imported when it is first asked for.

A face, the ``__init__`` of a package, says in import statements where its names come from, and says
it once: below ``TYPE_CHECKING``, where checkers of types read them. Python runs none of them; the
functions of `named_later` read them in the source when the first name is asked for (PEP 562). So
who imports one module of a package does not pay for all the others.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pkgutil import iter_modules

from dcsc._words import meant
from dcsc.errors import DcscError

__all__ = ["named_later"]


def named_later(face: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a face, which also find the modules of its package.

    Parameters
    ----------
    face : str
        The full name of the package. No name in it may be that of a module beside it, which Python
        would put in its place.
    """
    module = sys.modules[face]

    @cache
    def places() -> dict[str, str]:
        """Return the module of each name, from the import statements of the face."""
        return {
            alias.name: node.module
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    def find(name: str) -> object:
        known = not name.startswith("__")  # what Python asks for itself is not in a face
        if known and places().get(name, face) != face:
            value = getattr(importlib.import_module(places()[name]), name)
            setattr(module, name, value)
            return value
        if known and find_spec(f"{face}.{name}"):
            try:
                return importlib.import_module(f"{face}.{name}")
            except (ImportError, DcscError) as error:  # an extra is missing
                raise AttributeError(str(error), name=name, obj=None) from error
        hint = "" if name.startswith("_") else meant(name, names())
        # without the module, of which Python would make the same guess once more
        raise AttributeError(
            f"module {face!r} has no attribute {name!r}{hint}", name=name, obj=None
        )

    def names() -> list[str]:
        beside = (part.name for part in iter_modules(module.__path__))
        public = (name for name in beside if not name.startswith("_"))
        return sorted({*vars(module), *places(), *public})

    return find, names
