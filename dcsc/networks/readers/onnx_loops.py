"""Loop and Scan of ONNX: a body that runs so many times is read as so many steps."""

from typing import Any, Protocol

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.readers.onnx_scopes import Scope

__all__ = ["Adding", "unrolled"]

_MOST_STEPS = 2**12
_UNKNOWN = (
    "how often it runs is computed while it runs; if inputs decide it that are always the same, "
    "their values may be given when the file is read (fixed)"
)
_UNKNOWN_LENGTH = (
    "the length of what it goes through is not in the file: give the file its inputs' sizes"
)


class Adding(Protocol):
    """A graph in the making, as far as loops have to know."""

    constants: dict[str, Array]
    added: int

    def keep_tensors(self, graph: Any, scope: Scope) -> None:
        """Keep the tensors of a body."""

    def add_all(self, nodes: Any, scope: Scope) -> None:
        """Add its steps."""

    def put(self, name: str, operation: Operation, inputs: tuple[str, ...], output: str) -> None:
        """Add a step, or compute it if all it reads is known."""

    def keep(self, name: str, value: Array) -> None:
        """Keep a constant."""

    def length(self, name: str, axis: int) -> int | None:
        """Return how long a value is along an axis, if the file tells it."""


def unrolled(graph: Adding, name: str, node: Any, scope: Scope) -> list[str]:
    """Add all rounds of a Loop or a Scan, and return what its results are called.

    Raises
    ------
    NotCoveredError
        If the file does not tell how many rounds there are, or there are too many.
    """
    attributes = scope.attributes_of(node)
    inputs = [scope.name(value) if value else "" for value in node.input]
    outer = scope.of_branch(name)
    body = attributes["body"].g
    graph.keep_tensors(body, outer)
    if node.op_type == "Loop":
        return _loop(graph, name, inputs, body, outer)
    if scope.opset < 9:
        raise NotCoveredError("before version 9 it goes through every element of a batch by itself")
    numbers = {
        key: list(value.ints) for key, value in attributes.items() if key.startswith("scan_")
    }
    return _scan(graph, name, inputs, body, outer, attributes["num_scan_inputs"].i, numbers)


def _loop(graph: Adding, name: str, inputs: list[str], body: Any, outer: Scope) -> list[str]:
    """Add the rounds of a Loop, as long as a condition that is known holds."""
    limit, condition, *state = [*inputs, ""][: max(len(inputs), 2)]
    most = int(_known(graph, limit).item()) if limit else None
    going = bool(_known(graph, condition)) if condition else True
    rows: list[list[str]] = []
    begin = graph.added
    while going and (most is None or len(rows) < most):
        _check(graph.added - begin, len(rows))
        number = f"{name}/{len(rows)}:number"
        graph.keep(number, np.array(len(rows)))
        graph.keep(f"{number}:on", np.array(True))
        given = [number, f"{number}:on", *state]
        after, *made = _round(graph, f"{name}/{len(rows)}", body, outer, given)
        state, row = made[: len(state)], made[len(state) :]
        rows.append(row)
        going = bool(_known(graph, after))
    several = len(body.output) - 1 - len(state)
    return state + _joined(graph, name, rows, [0] * several, [0] * several)


def _scan(
    graph: Adding,
    name: str,
    inputs: list[str],
    body: Any,
    outer: Scope,
    count: int,
    numbers: dict[str, list[int]],
) -> list[str]:
    """Add a round of a Scan for each entry along the axes that it goes through."""
    state, through = inputs[: len(inputs) - count], inputs[len(inputs) - count :]
    axes = numbers.get("scan_input_axes") or [0] * count
    back = numbers.get("scan_input_directions") or [0] * count
    lengths = {graph.length(value, axis) for value, axis in zip(through, axes, strict=True)}
    if len(lengths) != 1 or None in lengths:
        raise NotCoveredError(_UNKNOWN_LENGTH)
    rounds = int(lengths.pop() or 0)
    rows: list[list[str]] = []
    begin = graph.added
    for turn in range(rounds):
        _check(graph.added - begin, turn)
        given = list(state)
        for place, (value, axis, last) in enumerate(zip(through, axes, back, strict=True)):
            index, part = (f"{name}/{turn}:{place}{end}" for end in (":index", ""))
            graph.keep(index, np.array(rounds - 1 - turn if last else turn))
            graph.put(f"{name}/{turn}", ops.Gather(axis), (value, index), part)
            given.append(part)
        made = _round(graph, f"{name}/{turn}", body, outer, given)
        state, row = made[: len(state)], made[len(state) :]
        rows.append(row)
    several = len(body.output) - len(state)
    ends = numbers.get("scan_output_axes") or [0] * several
    turned = numbers.get("scan_output_directions") or [0] * several
    return state + _joined(graph, name, rows, ends, turned)


def _known(graph: Adding, value: str) -> Array:
    if value not in graph.constants:
        raise NotCoveredError(_UNKNOWN)
    return graph.constants[value].reshape(())


def _check(steps: int, rounds: int) -> None:
    if max(steps, rounds) > _MOST_STEPS:
        raise NotCoveredError(f"its rounds are more than {_MOST_STEPS} steps together")


def _round(graph: Adding, name: str, body: Any, outer: Scope, given: list[str]) -> list[str]:
    """Add the steps of one round, and return what its results are called."""
    inner = outer.of_branch(name)
    names = [value.name for value in body.input]
    inner.names.update(zip(names, given, strict=True))
    graph.add_all(body.node, inner)
    return [inner.name(output.name) for output in body.output]


def _joined(
    graph: Adding, name: str, rows: list[list[str]], axes: list[int], turned: list[int]
) -> list[str]:
    """Return what is gathered over all rounds, put together along a new axis."""
    if axes and not rows:
        raise NotCoveredError("it never runs, and what it would gather has no size")
    results = []
    for place, (axis, back) in enumerate(zip(axes, turned, strict=True)):
        parts = []
        for number, row in enumerate(rows):
            part = f"{name}:{place}/{number}"
            graph.put(name, ops.Unsqueeze((axis,)), (row[place],), part)
            parts.append(part)
        every = f"{name}:{place}"
        graph.put(name, ops.Concatenate(axis), tuple(parts[::-1] if back else parts), every)
        results.append(every)
    return results
