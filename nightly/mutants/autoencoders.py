"""Autoencoders of four libraries as sound files, and all that reads them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dcsc.networks import load_autoencoder
from dcsc.networks.autoencoders import holds_autoencoder
from dcsc.networks.autoencoders.analysis import AutoencoderLimits, analyze_autoencoder
from nightly.mutants.sounds import Sound
from tests.networks import saes

__all__ = ["WEIGHTS", "configurations", "read", "read_beside", "weights"]

WEIGHTS = tuple(dict.fromkeys(case[0] for case in saes.CASES.values()))
"""How files of weights are called."""

_SAELENS = "sae_weights.safetensors"
_ENTRIES = 2**16
_FEW = AutoencoderLimits(pairs=3, babel=4, again=2, proved=1, draws=1, units=4, products=1e8)


def weights(name: str) -> Iterator[Sound]:
    """Yield the files of weights of this name, with their configurations beside."""
    for case in saes.CASES:
        if saes.CASES[case][0] == name:
            content, config = _written(case)
            yield Sound(content, {} if config is None else config)


def configurations() -> Iterator[Sound]:
    """Yield configurations called ``cfg.json`` of one library, with their weights beside."""
    for case, (name, beside, *_) in saes.CASES.items():
        if name == _SAELENS and beside is not None:
            content, config = _written(case)
            assert config is not None
            yield Sound(config[beside], {name: content})


def _written(case: str) -> tuple[bytes, dict[str, bytes] | None]:
    with tempfile.TemporaryDirectory() as folder:
        path = saes.write(Path(folder) / "sae", case)
        beside = saes.CASES[case][1]
        content = path.read_bytes()
        return content, beside and {beside: path.with_name(beside).read_bytes()}


def read(path: Path) -> object:
    """Read a file of weights, and look at the autoencoder on two activations."""
    holds_autoencoder(path)
    model = load_autoencoder(path)
    if model.encoder.matrix.size + model.decoder.matrix.size > _ENTRIES:
        return model
    samples = model.encoder.matrix.shape[0]
    activations = np.random.default_rng(0).normal(size=(2, samples))
    return analyze_autoencoder(model, activations, limits=_FEW).numbers()


def read_beside(path: Path) -> object:
    """Read the weights beside a configuration."""
    return read(path.with_name(_SAELENS))
