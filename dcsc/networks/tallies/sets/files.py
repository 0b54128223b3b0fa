"""Inputs in one ``.npy`` file, of which a part is read at a time."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np

from dcsc._archives import npy_header
from dcsc._arguments import any_path, items
from dcsc._arrays import Array, brief, integer, numeric_array
from dcsc._fields import flag_field, named_field, number_field
from dcsc._files import regular_file
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs
from dcsc.networks.analysis.inputs import fitted
from dcsc.networks.network import ConvNetwork
from dcsc.networks.tallies.sets.base import InputSet, checked_labels

__all__ = ["FileSet", "check_stamp", "file_stamp", "npy_shape"]

_WHERE = "open_inputs: path"
_KINDS = "biuf"


def npy_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of the array in a ``.npy`` file, of which only the head is read."""
    regular_file(path, _WHERE)
    with path.open("rb") as file:
        return npy_header(file, path.stat().st_size, f"{_WHERE}: {path.name}", _KINDS)[0]


def file_stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file does: its length, and when it was written."""
    status = regular_file(path, _WHERE).stat()
    return status.st_size, status.st_mtime_ns


def check_stamp(path: Path, stamp: Sequence[int]) -> None:
    """Refuse a file that has changed since it was looked at."""
    if file_stamp(path) != tuple(map(int, stamp)):
        raise DcscError(
            f"{_WHERE}: {path.name} has changed since it was looked at: expected files that stay "
            "as they are, and the same ones at the same paths for all workers"
        )


def _written(value: Any, record: Any, where: str) -> tuple[int, int]:
    numbers = items(value, where, "a length and a time")
    if len(numbers) != 2:
        raise DcscError(f"{where}: expected a length and a time, got {len(numbers)} numbers")
    return integer(numbers[0], where), integer(numbers[1], where)


def _labels(value: Any, record: Any, where: str) -> Array | None:
    return checked_labels(value, record.count, where)


@attrs.frozen(eq=False)
class FileSet(InputSet):
    """The inputs in a ``.npy`` file, from one number to another.

    Parameters
    ----------
    path : Path
    written : (int, int)
        How long the file is, and when it was written; if it changes, it is not read any more.
    start, stop : int
    labels : array_like of shape (stop − start,), optional
        The class of each.
    alone : bool
        Whether the array is one input, without a batch.
    """

    path: Path = named_field(lambda value, record, where: any_path(value, where))
    written: tuple[int, int] = named_field(_written)
    start: int = number_field(integer, minimum=0)
    stop: int = number_field(integer, minimum=1)
    labels: Array | None = named_field(
        _labels, default=None, repr=lambda x: "" if x is None else brief(x)
    )
    alone: bool = flag_field(False)

    def __attrs_post_init__(self) -> None:
        if self.stop <= self.start:
            raise DcscError(f"FileSet: stop: expected more than {self.start}, got {self.stop}")

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def count(self) -> int:
        return self.stop - self.start

    def stamp(self) -> tuple[Any, ...]:
        return (self.name, self.written, self.start, self.stop, self.labels)

    def _part(self, start: int, stop: int) -> Self:
        labels = None if self.labels is None else self.labels[start:stop]
        first, last = self.start + start, self.start + stop
        return attrs.evolve(self, start=first, stop=last, labels=labels)

    def _read(self, network: ConvNetwork) -> Inputs:
        name = f"{_WHERE}: {self.name}"
        check_stamp(self.path, self.written)
        with self.path.open("rb") as file:
            size = self.path.stat().st_size
            shape, fortran, dtype = npy_header(file, size, name, _KINDS)
            if fortran:  # inputs lie scattered over the file
                mapped = np.memmap(file, dtype, "r", file.tell(), shape, order="F")
                array = np.array(mapped if self.alone else mapped[self.start : self.stop])
            else:
                rest = shape if self.alone else (self.count, *shape[1:])
                each = int(np.prod(rest[1:], dtype=object)) * dtype.itemsize
                file.seek(0 if self.alone else self.start * each, os.SEEK_CUR)
                entries = int(np.prod(rest, dtype=object))
                array = np.frombuffer(file.read(entries * dtype.itemsize), dtype).reshape(rest)
        return Inputs(
            self.name, fitted(network, numeric_array(array, name), self.path), self.labels
        )
