"""What a format of autoencoders is."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, instance
from dcsc._words import listed, short
from dcsc.dictionaries import DenseDictionary
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.autoencoder import Autoencoder
from dcsc.networks.autoencoders.contents import Contents
from dcsc.projections import JumpReLU, Projection

__all__ = ["AutoencoderFormat", "Parts", "jump"]

_LONGEST = 1000


class AutoencoderFormat(ABC):
    """How a library writes its autoencoders.

    A subclass says how its files are called, and supplies two hooks: ``_fits``, which only looks at
    names and shapes, and ``_parts``. Laws:

    - what fits is read, or refused with a `DcscError`
    - the codes and reconstructions are those of the library's own forward pass
    - what was assumed for want of a configuration stands in the notes

    Attributes
    ----------
    label : str
        What the library is called.
    weights : tuple of str
        How it calls its files of weights, in a folder of their own.
    configurations : tuple of str
        How it calls the files beside them.
    """

    label: ClassVar[str]
    weights: ClassVar[tuple[str, ...]]
    configurations: ClassVar[tuple[str, ...]]

    def fits(self, contents: Contents) -> bool:
        """Return whether names and shapes are those of this library."""
        return self._fits(instance(contents, Contents, f"{type(self).__name__}.fits: contents"))

    def read(self, contents: Contents) -> Autoencoder:
        """Return the autoencoder.

        Raises
        ------
        DcscError
            If something is missing or does not fit; the message names the file.
        """
        instance(contents, Contents, f"{type(self).__name__}.read: contents")
        try:
            with np.errstate(all="ignore"):  # what no float holds is refused where it is used
                parts = self._parts(contents)
            left = sorted(set(contents.tensors) - parts.used)
            notes = (f"read as {self.label} writes it", *contents.notes, *parts.notes)
            if left:
                notes += (f"left out: {listed(left)}",)
            return parts.autoencoder(contents.path.name, notes)
        except DcscError as error:
            message = short(str(error), _LONGEST)
            raise type(error)(f"load_autoencoder: {contents.path.name}: {message}") from None

    @abstractmethod
    def _fits(self, contents: Contents) -> bool:
        """Return whether the names and shapes are this library's."""

    @abstractmethod
    def _parts(self, contents: Contents) -> "Parts":
        """Return the parts of the autoencoder."""


@attrs.define
class Parts:
    """The parts of an autoencoder as files have them, and the names of the tensors behind them.

    Parameters
    ----------
    encoder : array, shape (samples, latents)
    decoder : array, shape (latents, samples)
    encoder_bias, decoder_bias : array
    projection : Projection
    centred : bool
        Whether the decoder's bias is subtracted before encoding.
    used : set of str
    notes : list of str
    options : dict
        Further arguments of `Autoencoder`.
    """

    encoder: Array
    decoder: Array
    encoder_bias: Array
    decoder_bias: Array
    projection: Projection
    centred: bool
    used: set[str]
    notes: list[str] = attrs.field(factory=list)
    options: dict[str, Any] = attrs.field(factory=dict)

    def rescaled(self, factors: Array) -> None:
        """Multiply what is encoded, latent by latent, and divide what it stands for."""
        self.encoder = self.encoder * factors
        self.encoder_bias = self.encoder_bias * factors
        self.decoder = self.decoder / factors[:, None]

    def autoencoder(self, source: str, notes: tuple[str, ...]) -> Autoencoder:
        """Return the autoencoder."""
        zeros = np.zeros(len(self.encoder), self.encoder.dtype)
        return Autoencoder(
            DenseDictionary(self.encoder),
            DenseDictionary(np.ascontiguousarray(self.decoder.T)),
            self.projection,
            self.encoder_bias,
            self.decoder_bias,
            self.decoder_bias if self.centred else zeros,
            source=source,
            notes=notes,
            **self.options,
        )


def jump(threshold: Array | float, notes: list[str]) -> JumpReLU:
    """Return what a rectifier and a threshold are together; below 0 the rectifier decides."""
    array = np.asarray(threshold, np.float64)
    below = np.count_nonzero(array < 0)
    if below:
        notes.append(f"{below} thresholds are negative, where the rectifier decides: 0 for them")
    return JumpReLU(np.maximum(array, 0))
