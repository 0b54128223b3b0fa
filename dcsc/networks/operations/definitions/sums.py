"""Sums of products by the letters of their axes."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.networks.operations.base import checked_size

__all__ = ["einsum"]

_MOST = 2**27  # entries of what is made on the way


def einsum(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return Einsum: what numpy makes of an equation, if that is not too large."""
    equation = "".join(attributes["equation"].split())
    terms, arrow, result = equation.partition("->")
    lengths: dict[str, int] = {}
    shared: list[tuple[int, ...]] = []
    for term, value in zip(terms.split(","), values, strict=True):
        before, dots, after = term.partition("...")
        named = len(before) + len(after)
        if dots:
            shared.append(value.shape[len(before) : value.ndim - len(after)])
        places = [*range(len(before)), *range(value.ndim - len(after), value.ndim)]
        if named != value.ndim - len(shared[-1] if dots else ()):
            raise ValueError(f"expected {named} axes for {term}, got shape {value.shape}")
        for letter, place in zip(before + after, places, strict=True):
            lengths[letter] = max(lengths.get(letter, 1), value.shape[place])
    if not arrow:  # the letters that stand there once
        result = "..." * bool(shared) + "".join(c for c in lengths if terms.count(c) == 1)
    kept = [lengths[letter] for letter in result.replace("...", "")]
    others = np.broadcast_shapes(*shared) if "..." in result else ()
    checked_size((math.prod(kept), *others), "Einsum: result")
    return (np.asarray(np.einsum(equation, *values, optimize=("greedy", _MOST))),)
