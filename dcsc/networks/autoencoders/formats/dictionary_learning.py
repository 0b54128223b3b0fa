"""dictionary_learning: ``config.json`` and ``ae.pt``.

After ``dictionary_learning.dictionary`` and its trainers, version 0.1. The names of the tensors
tell the class, but for two: files of ``AutoEncoderTopK`` and ``BatchTopKSAE`` look alike.
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from dcsc._numerics.scaling import norms
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.configuration import Configuration
from dcsc.networks.autoencoders.contents import Contents
from dcsc.networks.autoencoders.formats.base import AutoencoderFormat, Parts, jump
from dcsc.projections import PositiveTopK, ReLU

__all__ = ["DictionaryLearning"]

_LINEAR = {"encoder.weight", "decoder.weight"}
_MATRICES = {"W_enc", "W_dec", "b_enc", "b_dec"}
# What the state of a class holds.
_NAMES: dict[str, set[str]] = {
    "AutoEncoder": _LINEAR | {"encoder.bias", "bias"},
    "AutoEncoderNew": _LINEAR | {"encoder.bias", "decoder.bias"},
    "GatedAutoEncoder": _LINEAR | {"decoder_bias", "r_mag", "gate_bias", "mag_bias"},
    "JumpReluAutoEncoder": _MATRICES | {"threshold"},
    "AutoEncoderTopK": _LINEAR | {"encoder.bias", "b_dec", "k", "threshold"},
    "BatchTopKSAE": _LINEAR | {"encoder.bias", "b_dec", "k", "threshold"},
    "MatryoshkaBatchTopKSAE": _MATRICES | {"k", "threshold", "group_sizes"},
}
_OLDER = "AutoEncoderTopK"  # was without a threshold once


class DictionaryLearning(AutoencoderFormat):
    """The autoencoders of dictionary_learning."""

    label: ClassVar[str] = "dictionary_learning"
    weights: ClassVar[tuple[str, ...]] = ("ae.pt",)
    configurations: ClassVar[tuple[str, ...]] = ("config.json",)

    def _fits(self, contents: Contents) -> bool:
        if not _classes(contents):
            return False
        config = contents.configuration("config.json")
        if config is not None and "trainer" in config:
            return True
        encoder, decoder = (contents.tensors.get(name) for name in sorted(_LINEAR)[::-1])
        if encoder is not None and decoder is not None:
            return encoder.ndim == 2 and encoder.shape == decoder.shape[::-1]
        return contents.path.suffix.lower() in (".pt", ".pth") and config is None

    def _parts(self, contents: Contents) -> Parts:
        notes: list[str] = []
        name = _class_of(contents, notes)
        parts = _BUILD[name](contents)
        parts.used |= _NAMES[name]
        parts.notes[:0] = notes
        return parts


def _classes(contents: Contents) -> list[str]:
    """Return the classes whose states have tensors of just these names."""
    names = set(contents.tensors)
    older = [_OLDER] if names == _NAMES[_OLDER] - {"threshold"} else []
    return older + [kind for kind, needed in _NAMES.items() if needed == names]


def _class_of(contents: Contents, notes: list[str]) -> str:
    """Return the class, as the configuration says, or as the names alone tell."""
    config, fitting = contents.configuration("config.json"), _classes(contents)
    if config is not None and "trainer" in config:
        name = config.part("trainer").choice("dict_class", _NAMES)
        if name not in fitting:
            raise DcscError(
                f"{config.name}: dict_class: expected {' or '.join(fitting)}, by the names of the "
                f"tensors, got {name}"
            )
        return name
    if len(fitting) > 1:
        raise DcscError(
            f"expected a config.json beside the weights: files of {' and '.join(fitting)} look "
            'alike; copy it there, or give config={"trainer": {"dict_class": "' + fitting[0] + '"}}'
        )
    notes.append(f"no configuration: {fitting[0]}, by the names of the tensors")
    return fitting[0]


def _linear(contents: Contents, encoder_bias: str, decoder_bias: str, centred: bool) -> Parts:
    """Return the parts of a class whose matrices are PyTorch's linear layers."""
    encoder = contents.tensor("encoder.weight", (None, None))
    latents, samples = encoder.shape
    return Parts(
        encoder.T,
        contents.tensor("decoder.weight", (samples, latents)).T,
        contents.tensor(encoder_bias, (latents,)),
        contents.tensor(decoder_bias, (samples,)),
        ReLU(),
        centred=centred,
        used=set(),
    )


def _matrices(contents: Contents, centred: bool) -> Parts:
    encoder = contents.tensor("W_enc", (None, None))
    samples, latents = encoder.shape
    return Parts(
        encoder,
        contents.tensor("W_dec", (latents, samples)),
        contents.tensor("b_enc", (latents,)),
        contents.tensor("b_dec", (samples,)),
        ReLU(),
        centred=centred,
        used=set(),
    )


def _standard(contents: Contents) -> Parts:
    parts = _linear(contents, "encoder.bias", "bias", centred=True)
    if not np.allclose(norms(parts.decoder, (1,)), 1, atol=1e-4):
        parts.notes.append(
            "codes are those of the file: from_pretrained, by default, first makes the decoder's "
            "atoms unit vectors, and its codes are these times their norms"
        )
    return parts


def _new(contents: Contents) -> Parts:
    return _linear(contents, "encoder.bias", "decoder.bias", centred=False)


def _gated(contents: Contents) -> Parts:
    """Return the parts of a gated autoencoder: a threshold for each latent, as in SAELens'."""
    parts = _linear(contents, "mag_bias", "decoder_bias", centred=True)
    latents = len(parts.decoder)
    size = np.exp(contents.tensor("r_mag", (latents,)))
    gate = contents.tensor("gate_bias", (latents,))
    parts.encoder = parts.encoder * size
    parts.projection = jump(parts.encoder_bias - size * gate, [])
    parts.notes.append("a gate that shares its directions is a threshold for each latent")
    return parts


def _jump(contents: Contents) -> Parts:
    parts = _matrices(contents, centred=False)
    parts.projection = jump(contents.tensor("threshold", (len(parts.decoder),)), parts.notes)
    return parts


def _top_k(contents: Contents) -> Parts:
    parts = _linear(contents, "encoder.bias", "b_dec", centred=True)
    values = Configuration(contents.path.name, {"k": int(contents.number("k"))})
    parts.projection = PositiveTopK(values.integer("k"))
    if "threshold" in contents.tensors and contents.number("threshold") >= 0:
        parts.notes.append("its threshold is left out: only use_threshold=True asks for it")
    return parts


def _fixed(contents: Contents, parts: Parts) -> Parts:
    threshold = contents.number("threshold")
    parts.projection = jump(max(threshold, 0.0), parts.notes)
    parts.notes.append(
        "batch top-k at inference: one fixed threshold, which training has kept"
        if threshold >= 0
        else "batch top-k without a threshold, which training had not begun to keep: the rectifier"
    )
    return parts


_BUILD: dict[str, Callable[[Contents], Parts]] = {
    "AutoEncoder": _standard,
    "AutoEncoderNew": _new,
    "GatedAutoEncoder": _gated,
    "JumpReluAutoEncoder": _jump,
    "AutoEncoderTopK": _top_k,
    "BatchTopKSAE": lambda contents: _fixed(
        contents, _linear(contents, "encoder.bias", "b_dec", centred=True)
    ),
    "MatryoshkaBatchTopKSAE": lambda contents: _fixed(contents, _matrices(contents, centred=True)),
}
