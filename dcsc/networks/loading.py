"""Reading a trained network from a file, or from a module in memory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from dcsc._arguments import mapping
from dcsc._files import regular_file
from dcsc.errors import DcscError
from dcsc.networks.extras import extra
from dcsc.networks.network import ConvNetwork
from dcsc.networks.readers import READERS, OnnxReader
from dcsc.networks.readers.base import Geometry, Reader, WeightsReader
from dcsc.networks.readers.elsewhere import advice, folder_advice

__all__ = ["from_torch", "load", "template"]


def load(
    path: str | os.PathLike[str],
    geometry: Geometry | None = None,
    *,
    fixed: "Mapping[str, npt.ArrayLike] | None" = None,
) -> ConvNetwork:
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
    fixed : mapping of str to array_like, optional
        Values of inputs of an ONNX file that are the same in every run, a sampling rate for
        example. They are no inputs of the network any more, and of an ``If`` that they decide the
        branch is read that is taken.

    Raises
    ------
    DcscError
        If the file is missing, broken or of an unknown format, if a weight is not finite, if the
        geometry or a fixed input does not fit, or if the package that a format needs is not
        installed.
    """
    try:
        file, reader = _reader(path, "networks.load")
        values = {} if fixed is None else mapping(fixed, "networks.load: fixed")
        if values:
            if not isinstance(reader, OnnxReader):
                raise DcscError(
                    f"networks.load: fixed: expected an ONNX file, got {file.name}, whose inputs "
                    "have no names"
                )
            reader = OnnxReader(values)
        return reader.read(file, geometry)
    except DcscError as error:
        raise type(error)(f"{error}{_autoencoder(path)}") from None


def template(path: str | os.PathLike[str]) -> str:
    """Return a table of layers to begin with, for a file that holds weights only.

    What the weights tell is filled in, and question marks stand for the rest; see
    `dcsc.networks.weights.geometry` for what may stand there.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    DcscError
        If the file is missing, broken or of an unknown format, or carries its own geometry.
    """
    file, reader = _reader(path, "networks.template")
    if not isinstance(reader, WeightsReader):
        raise DcscError(
            f"networks.template: path: expected a file that holds weights only, got {file.name}, "
            "which carries its geometry"
        )
    return reader.template(file)


def _reader(path: str | os.PathLike[str], where: str) -> tuple[Path, Reader]:
    """Return a file that exists, and who reads it."""
    endings = [suffix for reader in READERS for suffix in reader.suffixes]
    try:
        file = regular_file(path, f"{where}: path")
    except DcscError as error:
        module = "; networks.from_torch reads a module" if hasattr(path, "state_dict") else ""
        raise DcscError(f"{error}{folder_advice(path, endings)}{module}") from None
    for reader in READERS:
        if file.name.lower().endswith(reader.suffixes):
            return file, reader
    raise DcscError(
        f"{where}: path: expected a name that ends in {', '.join(endings)}, got {file.name}"
        + advice(file.name)
    )


def _autoencoder(path: str | os.PathLike[str]) -> str:
    """Return who reads what is no network but an autoencoder, or nothing."""
    from dcsc.networks.autoencoders import holds_autoencoder  # noqa: PLC0415  # few need it

    try:
        holds = holds_autoencoder(path)
    except DcscError:
        return ""
    return "; networks.load_autoencoder reads this sparse autoencoder" if holds else ""


def from_torch(module: Any, example: Any = None) -> ConvNetwork:
    """Return a PyTorch module in memory as a network.

    ``torch.export`` follows the module in evaluation mode, so that any module will do whose course
    depends on shapes but not on numbers. Afterwards the module has its mode and all attributes as
    before. The network has weights of its own: training the module on does not change it. Steps
    that dcsc has no operation for are stops, as in `ConvNetwork.unread`.

    Parameters
    ----------
    module : torch.nn.Module
    example : tensor or array_like, or a tuple of them, optional
        An input, with its batch; a tuple holds several. Its numbers mean nothing, but the network
        takes inputs of its shape. Batches may have any size, unless the module fixes it. It may be
        left out where the first layer is an ``nn.Linear``, which tells the shape.

    Raises
    ------
    DcscError
        If PyTorch is missing or cannot trace the module with this example, or a weight is not
        finite. The message says at which layer and why, and what to do.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> module = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU())
    >>> network = from_torch(module, torch.zeros(1, 1, 16))
    >>> print(network.summary())
    Sequential: 1 Convolve, 1 BatchNorm, 1 Relu
    0: 4×1×3, stride (1,), padding ((1, 1),), BatchNorm, Relu
    >>> network.inputs
    (Input(name='input', shape=(None, 1, 16), integer=False),)
    """
    extra("torch", "torch")
    from dcsc.networks.pytorch.reading import read_module  # noqa: PLC0415  # it imports PyTorch

    return read_module(module, example)
