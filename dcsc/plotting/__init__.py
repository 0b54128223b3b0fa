"""Figures: numbers drawn so that they can be read without the text.

Records come in and figures of matplotlib come out; `as_png` and `as_svg` make files of them.

===============  ==========================================================
``explanation``  why guarantees hold or not, layer by layer
``phase``        measured rates of a sweep, and how far guarantees reach
``recall``       how much of each support a sweep finds, measured and proved
``cells``        how the cells of a sweep lie on these two
``poster``       the three panels of the poster
``comparison``   two networks side by side
``recovery``     what comes back of one pathway
``units``        what units stand for, and how much pathways share
``latents``      the small figures of an autoencoder's page
``drawing``      the figure that is drawn on, the caller's or a new one
``files``        figures as the bytes of a file
``style``        one palette, and what else all figures share
===============  ==========================================================
"""

from dcsc.plotting.comparison import comparison_figure
from dcsc.plotting.explanation import explanation
from dcsc.plotting.files import as_png, as_svg
from dcsc.plotting.phase import sweep_figure
from dcsc.plotting.poster import poster_figure
from dcsc.plotting.recall import recall_figure
from dcsc.plotting.recovery import recovery_figure
from dcsc.plotting.units import effective_atoms, pathway_overlap

__all__ = [
    "as_png",
    "as_svg",
    "comparison_figure",
    "effective_atoms",
    "explanation",
    "pathway_overlap",
    "poster_figure",
    "recall_figure",
    "recovery_figure",
    "sweep_figure",
]
