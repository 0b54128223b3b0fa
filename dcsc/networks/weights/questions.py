"""The question marks that are left in a table of layers: all at once, and what may stand there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dcsc._outside import check_depth
from dcsc._words import listed
from dcsc.errors import DcscError

__all__ = ["check_filled"]

_MARK = re.compile(r"""(["'])\?\1""")
_COMMENT = re.compile(r"""("[^"]*"|'[^']*')|#.*""")
_MOST = 8
_PER_AXIS = "a whole number, or one per axis"
_MAY = {
    "input": "channels, then the extent",
    "stride": _PER_AXIS,
    "dilation": _PER_AXIS,
    "kernel": _PER_AXIS,
    "padding": f'{_PER_AXIS}, or a pair per axis, or "same"',
    "groups": "a whole number",
    "from": "the name of an earlier layer, or a list of them",
    "kind": 'the name of a kind, such as "convolution"',
    "activation": '"relu", or { kind = "leaky_relu", slope = 0.1 }',
    "norm": "the name of a norm's weights",
    "pool": '{ kind = "max_pool", kernel = 2, stride = 2 }',
    "operation": "what the layer is, in a word",
}


def check_filled(table: Mapping[str, Any], text: str = "") -> None:
    """Refuse a table of layers with question marks, and say of each kind where they are.

    Parameters
    ----------
    table : mapping
    text : str
        The file that it was read from, whose lines are named.

    Raises
    ------
    DcscError
        If there are any: their keys, their lines or layers, and what may stand there. And if the
        table is nested so deeply that nobody means it.
    """
    check_depth(table, "geometry")
    found = list(_open(table))
    if not found:
        return
    lines = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        for _ in _MARK.findall(_COMMENT.sub(r"\1", line))
    ]
    # A file has them in the order of its tables.
    known = len(lines) == len(found)
    places: dict[str, list[str]] = {}
    for at, (key, layer) in enumerate(found):
        places.setdefault(key, []).append(str(lines[at]) if known else layer)
    count = f"{len(found)} question mark{'s' * (len(found) > 1)}"
    told = "; ".join(_told(key, where, known) for key, where in places.items())
    raise DcscError(
        f"geometry: expected values in place of {count}, or those lines taken out: {told}"
    )


def _told(key: str, where: list[str], lines: bool) -> str:
    """Return a key with its places, and what may stand there."""
    names = list(dict.fromkeys(filter(None, where)))
    word = "in line" + "s" * (len(names) > 1) if lines else "of"
    places = f" {word} {listed(names, _MOST)}" if names else ""
    return f"{key}{places}" + (f" ({_MAY[key]})" if key in _MAY else "")


def _open(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key of each question mark, and the layer that it is of."""
    for key, value in table.items():
        if key != "layers" or not isinstance(value, list | tuple):
            yield from ((key, "") for _ in range(_marks(value)))
            continue
        for number, layer in enumerate(value, start=1):
            name = layer.get("name") if isinstance(layer, Mapping) else None
            place = name if isinstance(name, str) else f"layer {number}"
            for inner, held in layer.items() if isinstance(layer, Mapping) else ():
                yield from ((str(inner), place) for _ in range(_marks(held)))


def _marks(value: Any) -> int:
    """Return how many question marks are in a value, in its lists and its tables."""
    if isinstance(value, Mapping):
        return sum(map(_marks, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_marks, value))
    return int(isinstance(value, str) and value == "?")
