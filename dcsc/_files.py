"""Writing files whole, and all of them or none."""

import os
import tempfile
from pathlib import Path

from dcsc.errors import DcscError

__all__ = ["make_folder", "write_durably", "write_files"]


def make_folder(folder: Path, where: str) -> None:
    """Make a folder if there is none, and see that files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DcscError(
            f"{where}: expected a folder to write to, got {folder}: {error.strerror}"
        ) from None


def write_files(folder: Path, files: dict[str, bytes], where: str) -> None:
    """Write files into a folder, by name; what was there stays until all of them are written."""
    for name in files:
        if (folder / name).is_dir():
            raise DcscError(
                f"{where}: expected to write the file {folder / name}, which is a folder"
            )
    waiting: dict[Path, Path] = {}
    try:
        for name, content in files.items():
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            waiting[Path(temporary)] = folder / name
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
        for written, final in waiting.items():
            written.replace(final)
    except BaseException:
        for written in waiting:
            written.unlink(missing_ok=True)
        raise


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, even if the machine stops.

    The bytes go to a hidden name first, are on the disk before it becomes the final one, and so is
    the folder's entry when this returns.
    """
    waiting = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        waiting = Path(temporary)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.chmod(0o644)
        waiting.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if waiting is not None:
            waiting.unlink(missing_ok=True)
        raise DcscError(f"could not write {path}: {error.strerror}") from None
