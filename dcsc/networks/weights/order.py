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

from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.weights.kinds import kind_of
from dcsc.networks.weights.modules import Module

__all__ = ["by_number"]

_DEEPEST = 50
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
        if module.name.count(".") > _DEEPEST:
            raise DcscError(
                f"by_number: modules: expected names of at most {_DEEPEST} parts, got "
                f"{quoted(module.name)}"
            )
        branch = root
        for part in module.name.split("."):
            branch = branch.parts.setdefault(part, _Branch())
        branch.own = module
    return {module.name: module for module in _ordered(root, "")}


def _ordered(branch: _Branch, prefix: str) -> list[Module]:
    # A norm comes after the weights of its number.
    weighted: dict[tuple[float, ...], list[_Branch]] = {}
    for part, child in branch.parts.items():
        if child.kind in _WEIGHTED:
            weighted.setdefault(_numbers(part), []).append(child)
    by_digits = all(part.isdigit() for part in branch.parts)
    keys = {
        part: _numbers(part) if by_digits else _key(part, child, weighted, prefix)
        for part, child in branch.parts.items()
    }
    parts = sorted(branch.parts, key=keys.__getitem__)
    for first, second in itertools.pairwise(parts):
        if keys[first] == keys[second]:
            raise _open(f"{prefix}{first} and {prefix}{second} may each come first")
    lower = [module for p in parts for module in _ordered(branch.parts[p], f"{prefix}{p}.")]
    return lower if branch.own is None else [branch.own, *lower]


def _key(
    part: str,
    branch: _Branch,
    weighted: Mapping[tuple[float, ...], list[_Branch]],
    prefix: str,
) -> tuple[Any, ...]:
    """Return what a part of a name is sorted by: matrices or not, its numbers, what it is."""
    kinds, numbers = branch.kinds, _numbers(part)
    if branch.kind == "batch_norm":
        # Of the layers of its number it belongs to the one with as many outputs.
        size = _outputs(branch, "running_mean")
        owners = [x for x in weighted.get(numbers, ()) if _outputs(x, "weight") == size]
        if len(owners) != 1:
            raise _open(f"nothing says after which layer {prefix}{part} comes")
        kinds = owners[0].kinds
    flat = "linear" in kinds and "convolution" not in kinds
    return flat, numbers, _RANKS.get(branch.kind, 3)


def _outputs(branch: _Branch, tensor: str) -> int:
    return 0 if branch.own is None else (branch.own.tensor(tensor).shape or (0,))[0]


def _numbers(part: str) -> tuple[float, ...]:
    return tuple(map(float, re.findall(r"\d+", part))) or (math.inf,)


def _open(reason: str) -> DcscError:
    return DcscError(
        f"such a file does not keep the order of its layers, and {reason}: expected a table of "
        "layers that says it"
    )
