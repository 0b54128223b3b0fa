"""Codes and inputs as small pictures, a pixel for each unit."""

import base64
import math
from io import BytesIO

import numpy as np
from PIL import Image

from dcsc._arrays import Array
from dcsc._colours import RED, SKY

__all__ = [
    "atoms_picture",
    "code_picture",
    "data_uri",
    "input_picture",
    "most_active",
    "shades_picture",
    "tinted_picture",
]

# Indices of the palette: units that are off, those that are on although their coefficient is not
# positive, those that are on by size, and what lies between the maps. Of several the largest is
# shown: one that is on by its coefficient is worth more than one that is on without.
_OFF, _OUTSIDE, _DIMMEST, _BRIGHTEST, _GAP = 0, 1, 2, 254, 255
_COLOURS = {_OFF: "#F0F0F0", _OUTSIDE: SKY, _GAP: "#FFFFFF"}
# What is on goes from light to dark in nine steps of even lightness (inferno, read backwards).
_RAMP = "#f8cd37 #fb9906 #ef6c23 #d34743 #ae305c #84206b #59106e #2d0b59 #07051b"
_BLUES = "#f7fbff #deebf7 #c6dbef #9dcae1 #6aaed6 #4191c6 #2070b4 #08509b #08306b"
_TINTED, _TINTS = 112, 128  # samples a side of a tinted picture, and its colours


def _palette() -> list[int]:
    shades = _between(_RAMP)
    for index, colour in _COLOURS.items():
        shades[index] = _rgb(colour)
    return [int(part) for part in shades.round().ravel()]


def _rgb(colour: str) -> Array:
    """Return red, green and blue of "#rrggbb", from 0 to 255."""
    return np.array(list(bytes.fromhex(colour.removeprefix("#"))), dtype=np.float64)


def _between(colours: str) -> Array:
    """Return 256 colours from the first to the last of some that follow at even distances."""
    steps = np.array([_rgb(colour) for colour in colours.split()])
    places = np.linspace(0, len(steps) - 1, 256)
    return np.stack([np.interp(places, range(len(steps)), part) for part in steps.T], axis=1)


_PALETTE = _palette()


def data_uri(content: bytes, kind: str) -> str:
    """Return a file as an address that holds all of it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def most_active(on: Array, most: int) -> Array:
    """Return the filters that are on most often, in their own order."""
    share = on.reshape(*on.shape[:2], -1).mean(axis=(0, 2))
    return np.sort(np.argsort(-share, kind="stable")[:most])


def code_picture(code: Array, on: Array, side: int) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of one code, and its width and height.

    With two spatial axes every filter is a map of its own; with one it is a line. Maps with more
    than ``side`` positions an axis show the largest of several units in each pixel.

    Parameters
    ----------
    code, on : array of shape (filters, *positions)
    side : int
    """
    top = float(code.max()) or 1.0
    shades = _DIMMEST + code / top * (_BRIGHTEST - _DIMMEST)
    index = np.where(on, np.where(code > 0, shades, _OUTSIDE), _OFF).astype(np.uint8)
    if code.ndim == 2:
        grid = _lines(_pooled(index[:, None], (1, 8 * side))[:, 0])
    else:
        grid = _mosaic(_pooled(index, (side, side)), _GAP)
    picture = Image.fromarray(grid).convert("P")
    picture.putpalette(_PALETTE)
    return _png(picture), picture.size


def _pooled(maps: Array, most: tuple[int, int]) -> Array:
    """Return maps of at most so many rows and columns, the largest of each block."""
    for axis, size in enumerate(most, start=1):
        step = math.ceil(maps.shape[axis] / size)
        if step > 1:
            maps = np.maximum.reduceat(maps, np.arange(0, maps.shape[axis], step), axis=axis)
    return maps


def _lines(lines: Array) -> Array:
    """Return lines one below the other, as a picture two to six times as wide as it is high."""
    n, length = lines.shape
    high, wide = math.ceil(length / (6 * n)), math.ceil(2 * n / length)
    return lines.repeat(high, axis=0).repeat(wide, axis=1)


def atoms_picture(atoms: Array, side: int) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of some patterns side by side, the middle grey zero, and its size.

    Three channels are colours; of other numbers each is a picture of its own, below the one before.
    All have the same scale. Of patterns larger than ``side`` every so many samples are shown.

    Parameters
    ----------
    atoms : array of shape (units, channels, height, width)
    side : int
    """
    step = math.ceil(max(atoms.shape[2:]) / side)
    shown = atoms[:, :, ::step, ::step]
    top = float(np.abs(shown).max()) or 1.0
    levels = (127.5 + 127.5 * shown / top).round().astype(np.uint8)
    if levels.shape[1] != 3:
        levels = levels.reshape(len(levels), 1, -1, levels.shape[3])
    grids = [_mosaic(levels[:, channel], 255) for channel in range(levels.shape[1])]
    grid = np.stack(grids, axis=-1)
    picture = Image.fromarray(grid[..., 0] if len(grids) == 1 else grid)
    return _png(picture), picture.size


def _mosaic(maps: Array, gap: int) -> Array:
    """Return maps side by side, in about twice as many columns as rows."""
    n, h, w = maps.shape
    columns = min(n, max(1, math.ceil(math.sqrt(2 * n * h / w))))
    rows = math.ceil(n / columns)
    grid = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), gap, maps.dtype)
    for number, one in enumerate(maps):
        row, column = divmod(number, columns)
        grid[row * (h + 1) : row * (h + 1) + h, column * (w + 1) : column * (w + 1) + w] = one
    return grid


def input_picture(value: Array) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of an input, and its width and height.

    It goes from its smallest value to its largest; other than one or three channels are averaged.

    Parameters
    ----------
    value : array of shape (channels, height, width)
    """
    channels = value if len(value) in (1, 3) else value.mean(axis=0, keepdims=True)
    low, high = float(channels.min()), float(channels.max())
    levels = (255 * (channels - low) / ((high - low) or 1.0)).round().astype(np.uint8)
    picture = Image.fromarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1))
    return _png(picture), picture.size


def tinted_picture(value: Array, share: Array) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of an input in grey, the redder the larger a share is, and its size.

    Parameters
    ----------
    value : array of shape (channels, height, width)
    share : array of shape (height, width)
        From 0, which is grey, to its largest value, which is red.
    """
    step = max(1, math.ceil(max(share.shape) / _TINTED))
    grey = value.mean(axis=0)[::step, ::step]
    low, high = float(grey.min()), float(grey.max())
    # half as dark as it is, so that grey and red can be told apart everywhere
    levels = 1 - (high - grey) / (2 * ((high - low) or 1.0))
    weight = (share[::step, ::step] / (float(share.max()) or 1.0))[..., None]
    colours = (1 - weight) * levels[..., None] + weight * _rgb(RED) / 255
    picture = Image.fromarray((255 * colours).round().astype(np.uint8))
    return _png(picture.quantize(_TINTS, dither=Image.Dither.NONE)), picture.size


def shades_picture(values: Array) -> bytes:
    """Return a PNG of numbers from 0 to 1, a pixel each: from nearly white to dark blue, NaN as 0.

    Parameters
    ----------
    values : array of shape (height, width)
    """
    levels = np.clip(np.nan_to_num(values) * 255, 0, 255).round().astype(np.uint8)
    return _png(Image.fromarray(_between(_BLUES).round().astype(np.uint8)[levels]))


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
