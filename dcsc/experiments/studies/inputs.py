"""Reading an image, a sound or an array as a signal of one channel."""

from pathlib import Path

import numpy as np
from matplotlib import cbook

from dcsc._arguments import any_path
from dcsc._arrays import Array
from dcsc._media import loudest, read_array, read_picture, read_sound
from dcsc._numerics.scaling import exponents, times_power
from dcsc.errors import DcscError

__all__ = ["read_input"]

_SIDE = 128
_LENGTH = 4096
_SAMPLE = "grace_hopper.jpg"
_WHERE = "recover: INPUT"


def read_input(path: str | Path | None = None) -> tuple[str, Array]:
    """Return a name and a signal, one or two axes, zero mean, largest size 1.

    Images become grey and are averaged down to at most 128 samples a side; of a sound or a 1-D
    array the loudest stretch of at most 4096 samples is taken. Sides are cut to a multiple of 32
    (64 in 1-D). Without a path it is the portrait of Grace Hopper that ships with matplotlib.

    Raises
    ------
    DcscError
        If the file cannot be read as one of these.
    """
    if path is None:
        path = cbook.get_sample_data(_SAMPLE, asfileobj=False)
    file = any_path(path, _WHERE)
    name, raw = file.name, _read(file)
    # Rounds nothing, and what follows sums numbers that are not too large.
    raw = times_power(raw, -exponents(raw, tuple(range(raw.ndim))))
    signal = _loudest(raw) if raw.ndim == 1 else _shrunk(raw)
    signal = signal - signal.mean()
    size = np.abs(signal).max()
    if size == 0:
        raise DcscError(f"{_WHERE}: {name} is constant: expected a signal that varies")
    return name, signal / size


def _read(path: Path) -> Array:
    """Return samples of one or two axes."""
    ending = path.suffix.lower()
    if ending == ".wav":
        return read_sound(path, _WHERE).mono
    if ending != ".npy":
        return read_picture(path, _WHERE).grey[0]
    array = read_array(path, _WHERE).astype(np.float64)
    if array.ndim not in (1, 2):
        raise DcscError(f"{_WHERE}: expected one or two axes, got shape {array.shape} in {path}")
    return array


def _loudest(wave: Array) -> Array:
    length = min(wave.size, _LENGTH) // 64 * 64
    if length == 0:
        raise DcscError(f"{_WHERE}: expected at least 64 samples, got {wave.size}")
    return loudest(wave - wave.mean(), length)


def _shrunk(pixels: Array) -> Array:
    if min(pixels.shape) < 32:
        raise DcscError(f"{_WHERE}: expected at least 32 samples a side, got {pixels.shape}")
    factor = max(min(pixels.shape) // _SIDE, 1)
    sides = [min(side // factor, _SIDE) // 32 * 32 for side in pixels.shape]
    starts = [(side - n * factor) // 2 for side, n in zip(pixels.shape, sides, strict=True)]
    cut = pixels[
        starts[0] : starts[0] + sides[0] * factor, starts[1] : starts[1] + sides[1] * factor
    ]
    return cut.reshape(sides[0], factor, sides[1], factor).mean(axis=(1, 3))
