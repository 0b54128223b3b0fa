"""Reading an image, a sound or an array as a signal of one channel."""

from pathlib import Path

import matplotlib.image
import numpy as np
import scipy.io.wavfile
from matplotlib import cbook

from dcsc._arrays import Array, real_array
from dcsc.errors import DcscError

__all__ = ["read_input"]

_SIDE = 128
_LENGTH = 4096
_SAMPLE = "grace_hopper.jpg"


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
        name, raw = _SAMPLE, _image(Path(cbook.get_sample_data(_SAMPLE, asfileobj=False)))
    else:
        name, raw = Path(path).name, _read(Path(path))
    signal = _loudest(raw) if raw.ndim == 1 else _shrunk(raw)
    signal = signal - signal.mean()
    size = np.abs(signal).max()
    if size == 0:
        raise DcscError(f"recover: INPUT: {name} is constant: expected a signal that varies")
    return name, signal / size


def _read(path: Path) -> Array:
    if not path.is_file():
        raise DcscError(f"recover: INPUT: expected a file, got {path}")
    readers = {".wav": _sound, ".npy": _array}
    reader = readers.get(path.suffix.lower(), _image)
    try:
        raw = reader(path)
    except DcscError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DcscError(
            f"recover: INPUT: expected an image, a .wav or a .npy, could not read {path}: {reason}"
        ) from None
    if raw.ndim not in (1, 2):
        raise DcscError(
            f"recover: INPUT: expected one or two axes, got shape {raw.shape} in {path}"
        )
    return raw


def _image(path: Path) -> Array:
    pixels = np.asarray(matplotlib.image.imread(path), dtype=np.float64)
    return pixels if pixels.ndim == 2 else pixels[..., :3].mean(axis=-1)


def _sound(path: Path) -> Array:
    _, samples = scipy.io.wavfile.read(path)
    wave = real_array(samples, f"recover: INPUT: {path}").astype(np.float64)
    return wave if wave.ndim == 1 else wave.mean(axis=1)


def _array(path: Path) -> Array:
    return real_array(np.load(path, allow_pickle=False), f"recover: INPUT: {path}").astype(float)


def _loudest(wave: Array) -> Array:
    length = min(wave.size, _LENGTH) // 64 * 64
    if length == 0:
        raise DcscError(f"recover: INPUT: expected at least 64 samples, got {wave.size}")
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave - wave.mean()))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return wave[start : start + length]


def _shrunk(pixels: Array) -> Array:
    if min(pixels.shape) < 32:
        raise DcscError(f"recover: INPUT: expected at least 32 samples a side, got {pixels.shape}")
    factor = max(min(pixels.shape) // _SIDE, 1)
    sides = [min(side // factor, _SIDE) // 32 * 32 for side in pixels.shape]
    starts = [(side - n * factor) // 2 for side, n in zip(pixels.shape, sides, strict=True)]
    cut = pixels[
        starts[0] : starts[0] + sides[0] * factor, starts[1] : starts[1] + sides[1] * factor
    ]
    return cut.reshape(sides[0], factor, sides[1], factor).mean(axis=(1, 3))
