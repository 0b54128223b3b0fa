"""`Tally` and `clopper_pearson`, which live in `dcsc.experiments.simulation`."""

from dcsc.experiments.simulation import Tally, clopper_pearson

__all__ = ["Tally", "clopper_pearson"]
