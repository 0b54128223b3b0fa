"""NumPy's archives of arrays."""

import math
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import DcscError
from dcsc.networks.readers.archives import archive, unpacked_size
from dcsc.networks.readers.base import Tensors, WeightsReader

__all__ = ["NpzReader"]

_LARGEST = 2**32
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class NpzReader(WeightsReader):
    """``.npz`` files, without pickles: names like ``conv1.weight``."""

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def _tensors(self, path: Path) -> Tensors:
        with archive(path) as opened:
            if unpacked_size(opened) > _LARGEST:
                raise DcscError(
                    f"expected at most {_LARGEST} bytes of arrays, got {unpacked_size(opened)}"
                )
            names = {m.filename.removesuffix(".npy"): m for m in opened.infolist()}
            return Tensors({name: _array(opened, m, name) for name, m in names.items()})


def _array(opened: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    """Return one array, whose header has to agree with the number of bytes there are."""
    with opened.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise DcscError(f"{name}: expected version 1.0 or 2.0 of the format, got {version}")
        shape, fortran, dtype = _HEADERS[version](file)
        if dtype.kind not in "biuf":
            raise DcscError(f"{name}: expected numbers, got dtype {dtype}, which is not read")
        needed = math.prod(shape) * dtype.itemsize
        content = file.read()
    if len(content) != needed:
        raise DcscError(f"{name}: declares {needed} bytes of shape {shape}, got {len(content)}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
