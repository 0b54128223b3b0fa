"""Reading a task, whole or one part of it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_type_hints

import attrs
import cattrs
from cattrs.gen import override

from dcsc.experiments.sweeps.strategies import Strategies, Strategy
from dcsc.experiments.sweeps.strict import LISTS, each_of, register_record, strict_converter, whole
from dcsc.experiments.sweeps.tables import Codes, Constants, LayerTable, Task, check_part

__all__ = ["PARTS", "PARTS_OF_LAYERS", "Path", "read_part", "read_task", "with_parts"]

# Where a part is: a key of the task, or a strategy of a layer: ("layers", 0, "signs").
Path = tuple[Any, ...]

PARTS = tuple(field.name for field in attrs.fields(Task))
PARTS_OF_LAYERS = tuple(field.name for field in attrs.fields(LayerTable))


def read_task(table: Mapping[str, Any], strategies: Strategies) -> Task:
    """Return the task of a table; cattrs' errors hold every mistake in it."""
    return _converter(strategies).structure(table, Task)


def read_part(path: Path, value: Any, strategies: Strategies) -> Any:
    """Return what stands at one place of a task."""
    if len(path) > 1 or strategies.is_family(path[0]):
        return strategies.read(path[-1], value)
    part = _converter(strategies).structure(value, _kinds()[path[0]])
    check_part(path[0], part)
    return part


def with_parts(task: Task, parts: Mapping[Path, Any]) -> Task:
    """Return the task with other parts; ValueErrors say which of them do not go together."""
    fields: dict[str, Any] = {}
    layers: dict[int, dict[str, Any]] = {}
    for path, value in parts.items():
        if len(path) > 1:
            layers.setdefault(path[1], {})[path[2]] = value
        else:
            fields[path[0]] = value
    if layers:
        fields["layers"] = tuple(
            attrs.evolve(layer, **layers[number]) if number in layers else layer
            for number, layer in enumerate(task.layers)
        )
    return attrs.evolve(task, **fields)


@lru_cache(maxsize=1)
def _kinds() -> dict[str, Any]:
    return get_type_hints(Task)


@lru_cache(maxsize=4)
def _converter(strategies: Strategies) -> cattrs.Converter:
    converter = strict_converter(LISTS)
    converter.register_structure_hook(Strategy, lambda value, _: strategies.read("bound", value))

    def strategy(family: str) -> Any:
        return override(struct_hook=lambda value, _: strategies.read(family, value))

    register_record(converter, LayerTable, **{name: strategy(name) for name in PARTS_OF_LAYERS})
    batch = override(struct_hook=_whole_numbers)
    register_record(converter, Codes, amplitudes=strategy("amplitudes"), batch=batch)
    register_record(converter, Constants)
    register_record(converter, Task, pursuit=strategy("pursuit"))
    return converter


def _whole_numbers(value: Any, kind: Any) -> tuple[int, ...]:
    numbers = value if isinstance(value, list | tuple) else (value,)
    return each_of(numbers, lambda number: whole(number, kind))
