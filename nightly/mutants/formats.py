"""The formats that dcsc reads: sound files of each, ways to change them, and all that read them."""

import hashlib
import json
import random
import shutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np

from dcsc.bounds import Certificate, explain, verify
from dcsc.bounds.certificates.inputs import Inputs
from dcsc.experiments import sweeps
from dcsc.experiments.studies.inputs import read_input
from dcsc.networks import ConvNetwork, Graph, Input, Node, load, operations
from dcsc.networks.analysis import Limits, analyze, noise_inputs, read_inputs
from dcsc.report import page
from nightly.mutants import autoencoders, containers, graphs, sounds
from nightly.mutants.bits import BITS, TEXT, Mutation, mixed
from nightly.mutants.sounds import Sound
from nightly.mutants.trees import in_json, in_toml

__all__ = ["FORMATS", "Format"]

Reader = Callable[[Path], object]


def _put(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@attrs.frozen
class Format:
    """A format of files.

    Parameters
    ----------
    name : str
        How its files are named.
    sound : callable
        Takes a folder, in which it may work, and returns sound files.
    mutation : callable
    readers : sequence of callables
        Each takes a path.
    put : callable
        Puts contents into a folder under a name, and returns the path to read.
    """

    name: str
    sound: Callable[[Path], Iterable[Sound]]
    mutation: Mutation
    readers: Sequence[Reader]
    put: Callable[[Path, str, bytes], Path] = _put


# ---- networks and what they are shown ------------------------------------------------------------

_SAMPLES = 2**16  # of an input, on which a network is run


def _run(path: Path) -> object:
    return _shown_noise(load(path))


def _run_arranged(path: Path) -> object:
    return _shown_noise(load(path, path.with_name("layers.toml")))


def _shown_noise(network: ConvNetwork) -> object:
    inputs = noise_inputs(network, count=1)
    small = sum(value.size for value in inputs.values.values()) <= _SAMPLES
    return network.forward(inputs.values) if small else network


def _run_with(path: Path) -> object:
    return _shown_noise(load(path.with_name("weights.safetensors"), path))


def _analyze(path: Path) -> object:
    network = load(path)
    inputs = noise_inputs(network, count=1)
    if sum(value.size for value in inputs.values.values()) > _SAMPLES:
        return network
    few = Limits(1, proved=1, resynthesized=1, draws=1, units=4, twins=1, products=1e6)
    return page(analyze(network, inputs, limits=few))


def _shown_to(axes: int, channels: int) -> Reader:
    convolve = operations.Convolve(np.ones((2, channels, *[3] * axes)))
    needed = Input("x", (None, channels, *[None] * axes))
    graph = Graph([needed], [Node("c", convolve, ("x",), "y")], ["y"])
    network = ConvNetwork(graph, "net")
    return lambda path: read_inputs(network, path)


# ---- sweeps --------------------------------------------------------------------------------------


def _sweep(path: Path) -> object:
    sweep = sweeps.Sweep.load(path)
    cell = next(sweep.cells())
    return cell.codes(cell.model(sweep.strategies), sweep.strategies)


def _filters_of_sweep(path: Path) -> object:
    table = tomllib.loads(sounds.SWEEP.decode())
    table["layers"][0]["dictionary"]["filters"] = {"file": path.name}
    sweep = sweeps.Sweep.of(table, path.parent)
    return next(sweep.cells()).model(sweep.strategies)


def _plans(folder: Path) -> Iterator[Sound]:
    yield Sound(sounds.sweep_folder(folder / "sweep")[0].read_bytes())


def _blocks(folder: Path) -> Iterator[Sound]:
    for path in sounds.sweep_folder(folder / "sweep")[1]:
        yield Sound(path.read_bytes())


def _put_plan(folder: Path, _: str, content: bytes) -> Path:
    return _put(folder / "sweep", "sweep.json", content)


def _put_block(folder: Path, _: str, content: bytes) -> Path:
    """Put one block into the folder of a sweep, under the name that its bytes ask for."""
    blocks = folder / "sweep" / "blocks"
    shutil.rmtree(blocks)
    blocks.mkdir()
    return _put(blocks, hashlib.sha256(content).hexdigest()[:32] + ".json", content)


def _open_plan(path: Path) -> object:
    return sweeps.open(path.parent)


def _open_block(path: Path) -> object:
    return sweeps.open(path.parent.parent)


def _replay(path: Path) -> object:
    return str(sweeps.replay(path.parent, {"sparsity": 1, "noise": 0.2}))


# ---- certificates --------------------------------------------------------------------------------


def _certificates(folder: Path) -> Iterator[Sound]:
    return (certificate for certificate, _ in sounds.certificates(folder))


def _evidence(folder: Path) -> Iterator[Sound]:
    return (evidence for _, evidence in sounds.certificates(folder))


def _resealed(content: bytes, rng: random.Random) -> bytes:
    """Change a certificate, and seal it again as a forger would."""
    changed = in_json(content, rng)
    try:
        return Certificate.parse(changed.decode())[0].text.encode()
    except ValueError:
        return changed


def _verify(path: Path) -> object:
    verification = verify(path, path.with_name("evidence.npz"))
    if verification.holds:  # then it says what the sound one says, in whatever order of keys
        texts = (path.read_text(), path.with_name("true.json").read_text())
        one, other = (json.dumps(json.loads(text), sort_keys=True) for text in texts)
        assert one == other, "a changed certificate is called true"
    return verification


def _verify_with(path: Path) -> object:
    return verify(path.with_name("certificate.json"), path)


def _explain(path: Path) -> object:
    return str(explain(Inputs.load([path]).layers))


# ---- all of them ---------------------------------------------------------------------------------

_PICTURES = ("png", "tif", "jpg", "bmp", "gif", "webp", "ppm", "jp2")
_IN_CHUNKS = mixed(containers.in_chunks, BITS)
_IN_ARRAYS = containers.in_members(mixed(containers.header_of_npy, BITS))
_IN_NETWORKS = {
    "onnx": mixed(containers.in_onnx, containers.in_onnx, BITS),
    "safetensors": mixed(containers.header_of_safetensors, BITS),
    "npz": mixed(_IN_ARRAYS, BITS),
    "pt": mixed(containers.in_members(BITS), BITS),
}


def _formats() -> Iterator[Format]:
    for ending, content in {"onnx": graphs.onnx_models, **sounds.networks()}.items():
        readers = (_run, _analyze) if ending == "onnx" else (load, _run_arranged)
        yield Format(
            f"network.{ending}", lambda _, made=content: made(), _IN_NETWORKS[ending], readers
        )
    for name in autoencoders.WEIGHTS:
        ending = name.rpartition(".")[2]
        yield Format(
            name,
            lambda _, name=name: autoencoders.weights(name),
            _IN_NETWORKS[ending],
            (autoencoders.read,),
        )
    yield Format(
        "cfg.json",
        lambda _: autoencoders.configurations(),
        mixed(in_json, in_json, TEXT),
        (autoencoders.read_beside,),
    )
    yield Format("inputs.npz", lambda _: sounds.archives(), _IN_NETWORKS["npz"], (_shown_to(2, 3),))
    yield Format(
        "geometry.toml",
        lambda _: sounds.geometries(),
        mixed(in_toml, in_toml, TEXT),
        (_run_with,),
    )
    for ending in _PICTURES:
        yield Format(
            f"picture.{ending}",
            lambda _, ending=ending: sounds.pictures(ending),
            _IN_CHUNKS if ending in ("png", "webp") else BITS,
            (_shown_to(2, 1), _shown_to(2, 3), read_input),
        )
    yield Format("sound.wav", lambda _: sounds.sounds(), _IN_CHUNKS, (_shown_to(1, 1), read_input))
    yield Format(
        "array.npy",
        lambda _: sounds.arrays(),
        mixed(containers.header_of_npy, BITS),
        (_shown_to(2, 1), _shown_to(2, 3), read_input, _filters_of_sweep),
    )
    tables = mixed(in_toml, in_toml, TEXT)
    yield Format("sweep.toml", lambda _: sounds.sweep_files(), tables, (_sweep,))
    trees = mixed(in_json, in_json, TEXT)
    yield Format("plan.json", _plans, trees, (_open_plan, _replay), _put_plan)
    yield Format("block.json", _blocks, trees, (_open_block,), _put_block)
    sealed = mixed(_resealed, _resealed, in_json, TEXT)
    yield Format("certificate.json", _certificates, sealed, (_verify,))
    yield Format(
        "evidence.npz",
        _evidence,
        mixed(containers.in_evidence, _IN_ARRAYS, BITS),
        (_verify_with, _explain),
    )


FORMATS: tuple[Format, ...] = tuple(_formats())
"""All formats. Packages that are not installed leave no format out: its files are refused."""
