"""Files: read whole, and never without end; written whole, and never in the place of another's.

One rule holds for all commands, and for all functions that are told a folder. A file is replaced
only where it bears a mark of dcsc, or where the caller says ``force``. Its permissions stay, those
of new files are as the umask says, and what a symbolic link points to is replaced, not the link.
"""

import contextlib
import json
import mmap
import os
import re
import secrets
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from dcsc._words import quoted, short
from dcsc.errors import DcscError

__all__ = [
    "MARK",
    "as_json",
    "check_files",
    "make_folder",
    "read_bytes",
    "regular_file",
    "remove_folders",
    "remove_leftovers",
    "write_durably",
    "write_files",
]

MARK = "made by dcsc"
_PART = 2**20
_LONGEST = 200  # characters of a path in a message

_COMMENT = f"<!-- {MARK} -->\n".encode()
_CHUNK_TEXT = f"tEXtComment\0{MARK}".encode()
_CHUNK = b"".join(
    (
        (len(_CHUNK_TEXT) - 4).to_bytes(4, "big"),
        _CHUNK_TEXT,
        zlib.crc32(_CHUNK_TEXT).to_bytes(4, "big"),
    )
)
# By suffix, how such a file begins, as a pattern, and the mark that is put after it. Only there it
# is a mark: a page of somebody else's may quote a drawing of dcsc.
_PLACES = {
    ".html": (rb"<!doctype html>\n", _COMMENT),
    ".htm": (rb"<!doctype html>\n", _COMMENT),
    ".json": (rb'\{\s*(?=")', b'"made_by": "dcsc",\n '),
    ".png": (rb"\x89PNG\r\n\x1a\n.{25}", _CHUNK),
    ".svg": (rb"<\?xml[^>]*>\n", _COMMENT),
}
_MARKED = {suffix: start + re.escape(mark) for suffix, (start, mark) in _PLACES.items()} | {
    # those whose writers leave a mark themselves
    ".json": rb'\{\s*("made_by": "dcsc"|"format": "dcsc )',
    ".nc": rb"\x89HDF.*" + MARK.encode(),
    ".npz": rb"PK.*" + MARK.encode() + rb"\Z",
}


def as_json(value: Any) -> bytes:
    """Return JSON for people, of records too; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, allow_nan=False, default=_fields)
    return (text + "\n").encode()


def _fields(record: Any) -> dict[str, Any]:
    return attrs.asdict(record, recurse=False)


def regular_file(path: Any, where: str) -> Path:
    """Return a path to a file that ends: no pipe, which may wait for ever, and no device."""
    try:
        file = Path(path)
        mode = file.stat().st_mode
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise DcscError(f"{where}: expected a file, got {_name(path)}: {reason}") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise DcscError(f"{where}: expected a file, got {_name(path)}, which is {kind}")
    return file


def read_bytes(path: Any, where: str, most: int = 2**30) -> bytes:
    """Return the bytes of a file, of which there may be no more than ``most``."""
    file = regular_file(path, where)
    try:
        size = file.stat().st_size
        if size <= most:
            content = _read(file, most)
            size = len(content)
    except OSError as error:
        raise DcscError(f"{where}: could not read {_name(path)}: {error.strerror}") from None
    if size > most:
        raise DcscError(f"{where}: expected at most {most} bytes, got more in {_name(path)}")
    return content


def _read(file: Path, most: int) -> bytes:
    """Return the bytes of a file, or more than ``most`` of them.

    Some files do not know how long they are, and memory is taken for what is asked for.
    """
    with file.open("rb") as opened:
        parts = [opened.read(file.stat().st_size)]
        while sum(map(len, parts)) <= most and (more := opened.read(_PART)):
            parts.append(more)
    return b"".join(parts)


def _name(path: Any) -> str:
    """Return a path as it was written, or anything else, cut where it is long."""
    return short(str(path), _LONGEST) if isinstance(path, str | Path) else quoted(path)


def make_folder(folder: Path, where: str) -> list[Path]:
    """Make a folder if there is none, and see that files can be made in it.

    Returns
    -------
    list of Path
        The folders that were made, the innermost first, for `remove_folders`.
    """
    made: list[Path] = []
    try:
        for place in reversed((folder, *folder.parents)):
            if not place.exists():
                place.mkdir(exist_ok=True)
                made.insert(0, place)
        _try(folder)
    except OSError as error:
        remove_folders(made)
        raise _no_folder(folder, where, error) from None
    return made


def remove_folders(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to the first that holds something."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def check_files(paths: Iterable[Path], where: str, force: bool = False) -> None:
    """Refuse before the work what could not be written after it; nothing is made.

    Raises
    ------
    DcscError
        If at a path there is something else than a file, or a file without a mark of dcsc that
        ``force`` does not give up; if two paths lead to one file; if none can be made there.
    """
    targets: dict[Path, Path] = {}
    for path in paths:
        target = _target(path, where, force)
        if target in targets:
            raise DcscError(f"{where}: expected two files, got one: {targets[target]} and {path}")
        targets[target] = path
    for folder in {target.parent for target in targets}:
        try:
            _try(next(place for place in (folder, *folder.parents) if place.exists()))
        except OSError as error:
            raise _no_folder(folder, where, error) from None


def write_files(folder: Path, files: Mapping[str, bytes], where: str, force: bool = False) -> None:
    """Write files into a folder, by name; what was there stays until all of them are written.

    The folder is made if there is none. Files get their mark, and `check_files` is asked again.
    """
    check_files([folder / name for name in files], where, force)
    made: list[Path] = []
    waiting: dict[Path, Path] = {}
    try:
        for name, content in files.items():
            target = _target(folder / name, where, force)
            made = make_folder(target.parent, where) + made
            waiting[target] = _part(target)
            with _naming(target):
                _fill(waiting[target], target, _with_mark(content, Path(name).suffix))
        for target, part in waiting.items():
            with _naming(target):
                part.replace(target)
    except BaseException:
        for part in waiting.values():
            part.unlink(missing_ok=True)
        remove_folders(made)
        raise


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, even if the machine stops.

    The bytes go to a hidden name first, are on the disk before it becomes the final one, and so is
    the folder's entry when this returns. The caller has asked `check_files`, and the bytes carry
    their mark.
    """
    with _naming(path):
        target = path.resolve()
        part = _part(target)
        try:
            _fill(part, target, content, durable=True)
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed runs had not finished of a file, or of all files, in a folder.

    Only names of dcsc's own are touched, and none that another file's writer may be at.
    """
    tag = "*" if name is None else _tag(name)
    for part in folder.glob(f".dcsc-{tag}-*.part"):
        if stat.S_ISREG(part.lstat().st_mode):
            part.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    """Return a hidden name beside a file, which is short however long that of the file is."""
    return target.with_name(f".dcsc-{_tag(target.name)}-{secrets.token_hex(8)}.part")


def _tag(name: str) -> str:
    return f"{zlib.crc32(os.fsencode(name)):08x}"


def _no_folder(folder: Path, where: str, error: OSError) -> DcscError:
    return DcscError(f"{where}: expected a folder to write to, got {folder}: {error.strerror}")


def _try(folder: Path) -> None:
    """Make a file without a name in a folder."""
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file could not be written."""
    try:
        yield
    except OSError as error:
        raise DcscError(f"could not write {path}: {error.strerror or error}") from None


def _target(path: Path, where: str, force: bool) -> Path:
    """Return the file that a path leads to, if it may be made or replaced."""
    try:
        target = path.resolve()
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return target
    except (OSError, RuntimeError, ValueError) as error:
        raise DcscError(f"{where}: expected to write the file {path}: {error}") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise DcscError(f"{where}: expected to write the file {path}, which is {kind}")
    if not force and not _bears_mark(target, path.suffix):
        raise DcscError(
            f"{where}: expected to write the file {path}, which exists and bears no mark of dcsc: "
            "--force (in Python force=True) replaces it"
        )
    return target


def _bears_mark(target: Path, suffix: str) -> bool:
    pattern = _MARKED.get(suffix.lower())
    if pattern is None or not target.stat().st_size:
        return False
    with (
        _naming(target),
        target.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return re.match(pattern, content, re.DOTALL) is not None


def _with_mark(content: bytes, suffix: str) -> bytes:
    """Return the bytes of a file with its mark, put there if they bear none."""
    suffix = suffix.lower()
    if suffix not in _PLACES or re.match(_MARKED[suffix], content, re.DOTALL):
        return content
    pattern, mark = _PLACES[suffix]
    start = re.match(pattern, content, re.DOTALL)
    return content if start is None else start[0] + mark + content[start.end() :]


def _fill(part: Path, target: Path, content: bytes, durable: bool = False) -> None:
    """Write bytes under a hidden name, with the permissions that the file has or is to have."""
    old = target.stat() if target.exists() else None
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o600
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    if old is not None:
        with contextlib.suppress(OSError):
            os.chown(part, old.st_uid, old.st_gid)
        shutil.copystat(target, part)
        os.utime(part)
