"""Pictures, sounds and arrays from files: one reader for all commands."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import numpy as np
import scipy
from PIL import Image

from dcsc._archives import npy_array
from dcsc._arrays import Array, numeric_array
from dcsc._files import read_bytes, regular_file
from dcsc._outside import outside
from dcsc.errors import DcscError

__all__ = [
    "Picture",
    "Sound",
    "loudest",
    "read_array",
    "read_labels",
    "read_picture",
    "read_sound",
    "reading",
]

# Formats whose readers only read: EPS, for one, would start an interpreter.
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 258, 339, 2  # tags of TIFF
_LARGEST = 2**32
# Pixels that any picture may have, and those for each byte of a larger file, up to the last.
_SMALL, _PER_BYTE, _LARGE = 2**24, 100, 9 * 10**7
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
_UNIT, _BOTH_SIDES, _AS_THEY_ARE = "from 0 to 1", "from −1 to 1", "as they are in the file"


@attrs.frozen(eq=False)
class Picture:
    """A picture of one or three channels.

    Parameters
    ----------
    values : array of shape (channels, height, width)
        Float64.
    scale : str
        Which numbers the values are, as the end of "the values are".
    """

    values: Array
    scale: str

    @property
    def grey(self) -> Array:
        """The luminance, of shape (1, height, width)."""
        if len(self.values) == 1:
            return self.values
        return np.tensordot(_LUMINANCE, self.values, axes=1)[None]

    @property
    def colour(self) -> Array:
        """Red, green and blue, of shape (3, height, width)."""
        return self.values if len(self.values) == 3 else self.values.repeat(3, axis=0)


@attrs.frozen(eq=False)
class Sound:
    """A sound.

    Parameters
    ----------
    values : array of shape (channels, samples)
        Float64.
    scale : str
        Which numbers the values are, as the end of "the values are".
    rate : int
        Samples a second.
    """

    values: Array
    scale: str
    rate: int

    @property
    def mono(self) -> Array:
        """The mean of the channels, of shape (samples,)."""
        return np.asarray((self.values / len(self.values)).sum(axis=0))


@contextmanager
def reading(path: Path, where: str, expected: str) -> Iterator[None]:
    """See that there is a file, and say in one sentence why it could not be read."""
    regular_file(path, where)
    with outside(f"{where}: expected {expected}, could not read {path}"):
        yield


def read_array(path: Path, where: str) -> Array:
    """Return the numbers of a ``.npy`` file, finite, in their own dtype."""
    name = f"{where}: {path.name}"
    array = npy_array(read_bytes(path, where, _LARGEST), name, kinds="biufc")
    return numeric_array(array, name)


def read_labels(path: Path, where: str) -> Array:
    """Return the labels in a ``.npy`` file: numbers or words."""
    return npy_array(read_bytes(path, where, _LARGEST), f"{where}: {path.name}", kinds="biufUS")


def read_picture(path: Path, where: str) -> Picture:
    """Return the picture in a BMP, GIF, JPEG, JPEG 2000, PNG, PNM, TIFF or WebP file.

    Integers are divided by the largest that their depth holds, so that white is 1; floats stay as
    they are. Palettes become colours, transparent parts are laid on white, and of several frames
    the first is taken. Pillow reads colours at 8 bits a channel, also where a file has more.
    """
    name = f"{where}: {path.name}"
    with (
        reading(path, where, "a picture, a .wav or a .npy"),
        # As bytes, like sounds: of a file, memory would be taken for any length that it declares.
        Image.open(io.BytesIO(read_bytes(path, where, _LARGEST)), formats=_FORMATS) as picture,
    ):
        _check_size(picture, path.stat().st_size, name)
        values, scale = (_deep if picture.mode[0] in "IF" else _plain)(picture)
    if not values.size:
        raise DcscError(f"{name}: expected pixels, got none")
    numeric_array(values, name)
    return Picture(values, scale)


def _check_size(picture: Image.Image, size: int, name: str) -> None:
    """Refuse a picture of far more pixels than its file can hold: each takes some 70 bytes."""
    (width, height), most = picture.size, min(max(_SMALL, _PER_BYTE * size), _LARGE)
    if width * height > most:
        raise DcscError(
            f"{name}: expected at most {most} pixels in {size} bytes, got {width} × {height}"
        )


def _plain(picture: Image.Image) -> tuple[Array, str]:
    """Return what has at most 8 bits a channel, and its scale."""
    grey = picture.mode in ("1", "L", "LA", "La")
    if "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("LA" if grey else "RGBA")) / 255
        pixels, opaque = pixels[..., :-1], pixels[..., -1:]
        # 1 − opaque·(1 − colour), in the place of the colour
        pixels -= 1
        pixels *= opaque
        pixels += 1
    else:
        pixels = np.asarray(picture.convert("L" if grey else "RGB")) / 255
    channels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return channels, _UNIT


def _deep(picture: Image.Image) -> tuple[Array, str]:
    """Return grey values of 16 or 32 bits, and their scale."""
    pixels = np.asarray(picture)[None]
    if picture.mode == "F":
        return pixels.astype(np.float64), _AS_THEY_ARE
    tags = getattr(picture, "tag_v2", {_BITS_PER_SAMPLE: (16,)})
    bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
    if tags.get(_SAMPLE_FORMAT, (0,))[0] == _SIGNED:
        return pixels / (2.0 ** (bits - 1) - 1), _BOTH_SIDES
    # Pillow holds unsigned numbers of 32 bits as signed ones.
    unsigned = pixels.view(np.uint32) if pixels.dtype == np.int32 else pixels
    return unsigned / (2.0**bits - 1), _UNIT


def read_sound(path: Path, where: str) -> Sound:
    """Return the sound in a ``.wav`` file.

    Integers, of which those of 8 bits have their zero at 128, are divided by the size of the
    smallest that their depth holds, so that they reach from −1 to 1; floats stay as they are.
    """
    with reading(path, where, "a .wav file"):
        # Given as bytes: of a file, memory would be taken for whatever length it declares.
        content = io.BytesIO(read_bytes(path, where, _LARGEST))
        rate, samples = scipy.io.wavfile.read(content)
        values = np.atleast_2d(np.asarray(samples).T)
    if not values.size:
        raise DcscError(f"{where}: {path.name}: expected samples, got none")
    numeric_array(values, f"{where}: {path.name}")
    scale = _BOTH_SIDES
    if values.dtype.kind == "f":
        scale = _AS_THEY_ARE
    elif values.dtype == np.uint8:
        values = (values - 128.0) / 128
    else:
        # Those of 24 bits come as the upper ones of 32.
        values = values / -float(np.iinfo(values.dtype).min)
    return Sound(values.astype(np.float64), scale, rate)


def loudest(wave: Array, length: int) -> Array:
    """Return the stretch of a length that has the largest energy."""
    # Sizes relative to the largest, whose square is a number.
    largest = np.abs(wave).max(initial=0.0)
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave / (largest or 1.0)))])
    start = int(np.argmax(energy[length:] - energy[: len(energy) - length]))
    return wave[start : start + length]
