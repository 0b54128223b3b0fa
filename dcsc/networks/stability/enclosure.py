"""All inputs of a ball at once, step by step through a network."""

import math
from collections.abc import Iterable, Mapping

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.errors import NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.activations import Stop
from dcsc.networks.graph import Node
from dcsc.networks.operations import BatchNorm, Convolve, Linear, Unread, as_dictionary
from dcsc.networks.relaxations import Affine, Box, Relaxation
from dcsc.networks.stability.balls import Ball, Cube

__all__ = ["Enclosure"]

_ENTRIES = 2**20  # of rows, in work at a time


@attrs.define(eq=False)
class Enclosure:
    """The values of a network on a ball of inputs: known, or between two ends.

    Parameters
    ----------
    balls : mapping of str to Ball
        The inputs that are not known, by name.
    known : dict of str to array
        The others, and what follows from them alone.
    affine : bool
        Whether ends are brought together by affine bounds where they matter.
    products : float
        About how many multiplications that may take for one value; what takes more is left as it
        is, and named in ``spared``.

    Attributes
    ----------
    work : float
        The most that one value took so far.
    """

    balls: Mapping[str, Ball]
    known: dict[str, Array]
    affine: bool
    products: float
    boxes: dict[str, Box] = attrs.field(init=False)
    steps: list[Node] = attrs.field(factory=list, init=False)
    relaxations: dict[str, Relaxation] = attrs.field(factory=dict, init=False)
    exact: set[str] = attrs.field(factory=set, init=False)
    refined: dict[str, Array] = attrs.field(factory=dict, init=False)
    spared: set[str] = attrs.field(factory=set, init=False)
    work: float = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.boxes = {name: ball.box for name, ball in self.balls.items()}
        self.exact.update(self.boxes)

    def run(self, node: Node) -> Stop | None:
        """Take a step; what stops it is returned, and its value is left out."""
        operation = node.operation
        if not all(name in self.boxes or name in self.known for name in node.inputs):
            return None
        if isinstance(operation, Unread):
            return Stop(node.name, operation.kind, operation.reason)
        if not any(name in self.boxes for name in node.inputs):
            self.known[node.output] = operation(*(self.known[name] for name in node.inputs))
            return None
        try:
            relaxation = operation.relaxation(*self._inputs(node))
            # A step that bends is narrower on narrower inputs.
            if self.affine and not isinstance(relaxation, Affine):
                for name in node.inputs:
                    if name in self.boxes:
                        self.refine(name, relaxation.vague)
                relaxation = operation.relaxation(*self._inputs(node))
        except NotCoveredError as error:
            return Stop(node.name, operation.label, str(error).removeprefix(f"{operation.label}: "))
        self.steps.append(node)
        self.relaxations[node.output] = relaxation
        self.boxes[node.output] = self._first(node, relaxation)
        return None

    def _inputs(self, node: Node) -> list[Array | Box]:
        return [
            self.boxes[name] if name in self.boxes else self.known[name] for name in node.inputs
        ]

    def _first(self, node: Node, relaxation: Relaxation) -> Box:
        """Return the ends of a value, narrower where the ball itself says more than its box."""
        source, operation = node.inputs[0], node.operation
        ball = self.balls.get(source)
        if source in self.exact and isinstance(operation, BatchNorm):
            self.exact.add(node.output)
        if isinstance(ball, Cube) and isinstance(operation, Convolve | Linear):
            self.exact.add(node.output)
        if ball is None or not isinstance(operation, Convolve):
            return relaxation.box
        assert isinstance(relaxation, Affine)
        dictionary = as_dictionary(operation, ball.centre.shape[2:])
        image = ball.image(dictionary, relaxation)
        if image is None:
            return relaxation.box
        self.exact.add(node.output)
        return _meet(relaxation.box, image)

    # ---- back to the inputs ------------------------------------------------------------------

    def lower(self, name: str, rows: Array) -> Array:
        """Return a lower bound of combinations of a value, over all inputs of the ball."""
        pending, least = {name: rows}, np.zeros(len(rows))
        for node in reversed(self.steps):
            if node.output in pending:
                parts, constant = self.relaxations[node.output].lower(pending.pop(node.output))
                least += constant
                _add(pending, node.inputs, parts)
        for source, part in pending.items():
            least += self.balls[source].least(part)
        return least

    def refine(self, name: str, entries: Array | None) -> None:
        """Bring the ends of some entries of a value together by affine bounds.

        Parameters
        ----------
        name : str
        entries : array of bool, of its shape, or None for all of them
        """
        if name in self.exact:
            return
        low, high = (end.copy() for end in self.boxes[name])
        wanted = np.ones(low.shape, bool) if entries is None else entries
        before = self.refined.get(name, np.zeros(low.shape, bool))
        units = np.flatnonzero(wanted & ~before)
        work = 2 * len(units) * self._products(name)
        if work > self.products:
            self.spared.add(name)
            return
        self.work = max(self.work, work)
        self.refined[name] = before | wanted
        widest = max(relaxation.low.size for relaxation in self.relaxations.values())
        block = max(1, _ENTRIES // (2 * widest))
        for start in range(0, len(units), block):
            part = units[start : start + block]
            # z is at least its own lower bound, and −z that of its negative.
            rows = np.zeros((2, len(part), low.size))
            rows[0, np.arange(len(part)), part] = 1
            rows[1, np.arange(len(part)), part] = -1
            ends = self.lower(name, rows.reshape(-1, *low.shape[1:]))
            low.reshape(-1)[part] = ends[: len(part)]
            high.reshape(-1)[part] = -ends[len(part) :]
        self.boxes[name] = _meet(self.boxes[name], Interval(low, high))

    def _products(self, name: str) -> int:
        """Return about how many multiplications take one row back to the inputs."""
        total = 0
        for node in self.leading_to(name):
            weight = getattr(node.operation, "weight", None)
            taps = 1 if weight is None else math.prod(weight.shape[1:])
            total += taps * self.relaxations[node.output].low.size
        return total

    def leading_to(self, name: str) -> list[Node]:
        """Return the steps that make a value of what is not known, in their order."""
        needed, path = {name}, []
        for node in reversed(self.steps):
            if node.output in needed:
                needed.update(node.inputs)
                path.append(node)
        return path[::-1]

    # ---- single inputs -----------------------------------------------------------------------

    def at(self, name: str, points: Mapping[str, Array]) -> tuple[Array, dict[str, Relaxation]]:
        """Return a value at some inputs of the ball, and what each step is close to them."""
        values = self.known | dict(points)
        local: dict[str, Relaxation] = {}
        for node in self.leading_to(name):
            inputs = tuple(values[source] for source in node.inputs)
            relaxation = self.relaxations[node.output]
            if isinstance(relaxation, Affine):
                values[node.output] = relaxation.apply(inputs)
            else:
                values[node.output] = node.operation(*inputs)
                relaxation = node.operation.relaxation(
                    *(
                        value if source in self.known else Interval(value, value)
                        for source, value in zip(node.inputs, inputs, strict=True)
                    )
                )
            local[node.output] = relaxation
        return values[name], local

    def gradient(self, name: str, rows: Array, local: Mapping[str, Relaxation]) -> dict[str, Array]:
        """Return how combinations of a value change with the inputs, if they do."""
        pending = {name: rows}
        for node in reversed(self.leading_to(name)):
            if node.output in pending:
                parts, _ = local[node.output].lower(pending.pop(node.output))
                _add(pending, node.inputs, parts)
        return pending


def _add(pending: dict[str, Array], names: Iterable[str], parts: Iterable[Array | None]) -> None:
    for name, part in zip(names, parts, strict=True):
        if part is not None:
            pending[name] = pending[name] + part if name in pending else part


def _meet(one: Box, other: Box) -> Box:
    """Return the interval that lies in both."""
    low = np.maximum(one.low, other.low)
    return Interval(low, np.maximum(np.minimum(one.high, other.high), low))
