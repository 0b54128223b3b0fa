"""Figures: numbers drawn so that they can be read without the text."""

from dcsc.plotting.explanation import explanation
from dcsc.plotting.phase import sweep_figure
from dcsc.plotting.poster import poster_figure
from dcsc.plotting.recovery import recovery_figure
from dcsc.plotting.units import effective_atoms, pathway_overlap

__all__ = [
    "effective_atoms",
    "explanation",
    "pathway_overlap",
    "poster_figure",
    "recovery_figure",
    "sweep_figure",
]
