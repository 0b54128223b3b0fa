"""Sound files of all formats, small ones, as bytes; some of them hold code that must not run."""

import io
import json
import pickle
import struct
import tomllib
import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import scipy.io.wavfile
from PIL import Image

import dcsc
from dcsc import bounds
from dcsc.dictionaries import filters
from dcsc.experiments import sweeps

__all__ = [
    "SWEEP",
    "Sound",
    "archives",
    "arrays",
    "certificates",
    "geometries",
    "networks",
    "normal",
    "pictures",
    "sounds",
    "sweep_files",
    "sweep_folder",
]


@attrs.frozen
class Sound:
    """A sound file, what lies beside it, and whether it holds code, so that it must be refused."""

    content: bytes
    beside: Mapping[str, bytes] = attrs.field(factory=dict)
    code: bool = False


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=shape)


class Code:
    """What makes a folder when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.mkdir, (Path("code-has-run"),)


# ---- networks ------------------------------------------------------------------------------------


def weights() -> dict[str, np.ndarray[Any, Any]]:
    """Return the weights that `GEOMETRY` arranges."""
    return {
        "conv1.weight": normal(4, 3, 3, 3).astype(np.float32),
        "conv1.bias": normal(4).astype(np.float32),
        "bn1.weight": np.ones(4, np.float32),
        "bn1.bias": np.zeros(4, np.float32),
        "bn1.running_mean": np.zeros(4, np.float32),
        "bn1.running_var": np.ones(4, np.float32),
        "conv2.weight_g": np.ones((2, 1, 1, 1), np.float32),
        "conv2.weight_v": normal(2, 4, 3, 3).astype(np.float32),
        "fc.weight": normal(3, 2 * 4 * 4),
        "fc.bias": np.arange(3, dtype=np.float64),
    }


GEOMETRY = b"""\
input = [3, 10, 10]

[[layers]]
name = "conv1"
stride = 1
padding = [[1, 0], [0, 1]]
norm = "bn1"
activation = { kind = "leaky_relu", slope = 0.1 }
order = ["norm", "activation", "pool"]

[[layers]]
name = "conv2"
groups = 1
dilation = [1, 1]
activation = "relu"
pool = { kind = "max_pool", kernel = [2, 2], stride = [2, 2], ceil = true }

[[layers]]
kind = "flatten"
from = "conv2"

[[layers]]
name = "fc"
"""

_LAYERS = {"layers.toml": GEOMETRY}


def npz(values: dict[str, Any]) -> bytes:
    """Return an .npz file."""
    file = io.BytesIO()
    np.savez(file, **values)
    return file.getvalue()


def safetensors(values: dict[str, Any]) -> bytes:
    """Return a .safetensors file."""
    codes = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64"}
    table: dict[str, Any] = {"__metadata__": {"made": "by hand"}}
    body = b""
    for name, value in values.items():
        ends = [len(body), len(body) + value.nbytes]
        kind = codes[value.dtype.str[1:]]
        table[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": ends}
        body += value.tobytes()
    header = json.dumps(table).encode()
    return struct.pack("<Q", len(header)) + header + body


def state_dicts() -> Iterator[Sound]:
    """Yield PyTorch's files, new and old ones, plain and nested."""
    import torch  # noqa: PLC0415  # half a second, for those who want these files

    state = {name: torch.tensor(value) for name, value in weights().items()}
    half = {"a.weight": torch.ones(2, 3, 3, dtype=torch.bfloat16)}
    for value in (state, {"state_dict": state, "epoch": 3}, half, {**half, "code": Code()}):
        for new in (True, False):
            file = io.BytesIO()
            torch.save(value, file, _use_new_zipfile_serialization=new)
            yield Sound(file.getvalue(), _LAYERS, code="code" in value)
    yield Sound(pickle.dumps(Code()), _LAYERS, code=True)


def archives() -> Iterator[Sound]:
    """Yield inputs with labels, and code for inputs."""
    yield Sound(npz({"inputs": normal(2, 3, 8, 8), "labels": np.arange(2)}))
    yield Sound(npz({"x": np.array([Code()], object)}), code=True)


def geometries() -> Iterator[Sound]:
    """Yield a geometry beside its weights."""
    yield Sound(GEOMETRY, {"weights.safetensors": safetensors(weights())})


def networks() -> dict[str, Callable[[], Iterator[Sound]]]:
    """Return the formats of networks, by the endings of their names."""
    half = {"a.weight": np.ones((2, 3, 3), np.float16), "a.bias": np.arange(2)}
    code = {"a.weight": np.array([Code()], object)}
    return {
        "safetensors": lambda: (Sound(safetensors(v), _LAYERS) for v in (weights(), half)),
        "npz": lambda: (Sound(npz(v), _LAYERS, v is code) for v in (weights(), half, code)),
        "pt": state_dicts,
    }


# ---- pictures, sounds, arrays --------------------------------------------------------------------


_PILLOW = {"jpg": "jpeg", "jp2": "jpeg2000", "tif": "tiff"}


def pictures(ending: str) -> Iterator[Sound]:
    """Yield pictures of all the kinds of pixels that a format has."""
    ramp = np.arange(40 * 48).reshape(40, 48)
    colours = np.stack([ramp % 256, ramp % 251, ramp % 241], axis=-1).astype(np.uint8)
    grey = Image.fromarray(colours[..., 0])
    wide = Image.fromarray((ramp * 30).astype(np.uint16))
    kinds = [grey, Image.fromarray(colours)]
    if ending in ("png", "tif", "gif", "bmp"):
        kinds += [kinds[1].quantize(16), grey.convert("1")]
    if ending in ("png", "tif", "webp"):
        kinds.append(kinds[1].convert("RGBA"))
    if ending in ("png", "tif", "jp2"):
        kinds.append(wide)
    if ending == "tif":
        kinds.append(Image.fromarray(ramp.astype(np.float32)))
        kinds.append(Image.fromarray(ramp.astype(np.int32)))
    for kind in kinds:
        packed = [{}, {"compression": "tiff_lzw"}] if ending == "tif" else [{}]
        if ending == "tif" and kind.mode in ("L", "RGB"):
            packed.append({"compression": "jpeg"})
        for way in packed:
            file = io.BytesIO()
            kind.save(file, _PILLOW.get(ending, ending), **way)
            yield Sound(file.getvalue())


def sounds() -> Iterator[Sound]:
    """Yield sounds of all the depths that a .wav has."""
    tone = np.sin(np.arange(600) / 9)
    for dtype in (np.uint8, np.int16, np.int32, np.float32, np.float64):
        scale = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max / 2
        file = io.BytesIO()
        samples = (tone * scale + scale * (dtype is np.uint8)).astype(dtype)
        scipy.io.wavfile.write(file, 8000, np.stack([samples, samples], axis=1))
        yield Sound(file.getvalue())
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 3, 8000, 0, "NONE", ""))
        out.writeframes(bytes(range(250)) * 9)
    yield Sound(file.getvalue())


def arrays() -> Iterator[Sound]:
    """Yield arrays of several dtypes and orders, and one of code."""
    plane = normal(40, 48)
    wide = normal(3, 40, 48).astype(np.float32)
    bank = normal(3, 12, 3)
    for value in (
        *(plane, plane.astype(">f4"), np.asfortranarray(plane), (plane > 0), wide, normal(100)),
        *(bank, plane.astype(np.int16), np.array([Code()], object)),
    ):
        file = io.BytesIO()
        np.save(file, value)
        yield Sound(file.getvalue(), code=value.dtype == object)


# ---- sweeps and certificates ---------------------------------------------------------------------

SWEEP = b"""\
title = "small"
trials = 64
noise = 0.05
bounds = ["UniformBound", { kind = "InstanceBound", tail = "hoeffding" }]
delta = 0.01

[[layers]]
signs = "RademacherSigns"
projection = { kind = "HardThreshold", threshold = 0.5 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 12
filters = { kind = "gaussian", n = 3, c = 12, kernel = 3, rng = 1 }

[codes]
sparsity = 2
amplitudes = { kind = "UniformAmplitudes", low = 0.5, high = 1.0 }
batch = [1]

[stop]
levels = [0.5]
width = 0.1

[axes.sparsity]
parameter = "codes.sparsity"
values = [1, 2]

[axes.noise]
parameter = "noise"
linear = [0.0, 0.2, 2]
"""


def sweep_files() -> Iterator[Sound]:
    """Yield sweeps with drawn filters, and with those of a file."""
    yield Sound(SWEEP)
    drawn = b'{ kind = "gaussian", n = 3, c = 12, kernel = 3, rng = 1 }'
    bank = io.BytesIO()
    np.save(bank, normal(3, 12, 3))
    yield Sound(SWEEP.replace(drawn, b'{ file = "bank.npy" }'), {"bank.npy": bank.getvalue()})


def sweep_folder(folder: Path) -> tuple[Path, list[Path]]:
    """Run a small sweep in a folder, and return where its plan and its blocks are."""
    sweeps.run(sweeps.Sweep.of(tomllib.loads(SWEEP.decode())), folder, jobs=1)
    return folder / "sweep.json", sorted((folder / "blocks").iterdir())


def certificates(folder: Path) -> Iterator[tuple[Sound, Sound]]:
    """Yield certificates beside their evidence, and evidence beside its certificates."""
    statistics = bounds.LayerStatistics(
        coherence=0.02, x_min=1, x_max=1.5, sparsity=3, noise=0.1, n_atoms=100, n_samples=1
    )
    bank = filters.equicorrelated(3, 16, 3, 0.05, rng=0)
    dictionary = dcsc.ToeplitzDictionary(bank, extent=12, stride=2, padding=1)
    code = dcsc.codes.draw(dictionary, 2, rng=0)
    instance = bounds.LayerInstance(dictionary, code, 0.5, noise=0.01)
    for guarantee in (
        bounds.ProbabilisticBound().evaluate([statistics]),
        bounds.UniformBound().evaluate([statistics]),
        bounds.InstanceBound("hoeffding").evaluate([instance]),
        bounds.RobustBound().evaluate([instance]),
    ):
        bounds.Certificate.of(guarantee).write(folder)
        names = ("certificate.json", "evidence.npz")
        one, other = ((folder / name).read_bytes() for name in names)
        yield Sound(one, {names[1]: other, "true.json": one}), Sound(other, {names[0]: one})
