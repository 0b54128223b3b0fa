"""Reading a sweep file: every mistake with its place and what was expected there."""

import math
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import cattrs
import numpy as np
from cattrs.gen import make_dict_structure_fn, override

from dcsc.errors import DcscError
from dcsc.experiments.sweeps.stopping import Stopping
from dcsc.experiments.sweeps.strategies import (
    MissingParameterError,
    Strategies,
    each,
    nearest,
)
from dcsc.experiments.sweeps.tables import (
    RESERVED,
    Axis,
    Codes,
    Constants,
    LayerTable,
    Task,
    substitute,
)

__all__ = ["read_sweep", "read_task", "read_toml"]

_MOST_CELLS = 10**6


@attrs.frozen(kw_only=True)
class _Range:
    """What the values of an axis are read from: one of the three."""

    parameter: str
    values: tuple[Any, ...] | None = None
    linear: tuple[Any, ...] | None = None
    geometric: tuple[Any, ...] | None = None
    labels: tuple[Any, ...] | None = None


@attrs.frozen(kw_only=True)
class _Head:
    """What a sweep file says apart from its tasks."""

    title: str = ""
    trials: int
    stop: Stopping = Stopping()
    axes: Mapping[str, _Range] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials: expected at least 1, got {self.trials}")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DcscError(f"sweep: could not read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DcscError(f"{path}: expected TOML: {error}") from None


def read_sweep(
    table: Mapping[str, Any], strategies: Strategies, where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a sweep, and the table of its tasks; everything in both is checked."""
    heads = [field.name for field in attrs.fields(_Head)]
    tasks = [field.name for field in attrs.fields(Task)]
    mistakes = [
        f"no key {key!r}{nearest(key, [*heads, *tasks])}"
        for key in table
        if key not in (*heads, *tasks)
    ]
    mistakes += _unwritable(table, "")
    head, axes, cells = None, list[Axis](), 0
    try:
        head = _converter(strategies).structure({k: table[k] for k in heads if k in table}, _Head)
        axes = list(each(head.axes.items(), _axis).values())
        cells = math.prod(len(axis.values) for axis in axes)
        if cells > _MOST_CELLS:
            mistakes.append(f"axes: expected at most {_MOST_CELLS} cells, got {cells}")
    except cattrs.BaseValidationError as error:
        mistakes += _mistakes(error, "")
    except ExceptionGroup as error:
        mistakes += _mistakes(error, "axes")
    rest = {key: value for key, value in table.items() if key in tasks}
    if head is None or len(axes) < len(head.axes):
        # What is missing may be what the axes would have put there.
        mistakes += _task_mistakes(rest, strategies, missing=False)
    elif cells <= _MOST_CELLS:
        mistakes += _mistakes_at(rest, axes, strategies)
    if mistakes:
        raise DcscError(f"{where}: {'; '.join(dict.fromkeys(mistakes))}")
    assert head is not None
    return {
        "title": head.title,
        "trials": head.trials,
        "stop": head.stop,
        "axes": tuple(axes),
    }, rest


def read_task(table: Mapping[str, Any], strategies: Strategies, where: str) -> Task:
    """Return the task that a table says."""
    try:
        return _converter(strategies).structure(table, Task)
    except cattrs.BaseValidationError as error:
        raise DcscError(f"{where}: {'; '.join(_mistakes(error, ''))}") from None


def _task_mistakes(
    table: Mapping[str, Any], strategies: Strategies, missing: bool = True
) -> list[str]:
    try:
        _converter(strategies).structure(table, Task)
    except cattrs.BaseValidationError as error:
        return list(_mistakes(error, "", missing))
    return []


def _mistakes_at(
    table: Mapping[str, Any], axes: Sequence[Axis], strategies: Strategies
) -> Iterator[str]:
    """Read every value of every axis once, the others at their first; yield the first mistakes."""
    first = table
    for axis in axes:
        try:
            first = substitute(first, axis.parameter, axis.values[0])
        except ValueError as error:
            yield f"axes.{axis.name}.parameter: {axis.parameter}: {error}"
            return
    mistakes = _task_mistakes(first, strategies)
    yield from mistakes
    for axis in axes if not mistakes else ():
        for value, label in zip(axis.values, axis.labels, strict=True):
            mistakes = _task_mistakes(substitute(first, axis.parameter, value), strategies)
            if mistakes:
                yield from (f"axes.{axis.name}: at {label}: {mistake}" for mistake in mistakes)
                break


def _unwritable(value: Any, place: str) -> Iterator[str]:
    """Yield the places of what is nothing that the folder of a sweep can hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unwritable(inner, f"{place}.{key}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from _unwritable(inner, f"{place}.{number}")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{place}: expected a number, got {value!r}"
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            yield f"{place}: expected a whole number of at most 64 bits, got {value}"
    elif not isinstance(value, str):
        yield f"{place}: expected a number, a string, a list or a table, got {value!r}"


def _axis(name: str, table: _Range) -> Axis:
    if name in RESERVED:
        raise ValueError(f"expected another name: {name!r} is one of the results'")
    if not name.isidentifier():
        raise ValueError(f"expected a name of letters, digits and _, got {name!r}")
    ways = {key: getattr(table, key) for key in ("values", "linear", "geometric")}
    keys = [key for key, value in ways.items() if value is not None]
    if len(keys) != 1:
        got = " and ".join(keys) or "none"
        raise ValueError(f"expected one of values, linear, geometric, got {got}")
    values = table.values
    if values is None:
        values = _range(keys[0], ways[keys[0]])
    if not values:
        raise ValueError("expected one value or more")
    labels = values if table.labels is None else table.labels
    if not all(isinstance(label, int | float | str) for label in labels):
        raise ValueError("labels: expected a number or a string for each value")
    if len(labels) != len(values):
        raise ValueError(f"labels: expected {len(values)} of them, got {len(labels)}")
    labels = labels if all(map(_is_number, labels)) else tuple(map(str, labels))
    if len(set(labels)) < len(labels):
        raise ValueError(f"expected values that differ, got {list(labels)}")
    return Axis(name, table.parameter, values, labels)


def _range(way: str, ends: tuple[Any, ...]) -> tuple[int | float, ...]:
    """Return evenly spaced numbers; whole ones, each once, where both ends are written so."""
    count = ends[2] if len(ends) == 3 and all(map(_is_number, ends)) else None
    if not isinstance(count, int) or not 1 <= count <= _MOST_CELLS:
        expected = f"expected [first, last, count], count from 1 to {_MOST_CELLS}"
        raise ValueError(f"{way}: {expected}, got {list(ends)}")
    first, last = ends[:2]
    if way == "geometric" and not (first > 0 and last > 0):
        raise ValueError(f"geometric: expected positive ends, got {first} and {last}")
    space = np.linspace if way == "linear" else np.geomspace
    points = space(first, last, count).tolist()
    if isinstance(first, int) and isinstance(last, int):
        return tuple(dict.fromkeys(round(point) for point in points))
    return tuple(float(f"{point:.12g}") for point in points)  # 0.4, not 0.39999999999999997


# ---- cattrs ------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _converter(strategies: Strategies) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)

    @converter.register_structure_hook_factory(_is_tuple)
    def _(kind: Any) -> Any:
        inner = get_args(kind)[0]
        hook = converter.get_structure_hook(inner)
        return lambda value, _: _each_of(value, lambda item: hook(item, inner))

    def strategy(family: str) -> Any:
        return override(struct_hook=lambda value, _: strategies.read(family, value))

    def axes(value: Any, _: Any) -> Mapping[str, _Range]:
        return each(_table(value).items(), lambda _, item: converter.structure(item, _Range))

    hooks: dict[type, dict[str, Any]] = {
        LayerTable: {name: strategy(name) for name in ("dictionary", "projection", "signs")},
        Codes: {
            "amplitudes": strategy("amplitudes"),
            "batch": override(struct_hook=_whole_numbers),
        },
        Task: {
            "bounds": override(
                struct_hook=lambda value, _: _each_of(
                    value, lambda item: strategies.read("bound", item)
                )
            )
        },
        _Head: {"axes": override(struct_hook=axes)},
    }
    for kind in (LayerTable, Codes, Constants, Stopping, _Range, Task, _Head):
        hook = make_dict_structure_fn(
            kind, converter, _cattrs_forbid_extra_keys=True, **hooks.get(kind, {})
        )
        converter.register_structure_hook(kind, _table_first(hook))
    return converter


def _table_first(hook: Any) -> Any:
    return lambda value, kind: hook(_table(value), kind)


def _each_of(value: Any, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {value!r}")
    return tuple(each(enumerate(value), lambda _, item: read(item)).values())


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a table, got {value!r}")
    return value


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_number(value: Any) -> bool:
    # Also for whole numbers that no float can hold, and for NaN.
    within = isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return within and not isinstance(value, bool)


def _whole(value: Any, _: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def _whole_numbers(value: Any, kind: Any) -> tuple[int, ...]:
    numbers = value if isinstance(value, list | tuple) else (value,)
    return _each_of(numbers, lambda number: _whole(number, kind))


def _number(value: Any, _: Any) -> float:
    if not _is_number(value):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {value!r}")
    return value


def _mistakes(error: BaseException, place: str, missing: bool = True) -> Iterator[str]:
    """Yield what every leaf of an error says, with its place in the file."""
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
            yield f"{place}: no key {key!r}{nearest(key, known)}".removeprefix(": ")
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _mistakes(inner, place, missing)
    elif isinstance(error, KeyError):
        if missing:
            yield f"{place}: expected a key {error.args[0]!r}, got none".removeprefix(": ")
    elif missing or not isinstance(error, MissingParameterError):
        yield f"{place}: {error}".removeprefix(": ")
