"""Zip archives and NumPy's files, held to the bytes that there are."""

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dcsc._arrays import Array
from dcsc._files import MARK
from dcsc._outside import outside
from dcsc._words import quoted, short
from dcsc.errors import DcscError

__all__ = ["archive", "npy_array", "npy_header", "npz_arrays", "npz_bytes", "unpacked_size"]

_LARGEST = 2**32
_LONGEST = 300  # characters of a name, or of a path, in a message
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@contextmanager
def archive(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive for reading; what goes wrong inside the block is said of the file."""
    with (
        outside(f"expected a whole {kind} file, got a broken one"),
        zipfile.ZipFile(path) as opened,
    ):
        yield opened


def unpacked_size(opened: zipfile.ZipFile) -> int:
    """Return how many bytes the members of an archive unpack to, as it declares."""
    return sum(member.file_size for member in opened.infolist())


def npz_bytes(arrays: dict[str, Array], name: str, text: str) -> bytes:
    """Return an ``.npz`` file of arrays, and of a text by its name, with the mark of dcsc."""
    file = io.BytesIO()
    entries: Any = {**arrays, name: np.array(text)}
    np.savez_compressed(file, **entries)
    with zipfile.ZipFile(file, "a") as opened:
        opened.comment = MARK.encode()
    return file.getvalue()


def npz_arrays(path: Path, kinds: str, most: int = _LARGEST) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` file by name, in its order.

    Parameters
    ----------
    path : Path
    kinds : str
        The kinds of dtypes that may be in it.
    most : int
        Largest number of bytes that they may take.

    Raises
    ------
    DcscError
        If it is no such file, or its arrays are others; the message does not name the file.
    """
    with archive(path, ".npz") as opened:
        size = unpacked_size(opened)
        if size > most:
            raise DcscError(f"expected at most {most} bytes of arrays, got {size}")
        return {
            name: npy_array(opened.read(member), name, kinds)
            for member in opened.infolist()
            for name in [member.filename.removesuffix(".npy")]
        }


def npy_array(content: bytes, name: str, kinds: str) -> Array:
    """Return the array in a ``.npy`` file, whose header has to agree with the bytes there are.

    Parameters
    ----------
    content : bytes
    name : str
        What errors call it.
    kinds : str
        The kinds of dtypes that it may have; objects, which are code, are never read.

    Raises
    ------
    DcscError
        If it is no such file, or its dtype is of another kind.
    """
    file, name = io.BytesIO(content), short(name, _LONGEST)
    shape, fortran, dtype = npy_header(file, len(content), name, kinds)
    with outside(f"{name}: expected an array of numbers"):
        array = np.frombuffer(content, dtype, offset=file.tell())
        return array.reshape(shape, order="F" if fortran else "C")


def npy_header(
    file: BinaryIO, size: int, name: str, kinds: str
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape of the array in a ``.npy`` file, whether Fortran's order is its, its dtype.

    Afterwards the file is where the numbers begin. The parameters and errors are those of
    `npy_array`, with an opened file of so many bytes in place of them.
    """
    with outside(f"{name}: expected an array of numbers"):
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise DcscError(f"{name}: expected version 1.0 or 2.0 of the format, got {version}")
        shape, fortran, dtype = _HEADERS[version](file)
        if dtype.kind not in kinds or dtype.hasobject:
            kind = short(str(dtype), _LONGEST)
            raise DcscError(f"{name}: expected numbers, got dtype {kind}, which is not read")
        needed, rest = math.prod(shape) * dtype.itemsize, size - file.tell()
        if rest != needed:
            declared = f"{quoted(needed)} bytes of shape {quoted(shape)}"
            raise DcscError(f"{name}: declares {declared}, got {rest}")
        return shape, fortran, dtype
