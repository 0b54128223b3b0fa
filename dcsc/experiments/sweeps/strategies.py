"""Strategies by name: what a sweep file says, checked against the classes themselves."""

import difflib
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import cattrs

import dcsc.bounds
import dcsc.codes
import dcsc.dictionaries.filters
import dcsc.projections
import dcsc.signs
from dcsc._archives import npy_array
from dcsc._arrays import Array
from dcsc.bounds import BoundCalculator
from dcsc.codes import Amplitudes
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.projections import Projection
from dcsc.signs import SignPattern

__all__ = ["MissingParameterError", "Strategies", "Strategy", "each", "nearest"]


class MissingParameterError(ValueError):
    """A strategy was given less than it needs."""


@attrs.frozen(slots=False)
class _Family:
    """Where the strategies of one kind are found, and what they are: classes or functions."""

    module: ModuleType
    base: type | None

    @cached_property
    def names(self) -> dict[str, Any]:
        """The strategies that dcsc has, by name."""
        found = {name: getattr(self.module, name) for name in self.module.__all__}
        return {name: value for name, value in found.items() if self.holds(value)}

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        if self.base is None:
            return callable(value)
        return (
            isinstance(value, type)
            and issubclass(value, self.base)
            and not inspect.isabstract(value)
        )


_FAMILIES = {
    "dictionary": _Family(dcsc.dictionaries, Dictionary),
    "filters": _Family(dcsc.dictionaries.filters, None),
    "projection": _Family(dcsc.projections, Projection),
    "signs": _Family(dcsc.signs, SignPattern),
    "amplitudes": _Family(dcsc.codes, Amplitudes),
    "bound": _Family(dcsc.bounds, BoundCalculator),
}


@attrs.frozen
class Strategy:
    """A strategy as a sweep file names it.

    Parameters
    ----------
    kind : str
        The name of a class, or of a function that makes filters; ``module:name`` for one's own;
        ``""`` for filters from a file.
    parameters : mapping of str
        What the class or function is called with; a table among them is a strategy itself.
    sha256 : str
        Of the source of one's own code or of the file of filters, so that a change of it is a
        change of the task; else ``""``.
    """

    kind: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sha256: str = ""

    @property
    def label(self) -> str:
        """The name with its parameters, for tables and legends."""
        inner = ", ".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.kind}({inner})" if inner else self.kind


@attrs.frozen
class Strategies:
    """Reads and builds strategies.

    Parameters
    ----------
    folder : Path
        What files and modules of one's own are relative to.
    allow_code : bool
        Whether ``module:name`` is imported, which runs the module.
    """

    folder: Path
    allow_code: bool = False

    def read(self, family: str, value: Any) -> Strategy:
        """Return what a name or a table says; ValueErrors say what was expected, and where."""
        table = {"kind": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise ValueError(f"expected a name or a table with a kind, got {value!r}")
        given = dict(table)
        if family == "filters" and "kind" not in given:
            return self._file(given)
        kind = given.pop("kind", None)
        if not isinstance(kind, str):
            raise ValueError(f"expected a kind, one of {', '.join(_FAMILIES[family].names)}")
        called = self._find(family, kind)
        known = _parameters(called)
        errors: list[Exception] = [
            ValueError(f"{kind} has no {name!r}{nearest(name, known)}")
            for name in given
            if name not in known and not _takes_any(called)
        ]
        try:
            inner = {name: value for name, value in given.items() if _is_strategy(name, value)}
            parameters = {**given, **each(inner.items(), lambda k, v: self.read(_family(k), v))}
        except ExceptionGroup as group:
            errors.append(group)
        if errors:
            raise ExceptionGroup(kind, errors)
        missing = [
            name
            for name, parameter in known.items()
            if parameter.default is parameter.empty and name not in given
        ]
        if missing:
            raise MissingParameterError(f"{kind} needs {' and '.join(map(repr, missing))}")
        return Strategy(kind, parameters, _digest(called.__module__) if ":" in kind else "")

    def build(self, family: str, strategy: Strategy, seed: int) -> Any:
        """Return the strategy itself; families of filters draw from ``seed`` unless they say."""
        if not strategy.kind:
            return self._filters(strategy)
        called = self._find(family, strategy.kind)
        parameters = {
            name: self.build(_family(name), value, seed) if isinstance(value, Strategy) else value
            for name, value in strategy.parameters.items()
        }
        if "rng" in _parameters(called):
            parameters = {"rng": seed, **parameters}
        return called(**parameters)

    def _find(self, family: str, kind: str) -> Callable[..., Any]:
        known = _FAMILIES[family].names
        if kind in known:
            return known[kind]
        if ":" not in kind:
            raise ValueError(f"no {family} is called {kind!r}{nearest(kind, known)}")
        if not self.allow_code:
            raise ValueError(f"{kind!r} is code of your own, which runs only with --allow-code")
        module, _, name = kind.partition(":")
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"could not import {kind!r}: {error}") from None
        if not _FAMILIES[family].holds(found):
            raise ValueError(f"expected {kind!r} to be a {family} that can be made, got {found!r}")
        return found

    def _file(self, given: dict[str, Any]) -> Strategy:
        name = given.pop("file", None)
        if not isinstance(name, str) or given:
            expected = "expected a kind with its parameters, or a file"
            raise ValueError(f"{expected}, got {', '.join(given) or 'neither'}")
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise ValueError(f"could not read {self.folder / name}: {error.strerror}") from None
        return Strategy("", {"file": name}, hashlib.sha256(content).hexdigest())

    def _filters(self, strategy: Strategy) -> Array:
        path = self.folder / strategy.parameters["file"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DcscError(f"filters: could not read {path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != strategy.sha256:
            raise DcscError(f"filters: {path} has changed since the sweep was read")
        return npy_array(content, f"filters: {path}", kinds="biuf")


@cache
def _digest(module: str) -> str:
    """Hash the source of a module as it was imported; what the file says later does not run."""
    return hashlib.sha256(inspect.getsource(sys.modules[module]).encode()).hexdigest()


@lru_cache(maxsize=256)
def _parameters(called: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that have a name."""
    found = inspect.signature(called).parameters
    return {
        name: parameter
        for name, parameter in found.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


@lru_cache(maxsize=256)
def _takes_any(called: Callable[..., Any]) -> bool:
    found = inspect.signature(called).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in found)


def _is_strategy(name: str, value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, str) and name in _FAMILIES)


def _family(parameter: str) -> str:
    """Return of which family a parameter of a strategy is, if it is a strategy itself."""
    return parameter if parameter in _FAMILIES else "filters"


def each(items: Iterable[tuple[Any, Any]], read: Callable[[Any, Any], Any]) -> dict[Any, Any]:
    """Return what is read from each item; all mistakes are one group, each with its place."""
    found, errors = {}, []
    for place, value in items:
        try:
            found[place] = read(place, value)
        except (ValueError, ExceptionGroup) as error:
            inner = ExceptionGroup("", [error])
            inner.add_note(cattrs.IterableValidationNote("", place, type(value)))
            errors.append(inner)
    if errors:
        raise ExceptionGroup("", errors)
    return found


def nearest(name: str, known: Any) -> str:
    """Return a hint: the name that was probably meant, or else all there are."""
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": expected one of {', '.join(names)}" if names else ": there are none"
