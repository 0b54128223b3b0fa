"""Formats of autoencoders: one module for each library.

A new one is a subclass of `AutoencoderFormat` with ``_fits`` and ``_parts``, and a line in
`FORMATS`.
"""

from dcsc.networks.autoencoders.formats.base import AutoencoderFormat
from dcsc.networks.autoencoders.formats.dictionary_learning import DictionaryLearning
from dcsc.networks.autoencoders.formats.gemma_scope import GemmaScope
from dcsc.networks.autoencoders.formats.saelens import SaeLens
from dcsc.networks.autoencoders.formats.sparsify import Sparsify

FORMATS: tuple[AutoencoderFormat, ...] = (
    DictionaryLearning(),
    GemmaScope(),
    SaeLens(),
    Sparsify(),
)
"""One for each library."""

__all__ = [
    "FORMATS",
    "AutoencoderFormat",
    "DictionaryLearning",
    "GemmaScope",
    "SaeLens",
    "Sparsify",
]
