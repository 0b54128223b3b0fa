"""The tasks of all cells, part by part: a part is read once for all cells that share it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
import cattrs

from dcsc._cached import cached_property
from dcsc._words import short
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.experiments.sweeps.strict import mistakes
from dcsc.experiments.sweeps.tables import Axis, Task, clashes, put, substitute
from dcsc.experiments.sweeps.tasks import (
    PARTS,
    PARTS_OF_LAYERS,
    Path,
    read_part,
    read_task,
    with_parts,
)

__all__ = ["Grid"]

_KEPT = 4096
_MOST_VALUES = 3
_LINE = 100


class Grid:
    """Tasks that differ along axes.

    Parameters
    ----------
    table : mapping
        A task before its values are put in.
    axes : sequence of Axis
        Their parameters have a place in the table.
    strategies : Strategies
    """

    def __init__(
        self, table: Mapping[str, Any], axes: Sequence[Axis], strategies: Strategies
    ) -> None:
        self._table, self._axes, self._strategies = table, axes, strategies
        layers = table.get("layers")
        self._layers = len(layers) if isinstance(layers, list | tuple) else 0
        paths = [_paths(axis.parameter, self._layers) for axis in axes]
        coarse = any(("layers",) in one for one in paths)
        # Which axes vary a part, by its path.
        self._parts: dict[Path, list[int]] = {}
        for number, one in enumerate(paths):
            # The first task says which parameters are none.
            fine = [path for path in one if path[0] in PARTS]
            for path in dict.fromkeys(p[:1] if coarse else p for p in fine):
                self._parts.setdefault(path, []).append(number)
        self._part = lru_cache(maxsize=_KEPT)(self._read)

    def task(self, index: tuple[int, ...]) -> Task:
        """Return one task; ValueErrors and groups of them say what is wrong with it."""
        parts = {
            path: self._part(path, tuple(index[number] for number in numbers))
            for path, numbers in self._parts.items()
        }
        return with_parts(self._first, parts)

    def mistakes(self, silent: tuple[type[Exception], ...]) -> Iterator[str]:
        """Yield what is wrong with the first task, and with each value of each axis.

        Errors of ``silent`` types are passed over.
        """
        values, known = self._first_parts(silent)
        yield from known
        for number, axis in enumerate(self._axes):
            wrong = 0
            for at, label in enumerate(axis.labels):
                texts = [t for t in self._at(values, number, at, silent) if t not in known]
                wrong += bool(texts)
                if wrong <= _MOST_VALUES:
                    yield from (
                        f"axes.{axis.name}: at {short(str(label), _LINE)}: {text}" for text in texts
                    )
            if wrong > _MOST_VALUES:
                yield f"axes.{axis.name}: at {wrong - _MOST_VALUES} more values"

    def _first_parts(self, silent: tuple[type[Exception], ...]) -> tuple[dict[str, Any], list[str]]:
        """Return the parts of the first task that can be read, and what is wrong with the rest."""
        try:
            return attrs.asdict(self._first, recurse=False), []
        except cattrs.BaseValidationError as error:
            texts = list(mistakes(error, "", silent))
        values = {}
        for key, value in self._first_table.items():
            if key in PARTS:
                try:
                    values[key] = read_part((key,), value, self._strategies)
                except (ValueError, ExceptionGroup) as error:
                    texts += mistakes(error, key, silent)
        texts += self._clashes(values)
        return values, list(dict.fromkeys(texts))

    def _at(
        self,
        values: Mapping[str, Any],
        number: int,
        at: int,
        silent: tuple[type[Exception], ...],
    ) -> Iterator[str]:
        """Yield what is wrong with one value of one axis, the others at their first."""
        parts = dict(values)
        for path, numbers in self._parts.items():
            if number in numbers:
                indices = tuple(at if other == number else 0 for other in numbers)
                try:
                    part = self._part(path, indices)
                    if len(path) == 1:
                        parts[path[0]] = part
                except (ValueError, ExceptionGroup) as error:
                    yield from mistakes(error, _place(path), silent)
        yield from self._clashes(parts)

    def _clashes(self, parts: Mapping[str, Any]) -> Iterator[str]:
        count = len(parts["layers"]) if "layers" in parts else self._layers
        return clashes(count, parts.get("depth"), parts.get("constants"))

    @cached_property
    def _first_table(self) -> dict[str, Any]:
        table = dict(self._table)
        for axis in self._axes:
            table = substitute(table, axis.parameter, axis.values[0])
        return table

    @cached_property
    def _first(self) -> Task:
        return read_task(self._first_table, self._strategies)

    def _read(self, path: Path, indices: tuple[int, ...]) -> Any:
        value: Any = self._table
        for key in path:
            value = value[key] if isinstance(key, int) else value.get(key)
        for number, at in zip(self._parts[path], indices, strict=True):
            axis = self._axes[number]
            value = put(value, axis.parameter.split(".")[len(path) :], axis.values[at])
        return read_part(path, value, self._strategies)


def _paths(parameter: str, layers: int) -> list[Path]:
    """Return the parts that a parameter is in, as fine as they can be read alone."""
    keys = parameter.split(".")
    if keys[0] != "layers" or len(keys) < 3 or keys[2] not in PARTS_OF_LAYERS:
        return [(keys[0],)]
    numbers = range(layers) if keys[1] == "*" else [int(keys[1]) - 1]
    return [("layers", number, keys[2]) for number in numbers]


def _place(path: Path) -> str:
    return ".".join(str(key + 1) if isinstance(key, int) else key for key in path)
