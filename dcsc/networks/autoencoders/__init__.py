"""Sparse autoencoders: read from the files of the libraries that train them, as two dictionaries.

`load_autoencoder` reads a folder or a file into an `Autoencoder`; `FORMATS` are the libraries.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.autoencoders.autoencoder import Autoencoder
    from dcsc.networks.autoencoders.formats import FORMATS, AutoencoderFormat
    from dcsc.networks.autoencoders.loading import holds_autoencoder, load_autoencoder
    from dcsc.networks.autoencoders.normalization import (
        ConstantNorm,
        LayerNorm,
        Normalization,
        Unchanged,
    )
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "FORMATS",
    "Autoencoder",
    "AutoencoderFormat",
    "ConstantNorm",
    "LayerNorm",
    "Normalization",
    "Unchanged",
    "holds_autoencoder",
    "load_autoencoder",
]
