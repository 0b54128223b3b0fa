"""Zip archives, whose every defect is one error."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcsc.errors import DcscError

__all__ = ["archive", "unpacked_size"]

_DEFECTS = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,  # a password, or a way of packing that zipfile does not know
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive for reading; what goes wrong inside the block is said of the file."""
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened
    except DcscError:
        raise
    except _DEFECTS as error:
        raise DcscError(f"expected a whole {path.suffix} file, got a broken one: {error}") from None


def unpacked_size(opened: zipfile.ZipFile) -> int:
    """Return how many bytes the members of an archive unpack to, as it declares."""
    return sum(member.file_size for member in opened.infolist())
