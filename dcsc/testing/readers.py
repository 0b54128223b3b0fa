"""The laws of readers, the formats that networks are read from."""

import tempfile
from pathlib import Path

import numpy as np

from dcsc._arrays import Rng, generator, instance
from dcsc._files import regular_file
from dcsc.errors import DcscError
from dcsc.networks import ConvNetwork
from dcsc.networks.operations import Constant
from dcsc.networks.readers import Reader
from dcsc.networks.readers.base import Geometry
from dcsc.testing.common import fail
from dcsc.testing.operations import arrays_of

__all__ = ["check_reader"]


def check_reader(
    reader: Reader, path: str | Path, geometry: Geometry | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `Reader` on a sound file, and on damaged copies of it.

    Parameters
    ----------
    reader : Reader
    path : path-like
        A file of the format.
    geometry : mapping or path-like, optional
        What the reader is given with it.
    rng : None, int, SeedSequence or Generator
        Which bytes are changed.
    """
    instance(reader, Reader, "check_reader: reader")
    source = generator(rng, "check_reader: rng")
    file = regular_file(path, "check_reader: path")
    _check_suffixes(reader)
    content = file.read_bytes()
    network = _read(reader, file, geometry)
    if _read(reader, file, geometry) != network:
        fail(reader, "the same file gives equal networks", file.name)
    if file.read_bytes() != content:
        fail(reader, "files are left as they were", file.name)
    _check_weights(reader, network)
    with tempfile.TemporaryDirectory() as folder:
        stranger = Path(folder, f"{file.name}.other")
        stranger.write_bytes(content)
        _check_refused(reader, "files of other names are refused", stranger, geometry)
        copy = Path(folder, file.name)
        _check_damaged(reader, copy, content, geometry, source)


def _check_suffixes(reader: Reader) -> None:
    law = "suffixes are a tuple of endings in small letters, each with a dot in front"
    suffixes = getattr(reader, "suffixes", None)
    if not isinstance(suffixes, tuple) or not suffixes:
        fail(reader, law, f"{suffixes!r}")
    for suffix in reader.suffixes:
        if len(suffix) < 2 or suffix[0] != "." or suffix != suffix.lower():
            fail(reader, law, f"{suffix!r}")


def _read(reader: Reader, path: Path, geometry: Geometry | None) -> ConvNetwork:
    try:
        return reader.read(path, geometry)
    except DcscError as error:
        fail(reader, "a sound file is read", str(error))
        raise


def _check_weights(reader: Reader, network: ConvNetwork) -> None:
    law = "weights are finite and real"
    for node in network.graph.nodes:
        if isinstance(node.operation, Constant):
            continue  # any array of the file, which need be no weight
        for name, value in arrays_of(node.operation).items():
            if value.dtype.kind not in "biuf" or not np.isfinite(value).all():
                fail(reader, law, f"{name} of {node.name} is {value.dtype}, or not finite")


def _check_damaged(
    reader: Reader,
    path: Path,
    content: bytes,
    geometry: Geometry | None,
    rng: np.random.Generator,
) -> None:
    law = "a file that is empty or cut off is refused with a DcscError that names it"
    whole = len(content)
    for length in sorted({0, 1, *(whole * part // 8 for part in range(1, 8)), whole - 1}):
        path.write_bytes(content[:length])
        _check_refused(reader, law, path, geometry, f"{length} of {whole} bytes")
    law = "a file with changed bytes is read, or refused with a DcscError that names it"
    for _ in range(50):
        changed = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(len(changed), size=3)
        changed[places] = rng.integers(256, size=3)
        path.write_bytes(changed.tobytes())
        _check_refused(reader, law, path, geometry, f"bytes {places}", readable=True)


def _check_refused(
    reader: Reader,
    law: str,
    path: Path,
    geometry: Geometry | None,
    context: str = "",
    readable: bool = False,
) -> None:
    try:
        reader.read(path, geometry)
    except DcscError as error:
        if path.name not in str(error):
            fail(reader, law, f"{context}: {error}")
    except Exception as error:
        fail(reader, law, f"{context} raised {error!r}")
    else:
        if not readable:
            fail(reader, law, f"{context} was read")
