"""The order of layers by their names, for files that keep none.

Who writes such a file sorts tensors by dtype and name. What names say of the order are numbers,
``features.3`` or ``conv2``; besides, a norm comes after the convolution of its number, and matrices
come after all convolutions. Where that leaves two orders open, nobody but the caller can tell.
"""

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

import attrs

from dcsc.errors import DcscError
from dcsc.networks.weights.kinds import kind_of
from dcsc.networks.weights.modules import Module

__all__ = ["by_number"]

_WEIGHTED = ("convolution", "linear")
_RANKS = {"convolution": 0, "linear": 0, "batch_norm": 1, "prelu": 2}


@attrs.define(eq=False)
class _Branch:
    """The module of a name, and by the next part those whose names go on from there."""

    own: Module | None = None
    parts: dict[str, "_Branch"] = attrs.field(factory=dict)

    @property
    def kinds(self) -> set[str]:
        """The kinds of all modules in it."""
        kinds = {kind for part in self.parts.values() for kind in part.kinds}
        return kinds if self.own is None else kinds | {kind_of(self.own)}

    @property
    def kind(self) -> str:
        """The kind of the module, or nothing if there are several."""
        return "" if self.parts or self.own is None else kind_of(self.own)


def by_number(modules: Mapping[str, Module]) -> dict[str, Module]:
    """Return modules in the order that the numbers in their names say.

    Raises
    ------
    DcscError
        If two of them could come in either order.
    """
    root = _Branch()
    for module in modules.values():
        branch = root
        for part in module.name.split("."):
            branch = branch.parts.setdefault(part, _Branch())
        branch.own = module
    return {module.name: module for module in _ordered(root, "")}


def _ordered(branch: _Branch, prefix: str) -> list[Module]:
    keys = {part: _key(part, branch.parts, prefix) for part in branch.parts}
    parts = sorted(branch.parts, key=keys.__getitem__)
    for first, second in itertools.pairwise(parts):
        if keys[first] == keys[second]:
            raise _open(f"{prefix}{first} and {prefix}{second} may each come first")
    lower = [module for p in parts for module in _ordered(branch.parts[p], f"{prefix}{p}.")]
    return lower if branch.own is None else [branch.own, *lower]


def _key(part: str, beside: Mapping[str, _Branch], prefix: str) -> tuple[Any, ...]:
    """Return what a part of a name is sorted by: matrices or not, its numbers, what it is."""
    branch, numbers = beside[part], _numbers(part)
    if all(name.isdigit() for name in beside):
        return numbers
    kinds = branch.kinds
    if branch.kind == "batch_norm" and branch.own is not None:
        # It comes after the weights of its number, which have as many outputs.
        owners = [
            other.kinds
            for name, other in beside.items()
            if other.own is not None
            and other.kind in _WEIGHTED
            and _numbers(name) == numbers
            and len(other.own.tensor("weight")) == len(branch.own.tensor("running_mean"))
        ]
        if len(owners) != 1:
            raise _open(f"nothing says after which layer {prefix}{part} comes")
        (kinds,) = owners
    flat = "linear" in kinds and "convolution" not in kinds
    return flat, numbers, _RANKS.get(branch.kind, 3)


def _numbers(part: str) -> tuple[float, ...]:
    return tuple(map(float, re.findall(r"\d+", part))) or (math.inf,)


def _open(reason: str) -> DcscError:
    return DcscError(
        f"such a file does not keep the order of its layers, and {reason}: expected a table of "
        "layers that says it"
    )
