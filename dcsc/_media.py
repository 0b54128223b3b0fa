"""Pictures, sounds and arrays from files: one reader for all commands."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import numpy as np
import scipy.io.wavfile
from PIL import Image

from dcsc._arrays import Array, numeric_array
from dcsc._files import regular_file
from dcsc.errors import DcscError

__all__ = ["Picture", "Sound", "loudest", "read_array", "read_picture", "read_sound", "reading"]

# Formats whose readers only read: EPS, for one, would start an interpreter.
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 258, 339, 2  # tags of TIFF
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
_UNIT, _BOTH_SIDES, _AS_THEY_ARE = "from 0 to 1", "from −1 to 1", "as they are in the file"
# Errors whose text helps a person; that of others is about the inside of a reader.
_SPEAKING = (
    *(OSError, ValueError, EOFError, SyntaxError, MemoryError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
_LONGEST = 200


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
        return np.asarray(self.values.mean(axis=0))


@contextmanager
def reading(path: Path, where: str, expected: str) -> Iterator[None]:
    """Say in one sentence why a file could not be read, whatever its reader raises.

    The readers of other libraries raise anything at broken files, NameError included.
    """
    regular_file(path, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DcscError:
        raise
    except Exception as error:  # see above
        text = str(error).partition("\n")[0][:_LONGEST]
        reason = (
            text
            if isinstance(error, _SPEAKING) and text
            else f"it is broken ({type(error).__name__})"
        )
        raise DcscError(f"{where}: expected {expected}, could not read {path}: {reason}") from None


def read_array(path: Path, where: str) -> Array:
    """Return the numbers of a ``.npy`` file, finite, in their own dtype."""
    with reading(path, where, "a .npy file"):
        with path.open("rb") as file:
            np.lib.format.read_magic(file)  # whose error, unlike that of load, praises no pickles
        return numeric_array(np.load(path, allow_pickle=False), f"{where}: {path.name}")


def read_picture(path: Path, where: str) -> Picture:
    """Return the picture in a BMP, GIF, JPEG, JPEG 2000, PNG, PNM, TIFF or WebP file.

    Integers are divided by the largest that their depth holds, so that white is 1; floats stay as
    they are. Palettes become colours, transparent parts are laid on white, and of several frames
    the first is taken. Pillow reads colours at 8 bits a channel, also where a file has more.
    """
    with (
        reading(path, where, "a picture, a .wav or a .npy"),
        Image.open(path, formats=_FORMATS) as picture,
    ):
        values, scale = (_deep if picture.mode[0] in "IF" else _plain)(picture)
        if not values.size:
            raise DcscError(f"{where}: {path.name}: expected pixels, got none")
    numeric_array(values, f"{where}: {path.name}")
    return Picture(values, scale)


def _plain(picture: Image.Image) -> tuple[Array, str]:
    """Return what has at most 8 bits a channel, and its scale."""
    grey = picture.mode in ("1", "L", "LA", "La")
    if "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("LA" if grey else "RGBA")) / 255
        colours, opaque = pixels[..., :-1], pixels[..., -1:]
        pixels = 1 - opaque * (1 - colours)
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
        rate, samples = scipy.io.wavfile.read(path)
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
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave))])
    start = int(np.argmax(energy[length:] - energy[: len(energy) - length]))
    return wave[start : start + length]
