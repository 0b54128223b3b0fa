"""Axes as a file gives them: values, or the ends and the number of evenly spaced ones."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import numpy as np

from dcsc._words import quoted
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.experiments.sweeps.strict import is_number
from dcsc.experiments.sweeps.tables import Axis, Codes, Task, check_axis_name, check_labels

__all__ = ["MOST_CELLS", "AxisTable", "read_axis"]

MOST_CELLS = 10**6

# What stands beside int in the annotation of a parameter whose numbers are whole.
_BESIDE_INT = {int, type(None), np.random.SeedSequence, np.random.Generator}


@attrs.frozen(kw_only=True)
class AxisTable:
    """The table of an axis: ``values``, ``linear`` or ``geometric``."""

    parameter: str
    values: tuple[Any, ...] | None = None
    linear: tuple[Any, ...] | None = None
    geometric: tuple[Any, ...] | None = None
    labels: tuple[Any, ...] | None = None


def read_axis(
    name: str, table: AxisTable, tasks: Mapping[str, Any], strategies: Strategies
) -> Axis:
    """Return the axis; ValueErrors say what was expected.

    Parameters
    ----------
    name : str
    table : AxisTable
    tasks : mapping
        The table of the sweep, which says whether the numbers of a parameter are whole.
    strategies : Strategies
    """
    check_axis_name(name)
    ways = {key: getattr(table, key) for key in ("values", "linear", "geometric")}
    keys = [key for key, value in ways.items() if value is not None]
    if len(keys) != 1:
        got = " and ".join(keys) or "none"
        raise ValueError(f"expected one of values, linear, geometric, got {got}")
    values = table.values
    if values is None:
        whole = _is_whole(_hint(table.parameter.split("."), tasks, strategies))
        values = _spaced(keys[0], ways[keys[0]], whole)
    if not values:
        raise ValueError("expected one value or more")
    labels = values if table.labels is None else table.labels
    if not all(isinstance(label, int | float | str) for label in labels):
        raise ValueError("labels: expected a number or a string for each value")
    if len(labels) != len(values):
        raise ValueError(f"labels: expected {len(values)} of them, got {len(labels)}")
    labels = labels if all(map(is_number, labels)) else tuple(map(str, labels))
    check_labels(labels)
    return Axis(name, table.parameter, values, labels)


def _spaced(way: str, ends: tuple[Any, ...], whole: bool) -> tuple[int | float, ...]:
    """Return as many evenly spaced numbers as the third of ``ends`` says.

    They are rounded where the parameter takes whole numbers only.
    """
    count = ends[2] if len(ends) == 3 and all(map(is_number, ends)) else None
    if not isinstance(count, int) or not 1 <= count <= MOST_CELLS:
        expected = f"expected [first, last, count], count from 1 to {MOST_CELLS}"
        raise ValueError(f"{way}: {expected}, got {quoted(list(ends))}")
    first, last = ends[:2]
    if way == "geometric" and not (first > 0 and last > 0):
        raise ValueError(f"geometric: expected positive ends, got {first} and {last}")
    space = np.linspace if way == "linear" else np.geomspace
    spaced = space(float(first), float(last), count)
    points = [float(f"{point:.12g}") for point in spaced]  # 0.4, not 0.39999…
    if not (isinstance(first, int) and isinstance(last, int)):
        return tuple(points)
    if whole or all(point.is_integer() for point in points):
        numbers = tuple(dict.fromkeys(map(round, points)))
        if len(numbers) < count:
            raise ValueError(
                f"{way}: expected {count} whole numbers from {first} to {last} that differ, got "
                f"{len(numbers)} of them: ask for fewer, or list them as values"
            )
        return numbers
    return tuple(points)


def _hint(path: Sequence[str], tasks: Mapping[str, Any], strategies: Strategies) -> Any:
    """Return the annotation of a parameter, None where nothing tells what it is."""
    node: Any = tasks
    family, table = "", None
    for key in path[:-1]:
        name = key
        if isinstance(node, list | tuple):
            at = 0 if key == "*" else int(key) - 1 if key.isdigit() else len(node)
            node = node[at] if 0 <= at < len(node) else None
            name = "bound" if path[0] == "bounds" else key
        else:
            node = node.get(key) if isinstance(node, Mapping) else None
        if strategies.is_family(name):
            family, table = name, node
    if family:
        return strategies.hint(family, table, path[-1])
    record = {(): Task, ("codes",): Codes}.get(tuple(path[:-1]))
    return None if record is None else get_type_hints(record).get(path[-1])


def _is_whole(hint: Any) -> bool:
    kinds = _kinds(hint)
    return int in kinds and kinds <= _BESIDE_INT


def _kinds(hint: Any) -> set[Any]:
    """Return the types that an annotation is made of, of what a tuple holds too."""
    if get_origin(hint) is None:
        return {hint}
    return set().union(*(_kinds(inner) for inner in get_args(hint) if inner is not Ellipsis))
