"""Strategies by name: what a sweep file names, checked against the classes themselves."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import attrs

import dcsc.bounds
import dcsc.bounds.tails
import dcsc.codes
import dcsc.dictionaries.filters
import dcsc.projections
import dcsc.pursuits
import dcsc.signs
from dcsc._archives import npy_array
from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc._files import read_bytes
from dcsc._words import listed, nearest, quoted
from dcsc.bounds import BoundCalculator, PartialBound
from dcsc.bounds.tails import NAMED, Tail
from dcsc.codes import Amplitudes
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.canonical import canonical
from dcsc.experiments.sweeps.strict import CodeError, MissingParameterError, each, each_of
from dcsc.projections import Projection
from dcsc.pursuits import PathwayPursuit, Pursuit
from dcsc.signs import SignPattern

__all__ = ["Strategies", "Strategy"]


_MOST_BYTES = 2**30


@attrs.frozen(slots=False)
class _Family:
    """Where the strategies of one kind are found, and what they are: classes or functions.

    Whoever takes one takes ``words`` as well, for which the sweep does nothing.
    """

    module: ModuleType
    base: type | tuple[type, ...] | None
    words: Collection[str] = ()

    @cached_property
    def names(self) -> dict[str, Any]:
        """The strategies that dcsc has, by name."""
        members = {name: getattr(self.module, name) for name in self.module.__all__}
        return {name: value for name, value in members.items() if self.holds(value)}

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
    "pursuit": _Family(dcsc.pursuits, (Pursuit, PathwayPursuit)),
    "signs": _Family(dcsc.signs, SignPattern),
    "amplitudes": _Family(dcsc.codes, Amplitudes),
    "bound": _Family(dcsc.bounds, (BoundCalculator, PartialBound)),
    "tail": _Family(dcsc.bounds.tails, Tail, NAMED),
}


@attrs.frozen
class Strategy:
    """A strategy as a sweep file names it.

    Parameters
    ----------
    kind : str
        The name of a class, or of a function that makes filters; ``module:name`` for the user's;
        ``""`` for filters from a file.
    parameters : mapping of str
        What the class or function is called with; a table among them is a strategy itself, a list
        of them several.
    sha256 : str
        Of the source of the user's code, or of the file of filters: another content makes
        another task; else ``""``.
    """

    kind: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sha256: str = ""

    @cached_property
    def text(self) -> str:
        """What identities are hashes of."""
        return canonical(self)

    @property
    def label(self) -> str:
        """The name with its parameters, for tables and legends."""
        values = {
            key: value.label if isinstance(value, Strategy) else value
            for key, value in self.parameters.items()
        }
        inner = ", ".join(f"{key}={value}" for key, value in values.items())
        return f"{self.kind}({inner})" if inner else self.kind


@attrs.frozen
class Strategies:
    """Reads and builds strategies.

    Parameters
    ----------
    folder : Path
        The folder in which the files and modules are that a sweep names.
    allow_code : bool
        Whether ``module:name`` is imported, which runs the module, and whether files of filters
        may be elsewhere than beside the sweep.
    """

    folder: Path
    allow_code: bool = False

    def read(self, family: str, value: Any) -> Strategy:
        """Return what a name or a table says; ValueErrors say what was expected, and where."""
        table = {"kind": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise ValueError(f"expected a name or a table with a kind, got {quoted(value)}")
        rest = dict(table)
        if family == "filters" and "kind" not in rest:
            return self._file(rest)
        kind = rest.pop("kind", None)
        if not isinstance(kind, str):
            raise ValueError(f"expected a kind, one of {', '.join(_FAMILIES[family].names)}")
        target = self._find(family, kind)
        known = _parameters(target)
        errors: list[Exception] = [
            ValueError(f"{kind} has no {quoted(name)}{nearest(name, known)}")
            for name in rest
            if name not in known and not _takes_any(target)
        ]
        try:
            inner = {name: value for name, value in rest.items() if _is_strategy(name, value)}
            parameters = {**rest, **each(inner.items(), self._read_parameter)}
        except ExceptionGroup as group:
            errors.append(group)
        if errors:
            raise ExceptionGroup(kind, errors)
        missing = [
            name
            for name, parameter in known.items()
            if parameter.default is parameter.empty and name not in rest
        ]
        if missing:
            raise MissingParameterError(f"{kind} needs {' and '.join(map(repr, missing))}")
        return Strategy(kind, parameters, _digest(target.__module__) if ":" in kind else "")

    def build(self, family: str, strategy: Strategy, seed: int) -> Any:
        """Return the strategy itself; families of filters draw from ``seed`` unless they say."""
        if not strategy.kind:
            return self._filters(strategy)
        target = self._find(family, strategy.kind)
        parameters = {
            name: self._build_parameter(name, value, seed)
            for name, value in strategy.parameters.items()
        }
        if "rng" in _parameters(target):
            parameters = {"rng": seed, **parameters}
        return target(**parameters)

    def _read_parameter(self, name: str, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return each_of(value, lambda item: self._read_parameter(name, item))
        return self.read(_family(name), value)

    def _build_parameter(self, name: str, value: Any, seed: int) -> Any:
        if isinstance(value, tuple) and any(isinstance(item, Strategy) for item in value):
            return [self._build_parameter(name, item, seed) for item in value]
        return self.build(_family(name), value, seed) if isinstance(value, Strategy) else value

    def is_family(self, name: str) -> bool:
        """Whether strategies of one kind are called so."""
        return name in _FAMILIES

    def hint(self, family: str, value: Any, name: str) -> Any:
        """Return the annotation of a parameter of a strategy, None where there is none."""
        kind = value.get("kind") if isinstance(value, Mapping) else value
        try:
            target = self._find(family, kind) if isinstance(kind, str) else None
            return None if target is None else get_type_hints(target).get(name)
        except (ValueError, NameError, TypeError):  # annotations of the user's may name anything
            return None

    def _find(self, family: str, kind: str) -> Callable[..., Any]:
        known = _FAMILIES[family].names
        if kind in known:
            return known[kind]
        if ":" not in kind:
            called = "are called" if family.endswith("s") else "is called"
            raise ValueError(f"no {family} {called} {quoted(kind)}{nearest(kind, known)}")
        if not self.allow_code:
            raise CodeError(
                f"{quoted(kind)} is code of your own, which runs only with --allow-code"
            )
        module, _, name = kind.partition(":")
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        try:
            member = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"could not import {quoted(kind)}: {error}") from None
        if not _FAMILIES[family].holds(member):
            raise ValueError(
                f"expected {quoted(kind)} to be a {family} that can be made, got {quoted(member)}"
            )
        return member

    def _file(self, table: dict[str, Any]) -> Strategy:
        name = table.pop("file", None)
        if not isinstance(name, str) or table:
            expected = "expected a kind with its parameters, or a file"
            raise ValueError(f"{expected}, got {listed(table)}")
        return Strategy("", {"file": name}, hashlib.sha256(self._content(name)).hexdigest())

    def _content(self, name: str) -> bytes:
        """Return the bytes of a file, which is beside the sweep unless the user consents."""
        path = self.folder / name
        try:
            beside = Path(os.path.realpath(path)).is_relative_to(self.folder.resolve())
        except (OSError, ValueError) as error:  # a NUL byte
            raise ValueError(f"expected a file, got {quoted(name)}: {error}") from None
        if not (beside or self.allow_code):
            raise ValueError(
                f"expected a file beside the sweep, in {self.folder}, got {quoted(name)}, which is "
                "read only with --allow-code"
            )
        return read_bytes(path, "file", _MOST_BYTES)

    def _filters(self, strategy: Strategy) -> Array:
        path = self.folder / strategy.parameters["file"]
        try:
            content = self._content(strategy.parameters["file"])
        except ValueError as error:
            raise DcscError(f"filters: {error}") from None
        if hashlib.sha256(content).hexdigest() != strategy.sha256:
            raise DcscError(f"filters: {path} has changed since the sweep was read")
        return npy_array(content, f"filters: {path}", kinds="biuf")


@cache
def _digest(module: str) -> str:
    """Hash the source of a module as it was imported; what the file says later does not run."""
    return hashlib.sha256(inspect.getsource(sys.modules[module]).encode()).hexdigest()


@lru_cache(maxsize=256)
def _parameters(target: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that have a name."""
    parameters = inspect.signature(target).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


@lru_cache(maxsize=256)
def _takes_any(target: Callable[..., Any]) -> bool:
    parameters = inspect.signature(target).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _is_strategy(name: str, value: Any) -> bool:
    if isinstance(value, list | tuple):
        return name in _FAMILIES and any(_is_strategy(name, item) for item in value)
    if isinstance(value, str):
        return name in _FAMILIES and value not in _FAMILIES[name].words
    return isinstance(value, Mapping)


def _family(parameter: str) -> str:
    """Return of which family a parameter of a strategy is, if it is a strategy itself."""
    return parameter if parameter in _FAMILIES else "filters"
