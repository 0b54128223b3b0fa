"""What is counted of a data set, and how the hash of a network and of it is made."""

import enum
import hashlib
from collections.abc import Mapping, Set
from types import FunctionType
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import integer, real
from dcsc._fields import named_field, number_field
from dcsc.errors import DcscError
from dcsc.networks.analysis.inputs import class_names

__all__ = ["Settings", "digest"]

# Part of every hash. Another number means that the same inputs give other counts than before.
_COUNTS = 2
_PLAIN = (str, int, float, bool, bytes, type(None), np.generic, np.dtype, enum.Enum)


@attrs.frozen
class Settings:
    """What is counted.

    Parameters
    ----------
    noise : float
        The error that units have to withstand to be steady, relative to the strongest patch.
    seed : int
        Of the signs.
    every : int
        Of every so-manieth input theorems and signs are asked; of none with 0.
    draws : int
        How many times signs are drawn.
    products : float
        About how many multiplications the correlations of the atoms of a layer may take for its
        theorems to be asked.
    class_names : sequence of str, optional
        What the classes are called, in the order of the network's outputs: of labels that are words
        it is then known which output is theirs.
    """

    noise: float = number_field(real, default=0.05, minimum=0)
    seed: int = number_field(integer, default=0, minimum=0)
    every: int = number_field(integer, default=10, minimum=0)
    draws: int = number_field(integer, default=9, minimum=0)
    products: float = number_field(real, default=1e10, minimum=0)
    class_names: tuple[str, ...] = named_field(class_names, default=())


def digest(*values: Any) -> str:
    """Return a hash of records, arrays and plain values, the same wherever it is made."""
    state = hashlib.sha256(str(_COUNTS).encode())
    for value in values:
        _feed(state, value)
    return state.hexdigest()[:32]


def _feed(state: Any, value: Any) -> None:
    """Feed a value in, each part behind its kind and length, so that no two read alike."""
    if isinstance(value, np.ndarray):
        _word(state, f"array {value.dtype.str} {value.shape}")
        if value.nbytes:  # nothing is copied of what is in order
            state.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif isinstance(value, _PLAIN):
        _word(state, f"{type(value).__name__} {value!r}")
    elif isinstance(value, type | FunctionType) and not getattr(value, "__closure__", None):
        _word(state, f"{type(value).__name__} {value.__module__}.{value.__qualname__}")
    elif attrs.has(type(value)):
        fields = attrs.fields(type(value))
        _word(state, f"record {type(value).__qualname__} {len(fields)}")
        for field in fields:
            _word(state, field.name)
            _feed(state, getattr(value, field.name))
    elif isinstance(value, Mapping):
        _word(state, f"mapping {len(value)}")
        for key in sorted(value, key=repr):
            _feed(state, key)
            _feed(state, value[key])
    elif isinstance(value, tuple | list | Set):
        items = sorted(value, key=repr) if isinstance(value, Set) else value
        _word(state, f"items {len(items)}")
        for item in items:
            _feed(state, item)
    else:
        raise DcscError(f"tally: expected a network of arrays and plain values, got {value!r}")


def _word(state: Any, text: str) -> None:
    content = text.encode()
    state.update(len(content).to_bytes(8, "little"))
    state.update(content)
