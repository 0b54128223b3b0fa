"""Figures: the numbers of an experiment, drawn so that they can be read without the text."""

from dcsc.plotting.explanation import explanation
from dcsc.plotting.phase import sweep_figure
from dcsc.plotting.poster import poster_figure
from dcsc.plotting.recovery import recovery_figure

__all__ = ["explanation", "poster_figure", "recovery_figure", "sweep_figure"]
