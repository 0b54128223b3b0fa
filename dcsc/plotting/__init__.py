"""Figures: numbers drawn so that they can be read without the text."""

from dcsc.plotting.experiments import explanation, poster_figure, recovery_figure
from dcsc.plotting.units import effective_atoms, pathway_overlap

__all__ = [
    "effective_atoms",
    "explanation",
    "pathway_overlap",
    "poster_figure",
    "recovery_figure",
]
