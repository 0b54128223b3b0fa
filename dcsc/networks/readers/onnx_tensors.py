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

__all__ = ["is_narrow", "tensor_array"]

# How many bits a number has. What numpy lacks becomes int8, uint8 or float32.
_BITS = {
    **dict.fromkeys(("DOUBLE", "INT64", "UINT64"), 64),
    **dict.fromkeys(("FLOAT", "INT32", "UINT32"), 32),
    **dict.fromkeys(("BFLOAT16", "FLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("BOOL", "INT8", "UINT8"), 8),
}
_NARROW = {
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"), 8),
    **dict.fromkeys(("FLOAT4E2M1", "INT4", "UINT4"), 4),
    **dict.fromkeys(("INT2", "UINT2"), 2),
}


def is_narrow(tensor: Any) -> bool:
    """Return whether numbers of a tensor have eight bits or less, and numpy has no such ones."""
    return _kind(tensor) in _NARROW


def _kind(tensor: Any) -> str:
    kinds = extra("onnx", "onnx").TensorProto.DataType
    return kinds.Name(tensor.data_type) if tensor.data_type in kinds.values() else "unknown"


def tensor_array(tensor: Any, folder: Path, *, narrow: bool = False) -> Array:
    """Return a tensor as an array; half precision is widened to float32.

    Parameters
    ----------
    tensor : onnx.TensorProto
    folder : Path
        Where the file lies: data outside the file have to lie there as well.
    narrow : bool, default False
        Whether numbers of fewer bits are taken as well, and widened.

    Raises
    ------
    DcscError
        If the shape and the bytes disagree, or the type is not among the usual numbers.
    """
    onnx = extra("onnx", "onnx")
    kind, where = _kind(tensor), f"tensor {tensor.name}"
    bits = _BITS | _NARROW if narrow else _BITS
    if kind not in bits:
        raise DcscError(f"{where}: expected one of {', '.join(bits)}, got {kind}")
    shape = tuple(tensor.dims)
    needed = -(-math.prod(shape) * bits[kind] // 8)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raw = _external(tensor, folder, needed, where)
        tensor = onnx.TensorProto(data_type=tensor.data_type, dims=shape, raw_data=raw)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != needed:
        raise DcscError(
            f"{where}: declares {needed} bytes of shape {shape}, got {len(tensor.raw_data)}"
        )
    with outside(f"{where}: declares shape {shape}, but holds other data"):
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    if kind in ("FLOAT16", "BFLOAT16") or kind in _NARROW:
        integers = {"INT": np.int8, "UINT": np.uint8}
        return array.astype(integers.get(kind.rstrip("24"), np.float32))
    return array


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
