"""Inputs in a folder of pictures, sounds and arrays, each class in a folder of its own or all."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arguments import any_path, items
from dcsc._arrays import Array, brief, instance, integer, numeric_array
from dcsc._fields import named_field, number_field
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs, read_inputs
from dcsc.networks.analysis.inputs import shape_of
from dcsc.networks.network import ConvNetwork
from dcsc.networks.tallies.sets.base import InputSet, checked_labels, joined
from dcsc.networks.tallies.sets.files import FileSet, check_stamp, file_stamp, npy_shape

__all__ = ["FolderSet", "described", "folder_set"]

_PICTURES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
_ENDINGS = {*_PICTURES, ".wav", ".npy"}
_LONGEST_NUMBER = 18
_WHERE = "open_inputs: path"


def _texts(value: Any, record: Any, where: str) -> tuple[str, ...]:
    # A folder may have more files than a sequence of arguments has items.
    names = value if isinstance(value, tuple) else items(value, where)
    return tuple(instance(name, str, where) for name in names)


def _numbers(*inner: int) -> Any:
    """Return a converter to whole numbers, so many for each file."""

    def convert(value: Any, record: Any, where: str) -> Array:
        array = numeric_array(value, where)
        shape = (len(record.files), *inner)
        if array.dtype.kind not in "iu" or array.shape != shape:
            raise DcscError(
                f"{where}: expected whole numbers of shape {shape}, got {quoted(value)}"
            )
        return array

    return convert


@attrs.frozen(eq=False)
class FolderSet(InputSet):
    """The inputs in the files of a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
    files : tuple of str
        Their names below the folder. A ``.npy`` may hold many inputs, others hold one.
    written : array of int, shape (files, 2)
        How long each file is, and when it was written; if it changes, it is not read any more.
    ends : array of int, shape (files,)
        How many inputs there are up to the end of each file, from the start of the first.
    start : int
        How many inputs of the first file are left out.
    stop : int
        At which input it ends, counted like ``ends``.
    labels : array of str or of int, shape (files,), or None
        The class of each file: the folder that it is in, a number where all are numbers.
    left_out : tuple of str
        Files that are neither pictures nor sounds nor arrays.
    """

    folder: Path = named_field(lambda value, record, where: any_path(value, where))
    files: tuple[str, ...] = named_field(_texts, repr=lambda files: f"<{len(files)}>")
    written: Array = named_field(_numbers(2), repr=brief)
    ends: Array = named_field(_numbers(), repr=brief)
    start: int = number_field(integer, minimum=0)
    stop: int = number_field(integer, minimum=1)
    labels: Array | None = named_field(
        lambda value, record, where: checked_labels(value, len(record.files), where),
        default=None,
        repr=lambda x: "" if x is None else brief(x),
    )
    left_out: tuple[str, ...] = named_field(
        _texts, default=(), repr=lambda files: f"<{len(files)}>"
    )

    def __attrs_post_init__(self) -> None:
        if not self.start < self.stop <= (self.ends[-1] if len(self.ends) else 0):
            raise DcscError(
                f"FolderSet: expected start < stop ≤ the last of ends, got {self.start}, "
                f"{self.stop} and {quoted(self.ends)}"
            )

    @property
    def name(self) -> str:
        return self.folder.name or str(self.folder)

    @property
    def count(self) -> int:
        return self.stop - self.start

    def stamp(self) -> tuple[Any, ...]:
        return self.files, self.written, self.start, self.stop, self.labels

    def _part(self, start: int, stop: int) -> Self:
        low, high = self.start + start, self.start + stop
        # The files that hold the first input and the last.
        first = int(np.searchsorted(self.ends, low, "right"))
        last = int(np.searchsorted(self.ends, high, "left")) + 1
        before = int(self.ends[first - 1]) if first else 0
        return attrs.evolve(
            self,
            files=self.files[first:last],
            written=self.written[first:last],
            ends=self.ends[first:last] - before,
            start=low - before,
            stop=high - before,
            labels=None if self.labels is None else self.labels[first:last],
            left_out=(),
        )

    def _read(self, network: ConvNetwork) -> Inputs:
        parts = list(self._each(network))
        values = {
            name: joined([part.values[name] for part in parts], self.files, _WHERE)
            for name in parts[0].values
        }
        labels = None
        if self.labels is not None:
            labels = np.repeat(self.labels, [part.count for part in parts])
        return Inputs(self.name, values, labels, parts[0].note)

    def _each(self, network: ConvNetwork) -> Iterator[Inputs]:
        begins = np.concatenate([[0], self.ends[:-1]]).tolist()
        ends = self.ends.tolist()
        for file, written, begin, end in zip(self.files, self.written, begins, ends, strict=True):
            path = self.folder / file
            check_stamp(path, written)
            if path.suffix.lower() != ".npy":
                yield read_inputs(network, path)
                continue
            first, last = max(self.start - begin, 0), min(self.stop, end) - begin
            one = FileSet(path, file_stamp(path), first, last, alone=_is_alone(network, path))
            yield one.read(network)


def folder_set(network: ConvNetwork, folder: Path) -> FolderSet:
    """Return the inputs in a folder.

    Raises
    ------
    DcscError
        If it has no pictures, sounds or arrays, or some beside folders of them.
    """
    files, left_out = list[str](), list[str]()
    for name in _names(folder):
        (files if Path(name).suffix.lower() in _ENDINGS else left_out).append(name)
    if not files:
        raise DcscError(
            f"{_WHERE}: expected pictures, sounds or .npy files in {folder}, got "
            + (listed(left_out, 3) if left_out else "none")
        )
    inner = [Path(name).parts[0] if os.sep in name else "" for name in files]
    if "" in inner and any(inner):
        alone = files[inner.index("")]
        raise DcscError(
            f"{_WHERE}: expected a folder of files, or of one folder for each class, got both: "
            f"{quoted(alone)} beside the folder {quoted(max(inner))} in {folder}"
        )
    written: Array = np.array([file_stamp(folder / name) for name in files])
    counts = [_count(network, folder / name) for name in files]
    ends = np.cumsum(counts)
    labels = np.array(inner) if any(inner) else None
    if labels is not None and all(_is_number(name) for name in set(inner)):
        labels = labels.astype(np.int64)
    return FolderSet(folder, tuple(files), written, ends, 0, int(ends[-1]), labels, tuple(left_out))


def _names(folder: Path) -> Iterator[str]:
    """Yield the files below a folder by name, in order; hidden ones are none."""
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield str((Path(place) / name).relative_to(folder))


def _is_number(name: str) -> bool:
    return name.isdecimal() and len(name) < _LONGEST_NUMBER and str(int(name)) == name


def _is_alone(network: ConvNetwork, path: Path) -> bool:
    """Whether an array is one input, and no batch of them."""
    return len(npy_shape(path)) == len(shape_of(network, network.inputs[0])) - 1


def _count(network: ConvNetwork, path: Path) -> int:
    if path.suffix.lower() != ".npy" or _is_alone(network, path):
        return 1
    count = (*npy_shape(path), 0)[0]
    if not count:
        raise DcscError(f"{_WHERE}: {path.name}: expected inputs, got none")
    return count


def described(left_out: tuple[str, ...]) -> str:
    """Return in a sentence which files of a folder are no inputs."""
    if not left_out:
        return ""
    kinds = Counter(Path(name).suffix.lower() or "no ending" for name in left_out)
    listing = listed((f"{count} {kind}" for kind, count in kinds.most_common()), 3)
    return f"Left out, as neither picture nor sound nor array: {listing}."
