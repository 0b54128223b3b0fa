"""Validation at the border: everything public goes through here, nothing private needs to."""

import itertools
import math
import operator
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dcsc._tensors import host
from dcsc._threads import share
from dcsc._words import one_of, quoted
from dcsc.errors import ContractError, DcscError, TooLargeError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
_WORTH_A_THREAD = 2**18
_MOST_AXES = 64
_MOST_COUNTED = 2**24
# What makes real numbers of arrays of another kind.
_WAYS = {
    "O": "; .astype(float) makes numbers of objects that are some",
    "c": "; .real and abs() are real",
    "S": ", which is text",
    "U": ", which is text",
    "M": ", which are times",
    "m": ", which are times",
}
# A number or a fraction as people write it, such as 1/255.
_WRITTEN = re.compile(r"\s*[-+]?\d{1,9}(\.\d{1,9})?(e[-+]?\d{1,3})?(\s*/\s*\d{1,9})?\s*", re.I)
# What arrays, tensors and other numbers raise when they are converted.
_UNCONVERTIBLE = (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError, MemoryError)
Rng = None | int | np.random.SeedSequence | np.random.Generator


def real_array(value: Any, where: str) -> Array:
    """Return a finite real array: float32 and float64 as they are, other real types as float64."""
    return as_floats(numeric_array(value, where))


def as_floats(array: Array) -> Array:
    """Return float32 and float64 as they are, other real types as float64."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def numeric_array(value: Any, where: str, finite: bool = True) -> Array:
    """Return a finite real array of any numeric dtype, booleans included.

    With ``finite=False`` whoever reads the numbers next has to check that, see `not_finite`.
    """
    try:
        array = value if type(value) is np.ndarray else np.asarray(unwrapped(value, where))
    except DcscError:
        raise
    except _UNCONVERTIBLE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DcscError(f"{where}: expected an array of real numbers, got {reason}") from None
    if array.dtype.kind not in "biuf":
        raise DcscError(f"{where}: expected real numbers, {_other_kind(value, array)}")
    if type(value) is not np.ndarray and _masked(value, array.ndim):
        raise DcscError(
            f"{where}: expected an array without a mask, got a masked array, whose mask would be "
            "ignored: select or fill its entries first"
        )
    if array.size > _entries_of_memory():
        checked_size(array.shape, where)
    if array.dtype == np.longdouble:
        with np.errstate(over="ignore", invalid="ignore"):
            array = array.astype(np.float64)
    if finite and array.dtype.kind == "f" and not all_finite(array):
        raise not_finite(array, where)
    return array


def _other_kind(value: Any, array: Array) -> str:
    """Return what was given in place of real numbers, and what makes numbers of it."""
    if hasattr(value, "toarray"):
        return f"got a sparse {type(value).__name__}: give what its toarray() returns"
    if array.ndim == 0 and array.dtype.kind == "O":
        return f"got {quoted(value)}"
    if hasattr(value, "select_dtypes"):  # a frame of pandas
        way = "; .select_dtypes('number').to_numpy(float) gives its columns of numbers"
    else:
        way = _WAYS.get(array.dtype.kind, "; .astype('float32') makes numbers of it")
    return f"got dtype {array.dtype}{way}"


def _masked(value: Any, axes: int) -> bool:
    rows = value if isinstance(value, list | tuple) and axes > 1 else (value,)
    return any(map(_is_masked, rows))


def _is_masked(value: Any) -> bool:
    # where nobody has imported them, there is none
    return "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray)


def unwrapped(value: Any, where: str) -> Any:
    """Return tensors of PyTorch and ranges as arrays, and anything else as it is."""
    if not isinstance(value, range):
        return host(value, where)
    if (value.stop - value.start) // value.step > _MOST_COUNTED:
        raise TooLargeError(
            f"{where}: expected an array, got {quoted(value)}: np.arange makes one of it, if "
            "memory holds it"
        )
    return np.arange(value.start, value.stop, value.step)


def checked_size(shape: Shape, where: str, most: int | None = None) -> Shape:
    """Return a shape if an array has at most so many entries; by default what memory can hold."""
    entries, limit = math.prod(shape), _entries_of_memory() if most is None else most
    if entries > limit:
        raise TooLargeError(f"{where}: expected at most {limit} entries, got {quoted(shape)}")
    return shape


@cache
def _entries_of_memory() -> int:
    """Return how many float64 the machine can hold, or a terabyte of them if it does not tell."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        size = 2**40
    # A process may be allowed less than the machine has.
    with suppress(ImportError):
        import resource  # noqa: PLC0415  # there is none on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        size = size if limit == resource.RLIM_INFINITY else min(size, limit)
    return size // 8


def not_finite(array: Array, where: str) -> DcscError:
    """Return the error for an array that holds a number which is not finite."""
    bad = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
    return DcscError(f"{where}: expected finite numbers, got {array[bad]} at {bad}")


def all_finite(array: Array) -> bool:
    """Return whether all entries are finite; sums, which write nothing, decide where they can."""
    flat = array.reshape(-1) if array.flags.c_contiguous else array
    sums: list[Any] = []

    def work(start: int, stop: int) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            sums.append(flat[start:stop].sum())

    share(work, len(flat), max(1, _WORTH_A_THREAD * len(flat) // max(array.size, 1)))
    return bool(np.isfinite(sums).all()) or bool(np.isfinite(array).all())


def result_dtype(dtype: "npt.DTypeLike", array: Array) -> np.dtype[Any]:
    """Return float32 or float64, whichever holds both (integers count as float64)."""
    joint = np.result_type(dtype, array.dtype)
    return joint if joint in (np.float32, np.float64) else np.dtype(np.float64)


def frozen_array(array: Array) -> Array:
    """Return a C-contiguous read-only copy."""
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


def sign_array(value: Any, where: str) -> Array:
    """Return a read-only float64 copy of an array of +1 and -1."""
    array = real_array(value, where).astype(np.float64)
    wrong = array[np.abs(array) != 1]
    if wrong.size:
        raise DcscError(f"{where}: expected +1 and -1, got {wrong[0]}")
    return frozen_array(array)


def brief(array: Array) -> str:
    """Return what the repr of a record shows of an array."""
    return f"<{array.dtype} {array.shape}>"


def as_batch(array: Array, shape: Shape, where: str, dtype: "npt.DTypeLike") -> tuple[Array, Shape]:
    """Split ``(*batch, *shape)`` into a read-only array with one batch axis, and ``batch``."""
    batch = batch_of(array.shape, shape, where)
    flat = np.ascontiguousarray(array, dtype=dtype).reshape((math.prod(batch), *shape)).view()
    flat.flags.writeable = False
    return flat, batch


def batch_of(whole: Shape, shape: Shape, where: str) -> Shape:
    """Return ``batch`` of a shape that is to be ``(*batch, *shape)``."""
    batch = whole[: max(len(whole) - len(shape), 0)]
    if whole != batch + shape:
        expected = "(*batch, " + ", ".join(map(str, shape)) + ")"
        raise DcscError(f"{where}: expected shape {expected}, got {whole}")
    return batch


def from_hook(result: Any, shape: Shape, dtype: "npt.DTypeLike", hook: str) -> Array:
    """Check what a private hook returned against its contract; copy an input that it hands back."""
    if not isinstance(result, np.ndarray) or result.shape != shape or result.dtype != dtype:
        got = (
            f"{result.dtype} of shape {result.shape}"
            if isinstance(result, np.ndarray)
            else type(result).__name__
        )
        raise ContractError(f"{hook} returned {got}, expected {np.dtype(dtype)} of shape {shape}")
    return result if result.flags.writeable else result.copy()


def integer(value: Any, where: str, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return ``value`` as an int inside the closed range."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except _UNCONVERTIBLE:
        raise DcscError(f"{where}: expected an integer, got {quoted(value)}") from None
    _check_range(number, where, minimum, maximum)
    return number


def real(
    value: Any, where: str, minimum: float | None = None, maximum: float | None = None
) -> float:
    """Return ``value`` as a finite float inside the closed range."""
    try:
        # one number: float would take text, and the only entry of an array whatever its axes
        if isinstance(value, str | bytes | bytearray) or _is_masked(value):
            raise TypeError
        plain = value if type(value) is float else host(value, where)
        number = float(plain) if getattr(value, "ndim", 0) == 0 else math.nan
    except DcscError:
        raise
    except _UNCONVERTIBLE:
        raise DcscError(
            f"{where}: expected a real number, got {quoted(value)}{_unquoted(value)}"
        ) from None
    if not math.isfinite(number):
        raise DcscError(f"{where}: expected a finite number, got {number}")
    _check_range(number, where, minimum, maximum)
    return number


def _unquoted(value: Any) -> str:
    """Return a hint for a number, or a fraction, that is written as text."""
    if not isinstance(value, str) or not _WRITTEN.fullmatch(value):
        return ""
    return f": write {value.strip()}, without quotes"


def positive(value: Any, where: str) -> float:
    """Return ``value`` as a finite float above 0."""
    number = real(value, where)
    if number <= 0:
        raise DcscError(f"{where}: expected a positive number, got {number}")
    return number


def real_or_array(value: Any, where: str, minimum: float | None = None) -> float | Array:
    """Return a number as a finite float at least ``minimum``, and anything else as `real_array`."""
    if isinstance(value, str | bytes) or not np.iterable(value):
        return real(value, where, minimum)
    array = real_array(value, where)
    return array if array.ndim else real(array, where, minimum)


def _check_range(number: float, where: str, minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and number < minimum:
        raise DcscError(f"{where}: expected at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise DcscError(f"{where}: expected at most {maximum}, got {number}")


def instance(value: Any, kind: type, where: str) -> Any:
    """Return ``value`` if it is a ``kind``."""
    if not isinstance(value, kind):
        raise DcscError(f"{where}: expected {one_of(kind)}, got {quoted(value)}")
    return value


def instance_of(kind: type) -> Any:
    """Return an attrs validator that takes instances of ``kind`` only."""

    def validate(self_: Any, field: Any, value: Any) -> None:
        instance(value, kind, f"{type(self_).__name__}: {field.name}")

    return validate


def flat_indices(value: Any, size: int, where: str) -> Array:
    """Return a list of ints from 0 to ``size − 1`` as an array."""
    array = numeric_array(value, where)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DcscError(f"{where}: expected a list of ints, got {array.dtype} of {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= size):
        raise DcscError(f"{where}: expected 0 to {size - 1}, got {array.min()} to {array.max()}")
    return array.astype(np.intp)


def shape_tuple(value: int | Sequence[int], where: str, minimum: int = 0) -> Shape:
    """Return an int or a sequence of ints as a tuple."""
    items = tuple(itertools.islice(value, _MOST_AXES + 1)) if np.iterable(value) else (value,)
    if len(items) > _MOST_AXES:
        raise DcscError(f"{where}: expected at most {_MOST_AXES} axes, got {quoted(value)}")
    return tuple(integer(item, where, minimum) for item in items)


def per_axis(value: int | Sequence[int], axes: int, where: str, minimum: int = 0) -> Shape:
    """Return one int per axis; a single int stands for all of them."""
    items = shape_tuple(value, where, minimum)
    if not np.iterable(value):
        items *= axes
    if len(items) != axes:
        raise DcscError(f"{where}: expected an int or {axes} of them, got {quoted(value)}")
    return items


def generator(rng: Rng, where: str) -> np.random.Generator:
    """Return ``numpy.random.default_rng(rng)``, with dcsc's error where it is no seed."""
    # numpy takes lists as well; of other iterables it would look for the end
    several = isinstance(rng, list | tuple | np.ndarray)
    try:
        if not several and isinstance(rng, Iterable):
            raise TypeError
        return np.random.default_rng(numeric_array(rng, where) if several else rng)
    except _UNCONVERTIBLE:
        raise DcscError(
            f"{where}: expected None, a non-negative int, a SeedSequence or a Generator, "
            f"got {quoted(rng)}"
        ) from None
