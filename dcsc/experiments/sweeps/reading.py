"""Reading a sweep file: every mistake with its place and what was expected there."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import cattrs
import numpy as np
from cattrs.gen import make_dict_structure_fn, override

from dcsc.errors import DcscError
from dcsc.experiments.sweeps.stopping import Stopping
from dcsc.experiments.sweeps.strategies import Strategies, nearest
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
    own = [field.name for field in attrs.fields(_Head)]
    tasks = [field.name for field in attrs.fields(Task)]
    known = [*own, *tasks]
    mistakes = [f"no key {key!r}{nearest(key, known)}" for key in table if key not in known]
    rest = {key: value for key, value in table.items() if key in tasks}
    try:
        head = _structure({k: v for k, v in table.items() if k in own}, _Head, strategies, where)
        axes = _axes(head, where)
        _check(rest, axes, strategies, where)
    except DcscError as error:
        mistakes.append(str(error).removeprefix(f"{where}: "))
    if mistakes:
        raise DcscError(f"{where}: " + "; ".join(mistakes))
    fields = {"title": head.title, "trials": head.trials, "stop": head.stop, "axes": axes}
    return fields, rest


def _axes(head: _Head, where: str) -> tuple[Axis, ...]:
    if head.trials < 1:
        raise DcscError(f"{where}: trials: expected at least 1, got {head.trials}")
    axes = tuple(_axis(name, axis, where) for name, axis in head.axes.items())
    cells = math.prod(len(axis.values) for axis in axes)
    if cells > _MOST_CELLS:
        raise DcscError(f"{where}: axes: expected at most {_MOST_CELLS} cells, got {cells}")
    return axes


def read_task(table: Mapping[str, Any], strategies: Strategies, where: str) -> Task:
    """Return the task that a table says."""
    task: Task = _structure(table, Task, strategies, where)
    return task


def _check(
    table: dict[str, Any], axes: tuple[Axis, ...], strategies: Strategies, where: str
) -> None:
    """Read every value of every axis once, the others at their first."""
    first = table
    for axis in axes:
        first = _with(first, axis, 0, where)
    read_task(first, strategies, where)
    for axis in axes:
        for at in range(len(axis.values)):
            place = f"{where}: axes.{axis.name}: at {axis.labels[at]}"
            read_task(_with(first, axis, at, where), strategies, place)


def _with(table: dict[str, Any], axis: Axis, at: int, where: str) -> dict[str, Any]:
    try:
        return substitute(table, axis.parameter, axis.values[at])
    except ValueError as error:
        place = f"{where}: axes.{axis.name}.parameter: {axis.parameter}"
        raise DcscError(f"{place}: {error}") from None


def _axis(name: str, given: _Range, where: str) -> Axis:
    place = f"{where}: axes.{name}"
    if name in RESERVED:
        raise DcscError(f"{place}: expected another name: {name!r} is one of the results'")
    ways = {key: getattr(given, key) for key in ("values", "linear", "geometric")}
    chosen = [key for key, value in ways.items() if value is not None]
    if len(chosen) != 1:
        got = " and ".join(chosen) or "none"
        raise DcscError(f"{place}: expected one of values, linear, geometric, got {got}")
    values = given.values
    if values is None:
        values = _range(chosen[0], ways[chosen[0]], place)
    if not values:
        raise DcscError(f"{place}: expected one value or more")
    labels = values if given.labels is None else given.labels
    if given.labels is None and not all(isinstance(x, int | float | str) for x in values):
        raise DcscError(f"{place}: labels: expected a number or a string for each value, got none")
    if len(labels) != len(values):
        raise DcscError(f"{place}: labels: expected {len(values)} of them, got {len(labels)}")
    plain = all(isinstance(label, int | float) and label is not True for label in labels)
    labels = labels if plain else tuple(map(str, labels))
    if len(set(labels)) < len(labels):
        raise DcscError(f"{place}: expected values that differ, got {list(labels)}")
    return Axis(name, given.parameter, values, labels)


def _range(way: str, ends: tuple[Any, ...], place: str) -> tuple[int | float, ...]:
    """Return evenly spaced numbers; whole ones, each once, where both ends are written so."""
    numbers = [x for x in ends if isinstance(x, int | float) and math.isfinite(x)]
    if len(numbers) != 3 or not isinstance(ends[2], int) or ends[2] < 1:
        raise DcscError(f"{place}: {way}: expected [first, last, count], got {list(ends)}")
    first, last, count = ends
    if way == "geometric" and not (first > 0 and last > 0):
        raise DcscError(f"{place}: geometric: expected positive ends, got {first} and {last}")
    spaced = np.linspace if way == "linear" else np.geomspace
    points = spaced(first, last, count).tolist()
    if isinstance(first, int) and isinstance(last, int):
        return tuple(dict.fromkeys(round(point) for point in points))
    return tuple(points)


# ---- cattrs ------------------------------------------------------------------------------------


def _structure(table: Any, kind: type, strategies: Strategies, where: str) -> Any:
    try:
        return _converter(strategies).structure(table, kind)
    except cattrs.BaseValidationError as error:
        raise DcscError(f"{where}: " + "; ".join(_mistakes(error, ""))) from None


@lru_cache(maxsize=4)
def _converter(strategies: Strategies) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)

    def strategy(family: str) -> Any:
        return override(struct_hook=lambda value, _: strategies.read(family, value))

    def strategies_of(family: str) -> Any:
        return override(
            struct_hook=lambda values, _: tuple(
                strategies.read(family, value) for value in _list(values)
            )
        )

    hooks: dict[type, dict[str, Any]] = {
        LayerTable: {name: strategy(name) for name in ("dictionary", "projection", "signs")},
        Codes: {
            "amplitudes": strategy("amplitudes"),
            "batch": override(struct_hook=_whole_numbers),
        },
        Task: {"bounds": strategies_of("bound")},
    }
    for kind in (LayerTable, Codes, Constants, Stopping, _Range, Task, _Head):
        hook = make_dict_structure_fn(
            kind, converter, _cattrs_forbid_extra_keys=True, **hooks.get(kind, {})
        )
        converter.register_structure_hook(kind, _table_first(hook))
    return converter


def _table_first(hook: Any) -> Any:
    def structure(value: Any, kind: type) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"expected a table, got {value!r}")
        return hook(value, kind)

    return structure


def _list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {value!r}")
    return value


def _whole(value: Any, _: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def _whole_numbers(value: Any, _: Any) -> tuple[int, ...]:
    return tuple(_whole(x, _) for x in (value if isinstance(value, list | tuple) else (value,)))


def _number(value: Any, _: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {value!r}")
    return value


def _mistakes(error: BaseException, place: str) -> Iterator[str]:
    """Yield what every leaf of an error says, with its place in the file."""
    for note in getattr(error, "__notes__", []):
        if isinstance(note, cattrs.AttributeValidationNote):
            place = f"{place}.{note.name}" if place else note.name
        elif isinstance(note, cattrs.IterableValidationNote):
            at = note.index + 1 if isinstance(note.index, int) else note.index
            place = f"{place}.{at}"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        assert error.cl is not None
        known = list(get_type_hints(error.cl))
        for key in sorted(error.extra_fields):
            yield f"{place}: no key {key!r}{nearest(key, known)}".removeprefix(": ")
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _mistakes(inner, place)
    elif isinstance(error, KeyError):
        yield f"{place}: expected a value, got none"
    else:
        yield f"{place}: {error}".removeprefix(": ")
