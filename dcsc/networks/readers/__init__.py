"""Readers: the formats that networks are read from.

A new one is a subclass of `Reader` with ``_read``, or of `WeightsReader` with ``_tensors`` if the
format carries weights only, and a line in `READERS`.
"""

from dcsc.networks.readers.base import Reader, Tensors, WeightsReader
from dcsc.networks.readers.npz import NpzReader
from dcsc.networks.readers.onnx_graph import OnnxReader
from dcsc.networks.readers.safetensors import SafetensorsReader
from dcsc.networks.readers.state_dict import StateDictReader

READERS: tuple[Reader, ...] = (NpzReader(), OnnxReader(), SafetensorsReader(), StateDictReader())
"""One reader for each format."""

__all__ = [
    "READERS",
    "NpzReader",
    "OnnxReader",
    "Reader",
    "SafetensorsReader",
    "StateDictReader",
    "Tensors",
    "WeightsReader",
]
