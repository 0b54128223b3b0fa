"""The page of an analysis, of a network or an autoencoder: a file that needs nothing but itself."""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.report.autoencoders import autoencoder_glance, autoencoder_page
    from dcsc.report.networks import page
    from dcsc.report.table import row
    from dcsc.report.words import at_a_glance
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["at_a_glance", "autoencoder_glance", "autoencoder_page", "page", "row"]
