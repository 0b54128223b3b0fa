"""Experiments: how often the forward pass recovers the pathway, and pictures of it."""

from dcsc.experiments.rare import FailureEstimate, estimate_failure
from dcsc.experiments.simulation import simulate
from dcsc.experiments.tally import Tally, clopper_pearson

__all__ = ["FailureEstimate", "Tally", "clopper_pearson", "estimate_failure", "simulate"]
