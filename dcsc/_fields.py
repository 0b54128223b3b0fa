"""Validated fields of records, declared one way: an error names the class and the argument."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import choice, flag
from dcsc._arrays import brief

__all__ = [
    "SAME_ARRAY",
    "array_field",
    "choice_field",
    "few",
    "flag_field",
    "named",
    "named_field",
    "number_field",
]

_FEW = 8

# Arrays of records are compared entry by entry.
SAME_ARRAY: Any = attrs.cmp_using(eq=np.array_equal)

Convert = Callable[[Any, Any, str], Any]


def named(convert: Convert) -> Any:
    """Return an attrs converter that is given the value, the record, and what errors call it.

    mypy's plugin for attrs does not know such converters, and takes their arguments for Any. Where
    a user may give more than the field then holds, this is what is wanted: declare it with
    `attrs.field` and this converter. Otherwise use `named_field`.

    Parameters
    ----------
    convert : callable
        ``convert(value, record, where)``; fields declared above this one are set already.
    """

    def converted(value: Any, record: Any, field: Any) -> Any:
        return convert(value, record, f"{type(record).__name__}: {field.name}")

    return attrs.Converter(converted, takes_self=True, takes_field=True)


def named_field(convert: Convert, *, optional: bool = False, **options: Any) -> Any:
    """Declare a field with a converter as in `named`.

    Parameters
    ----------
    convert : callable
    optional : bool, default False
        Whether None stands for itself, and is the default.
    **options
        As in `attrs.field`.
    """
    if not optional:
        return attrs.field(converter=named(convert), **options)
    converter = attrs.converters.optional(named(convert))
    return attrs.field(converter=converter, **{"default": None, **options})


def number_field(
    check: Any, default: Any = attrs.NOTHING, *, kw_only: bool = False, **limits: Any
) -> Any:
    """Declare a number; it may be None if that is the default.

    Parameters
    ----------
    check : callable
        `dcsc._arrays.real` or `dcsc._arrays.integer`, which is given the value, what to call it in
        an error, and the limits.
    default : number or None, optional
    kw_only : bool, default False
    **limits
        ``minimum`` and ``maximum``.
    """
    return named_field(
        lambda value, record, where: check(value, where, **limits),
        optional=default is None,
        default=default,
        kw_only=kw_only,
    )


def flag_field(default: bool, *, kw_only: bool = False) -> Any:
    """Declare a field that is True or False."""

    def convert(value: Any, record: Any, field: Any) -> bool:
        if value is True or value is False:  # records are changed in inner loops
            return value
        return flag(value, f"{type(record).__name__}: {field.name}")

    converter = attrs.Converter(convert, takes_self=True, takes_field=True)
    return attrs.field(default=default, converter=converter, kw_only=kw_only)


def choice_field(words: Iterable[str], default: Any = attrs.NOTHING) -> Any:
    """Declare a field that is one of some words."""
    return named_field(
        lambda value, record, where: choice(value, words, where),
        default=default,
    )


def array_field(convert: Convert, *, optional: bool = False, **options: Any) -> Any:
    """Declare an array: compared entry by entry, left out of hashes, and shown in brief.

    Parameters
    ----------
    convert, optional, **options
        As in `named_field`.
    """
    usual = {"repr": _brief, "eq": SAME_ARRAY, "hash": False}
    return named_field(convert, optional=optional, **{**usual, **options})


def few(value: Any) -> str:
    """Return the repr of a number or an array; of many numbers only how many there are."""
    return _brief(value) if np.size(value) > _FEW else repr(value)


def _brief(value: Any) -> str:
    return brief(value) if isinstance(value, np.ndarray) else repr(value)
