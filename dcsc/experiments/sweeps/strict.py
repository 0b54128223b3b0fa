"""Records from tables: each mistake with its place, and what was expected there."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import cattrs
from cattrs.gen import make_dict_structure_fn

from dcsc._words import nearest, quoted

__all__ = [
    "LISTS",
    "CodeError",
    "MissingParameterError",
    "each",
    "each_of",
    "is_number",
    "mistakes",
    "register_record",
    "strict_converter",
    "table_of",
    "whole",
]


LISTS = ": an item of a list begins with [[NAME]], a table with [NAME]"


class MissingParameterError(ValueError):
    """A strategy has fewer parameters than it needs."""


class CodeError(ValueError):
    """A name is code of the user's, which may not run."""


def strict_converter(lists: str = "") -> cattrs.Converter:
    """Return a converter that takes a value of the right type, and converts none of another.

    ``lists`` is what is said of a table where a list of them is expected: how one is written.
    """
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind, read in ((int, whole), (float, _number), (str, _text), (bool, _truth)):
        converter.register_structure_hook(kind, read)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)

    @converter.register_structure_hook_factory(lambda kind: _origin(kind) is tuple)
    def _(kind: Any) -> Any:
        inner = get_args(kind)[0]
        hook = converter.get_structure_hook(inner)
        return lambda value, _: each_of(value, lambda item: hook(item, inner), lists)

    @converter.register_structure_hook_factory(lambda kind: _origin(kind) is Mapping)
    def _(kind: Any) -> Any:
        inner = get_args(kind)[1]
        hook = converter.get_structure_hook(inner)
        return lambda value, _: each(table_of(value).items(), lambda _, item: hook(item, inner))

    return converter


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def register_record(
    converter: cattrs.Converter, kind: type, known: bool = True, **fields: Any
) -> None:
    """Let a converter read a class from a table, with hooks of their own for some fields.

    With ``known=False`` keys that are no fields are passed over.
    """
    hook: Any = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=known, **fields)
    converter.register_structure_hook(kind, lambda value, _: hook(table_of(value), kind))


def each_of(value: Any, read: Callable[[Any], Any], lists: str = "") -> tuple[Any, ...]:
    """Return what is read from each item of a list."""
    if not isinstance(value, list | tuple):
        hint = lists if isinstance(value, Mapping) else ""
        raise ValueError(f"expected a list, got {quoted(value)}{hint}")
    return tuple(each(enumerate(value), lambda _, item: read(item)).values())


def table_of(value: Any) -> Mapping[str, Any]:
    """Return a value that is a table."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a table, got {quoted(value)}")
    return value


def is_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold; NaN and infinity are none."""
    within = isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return within and not isinstance(value, bool)


def whole(value: Any, _: Any) -> int:
    """Return a value that is a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"expected a whole number, got {quoted(value)}")
    return value


def _number(value: Any, _: Any) -> float:
    if not is_number(value):
        raise ValueError(f"expected a number, got {quoted(value)}")
    return float(value)


def _truth(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {quoted(value)}")
    return value


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {quoted(value)}")
    return value


def mistakes(
    error: BaseException, place: str, silent: tuple[type[Exception], ...] = ()
) -> Iterator[str]:
    """Yield what every leaf of an error says, with its place; not what ``silent`` types say.

    A `KeyError` of a missing key is a `MissingParameterError` in this respect.
    """
    for note in getattr(error, "__notes__", []):
        if isinstance(note, cattrs.IterableValidationNote):
            at = note.index + 1 if isinstance(note.index, int) else note.index
            place = f"{place}.{at}".removeprefix(".")
        elif isinstance(note, cattrs.AttributeValidationNote) and not isinstance(error, KeyError):
            place = f"{place}.{note.name}".removeprefix(".")
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        assert error.cl is not None
        known = list(get_type_hints(error.cl))
        for key in sorted(error.extra_fields):
            yield f"{place}: no key {quoted(key)}{nearest(key, known)}".removeprefix(": ")
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from mistakes(inner, place, silent)
    elif isinstance(error, KeyError):
        if MissingParameterError not in silent:
            yield f"{place}: expected a key {error.args[0]!r}, got none".removeprefix(": ")
    elif not isinstance(error, silent):
        yield f"{place}: {error}".removeprefix(": ")


def each(items: Iterable[tuple[Any, Any]], read: Callable[[Any, Any], Any]) -> dict[Any, Any]:
    """Return what is read from each item; all mistakes are one group, each with its place."""
    results, errors = {}, []
    for place, value in items:
        try:
            results[place] = read(place, value)
        except (ValueError, ExceptionGroup) as error:
            inner = ExceptionGroup("", [error])
            inner.add_note(cattrs.IterableValidationNote("", place, type(value)))
            errors.append(inner)
    if errors:
        raise ExceptionGroup("", errors)
    return results
