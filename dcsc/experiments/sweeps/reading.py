"""Reading a sweep file: every mistake with its place and what was expected there."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import cattrs

from dcsc._files import read_bytes
from dcsc._outside import check_depth, outside
from dcsc._words import listed, nearest, quoted
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.grid import Grid
from dcsc.experiments.sweeps.ranges import MOST_CELLS, AxisTable, read_axis
from dcsc.experiments.sweeps.stopping import Stopping, check_trials
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.experiments.sweeps.strict import (
    LISTS,
    CodeError,
    MissingParameterError,
    mistakes,
    register_record,
    strict_converter,
    table_of,
)
from dcsc.experiments.sweeps.tables import Axis, Task, substitute

__all__ = ["read_sweep", "read_toml"]

_MOST_BYTES = 2**24
_MOST_TEXTS = 30
_CODE = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


@attrs.frozen(kw_only=True)
class _Head:
    """The keys of a sweep file that belong to no task, but for its axes."""

    title: str = ""
    trials: int
    stop: Stopping = Stopping()

    def __attrs_post_init__(self) -> None:
        check_trials(self.trials)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a file."""
    with outside(f"{path}: expected TOML"):
        return tomllib.loads(read_bytes(path, "sweep", _MOST_BYTES).decode())


def read_sweep(
    table: Mapping[str, Any], strategies: Strategies, where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a sweep, and the table of its tasks; everything in both is checked."""
    check_depth(table, where)
    heads = [field.name for field in attrs.fields(_Head)]
    tasks = [field.name for field in attrs.fields(Task)]
    keys = [*heads, "axes", *tasks]
    rest = {key: value for key, value in table.items() if key in tasks}
    texts = [f"no key {quoted(key)}{nearest(key, keys)}" for key in table if key not in keys]
    texts += _unwritable(table, "")
    codes = [] if strategies.allow_code else list(dict.fromkeys(_codes(table, "")))
    if codes:
        texts.append(f"code of your own runs only with --allow-code: {listed(codes, 100)}")
    head = None
    try:
        head = _converter().structure({k: table[k] for k in heads if k in table}, _Head)
    except cattrs.BaseValidationError as error:
        texts += mistakes(error, "")
    axes, wrong = _axes(table.get("axes", {}), rest, strategies)
    texts += wrong
    # What is missing may be what an axis that cannot be read would have put there.
    silent = (CodeError, MissingParameterError) if wrong else (CodeError,)
    if math.prod(len(axis.values) for axis in axes) <= MOST_CELLS:
        texts += Grid(rest, axes, strategies).mistakes(silent)
    if head is None or texts:
        texts = list(dict.fromkeys(texts))
        more = f"; and {len(texts) - _MOST_TEXTS} more" if len(texts) > _MOST_TEXTS else ""
        raise DcscError(f"{where}: {'; '.join(texts[:_MOST_TEXTS])}{more}")
    return {**attrs.asdict(head, recurse=False), "axes": tuple(axes)}, rest


def _axes(
    tables: Any, tasks: Mapping[str, Any], strategies: Strategies
) -> tuple[list[Axis], list[str]]:
    """Return the axes that can be read, and what is wrong with the others."""
    axes, texts = list[Axis](), list[str]()
    try:
        items = table_of(tables).items()
    except ValueError as error:
        return [], [f"axes: {error}"]
    for name, table in items:
        place = f"axes.{name}"
        try:
            axis = read_axis(name, _converter().structure(table, AxisTable), tasks, strategies)
            place += f".parameter: {axis.parameter}"
            tasks = substitute(tasks, axis.parameter, axis.values[0])
            axes.append(axis)
        except (ValueError, ExceptionGroup) as error:
            texts += mistakes(error, place)
    cells = math.prod(len(axis.values) for axis in axes)
    if cells > MOST_CELLS:
        texts.append(f"axes: expected at most {MOST_CELLS} cells, got {cells}")
    return axes, texts


def _codes(value: Any, key: str) -> Iterator[str]:
    """Yield the names that stand for code of the user's, wherever a strategy can be."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _codes(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _codes(inner, key)
    elif isinstance(value, str) and _CODE.fullmatch(value) and key not in ("title", "labels"):
        yield value


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
            yield f"{place}: expected a number, got {quoted(value)}"
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            yield f"{place}: expected a whole number of at most 64 bits, got {quoted(value)}"
    elif not isinstance(value, str):
        yield f"{place}: expected a number, a string, a list or a table, got {quoted(value)}"


@lru_cache(maxsize=1)
def _converter() -> cattrs.Converter:
    converter = strict_converter(LISTS)
    for kind in (Stopping, AxisTable, _Head):
        register_record(converter, kind)
    return converter
