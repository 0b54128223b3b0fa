"""Weights in several files: which files belong together."""

import json
import re
from pathlib import Path

from dcsc._arguments import any_path
from dcsc._files import read_bytes
from dcsc._outside import outside
from dcsc._words import listed, quoted
from dcsc.errors import DcscError

__all__ = ["INDEX", "shards"]

INDEX = ".index.json"
"""How the name of an index of several files ends."""

_NUMBERED = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.[^.]+)")
_LARGEST_INDEX = 2**26
_MOST = 4096


def shards(path: Path) -> tuple[Path, ...]:
    """Return the files that hold one network's weights: one, or all that an index names.

    A file called ``model-00001-of-00003.safetensors`` is one of three, and
    ``model.safetensors.index.json`` lists them.

    Raises
    ------
    DcscError
        If one of them is missing, or lies in another folder.
    """
    numbered = _NUMBERED.fullmatch(path.name)
    if path.name.endswith(INDEX):
        names = _indexed(path)
    elif numbered:
        stem, _, count, suffix = numbered.groups()
        if int(count) > _MOST:
            raise DcscError(f"expected one of at most {_MOST} files, got one of {int(count)}")
        names = [f"{stem}-{i:05d}-of-{count}{suffix}" for i in range(1, int(count) + 1)]
    else:
        return (path,)
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise DcscError(
            f"expected all {len(names)} files of these weights in one folder, {listed(missing)} "
            "not there"
        )
    return tuple(path.parent / name for name in names)


def _indexed(path: Path) -> list[str]:
    """Return the names of the files that an index lists, each once."""
    with outside(f"{path.name} is no index of weights"):
        table = json.loads(read_bytes(path, path.name, _LARGEST_INDEX))
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not places:
        raise DcscError("expected an index with a 'weight_map' from tensors to files")
    suffix = path.name.removesuffix(INDEX)
    suffix = suffix[suffix.rindex(".") :]
    for name in places.values():
        if not isinstance(name, str) or any_path(name, INDEX).name != name:
            raise DcscError(f"expected names of files in the same folder, got {quoted(name)}")
        if not name.endswith(suffix):
            raise DcscError(f"expected names of {suffix} files, got {quoted(name)}")
    return list(dict.fromkeys(places.values()))
