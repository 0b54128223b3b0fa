"""Two ways to the same numbers: loops compiled by numba, and the same in numpy.

A function that is compiled has two leaves of one name and signature, in a module of compiled loops
and in a plain one. Other modules call the function that `two_ways` makes of the two. Nothing else
decides which leaf runs: the first call imports the compiled loops, and numba with them; where they
cannot be imported or compiled, the process takes the plain leaves from then on, and says so once.
Two variables of the environment, read by the first call, ask for the plain leaves from the start:
``DCSC_PLAIN=1``, and numba's own ``NUMBA_DISABLE_JIT=1``.
"""

import importlib
import os
import threading
import warnings
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from dcsc import _forks
from dcsc.errors import CompilationWarning

__all__ = ["NotCompiledError", "plain_because", "say_once", "two_ways"]

_VARIABLES = ("DCSC_PLAIN", "NUMBA_DISABLE_JIT")

P = ParamSpec("P")
T = TypeVar("T")

_loading = threading.RLock()
_forks.hold(_loading)  # a child could not finish an import that another thread began
_topics: dict[str, object] = {}
_failures: list[str] = []


class NotCompiledError(Exception):
    """A loop could not be compiled; it has not touched its arguments."""


def two_ways(compiled: str, plain: Callable[P, T]) -> Callable[P, T]:
    """Return the function whose leaves are ``plain`` and its namesake in a compiled module."""

    @wraps(plain)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if not _asked() and not _failures:
            try:
                leaf: Callable[P, T] = _leaf(compiled, plain.__name__)
                return leaf(*args, **kwargs)
            except NotCompiledError as reason:
                _failures.append(str(reason))
                say_once(
                    "plain",
                    f"dcsc computes in numpy, the same but slower: its loops cannot be compiled "
                    f"({reason}); DCSC_PLAIN=1 says that this is meant",
                )
        return plain(*args, **kwargs)

    return run


def plain_because() -> str | None:
    """Return why this process has taken the plain leaves, or None while it takes compiled ones."""
    if _asked():
        return "the environment asks for it"
    return f"the loops cannot be compiled ({_failures[0]})" if _failures else None


@cache
def _asked() -> bool:
    """Return whether the environment asks for the plain leaves."""
    return any(os.environ.get(name, "").strip() not in ("", "0") for name in _VARIABLES)


@cache
def _leaf(module: str, name: str) -> Callable[..., T]:
    try:
        with _loading:
            loops = importlib.import_module(module)
    except Exception as error:  # whatever numba, llvmlite and the system's loader raise
        raise NotCompiledError(f"{type(error).__name__}: {error}") from error
    return getattr(loops, name)


def say_once(what: str, sentence: str) -> None:
    """Warn, once per process for each ``what``."""
    me = object()
    if _topics.setdefault(what, me) is me:  # one step, whatever other threads do
        warnings.warn(sentence, CompilationWarning, stacklevel=3)
