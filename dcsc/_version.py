"""The version of dcsc, named once."""

__version__ = "0.2.0"
