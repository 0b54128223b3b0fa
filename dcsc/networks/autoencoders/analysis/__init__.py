"""A sparse autoencoder as two dictionaries: how alike its atoms are, and what its codes are worth.

`analyze_autoencoder` returns an `AutoencoderAnalysis`; `dcsc.report` makes a page of it.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.autoencoders.analysis.analysis import (
        MEANINGS,
        AutoencoderAnalysis,
        AutoencoderLimits,
        analyze_autoencoder,
    )
    from dcsc.networks.autoencoders.analysis.directions import CrossFacts, DecoderFacts, LatentPair
    from dcsc.networks.autoencoders.analysis.firing import FiringFacts
    from dcsc.networks.autoencoders.analysis.inputs import noise_activations, read_activations
    from dcsc.networks.autoencoders.analysis.recovery import RecoveryFacts
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "MEANINGS",
    "AutoencoderAnalysis",
    "AutoencoderLimits",
    "CrossFacts",
    "DecoderFacts",
    "FiringFacts",
    "LatentPair",
    "RecoveryFacts",
    "analyze_autoencoder",
    "noise_activations",
    "read_activations",
]
