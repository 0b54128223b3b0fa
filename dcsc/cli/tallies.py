"""``dcsc analyze`` of many inputs: the options about them, and the inputs."""

from pathlib import Path
from typing import Annotated, Any

import attrs
import numpy as np
from cyclopts import Parameter

from dcsc._arguments import any_path
from dcsc._arrays import generator
from dcsc._files import read_bytes
from dcsc._words import listed, quoted
from dcsc.cli.common import say, whole
from dcsc.cli.idle import refuse_idle
from dcsc.errors import DcscError
from dcsc.networks import ConvNetwork
from dcsc.networks.analysis import Inputs, noise_inputs, read_inputs, shipped_inputs
from dcsc.networks.tallies import FolderSet, InputSet, open_inputs
from dcsc.networks.tallies.sets.base import joined
from dcsc.networks.tallies.sets.folder import described

__all__ = ["Counting", "few", "open_data", "read_names"]

_LONGEST_NAMES = 2**20  # bytes of a file of names


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Counting:
    """Options of a command about inputs of any number."""

    labels: Annotated[
        Path | None,
        Parameter(help="A .npy with the class of each input; of a folder, folders in it are that."),
    ] = None
    class_names: Annotated[
        Path | None,
        Parameter(
            help="A text file with the name of each class, one a line, in the order of the "
            "network's outputs; labels are then numbers from 0 or these names."
        ),
    ] = None
    tallies: Annotated[
        Path | None,
        Parameter(
            help="Count over all inputs, not only the first, and keep counts in this folder: after "
            "an interruption the same command goes on from there."
        ),
    ] = None
    jobs: Annotated[
        int | None,
        Parameter(
            converter=whole, help="Processes that count, on this machine; one per core by default."
        ),
    ] = None
    dask: Annotated[
        str | None, Parameter(help="Address of a Dask scheduler, whose workers count.")
    ] = None

    def __attrs_post_init__(self) -> None:
        if self.tallies is None:
            sharing = {"--jobs": self.jobs, "--dask": self.dask}
            refuse_idle(sharing, "a folder to count into, --tallies DIR, got none")
        elif self.dask is not None:
            refuse_idle({"--jobs": self.jobs}, "processes on this machine, got those of --dask")

    def given(self) -> dict[str, Any]:
        """Return the options by their names."""
        return {f"--{name}": value for name, value in attrs.asdict(self).items()}


def read_names(path: Path | None) -> tuple[str, ...] | None:
    """Return the names of the classes in a text file, one a line."""
    if path is None:
        return None
    where = "--class-names"
    try:
        text = read_bytes(any_path(path, where), where, _LONGEST_NAMES).decode()
    except UnicodeDecodeError:
        raise DcscError(f"{where}: expected a text file, got {quoted(path.name)}") from None
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if not names or "" in names or twice:
        got = f"{listed(map(quoted, twice), 3)} twice" if twice else "an empty line"
        raise DcscError(f"{where}: expected a name of its own in each line, got {got}")
    return names


def open_data(
    network: ConvNetwork, name: str | None, labels: Path | None, *, shipped: bool, seed: int
) -> Inputs | InputSet | None:
    """Return the inputs that ``--input`` speaks of; those of any number are not yet read."""
    if labels is not None and (name is None or name == "noise"):
        raise DcscError("--labels: expected --input with the inputs that they are of")
    if name is None:
        return shipped_inputs() if shipped else None
    if name == "noise":
        return noise_inputs(network, rng=seed)
    place = any_path(name, "--input")
    if labels is None and not place.is_dir() and place.suffix.lower() != ".npy":
        return read_inputs(network, place)
    data = open_inputs(network, place, labels)
    if isinstance(data, FolderSet) and data.left_out:
        say(described(data.left_out))
    return data


def few(network: ConvNetwork, data: Inputs | InputSet, most: int, seed: int) -> Inputs:
    """Return some inputs, in whole batches where the network insists on a size.

    They are the first ones; of a folder, which is in order by class, some from everywhere.
    """
    if isinstance(data, Inputs):
        return data
    size = (network.inputs[0].shape or (None,))[0] or 1
    batches = max(min(most, data.count) // size, 1)
    if not isinstance(data, FolderSet) or batches * size >= data.count - size:
        return data.part(0, min(batches * size, data.count)).read(network)
    at = generator(seed, "--seed").permutation(np.arange(batches) * (data.count // size) // batches)
    parts = [data.part(x * size, (x + 1) * size).read(network) for x in at.tolist()]
    values = {
        name: joined([x.values[name] for x in parts], [x.name for x in parts], "--input")
        for name in parts[0].values
    }
    labels = [x.labels for x in parts if x.labels is not None]
    note = f"{parts[0].note} Drawn at random from the whole folder.".strip()
    return Inputs(data.name, values, np.concatenate(labels) if labels else None, note)
