"""Compiling by numba, and keeping what was compiled.

A cache that cannot be read or written costs time and nothing else: the loop is compiled again, and
a sentence says so. For this the module uses numba's `FunctionCache` and what it keeps, its context
and its functions of memory, the hook of its dispatchers, and for forks the lock of its compiler,
which are no public interface. Only `dcsc._numerics.vectors` relies on private interfaces as well.
"""

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding
from numba.core import caching, compiler_lock
from numba.core.runtime import nrt

from dcsc import _forks
from dcsc._numerics.ways import NotCompiledError, say_once

__all__ = ["FUSED", "LIGHT", "REORDERED", "inlined", "inner", "loop"]

F = TypeVar("F", bound=Callable[..., Any])
Freedom = frozenset[str]

FUSED: Freedom = frozenset({"contract"})
"""A product and the sum that it goes into may be rounded once."""
REORDERED: Freedom = FUSED | {"reassoc", "nsz"}
"""Sums may be added in any order as well."""

_numba: Any = numba  # whose hints are few, and none before version 0.66
_caching: Any = caching
_runtime: Any = nrt
# In versions up to 0.68 loops need no more than `_Loading` gives; of later ones that is not known.
LIGHT = tuple(map(int, _numba.__version__.split(".")[:2])) <= (0, 68)
# A fork waits for what is being compiled: a child could neither finish it nor compile another loop.
_forks.hold(compiler_lock.global_compiler_lock)


class _Loading:
    """numba's context of what is compiled, for loading: it lacks what only the compiler needs.

    numba refreshes its context before it loads a loop, and imports half of itself for this: that
    takes more time than to load all loops of an analysis. It also compiles what counts references,
    which is in each loop. What is compiled calls functions of C, which are there as soon as numba
    is imported, and those of numba's memory.
    """

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def refresh(self) -> None:
        _add_memory()


@cache
def _add_memory() -> None:
    for name, address in _runtime._nrt.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class _Alone(_caching.CompileResultCacheImpl):  # type: ignore[misc]
    """What is kept of a loop that no other loop calls: the code that runs, and its symbols.

    numba keeps the loop for the compiler as well, and the modules of all functions that became a
    part of it. To load it would be to read the one and to import the others.
    """

    def reduce(self, result: Any) -> Any:
        (name, kind, (code, _)), described, own, *rest, _ = result._reduce()
        names = described.llvm_func_name, described.llvm_cpython_wrapper_name, described.env_name
        text = "\n".join(f'@"{symbol}" = global i8 0' for symbol in names)
        named = binding.parse_assembly(text).as_bitcode()
        return (name, kind, (code, named)), described, own, *rest, ()


class _AloneCache(_caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _Alone


@cache
def latest_change(folder: Path) -> tuple[float, int]:
    """Return when a module of a folder was changed last, and the size of all of them."""
    found = [path.stat() for path in folder.glob("*.py")]
    return max((one.st_mtime for one in found), default=0.0), sum(one.st_size for one in found)


class _Cache:
    """numba's cache of one loop; its errors become warnings.

    numba asks whether the file of a loop has changed. This cache asks it of all that a loop may
    call, of its constants, and of the options of the compiler: they stand beside the loop, or here.
    """

    def __init__(self, function: Callable[..., Any], alone: bool) -> None:
        kept = _AloneCache if alone and LIGHT else _caching.FunctionCache
        self._cache = kept(function)
        file = self._cache._cache_file
        folders = {Path(own).parent for own in (function.__code__.co_filename, __file__)}
        file._source_stamp = (file._source_stamp, *map(latest_change, sorted(folders)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        context = _Loading(target_context) if LIGHT else target_context
        try:
            stored = self._cache.load_overload(sig, context)
        except Exception as error:  # a truncated file can raise anything
            self._begin_again(error)
            return None
        # Processes that save at once may write two signatures to one file.
        if stored is None or stored.signature.args != tuple(sig):
            return None
        return stored._replace(target_context=target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            self._cache.save_overload(sig, data)
        except Exception as error:  # the disk is full, the folder vanished, the file is truncated
            self._begin_again(error)

    def _begin_again(self, error: Exception) -> None:
        """Empty the cache of this loop, or stop using it."""
        _tell(f"{self._cache.cache_path}: {type(error).__name__}: {error}")
        try:
            self._cache.flush()
        except OSError:
            self._cache.disable()


def _tell(reason: str) -> None:
    say_once(
        "cache",
        f"dcsc compiles loops again that its cache should hold ({reason}); NUMBA_CACHE_DIR can "
        "name another folder for the cache",
    )


def inner(function: F, freedom: Freedom = frozenset(), alone: bool = False) -> F:
    """Compile what other loops call, on first use, with some freedom of how it is rounded."""
    if _numba.config.DISABLE_JIT:
        return function
    dispatcher = _numba.njit(nogil=True, fastmath=set(freedom), error_model="numpy")(function)
    if LIGHT:
        # numba asks all installed packages whether they add types of arguments. Loops take arrays
        # and numbers; for what they do with them, the compiler asks again.
        dispatcher._compilation_chain_init_hook = lambda: None
    try:
        dispatcher._cache = _Cache(function, alone)
    except Exception as error:  # no folder is writable, or numba keeps its loops in another way
        _tell(f"{type(error).__name__}: {error}")
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """Compile what becomes a part of each loop that calls it, and is nothing by itself."""
    if _numba.config.DISABLE_JIT:
        return function
    return cast(F, _numba.njit(forceinline=True)(function))


def loop(function: F, freedom: Freedom = frozenset()) -> F:
    """Compile a loop that Python calls, on first use.

    Loops raise nothing of their own but MemoryError, so that anything else comes from the compiler:
    it is raised as `NotCompiledError`, before the loop has begun.
    """
    dispatcher = inner(function, freedom, alone=True)

    @wraps(function)
    def call(*args: Any) -> Any:
        if _numba.config.DISABLE_JIT:
            raise NotCompiledError("numba's configuration turns its compiler off")
        try:
            return dispatcher(*args)
        except MemoryError:
            raise
        except Exception as error:  # the errors of a compiler have no common class
            raise NotCompiledError(f"{type(error).__name__}: {error}") from error

    return cast(F, call)
