"""The page of an analysis, of a network or an autoencoder: a file that needs nothing but itself."""

from dcsc.report.autoencoders import autoencoder_glance, autoencoder_page
from dcsc.report.page import page
from dcsc.report.table import row
from dcsc.report.words import at_a_glance

__all__ = ["at_a_glance", "autoencoder_glance", "autoencoder_page", "page", "row"]
