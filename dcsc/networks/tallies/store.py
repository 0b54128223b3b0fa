"""Tallies in files: what has been counted of a data set so far, whole or not there."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dcsc._archives import npz_arrays, npz_bytes
from dcsc._arguments import any_path
from dcsc._arrays import Array
from dcsc._files import regular_file, write_durably
from dcsc._outside import outside
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.tallies.counts import Counts
from dcsc.networks.tallies.layers import LayerTally, SignTally, TheoremTally
from dcsc.networks.tallies.network import NetworkTally

__all__ = ["Progress", "load_tally"]

_FORMAT = "dcsc tally 1"
_TEXT = "tally"
_COUNTS = ("active", "sparsity", "contrast")
_NUMBERS = ("smallest", "largest", "outside", "steady")


@attrs.frozen
class Progress:
    """What has been counted of a data set.

    Parameters
    ----------
    tally : NetworkTally or None
        None at the beginning.
    stretches : tuple of (int, int)
        Which inputs it is of, from one number to another, in rising order and with gaps between.
    """

    tally: NetworkTally | None = None
    stretches: tuple[tuple[int, int], ...] = ()

    def plus(self, tally: NetworkTally, start: int, stop: int) -> "Progress":
        """Return the progress with the tally of a stretch that was not yet there."""
        joint: list[tuple[int, int]] = []
        for first, last in sorted((*self.stretches, (start, stop))):
            if joint and joint[-1][1] == first:
                joint[-1] = (joint[-1][0], last)
            else:
                joint.append((first, last))
        whole = tally if self.tally is None else self.tally + tally
        return Progress(whole, tuple(joint))

    def missing(self, count: int) -> Iterable[tuple[int, int]]:
        """Yield the gaps up to a number of inputs."""
        begin = 0
        for first, last in (*self.stretches, (count, count)):
            if begin < first:
                yield begin, first
            begin = last

    def write(self, path: Path) -> None:
        """Put it in a file, which is on the disk when this returns."""
        assert self.tally is not None
        write_durably(path, _npz(self.tally, self.stretches))

    @classmethod
    def read(cls, path: Path) -> "Progress":
        """Return what a file holds, and nothing where there is none."""
        return cls(*_read(path)) if path.exists() else cls()


def load_tally(path: str | Path) -> NetworkTally:
    """Return the tally in a file that `tally` wrote, of all inputs that were counted so far.

    Raises
    ------
    DcscError
        If there is no such file.
    """
    return _read(any_path(path, "load_tally: path"))[0]


def _npz(tally: NetworkTally, stretches: tuple[tuple[int, int], ...]) -> bytes:
    arrays: dict[str, Array] = {"stretches": np.array(stretches, np.int64).reshape(-1, 2)}
    layers = []
    for number, layer in enumerate(tally.layers):
        arrays[f"{number}/fired"] = layer.fired
        for name in _COUNTS:
            counts = getattr(layer, name)
            arrays[f"{number}/{name}"] = np.stack([counts.values, counts.times])
        if layer.signs is not None:
            arrays[f"{number}/signs"] = np.stack([layer.signs.missed, layer.signs.false_alarms])
        labels = None if layer.by_class is None else list(layer.by_class)
        for at, label in enumerate(labels or ()):
            assert layer.by_class is not None
            arrays[f"{number}/class/{at}"] = layer.by_class[label]
        layers.append(
            {name: getattr(layer, name) for name in ("name", "stripe_size", *_NUMBERS)}
            | {
                "theorems": [[one.name, one.holds, one.of] for one in layer.theorems],
                "active": None if layer.signs is None else layer.signs.active,
                "labels": labels,
            }
        )
    plain = {name: getattr(tally, name) for name in _plain_fields()}
    text = json.dumps(
        {
            "format": _FORMAT,
            **plain,
            "classes": dict(tally.classes),
            "layers": layers,
        },
        allow_nan=False,
    )
    return npz_bytes(arrays, _TEXT, text)


def _plain_fields() -> list[str]:
    names = (field.name for field in attrs.fields(NetworkTally))
    return [name for name in names if name not in ("classes", "layers")]


def _read(path: Path) -> tuple[NetworkTally, tuple[tuple[int, int], ...]]:
    regular_file(path, "load_tally: path")
    where = f"load_tally: {path} is not what a tally wrote; without it, inputs are counted again"
    with outside(where):
        try:
            return _parsed(npz_arrays(path, kinds="iU"))
        except DcscError as error:
            raise DcscError(f"{where}: {error}") from None


def _parsed(arrays: Mapping[str, Array]) -> tuple[NetworkTally, tuple[tuple[int, int], ...]]:
    table = json.loads(str(arrays[_TEXT]))
    if table.pop("format") != _FORMAT:
        raise DcscError(f"expected format {quoted(_FORMAT)}")
    layers = tuple(_layer(arrays, at, x) for at, x in enumerate(table.pop("layers")))
    stretches = tuple((int(start), int(stop)) for start, stop in arrays["stretches"])
    tally = NetworkTally(**table, layers=layers)
    if tally.inputs != sum(stop - start for start, stop in stretches):
        raise DcscError(f"{tally.inputs} inputs in {quoted(stretches)}")
    return tally, stretches


def _layer(arrays: Mapping[str, Array], number: int, table: dict[str, Any]) -> LayerTally:
    active, labels = table.pop("active"), table.pop("labels")
    theorems = tuple(TheoremTally(*one) for one in table.pop("theorems"))
    split = None
    if labels is not None:
        split = {label: arrays[f"{number}/class/{at}"] for at, label in enumerate(labels)}
    counts: dict[str, Any] = {name: Counts(*arrays[f"{number}/{name}"]) for name in _COUNTS}
    return LayerTally(
        fired=arrays[f"{number}/fired"],
        signs=None if active is None else SignTally(active, *arrays[f"{number}/signs"]),
        theorems=theorems,
        by_class=split,
        **counts,
        **table,
    )
