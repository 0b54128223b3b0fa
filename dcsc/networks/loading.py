"""Reading a trained network from a file."""

import os

from dcsc._files import regular_file
from dcsc.errors import DcscError
from dcsc.networks.network import ConvNetwork
from dcsc.networks.readers import READERS
from dcsc.networks.readers.base import Geometry
from dcsc.networks.readers.elsewhere import advice, folder_advice

__all__ = ["load"]


def load(path: str | os.PathLike[str], geometry: Geometry | None = None) -> ConvNetwork:
    """Return the trained network in a file.

    The name's ending tells the format, see `dcsc.networks.readers.READERS`. ONNX files carry their
    geometry, the others carry weights only, under names like ``conv1.weight``.

    Nothing in a file is executed. What was assumed, converted or left out stands in ``notes`` of
    the network.

    Parameters
    ----------
    path : path-like
    geometry : mapping or path-like, optional
        The layers, their order and geometry, for formats that carry weights only; see
        `dcsc.networks.weights.geometry`. By default the file ``<path>.toml``, or the one with
        ``.toml`` in place of the ending. Without it the layers are taken in the order of the file,
        with a rectifier after each but the last, stride 1 and no padding, and the notes say so.

    Raises
    ------
    DcscError
        If the file is missing, broken or of an unknown format, if a weight is not finite, if the
        geometry does not fit, or if the package that a format needs is not installed.
    """
    endings = [suffix for reader in READERS for suffix in reader.suffixes]
    try:
        file = regular_file(path, "networks.load: path")
    except DcscError as error:
        raise DcscError(f"{error}{folder_advice(path, endings)}") from None
    for reader in READERS:
        if file.name.lower().endswith(reader.suffixes):
            return reader.read(file, geometry)
    raise DcscError(
        f"networks.load: path: expected a name that ends in {', '.join(endings)}, got {file.name}"
        + advice(file.name)
    )
