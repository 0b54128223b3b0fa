"""What units of a layer look for, as one drawing with a small picture for each."""

import math
from io import BytesIO

import numpy as np
from PIL import Image

from dcsc._arrays import Array
from dcsc._colours import BLUE, GREEN, ORANGE, PINK
from dcsc._words import place_of
from dcsc.model import DCSCModel
from dcsc.report.pictures import data_uri

__all__ = ["MOST_CHANNELS", "patterns"]

_COLUMNS = 8
_CELL, _SIDE, _TITLE, _TOP = 97, 82, 13, 24
_TALLEST = 6  # times as high as wide
_LINES = (BLUE, ORANGE, GREEN, PINK)
MOST_CHANNELS = len(_LINES)


def patterns(model: DCSCModel, layer: int, units: Array) -> str:
    """Return as SVG the input patterns that units of a layer stand for.

    It shows what `dcsc.plotting.effective_atoms` does: middle grey is zero, three channels are
    colours, other channels are one below the other, and signals of one axis are lines.

    Parameters
    ----------
    model : DCSCModel
        Drawn, with at most four channels at the bottom.
    layer : int
        From 1.
    units : array of int
        Flat indices.
    """
    atoms = model.effective_atoms(layer, units)
    limit = float(np.abs(atoms).max(initial=0)) or 1.0
    shape = tuple(model.layers[layer - 1].dictionary.code_shape)
    wide, high = _size(atoms)
    columns = min(_COLUMNS, len(atoms))
    row = high + 2 * _TITLE
    parts = [
        _text(columns * _CELL / 2, 14, 9, f"what units of layer {layer} stand for; scale "
        f"−{limit:.2g} to {limit:.2g}")
    ]  # fmt: skip
    for number, (atom, unit) in enumerate(zip(atoms, units.tolist(), strict=True)):
        down, across = divmod(number, columns)
        x, y = across * _CELL + (_CELL - wide) / 2, _TOP + down * row + _TITLE
        parts.append(_text(across * _CELL + _CELL / 2, y - 4, 7, place_of(unit, shape)))
        drawn = (
            _lines(atom / limit, wide, high) if atom.ndim == 2 else _image(atom / limit, wide, high)
        )
        parts.append(f"<g transform='translate({x:.2f} {y:.2f})'>{drawn}</g>")
    width, height = columns * _CELL, _TOP + math.ceil(len(atoms) / columns) * row
    size = f"width='{width}pt' height='{height:.0f}pt' viewBox='0 0 {width} {height:.0f}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(parts)}</svg>"


def _size(atoms: Array) -> tuple[float, float]:
    """Return how wide and high a picture is."""
    if atoms.ndim == 3:
        return _SIDE, 0.6 * _SIDE
    tall = atoms.shape[2] * (1 if atoms.shape[1] in (1, 3) else atoms.shape[1]) / atoms.shape[3]
    return (
        (_SIDE, _SIDE * tall) if tall <= _TALLEST else (_SIDE * _TALLEST / tall, _SIDE * _TALLEST)
    )


def _text(x: float, y: float, size: int, text: str) -> str:
    font = f"font-family='sans-serif' font-size='{size}' text-anchor='middle'"
    return f"<text x='{x:.2f}' y='{y:.2f}' {font}>{text}</text>"


def _image(atom: Array, wide: float, high: float) -> str:
    """Draw an atom of two axes, from -1 to 1."""
    levels = np.rint(255 * (1 + atom) / 2).astype(np.uint8)
    pixels = np.moveaxis(levels, 0, -1) if len(atom) == 3 else levels.reshape(-1, atom.shape[2])
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    address = data_uri(file.getvalue(), "image/png")
    size = f"width='{wide:.2f}' height='{high:.2f}' preserveAspectRatio='none'"
    picture = f"<image {size} style='image-rendering:pixelated' href='{address}'/>"
    borders = [] if len(atom) in (1, 3) else range(1, len(atom))
    return picture + "".join(
        f"<path d='M0 {high * at / len(atom):.2f}H{wide:.2f}' stroke='{BLUE}' stroke-width='.6'/>"
        for at in borders
    )


def _lines(atom: Array, wide: float, high: float) -> str:
    """Draw an atom of one axis, a line for each channel."""
    xs = np.linspace(0, wide, atom.shape[1]).tolist()
    parts = [f"<path d='M0 {high / 2:.2f}H{wide:.2f}' stroke='#D9D9D9' stroke-width='.6'/>"]
    for channel, colour in zip(atom, _LINES, strict=False):
        ys = (high / 2 - channel / 1.05 * high / 2).tolist()
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(xs, ys, strict=True))
        parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='.9'/>"
        )
    size = f"width='{wide:.2f}' height='{high:.2f}'"
    return "".join(parts) + f"<rect {size} fill='none' stroke='black' stroke-width='.5'/>"
