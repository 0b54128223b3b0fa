"""The graph of a network: steps between named values."""

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import attrs

from dcsc._arguments import instances
from dcsc._arrays import Array, Shape, instance, instance_of, numeric_array, real_array
from dcsc._cached import cached_property
from dcsc._fields import named
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.operations import Operation

__all__ = ["Graph", "Input", "Node", "checked_inputs", "fits", "misfit", "texts"]

Kind = TypeVar("Kind", bound=Operation)
Lengths: TypeAlias = tuple[int | None, ...]


def texts(value: Any, record: Any, where: str) -> tuple[str, ...]:
    """Return a tuple of texts; a converter for `named`."""
    return instances(value, str, where)


def _inputs(value: Any, record: Any, where: str) -> tuple["Input", ...]:
    return instances(value, Input, where)


def _nodes(value: Any, record: Any, where: str) -> tuple["Node", ...]:
    return instances(value, Node, where)


@attrs.frozen
class Input:
    """A value that has to be given.

    Parameters
    ----------
    name : str
    shape : tuple of int or None, optional
        The batch first; None is any length. Without a shape anything is taken.
    integer : bool
        Whether whole numbers are expected.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    integer: bool = False

    def checked(self, value: Any, where: str) -> Array:
        """Return a value as an array that fits."""
        array = numeric_array(value, where) if self.integer else real_array(value, where)
        if self.integer and array.dtype.kind == "f":
            raise DcscError(f"{where}: expected integers, got {array.dtype}")
        if self.shape is not None and not fits(self.shape, array.shape):
            raise DcscError(f"{where}: {misfit(self.shape, array.shape)}")
        return array


def fits(wanted: Lengths, shape: Shape) -> bool:
    """Return whether an array of a shape is what is wanted, where None is any length."""
    return len(shape) == len(wanted) and all(
        want in (None, length) for want, length in zip(wanted, shape, strict=True)
    )


def misfit(wanted: Lengths, shape: Shape) -> str:
    """Return what shape was expected instead of another, and what to do where that is plain.

    Examples
    --------
    >>> misfit((None, 3, 8, 8), (8, 8, 3))
    'expected shape (any, 3, 8, 8), got (8, 8, 3): np.moveaxis(x, -1, 0)[None] has it'
    """
    lengths = ", ".join("any" if length is None else str(length) for length in wanted)
    ways = {
        "x[None]": (1, *shape),
        "np.moveaxis(x, -1, 1)": (*shape[:1], *shape[-1:], *shape[1:-1]),
        "np.moveaxis(x, -1, 0)[None]": (1, *shape[-1:], *shape[:-1]),
    }
    fitting = (f": {way} has it" for way, turned in ways.items() if fits(wanted, turned))
    return f"expected shape ({lengths}), got {shape}{next(fitting, '')}"


def checked_inputs(needed: tuple[Input, ...], inputs: Any, where: str) -> dict[str, Array]:
    """Return an array for each input; a single one may come without its name."""
    names = [one.name for one in needed]
    if not isinstance(inputs, Mapping):
        if len(names) != 1:
            raise DcscError(f"{where}: expected a mapping with {listed(names)}, got one array")
        inputs = {names[0]: inputs}
    if set(inputs) != set(names):
        raise DcscError(f"{where}: expected {listed(names)}, got {listed(inputs)}")
    return {one.name: one.checked(inputs[one.name], f"{where}: {one.name}") for one in needed}


@attrs.frozen
class Node:
    """One step: an operation, the names of the values that go in, and of the one that comes out."""

    name: str
    operation: Operation = attrs.field(validator=instance_of(Operation))
    inputs: tuple[str, ...] = attrs.field(converter=named(texts))  # type: ignore[misc]  # see `named`
    output: str


@attrs.frozen(slots=False)
class Graph:
    """Steps in the order in which they run.

    Parameters
    ----------
    inputs : sequence of Input
    nodes : sequence of Node
    outputs : sequence of str

    Raises
    ------
    DcscError
        If a value is used before it is made, or made twice.
    """

    inputs: tuple[Input, ...] = attrs.field(converter=named(_inputs))  # type: ignore[misc]  # see `named`
    nodes: tuple[Node, ...] = attrs.field(
        converter=named(_nodes),  # type: ignore[misc]  # see `named`
        repr=lambda nodes: f"<{len(nodes)}>",
    )
    outputs: tuple[str, ...] = attrs.field(converter=named(texts))  # type: ignore[misc]  # see `named`

    def __attrs_post_init__(self) -> None:
        made = {value.name for value in self.inputs}
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in made]
            if missing:
                raise DcscError(
                    f"Graph: nodes: {node.name} uses {quoted(missing[0])}, which no step before it "
                    "makes"
                )
            if node.output in made:
                raise DcscError(
                    f"Graph: nodes: {node.name} makes {quoted(node.output)} a second time"
                )
            made.add(node.output)
        lost = [name for name in self.outputs if name not in made]
        if lost:
            raise DcscError(f"Graph: outputs: expected names of values, got {quoted(lost[0])}")

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The step that makes each value; inputs have none."""
        return {node.output: node for node in self.nodes}

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The steps that use each value."""
        users: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                users.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in users.items()}

    @cached_property
    def steps(self) -> tuple[tuple[Node, frozenset[str]], ...]:
        """Each step, and the names of the values that no later step uses."""
        last = {name: node.output for node in self.nodes for name in node.inputs}
        spent = {
            node.output: frozenset(n for n in node.inputs if last[n] == node.output)
            for node in self.nodes
        }
        return tuple((node, spent[node.output]) for node in self.nodes)

    def of_kind(self, kind: type[Kind]) -> tuple[tuple[Node, Kind], ...]:
        """Return the steps whose operation is of a kind, and these operations."""
        if not isinstance(kind, type):
            raise DcscError(f"Graph.of_kind: kind: expected a class, got {quoted(kind)}")
        steps = ((node, node.operation) for node in self.nodes)
        return tuple((node, step) for node, step in steps if isinstance(step, kind))

    def next_only(self, value: str) -> Node | None:
        """Return the step that is alone in using a value, unless it is an output as well."""
        users = self.consumers.get(instance(value, str, "Graph.next_only: value"), ())
        return users[0] if len(users) == 1 and value not in self.outputs else None
