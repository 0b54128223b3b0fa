"""Axes that figures are drawn of, and what is read off a figure."""

import numpy as np

S = ("codes.sparsity", [1, 2, 3, 5])
WIDE = ("codes.sparsity", [1, 2, 4, 8, 48])
NOISE = ("noise", [0.0, 0.2, 0.4])
SIGNS = ("layers.1.signs", ["RademacherSigns", "FilterSigns"], ["free", "per filter"])
SIZES = ("codes.amplitudes", ["ConstantAmplitudes", "UniformAmplitudes"])
TWO, THREE = "(2), for every sign pattern", "(3), for random signs"
THREE_R = "(3R), for random signs and any noise"
RATE = "share of trials with the whole pathway recovered"

BOUNDS = {
    TWO: "UniformBound",
    THREE: "ProbabilisticBound",
    THREE_R: "RobustBound",
}


def words(figure, panel=0):
    """Return the entries of a panel's legend."""
    return [text.get_text() for text in figure.axes[panel].get_legend().get_texts()]


def line(axes, name):
    (found,) = [line for line in axes.lines if line.get_label() == name]
    return found


def dashes(line):
    """Return the lengths of its dashes and gaps, which `get_linestyle` keeps for itself."""
    return line._unscaled_dash_pattern


def footer(figure):
    return figure.get_supxlabel()


def distinct(data):
    """Put numbers in place of those of a sweep that all differ, so that none passes for another."""
    shape = data["guarantee"].shape
    guarantee = np.arange(1, data["guarantee"].size + 1).reshape(shape) / (2 + np.prod(shape))
    best = np.linspace(0.3, 0.6, data["best"].size).reshape(data["best"].shape)
    return data.assign(
        guarantee=(data["guarantee"].dims, guarantee),
        best=(data["best"].dims, best),
        low=(data["best"].dims, best / 2),
        high=(data["best"].dims, best + 0.2),
    )
