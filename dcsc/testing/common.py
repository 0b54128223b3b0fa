"""What the checks share: how a law is said to be broken, and arrays that are equal to rounding."""

from collections.abc import Callable
from typing import Any, NoReturn

import attrs
import numpy as np

from dcsc._fields import few

__all__ = ["call", "fail", "line", "same"]

_ROUNDING = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 1e-4}


def fail(strategy: object, law: str, counterexample: str) -> NoReturn:
    """Say which law a strategy breaks, and where."""
    raise AssertionError(f"{type(strategy).__name__} breaks the law '{law}': {counterexample}")


def line(record: Any) -> str:
    """Return a record of attrs on one line, as the call that makes it; arrays by their shapes."""
    told = []
    for field in attrs.fields(type(record)):
        value, default = getattr(record, field.name), field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, to users
            default = default.factory(*[record] * default.takes_self)
        if isinstance(value, np.ndarray) or value != default:
            told.append(f"{field.name}={few(value)}")
    return f"{type(record).__name__}({', '.join(told)})"


def call(
    strategy: object,
    law: str,
    what: str,
    function: Callable[..., Any],
    *arguments: Any,
    refusals: tuple[type[Exception], ...] = (),
) -> Any:
    """Return what a method of a strategy returns; what it raises breaks a law.

    Hooks are handed read-only arrays, so that one that writes into them is told so by numpy, and
    here by the law that it breaks.

    Parameters
    ----------
    strategy : object
    law : str
        What the call is to show.
    what : str
        The call in words, for the counterexample.
    function : callable
    *arguments
    refusals : tuple of exceptions
        Those that break no law, and are let through.
    """
    try:
        return function(*arguments)
    except refusals:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and "read-only" in str(error):
            fail(strategy, "inputs are left as they were", f"{what} wrote into its argument")
        fail(strategy, law, f"{what} raised {type(error).__name__}: {error}")


def same(
    strategy: object, law: str, got: Any, expected: Any, context: str, dtype: Any = np.float64
) -> None:
    """Compare arrays up to the rounding of ``dtype``, or theirs, relative to the largest entry."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        fail(strategy, law, f"{context}: shape {got.shape} instead of {expected.shape}")
    scale = max(np.abs(got).max(initial=0), np.abs(expected).max(initial=0), 1e-300)
    error = np.abs(got.astype(float) - expected.astype(float))
    dtypes = np.dtype(dtype), got.dtype, expected.dtype
    rounding = max(_ROUNDING.get(kind, 1e-11) for kind in dtypes)
    if error.max(initial=0) > rounding * scale:
        worst = np.unravel_index(int(error.argmax()), error.shape)
        place = tuple(int(i) for i in worst)
        fail(strategy, law, f"{context}: {got[worst]} instead of {expected[worst]} at {place}")
