"""Changes of what a text says: nested tables, lists and numbers, in JSON, TOML and Python."""

import copy
import json
import math
import random
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from nightly.mutants.bits import Mutation

__all__ = ["as_toml", "changed", "in_json", "in_toml"]

_EXTREMES: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3, 7, 2**31, 2**40, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**4000),
    *(0.0, -0.0, 0.5, -1.5, 1e308, -1e308, 5e-324, 1e-300, math.inf, -math.inf, math.nan),
    *(True, False, "", "x", "x" * 5000, "../secret", "/etc/hostname", "a\0b", "\x1b[2J"),
    *("os:system", "$\\frac{$"),
    *([], [0], [[]], [1, "a"], {}, {"kind": "relu"}, {"array": "layer1.dictionary.filters"}),
)  # fmt: skip


def changed(tree: Any, rng: random.Random) -> Any:
    """Return a tree with one to three of its values or keys changed."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if places:
            _change(*rng.choice(places), places, rng)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield all containers with each of their keys."""
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])


def _change(holder: Any, key: Any, places: list[tuple[Any, Any]], rng: random.Random) -> None:
    other, place = rng.choice(places)
    value, way = holder[key], rng.randrange(8)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder[key:key] = [copy.deepcopy(value)] * rng.choice((1, 2, 50))
    elif way == 1:
        holder[rng.choice(("", "x", f"{key}s", f"{key}.1"))] = holder.pop(key)
    elif way == 2:
        holder[key] = copy.deepcopy(other[place])
    elif way == 3 and isinstance(value, int | float):
        holder[key] = rng.choice((-value, value + 1, value - 1, value * 2, value / 2, str(value)))
    elif way == 3 and isinstance(value, str):
        holder[key] = rng.choice((value.upper(), value[:-1], value * 2, f"{value}:x", value + "\n"))
    elif way == 4:
        depth = rng.choice((1, 3, 60, 500))
        for _ in range(depth):
            value = [value]
        holder[key] = value
    else:
        holder[key] = copy.deepcopy(rng.choice(_EXTREMES))


def in_text(parse: Callable[[str], Any], write: Callable[[Any], str]) -> Mutation:
    """Return the mutation that changes what a text says; what cannot be written stays the same."""

    def mutation(content: bytes, rng: random.Random) -> bytes:
        try:
            return write(changed(parse(content.decode()), rng)).encode()
        except (ValueError, OverflowError, RecursionError):
            return content

    return mutation


# ---- TOML, as far as the tables of dcsc go -------------------------------------------------------


def as_toml(tree: dict[str, Any]) -> str:
    """Return a table as TOML, each of its keys on a line."""
    return "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in tree.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


in_json = in_text(json.loads, json.dumps)
in_toml = in_text(tomllib.loads, as_toml)
