"""`read_input`, which lives in `dcsc.experiments.studies.inputs`."""

from dcsc.experiments.studies.inputs import read_input

__all__ = ["read_input"]
