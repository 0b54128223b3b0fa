"""What a reader of files is."""

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, not_finite
from dcsc._files import read_bytes, regular_file
from dcsc._outside import outside
from dcsc._words import listed, quoted, short
from dcsc.errors import DcscError
from dcsc.networks.graph import Graph
from dcsc.networks.network import ConvNetwork
from dcsc.networks.operations import Quantize
from dcsc.networks.readers.shards import shards
from dcsc.networks.simplification import simplified, zero_filters
from dcsc.networks.weights import (
    build,
    by_number,
    check_filled,
    default_layers,
    modules_of,
    read_checkpoint,
    sum_notes,
    template,
    with_defaults,
)

__all__ = ["Geometry", "Reader", "Tensors", "WeightsReader", "checked_tensor"]

Geometry = Mapping[str, Any] | str | Path
_LARGEST_TABLE = 2**24
_LONGEST = 1000  # characters of a message: names in files may be of any length


class Reader(ABC):
    """A format of files that hold networks.

    A subclass says how files are named, and supplies the hook ``_read``. Laws:

    - a sound file is read, the same file gives equal networks, and files are left as they were
    - the weights of the network are finite and real
    - files of other names, empty files and those that are cut off are refused with a `DcscError`
      that names the file; a file with changed bytes is read, or refused in the same way
    - nothing in a file is executed, and no other file is opened but one in the same folder

    `dcsc.testing.check_reader` tries all but the last.

    Attributes
    ----------
    suffixes : tuple of str
        How the names of such files end, in small letters, each with a dot in front.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def read(self, path: Path, geometry: Geometry | None = None) -> ConvNetwork:
        """Return the network in a file, with notes on all that was assumed or changed.

        Raises
        ------
        DcscError
            If the file is named otherwise, broken, or the geometry does not fit.
        """
        path = self._checked(path, "read")
        try:
            network = self._read(path, geometry)
            graph = simplified(network.graph)
        except DcscError as error:
            message = short(str(error), _LONGEST)
            raise type(error)(f"networks.load: {path.name}: {message}") from None
        notes = (*network.notes, *_left_out(network.graph, graph), *zero_filters(graph))
        return attrs.evolve(network, graph=graph, notes=notes)

    def _checked(self, path: Path, method: str) -> Path:
        where = f"{type(self).__name__}.{method}: path"
        path = regular_file(path, where)
        if not path.name.lower().endswith(self.suffixes):
            raise DcscError(
                f"{where}: expected a name that ends in {', '.join(self.suffixes)}, got {path.name}"
            )
        return path

    @abstractmethod
    def _read(self, path: Path, geometry: Geometry | None) -> ConvNetwork:
        """Return the network in a file that exists."""


@attrs.frozen
class Tensors:
    """Named weights, in the order in which the file has them, and notes on them."""

    values: dict[str, Array] = attrs.field(repr=lambda values: f"<{len(values)}>")
    notes: tuple[str, ...] = ()


class WeightsReader(Reader):
    """A format that carries weights only: a geometry comes from outside, or is assumed.

    Weights in several files, of which one or their index is named, are read from all of them.

    Attributes
    ----------
    keeps_order : bool
        Whether tensors lie in a file in the order in which they were saved.
    """

    keeps_order: ClassVar[bool] = True

    def _read(self, path: Path, geometry: Geometry | None) -> ConvNetwork:
        table, origin = _geometry(path, geometry)
        tensors = self._all_tensors(shards(path))
        if not tensors.values:
            raise DcscError("expected weights, got none")
        values = {name: checked_tensor(value, name) for name, value in tensors.values.items()}
        checkpoint = read_checkpoint(values, _layer_names(table), self.keeps_order)
        modules, composed = modules_of(checkpoint.tensors)
        guesses: list[str] = []
        if table is None:
            # jax sorts names, as safetensors does.
            if not self.keeps_order or checkpoint.origin == "flax":
                modules = by_number(modules)
                origin = origin.replace(_IN_FILE, _BY_NAME)
            assumed, guesses = with_defaults(default_layers(modules), modules, checkpoint.origin)
            guesses += sum_notes(modules)
        layers = assumed if table is None else table
        try:
            graph, defaults = build(modules, layers, checkpoint.origin)
        except DcscError as error:
            advised = _advised(str(error), path, None if table is None else origin)
            raise type(error)(advised) from None
        converted = (*tensors.notes, *_narrow(tensors.values), *checkpoint.notes, *composed)
        notes = (*converted, origin, *guesses, *defaults, *checkpoint.left)
        return ConvNetwork(graph, path.name, notes, origin)

    def tensors(self, path: Path) -> Tensors:
        """Return the weights in a file by name, all finite, and notes on what was converted.

        Raises
        ------
        DcscError
            If the file is named otherwise or broken.
        """
        path = self._checked(path, "tensors")
        try:
            tensors = self._all_tensors(shards(path))
            values = {name: checked_tensor(value, name) for name, value in tensors.values.items()}
        except DcscError as error:
            raise type(error)(f"{path.name}: {short(str(error), _LONGEST)}") from None
        return Tensors(values, (*tensors.notes, *_narrow(tensors.values)))

    def template(self, path: Path) -> str:
        """Return a table of layers for a file, with question marks where weights do not tell.

        Raises
        ------
        DcscError
            If the file is named otherwise or broken.
        """
        path = self._checked(path, "template")
        try:
            tensors = self._all_tensors(shards(path))
            values = {name: checked_tensor(value, name) for name, value in tensors.values.items()}
            checkpoint = read_checkpoint(values, keeps_order=self.keeps_order)
            modules, _ = modules_of(checkpoint.tensors)
            return template(
                modules, path.name, (*tensors.notes, *checkpoint.notes, *checkpoint.left)
            )
        except DcscError as error:
            raise type(error)(f"template: {path.name}: {short(str(error), _LONGEST)}") from None

    def _all_tensors(self, paths: Sequence[Path]) -> Tensors:
        """Return the weights of all files."""
        if len(paths) == 1:
            return self._tensors(paths[0])
        values: dict[str, Array] = {}
        notes = [f"weights from {len(paths)} files: {listed(path.name for path in paths)}"]
        for path in paths:
            try:
                tensors = self._tensors(path)
            except DcscError as error:
                raise type(error)(f"{path.name}: {error}") from None
            twice = values.keys() & tensors.values.keys()
            if twice:
                raise DcscError(
                    f"{path.name}: expected other tensors than before, got {min(twice)}"
                )
            values |= tensors.values
            notes += tensors.notes
        return Tensors(values, tuple(dict.fromkeys(notes)))

    @abstractmethod
    def _tensors(self, path: Path) -> Tensors:
        """Return the weights in a file that exists, floating or integer numbers of any width."""


def checked_tensor(array: Array, name: str) -> Array:
    """Return a tensor of the file with finite numbers, float32 at least if they are floating."""
    if array.dtype.kind not in "biuf":
        raise DcscError(f"{name}: expected real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise not_finite(array, name)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _layer_names(table: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what a table calls its layers, if it is one."""
    layers = (table or {}).get("layers")
    several = layers if isinstance(layers, list | tuple) else []
    tables = [layer for layer in several if isinstance(layer, Mapping)]
    return tuple(str(layer.get("weights") or layer.get("name", "")) for layer in tables)


def _left_out(before: Graph, after: Graph) -> Iterator[str]:
    count = len(before.of_kind(Quantize)) - len(after.of_kind(Quantize))
    if count:
        yield f"{count} roundings of activations to whole steps are left out, their bounds are kept"


def _narrow(values: Mapping[str, Array]) -> list[str]:
    names = [name for name, value in values.items() if value.dtype == np.float16]
    return [f"{len(names)} tensors are float16, computed with as float32"] if names else []


def _advised(message: str, path: Path, origin: str | None) -> str:
    """Return what is wrong with a table of layers, with its file, or how to come by a table."""
    if origin is None:
        return f"{message}; `dcsc template {path.name}` prints a table to begin with"
    return message if origin == _ARGUMENTS else f"{origin}: {message.removeprefix('geometry: ')}"


_ARGUMENTS = "geometry from the arguments"
_IN_FILE = "in the order of their weights in the file"
_BY_NAME = "in the order of the numbers in their names, for such a file keeps none"
_BY_ORDER = (
    "no geometry was given: the layers are taken {}, with a rectifier after each but the last; a "
    "table of layers in {} says how it is"
)


def _geometry(path: Path, geometry: Geometry | None) -> tuple[Mapping[str, Any] | None, str]:
    """Return the table of layers that was given or lies beside the file, and where it is from."""
    if isinstance(geometry, Mapping):
        return geometry, _ARGUMENTS
    if geometry is None:
        beside = [path.with_name(path.name + ".toml"), path.with_suffix(".toml")]
        geometry = next((file for file in beside if file.is_file()), None)
    elif not isinstance(geometry, str | Path):
        raise DcscError(f"geometry: expected a table or a TOML file, got {quoted(geometry)}")
    if geometry is None:
        return None, _BY_ORDER.format(_IN_FILE, f"{path.name}.toml")
    name = Path(geometry).name
    with outside(f"geometry: {name} is no TOML file"):
        text = read_bytes(geometry, "geometry", _LARGEST_TABLE).decode()
        table = tomllib.loads(text)
    try:
        check_filled(table, text)
    except DcscError as error:
        raise DcscError(_advised(str(error), path, f"geometry from {name}")) from None
    return table, f"geometry from {name}"
