"""Tensors of ONNX files, held to the bytes that are there."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._outside import outside
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.extras import extra

__all__ = ["tensor_array"]

_BYTES = {
    "FLOAT": 4,
    "DOUBLE": 8,
    "FLOAT16": 2,
    "BFLOAT16": 2,
    "BOOL": 1,
    "INT8": 1,
    "UINT8": 1,
    "INT16": 2,
    "UINT16": 2,
    "INT32": 4,
    "UINT32": 4,
    "INT64": 8,
    "UINT64": 8,
}


def tensor_array(tensor: Any, folder: Path) -> Array:
    """Return a tensor as an array; half precision is widened to float32.

    Parameters
    ----------
    tensor : onnx.TensorProto
    folder : Path
        Where the file lies: data outside the file have to lie there as well.

    Raises
    ------
    DcscError
        If the shape and the bytes disagree, or the type is not among the usual numbers.
    """
    onnx = extra("onnx", "onnx")
    kinds = onnx.TensorProto.DataType
    kind = kinds.Name(tensor.data_type) if tensor.data_type in kinds.values() else "unknown"
    where = f"tensor {tensor.name}"
    if kind not in _BYTES:
        raise DcscError(f"{where}: expected one of {', '.join(_BYTES)}, got {kind}")
    shape = tuple(tensor.dims)
    needed = math.prod(shape) * _BYTES[kind]
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raw = _external(tensor, folder, needed, where)
        tensor = onnx.TensorProto(data_type=tensor.data_type, dims=shape, raw_data=raw)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != needed:
        raise DcscError(
            f"{where}: declares {needed} bytes of shape {shape}, got {len(tensor.raw_data)}"
        )
    with outside(f"{where}: declares shape {shape}, but holds other data"):
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    return array.astype(np.float32) if kind in ("FLOAT16", "BFLOAT16") else array


def _external(tensor: Any, folder: Path, needed: int, where: str) -> bytes:
    """Return the bytes of a tensor whose data lie in another file of the same folder."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    home, location = folder.resolve(), entries.get("location", "")
    try:
        target = (home / location).resolve()
        beside = target.is_relative_to(home) and target.is_file()
    except (OSError, RuntimeError, TypeError, ValueError):  # too long, a loop, no text
        beside = False
    if not beside:
        raise DcscError(
            f"{where}: expected external data in a file of the same folder, got {quoted(location)}"
        )
    with outside(f"{where}: expected an offset and a length"):
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", needed))
    size = target.stat().st_size
    if length != needed or offset < 0 or offset + length > size:
        raise DcscError(
            f"{where}: declares {needed} bytes, got {length} at {offset} in a file of {size}"
        )
    with target.open("rb") as file:
        file.seek(offset)
        return file.read(length)
