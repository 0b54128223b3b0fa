"""What names mean in an ONNX graph, in the branches of an If and in functions."""

from typing import Any

import attrs

from dcsc._words import listed, quoted
from dcsc.errors import DcscError

__all__ = ["Scope", "version"]

_DEEPEST = 50


@attrs.frozen
class Scope:
    """Where steps stand: in the graph, in a branch, or in a function.

    Parameters
    ----------
    names : dict of str to str
        What the values that are named here are called in the graph; those that it lacks are called
        the same.
    attributes : dict
        The attributes that a function is called with.
    opset : int
        The version of ONNX' operators here.
    prefix : str
        What the names of values begin with in a function.
    depth : int
        How many branches and functions lie around it.
    """

    names: dict[str, str] = attrs.field(factory=dict)
    attributes: dict[str, Any] = attrs.field(factory=dict)
    opset: int = 1
    prefix: str = ""
    depth: int = 0

    @property
    def inner(self) -> bool:
        """Whether it is not the graph itself."""
        return self.depth > 0

    def name(self, value: str) -> str:
        """Return what a value is called in the graph."""
        return self.names.get(value, value)

    def within(self, value: str) -> str:
        """Return the name in the graph of a value that is made here."""
        if self.inner:
            self.names[value] = self.prefix + value
        return self.name(value)

    def of_branch(self, step: str) -> "Scope":
        """Return the scope of a branch, which sees all values around it."""
        return self._deeper(step, names=dict(self.names), prefix=f"{step}/")

    def of_function(self, node: Any, function: Any, step: str) -> "Scope":
        """Return the scope of a function that a step calls, which sees its inputs alone."""
        inputs = [*node.input, *[""] * (len(function.input) - len(node.input))]
        names = {name: self.name(value) for name, value in zip(function.input, inputs, strict=True)}
        defaults = {default.name: default for default in function.attribute_proto}
        opset = version(function.opset_import, default=self.opset)
        attributes = defaults | self.attributes_of(node)
        return self._deeper(
            step, names=names, attributes=attributes, opset=opset, prefix=f"{step}/"
        )

    def attributes_of(self, node: Any) -> dict[str, Any]:
        """Return the attributes of a step by name; those of its function in their places."""
        pairs = (
            (one.name, self.attributes.get(one.ref_attr_name) if one.ref_attr_name else one)
            for one in node.attribute
        )
        return {name: attribute for name, attribute in pairs if attribute is not None}

    def _deeper(self, step: str, **changes: Any) -> "Scope":
        if self.depth == _DEEPEST:
            raise DcscError(
                f"{step}: expected at most {_DEEPEST} functions and branches inside one another"
            )
        return attrs.evolve(self, depth=self.depth + 1, **changes)


def version(imports: Any, model: Any = None, default: int = 1) -> int:
    """Return the version of ONNX' operators, whose domain may be spelled in full."""
    versions = [entry.version for entry in imports if entry.domain in ("", "ai.onnx")]
    if not versions and model is not None and model.ir_version > 2:
        domains = listed(quoted(entry.domain) for entry in imports)
        raise DcscError(f"expected a version of ONNX' own operators, got those of {domains}")
    return max(versions, default=default)
