"""Failure probabilities far below one over any number of trials, by weighted draws."""

from dcsc.experiments.rare.estimate import FailureEstimate, estimate_failure

__all__ = ["FailureEstimate", "estimate_failure"]
