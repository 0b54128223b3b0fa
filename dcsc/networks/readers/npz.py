"""NumPy's archives of arrays."""

import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import DcscError
from dcsc.networks.readers.base import Tensors, WeightsReader

__all__ = ["NpzReader"]

LARGEST = 2**32


class NpzReader(WeightsReader):
    """``.npz`` files, without pickles: names like ``conv1.weight``."""

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def _tensors(self, path: Path) -> Tensors:
        try:
            with zipfile.ZipFile(path) as archive:
                declared = sum(member.file_size for member in archive.infolist())
                if declared > LARGEST:
                    raise DcscError(f"expected at most {LARGEST} bytes of arrays, got {declared}")
                return Tensors(
                    {
                        m.filename.removesuffix(".npy"): _array(archive, m)
                        for m in archive.infolist()
                    }
                )
        except (zipfile.BadZipFile, EOFError, OSError, zipfile.LargeZipFile) as error:
            raise DcscError(f"expected a whole .npz file, got a broken one: {error}") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Return one array, whose header has to agree with the number of bytes there are."""
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = header(file)
        except ValueError as error:
            raise DcscError(f"{name}: expected an array, got a broken one: {error}") from None
        if dtype.hasobject:
            raise DcscError(f"{name}: expected numbers, got Python objects, which are not read")
        needed = int(np.prod([1, *shape], dtype=object)) * dtype.itemsize
        content = file.read()
    if len(content) != needed:
        raise DcscError(f"{name}: declares {needed} bytes of shape {shape}, got {len(content)}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
