"""The activations that an autoencoder is shown: an array in a file, or noise."""

import os

import numpy as np

from dcsc._archives import npz_arrays
from dcsc._arguments import any_path
from dcsc._arrays import Array, Rng, checked_size, generator, instance, integer
from dcsc._media import read_array, reading
from dcsc._words import listed
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.autoencoder import Autoencoder

__all__ = ["noise_activations", "read_activations"]

_WHERE = "read_activations: path"


def read_activations(model: Autoencoder, path: str | os.PathLike[str]) -> Array:
    """Return the activations in a ``.npy`` file, or the one array in an ``.npz``.

    They have shape ``(*batch, samples)``, such as texts, tokens and the width of a network.

    Raises
    ------
    DcscError
        If the file cannot be read, or its array does not fit.
    """
    instance(model, Autoencoder, "read_activations: model")
    file = any_path(path, _WHERE)
    if file.suffix.lower() == ".npz":
        with reading(file, _WHERE, "an .npz file"):
            arrays = npz_arrays(file, kinds="biuf")
        if len(arrays) != 1:
            raise DcscError(f"{_WHERE}: {file.name}: expected one array, got {listed(arrays)}")
        array = next(iter(arrays.values()))
    elif file.suffix.lower() == ".npy":
        array = read_array(file, _WHERE)
    else:
        raise DcscError(f"{_WHERE}: expected activations, in a .npy or .npz file, got {file.name}")
    samples = model.encoder.matrix.shape[0]
    if array.shape[-1:] != (samples,) or not array.size:
        raise DcscError(
            f"{_WHERE}: {file.name}: expected shape (*batch, {samples}), got {array.shape}"
        )
    return array.reshape(-1, samples)


def noise_activations(model: Autoencoder, count: int = 256, rng: Rng = 0) -> Array:
    """Return normal numbers of variance 1: something to run an autoencoder on, and no data."""
    instance(model, Autoencoder, "noise_activations: model")
    number = integer(count, "noise_activations: count", minimum=1)
    random = generator(rng, "noise_activations: rng")
    shape = number, model.encoder.matrix.shape[0]
    checked_size(shape, "noise_activations: count")
    return random.standard_normal(shape, dtype=np.float32)
