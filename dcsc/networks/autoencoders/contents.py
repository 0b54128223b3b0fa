"""The files of an autoencoder: its weights, and the configurations beside them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from dcsc._arguments import any_path, mapping
from dcsc._arrays import Array
from dcsc._files import read_bytes, regular_file
from dcsc._outside import check_depth, outside
from dcsc._words import listed
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.configuration import Configuration
from dcsc.networks.readers import READERS, WeightsReader

__all__ = ["Contents", "read_contents", "weights_file"]

_LARGEST = 2**24
_WEIGHTS = tuple(reader for reader in READERS if isinstance(reader, WeightsReader))
_GIVEN = "config"


@attrs.frozen(eq=False)
class Contents:
    """What was read, before it is known whose format it is.

    Parameters
    ----------
    path : Path
        Of the weights.
    tensors : mapping of str to array
    configurations : mapping of str to Configuration
        By the names of their files; ``config`` is one that the caller gave in their place.
    notes : tuple of str
    """

    path: Path
    tensors: Mapping[str, Array] = attrs.field(repr=lambda values: f"<{len(values)}>")
    configurations: Mapping[str, Configuration]
    notes: tuple[str, ...] = ()

    def configuration(self, name: str) -> Configuration | None:
        """Return the configuration that the caller gave, or the one in a file of this name."""
        return self.configurations.get(_GIVEN) or self.configurations.get(name)

    def has(self, *names: str) -> bool:
        """Return whether there are tensors of all these names."""
        return set(names) <= set(self.tensors)

    def tensor(self, name: str, shape: tuple[int | None, ...]) -> Array:
        """Return a tensor of a shape, in which None is any size.

        Raises
        ------
        DcscError
            If it is missing, or has another shape.
        """
        if name not in self.tensors:
            raise DcscError(f"expected a tensor {name}, got {listed(self.tensors)}")
        array = self.tensors[name]
        fits = len(array.shape) == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise DcscError(f"{name}: expected shape ({wanted}), got {array.shape}")
        return array

    def number(self, name: str) -> float:
        """Return the one number in a tensor."""
        array = self.tensor(name, self.tensors[name].shape)
        if array.size != 1:
            raise DcscError(f"{name}: expected one number, got shape {array.shape}")
        return float(array.reshape(()))


def weights_file(path: Any, names: Iterable[str]) -> Path | None:
    """Return the file of weights that a path names, or that its folder holds; None if it has none.

    Parameters
    ----------
    path : path-like
    names : iterable of str
        How files of weights of autoencoders are called. A folder without any of these may hold one
        file that can be read.

    Raises
    ------
    DcscError
        If a folder holds several, of which nobody says which.
    """
    file = any_path(path, "load_autoencoder: path")
    if not file.is_dir():
        return regular_file(file, "load_autoencoder: path")
    with outside(f"load_autoencoder: path: expected a folder that can be read, got {file.name}"):
        inside = sorted(item.name for item in file.iterdir() if item.is_file())
    endings = tuple(suffix for reader in _WEIGHTS for suffix in reader.suffixes)
    known = [name for name in inside if name in set(names)]
    several = known or [name for name in inside if name.lower().endswith(endings)]
    if len(several) > 1:
        raise DcscError(
            f"load_autoencoder: path: expected one autoencoder, got a folder with several files of "
            f"weights: {listed(several)}; name one of them"
        )
    return file / several[0] if several else None


def read_contents(
    file: Path, names: Iterable[str], config: Mapping[str, Any] | str | Path | None
) -> Contents:
    """Return what a file of weights holds, and the configurations of these names beside it.

    Raises
    ------
    DcscError
        If something is broken; the message names the file.
    """
    reader = next((one for one in _WEIGHTS if file.name.lower().endswith(one.suffixes)), None)
    if reader is None:
        endings = listed(suffix for one in _WEIGHTS for suffix in one.suffixes)
        raise DcscError(
            f"load_autoencoder: path: expected a name that ends in {endings}, got {file.name}"
        )
    tensors = reader.tensors(file)
    if config is None:
        beside = [file.with_name(name) for name in names]
        configurations = {path.name: _read(path) for path in beside if path.exists()}
    elif isinstance(config, str | Path):
        configurations = {_GIVEN: _read(any_path(config, "load_autoencoder: config"))}
    else:
        values = mapping(config, "load_autoencoder: config")
        configurations = {_GIVEN: Configuration("config", dict(values))}
    return Contents(file, tensors.values, configurations, tensors.notes)


def _read(path: Path) -> Configuration:
    content = read_bytes(path, "load_autoencoder: config", _LARGEST)
    with outside(f"{path.name}: expected JSON"):
        values = json.loads(content)
        check_depth(values, path.name)
    if not isinstance(values, dict):
        raise DcscError(f"{path.name}: expected a mapping, got a {type(values).__name__}")
    return Configuration(path.name, values)
