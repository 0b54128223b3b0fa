"""An ONNX operator where it is used: what a translation asks it."""

from collections.abc import Mapping
from typing import Any

import attrs

from dcsc._arrays import Array
from dcsc._words import listed, quoted
from dcsc.errors import DcscError, NotCoveredError

__all__ = ["Call", "InnerGraph", "LaterError"]


@attrs.frozen
class InnerGraph:
    """An attribute that is a graph."""


class LaterError(NotCoveredError):
    """What an operator is depends on numbers that other steps compute."""


@attrs.frozen
class Call:
    """An ONNX operator where it is used.

    Parameters
    ----------
    kind : str
    inputs, outputs : tuple of str
        Names of values; an optional one that is left out is empty.
    attributes : mapping
        Numbers, lists of them, strings, and arrays where ONNX has tensors.
    constants : mapping of str to array
        The values that are known from the file.
    opset : int
        The version of ONNX' operators.

    Attributes
    ----------
    asked : set of str and int
        The attributes, and the places of inputs, that were looked at.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    constants: Mapping[str, Array]
    opset: int
    asked: set[str | int] = attrs.field(factory=set, init=False, eq=False, repr=False)

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or the default."""
        self.asked.add(name)
        return self.attributes.get(name, default)

    def required(self, name: str) -> Any:
        """Return an attribute that has to be there."""
        if name not in self.attributes:
            raise DcscError(f"expected the attribute {quoted(name)}, got {listed(self.attributes)}")
        return self.get(name, None)

    def optional(self, place: int) -> Array | None:
        """Return an input that has to be known from the file, or None if it is left out."""
        self.asked.add(place)
        name = self.inputs[place] if place < len(self.inputs) else ""
        if name and name not in self.constants:
            raise LaterError(f"its input {quoted(name)} is computed at run time")
        return self.constants[name] if name else None

    def runtime(self, place: int) -> bool:
        """Return whether an input is there and not known from the file."""
        return place < len(self.inputs) and self.inputs[place] not in ("", *self.constants)

    def constant(self, place: int) -> Array:
        """Return an input that has to be there and known from the file."""
        value = self.optional(place)
        if value is None:
            raise DcscError(f"expected more than {place} inputs, got {len(self.inputs)}")
        return value

    def listed(self, name: str, place: int) -> tuple[int, ...] | None:
        """Return integers that are an attribute or, in later versions, an input."""
        if name in self.attributes:
            return tuple(self.get(name, ()))
        value = self.optional(place)
        return None if value is None else tuple(int(n) for n in value.reshape(-1))

    def number(self, name: str, place: int) -> float | None:
        """Return a number that is an attribute or, in later versions, an input."""
        if name in self.attributes:
            return float(self.get(name, 0.0))
        value = self.optional(place)
        return None if value is None else float(value.reshape(()))

    def unheeded(self, handed_on: tuple[str, ...]) -> list[str]:
        """Return what a translation neither asked for nor handed on to its operation."""
        attributes = [f"attribute {quoted(n)}" for n in self.attributes if n not in self.asked]
        return attributes + [
            f"input {quoted(name)}"
            for place, name in enumerate(self.inputs)
            if name and place not in self.asked and name not in handed_on
        ]
