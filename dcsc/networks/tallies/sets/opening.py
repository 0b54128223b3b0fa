"""From a path to a set of inputs."""

from pathlib import Path
from typing import Any

import numpy.typing as npt

from dcsc._arguments import any_path
from dcsc._media import read_labels
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs, read_inputs
from dcsc.networks.analysis.inputs import shape_of
from dcsc.networks.graph import fits, misfit
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.networks.tallies.sets.arrays import ArraySet
from dcsc.networks.tallies.sets.base import InputSet, checked_labels
from dcsc.networks.tallies.sets.files import FileSet, file_stamp, npy_shape
from dcsc.networks.tallies.sets.folder import folder_set

__all__ = ["as_set", "open_inputs"]

_WHERE = "open_inputs: path"


def open_inputs(
    network: ConvNetwork, path: str | Path, labels: "npt.ArrayLike | str | Path | None" = None
) -> InputSet:
    """Return the inputs in a file or a folder, of any number, of which a part is read at a time.

    A ``.npy`` holds a batch of inputs or one of them. A folder holds pictures, sounds and ``.npy``
    files, in the order of their names; where they lie in folders of it, the name of each is the
    class of its inputs. Hidden files are no inputs, and files of other kinds are left out. Other
    files are read whole, as by `dcsc.networks.analysis.read_inputs`.

    Parameters
    ----------
    network : ConvNetwork
    path : str or Path
    labels : array_like of shape (count,), str or Path, optional
        The class of each input, whole numbers or words, or the ``.npy`` file with them.

    Raises
    ------
    DcscError
        If nothing that is there can be read as inputs of the network, or labels do not fit.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from dcsc.networks import load
    >>> from dcsc.networks.shipped import digits_network_path
    >>> network = load(digits_network_path())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/digits.npy", np.zeros((1000, 1, 8, 8), dtype=np.float32))
    ...     digits = open_inputs(network, f"{folder}/digits.npy")
    ...     digits.count, digits.part(990, 1000).read(network).values["input"].shape
    (1000, (10, 1, 8, 8))
    """
    network_of(network, "open_inputs: network")
    place = any_path(path, _WHERE)
    if isinstance(labels, str | Path):
        labels = read_labels(any_path(labels, "open_inputs: labels"), "open_inputs: labels")
    if place.is_dir():
        if labels is not None:
            raise DcscError(
                "open_inputs: labels: expected none beside a folder, in which each class has a "
                "folder of its own"
            )
        return folder_set(network, place)
    if place.suffix.lower() == ".npy":
        return _file_set(network, place, labels)
    inputs = read_inputs(network, place)
    own = inputs.labels if labels is None else labels
    return ArraySet(inputs.values, _fitting(own, inputs.count), inputs.name, inputs.note)


def _file_set(network: ConvNetwork, path: Path, labels: Any) -> FileSet:
    written = file_stamp(path)
    shape, wanted = npy_shape(path), shape_of(network, network.inputs[0])
    alone = len(shape) == len(wanted) - 1
    if not fits(wanted[1:], shape if alone else shape[1:]) or 0 in shape:
        raise DcscError(f"{_WHERE}: {path.name}: {misfit(wanted, shape)}")
    count = 1 if alone else shape[0]
    return FileSet(path, written, 0, count, _fitting(labels, count), alone)


def _fitting(labels: Any, count: int) -> Any:
    return checked_labels(labels, count, "open_inputs: labels")


def as_set(network: ConvNetwork, value: Any, labels: Any) -> InputSet:
    """Return what a tally was given as a set of inputs, with labels if there are any."""
    if isinstance(value, InputSet):
        if labels is not None:
            raise DcscError("tally: labels: expected none beside a set of inputs, which has them")
        return value
    if isinstance(value, Inputs):
        own = value.labels if labels is None else labels
        return ArraySet(value.values, own, value.name, value.note)
    if isinstance(value, str | Path):
        return open_inputs(network, value, labels)
    named = len(network.inputs) == 1 and not hasattr(value, "keys")
    return ArraySet({network.inputs[0].name: value} if named else value, labels)
