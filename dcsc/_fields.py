"""Validated fields of records, declared one way: an error names the class and the argument."""

from typing import Any

import attrs

__all__ = ["number_field"]


def number_field(
    check: Any, default: Any = attrs.NOTHING, kw_only: bool = False, **limits: Any
) -> Any:
    """Declare a number that may be None.

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

    def convert(value: Any, self_: Any, field: Any) -> Any:
        return check(value, f"{type(self_).__name__}: {field.name}", **limits)

    named = attrs.Converter(convert, takes_self=True, takes_field=True)
    converter = attrs.converters.optional(named)
    return attrs.field(default=default, converter=converter, kw_only=kw_only)
