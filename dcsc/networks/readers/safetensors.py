"""Files of the safetensors library."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import safetensors

from dcsc._arrays import Array
from dcsc._outside import outside
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


class SafetensorsReader(WeightsReader):
    """``.safetensors`` files, one or several with an index; bfloat16 is widened to float32."""

    suffixes: ClassVar[tuple[str, ...]] = (".safetensors", f".safetensors{INDEX}")
    keeps_order: ClassVar[bool] = False

    def _tensors(self, path: Path) -> Tensors:
        with outside("expected a whole .safetensors file, got a broken one"):
            tensors = dict(safetensors.deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]  # it has no type hints
        wide = [name for name, tensor in tensors.items() if tensor["dtype"] == "BF16"]
        notes = (f"{len(wide)} tensors are bfloat16, computed with as float32",) if wide else ()
        return Tensors({name: _array(name, tensors[name]) for name in sorted(tensors)}, notes)


def _array(name: str, tensor: dict[str, Any]) -> Array:
    kind, data, shape = tensor["dtype"], tensor["data"], tensor["shape"]
    if kind == "BF16":  # the upper half of a float32
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    if kind not in _DTYPES:
        raise DcscError(f"{name}: expected one of {', '.join(_DTYPES)} or BF16, got {kind}")
    return np.frombuffer(data, _DTYPES[kind]).reshape(shape)
