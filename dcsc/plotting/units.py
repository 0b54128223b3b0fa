"""What the units of a layer stand for, and which of them samples share."""

import math
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from dcsc._arrays import Array, instance, numeric_array
from dcsc._words import place_of
from dcsc.errors import DcscError
from dcsc.model import DCSCModel
from dcsc.overlap import PathwayOverlap
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BLUE, GREEN, ORANGE, PINK, RED, SKY, STYLE, plain

__all__ = ["effective_atoms", "pathway_overlap"]

_COLUMNS = 8
_MOST_UNITS = 400
_LINES = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
_MOST_LINES = len(_LINES)
_WITHIN, _BETWEEN = BLUE, RED
_MOST_NUMBERS = 10
_ACROSS = 4  # characters of a class that have room below its column


# ---- effective atoms -----------------------------------------------------------------------------


def effective_atoms(
    model: DCSCModel, layer: int, indices: "npt.ArrayLike", figure: Canvas | None = None
) -> Canvas:
    """Draw the input patterns that units of a layer stand for, as a grid of pictures.

    In one dimension each is a small plot with one line per channel. In two it is an image: the
    middle grey is zero, with three channels colours, and where there are other numbers of channels
    each is an image of its own, one below the other. All have the same scale, symmetric about zero.

    Parameters
    ----------
    model : DCSCModel
        Drawn; one or two spatial axes, or a dense dictionary at the bottom.
    layer : int
        From 1.
    indices : array_like of int, shape (units,)
        Flat indices, C order in the code shape of the layer; up to 400 of them.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.

    Raises
    ------
    DcscError
        If there are too many units or channels, or more than two spatial axes.
    """
    instance(model, DCSCModel, "effective_atoms: model")
    atoms = model.effective_atoms(layer, indices)
    units = numeric_array(indices, "effective_atoms: indices")
    if not 1 <= len(atoms) <= _MOST_UNITS:
        raise DcscError(
            f"effective_atoms: indices: expected 1 to {_MOST_UNITS} units, got {len(atoms)}"
        )
    if atoms.ndim == 2:
        atoms = atoms[:, None]
    if atoms.ndim > 4 or (atoms.ndim == 3 and atoms.shape[1] > _MOST_LINES):
        raise DcscError(
            f"effective_atoms: model: expected signals with one spatial axis and at most "
            f"{_MOST_LINES} channels, or with two, got shape {atoms.shape[1:]}"
        )
    # One scale for all of them, and a grid of panels.
    limit = float(np.abs(atoms).max()) or 1.0
    code_shape = tuple(model.layers[layer - 1].dictionary.code_shape)
    draw = _lines if atoms.ndim == 3 else _image
    columns = min(_COLUMNS, len(atoms))
    rows = math.ceil(len(atoms) / columns)
    with matplotlib.rc_context(STYLE):
        size = (max(1.35 * columns, 4), 1.5 * rows * _height(atoms) + 0.6)
        figure = canvas(figure, size, "effective_atoms")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(atoms) :]:
            axes.set_axis_off()
        for axes, atom, unit in zip(grid, atoms, units, strict=False):
            draw(axes, atom, limit)
            # at a given height nothing is measured to find one
            axes.set_title(place_of(int(unit), code_shape), fontsize=7, y=1.0)
        figure.suptitle(
            f"what units of layer {layer} stand for; scale −{limit:.2g} to {limit:.2g}", fontsize=9
        )
    return figure


def _height(atoms: Array) -> float:
    """Return the height of a picture relative to its width, roughly."""
    if atoms.ndim == 3:
        return 0.8
    tall = atoms.shape[2] * (1 if atoms.shape[1] in (1, 3) else atoms.shape[1])
    return min(max(tall / atoms.shape[3], 0.5), 6)


def _lines(axes: Axes, atom: Array, limit: float) -> None:
    axes.axhline(0, color="0.85", lw=0.6)
    for channel, colour in zip(atom, _LINES, strict=False):
        axes.plot(channel, lw=0.9, color=colour)
    axes.set_ylim(-1.05 * limit, 1.05 * limit)
    axes.set_xticks([])
    axes.set_yticks([])


def _image(axes: Axes, atom: Array, limit: float) -> None:
    if len(atom) == 3:
        axes.imshow(0.5 + np.moveaxis(atom, 0, -1) / (2 * limit), interpolation="nearest")
    else:
        stacked = atom.reshape(-1, atom.shape[-1])
        axes.imshow(stacked, cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
        for border in range(1, len(atom)):
            axes.axhline(border * atom.shape[1] - 0.5, color=BLUE, lw=0.6)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_axis_off()


# ---- overlap -------------------------------------------------------------------------------------


def pathway_overlap(overlap: PathwayOverlap, figure: Canvas | None = None) -> Canvas:
    """Draw how much pathways overlap: a matrix of classes per layer, and both means by layer.

    Parameters
    ----------
    overlap : PathwayOverlap
        What `dcsc.pathway_overlap` returned.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.
    """
    instance(overlap, PathwayOverlap, "pathway_overlap: overlap")
    depth = len(overlap.matrices)
    columns = min(depth + 1, 4)
    rows = math.ceil((depth + 1) / columns)
    with matplotlib.rc_context(STYLE):
        figure = canvas(figure, (3.6 * columns + 0.6, 3.6 * rows), "pathway_overlap")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        finite = overlap.matrices[np.isfinite(overlap.matrices)]
        top = float(finite.max(initial=0)) or 1.0
        for number, matrix in enumerate(overlap.matrices, start=1):
            image = _matrix(grid[number - 1], overlap.classes, matrix, top)
            grid[number - 1].set_title(f"layer {number}", fontsize=10)
        figure.colorbar(image, ax=list(grid[:depth]), shrink=0.7, label="mean Jaccard index")
        _curve(grid[depth], overlap)
        for axes in grid[depth + 1 :]:
            axes.set_axis_off()
        figure.suptitle(f"overlap of the pathways of {overlap.counts.sum()} samples", fontsize=10)
    return figure


def _matrix(axes: Axes, classes: Array, matrix: Array, top: float) -> Any:
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=top)
    every = max(1, math.ceil(len(classes) / 20))
    places = range(0, len(classes), every)
    names = [plain(classes[at], 14) for at in places]
    turned = 90 if max(map(len, names)) > _ACROSS else 0
    axes.set_xticks(places, names, fontsize=8, rotation=turned)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlabel("class")
    axes.set_ylabel("class")
    if len(classes) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if value > 0.6 * top else "black"
            text = "–" if np.isnan(value) else f"{value:.2f}".removeprefix("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    return image


def _curve(axes: Axes, overlap: PathwayOverlap) -> None:
    numbers = np.arange(1, len(overlap.within) + 1)
    for values, colour, mark, name, above in (
        (overlap.within, _WITHIN, "o", "within a class", True),
        (overlap.between, _BETWEEN, "s", "between classes", False),
    ):
        axes.plot(numbers, values, mark, color=colour, label=name)
        for number, value in zip(numbers, values, strict=True):
            if np.isfinite(value):
                axes.annotate(
                    f"{value:.2f}",
                    (number, value),
                    (0, 6 if above else -14),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8,
                    color=colour,
                )
    axes.set_xticks(numbers)
    axes.set_xlim(0.5, len(numbers) + 0.5)
    axes.margins(y=0.15)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer")
    axes.set_ylabel("mean Jaccard index")
    axes.set_title("mean overlap of two samples", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
