"""Files of the safetensors library."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import safetensors

from dcsc._arrays import Array
from dcsc._outside import outside
from dcsc._words import listed
from dcsc.errors import DcscError
from dcsc.networks.readers.base import Tensors, WeightsReader
from dcsc.networks.readers.shards import INDEX

__all__ = ["SafetensorsReader"]

_DTYPES = {
    "BOOL": "?",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
}

_NARROW = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


def _e4m3() -> Array:
    """Return the numbers of all bytes: a sign, four bits of exponent, three of significand."""
    size = np.arange(128)
    exponent, rest = size >> 3, size & 7
    normal = np.ldexp(1 + rest / 8, exponent - 7)
    numbers = np.where(exponent == 0, np.ldexp(rest / 8, -6), normal)
    numbers[-1] = np.nan
    return np.concatenate([numbers, -numbers]).astype(np.float32)


_E4M3 = _e4m3()


class SafetensorsReader(WeightsReader):
    """``.safetensors`` files, one or several with an index; narrow floats become float32."""

    suffixes: ClassVar[tuple[str, ...]] = (".safetensors", f".safetensors{INDEX}")
    keeps_order: ClassVar[bool] = False

    def _tensors(self, path: Path) -> Tensors:
        with outside("expected a whole .safetensors file, got a broken one"):
            tensors = dict(safetensors.deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]  # it has no type hints
            with safetensors.safe_open(str(path), framework="np") as file:
                tied = _tied(file.metadata() or {}, tensors)
        narrow = Counter(tensor["dtype"] for tensor in tensors.values())
        notes = [
            f"{narrow[kind]} tensors are {name}, computed with as float32"
            for kind, name in _NARROW.items()
            if narrow[kind]
        ]
        if tied:
            notes.append(f"tied to others, and saved once: {listed(tied)}")
        tensors |= {name: tensors[kept] for name, kept in tied.items()}
        arrays = {name: _array(name, tensors[name]) for name in sorted(tensors)}
        return Tensors(arrays, tuple(notes))


def _tied(metadata: Mapping[str, str], tensors: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of tensors that are the same as others, and those of the others."""
    return {
        name: kept
        for name, kept in metadata.items()
        if kept in tensors and name not in tensors and "." in name
    }


def _array(name: str, tensor: dict[str, Any]) -> Array:
    kind, data, shape = tensor["dtype"], tensor["data"], tensor["shape"]
    if kind == "BF16":  # the upper half of a float32
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    if kind == "F8_E5M2":  # the upper half of a float16
        half = np.frombuffer(data, "u1").astype(np.uint16) << 8
        return half.view(np.float16).astype(np.float32).reshape(shape)
    if kind == "F8_E4M3":
        return _E4M3[np.frombuffer(data, "u1")].reshape(shape)
    if kind not in _DTYPES:
        known = ", ".join([*_DTYPES, *_NARROW])
        raise DcscError(f"{name}: expected one of {known}, got {kind}")
    return np.frombuffer(data, _DTYPES[kind]).reshape(shape)
