"""`example_layers`, which lives in `dcsc.experiments.studies.example`."""

from dcsc.experiments.studies.example import example_layers

__all__ = ["example_layers"]
