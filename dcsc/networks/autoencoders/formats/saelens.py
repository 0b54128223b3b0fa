"""SAELens: ``cfg.json`` and ``sae_weights.safetensors``.

After ``sae_lens.saes`` of version 6.54: ``process_sae_in`` normalises and then subtracts ``b_dec``
where ``apply_b_dec_to_input`` says so, and transcoders do neither of the latter. Configurations of
versions before 6 are read as ``handle_pre_6_0_config`` reads them.
"""

from typing import Any, ClassVar

import numpy as np

from dcsc._numerics.scaling import norms
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.configuration import Configuration
from dcsc.networks.autoencoders.contents import Contents
from dcsc.networks.autoencoders.formats.base import AutoencoderFormat, Parts, jump
from dcsc.networks.autoencoders.normalization import (
    ConstantNorm,
    LayerNorm,
    Normalization,
    Unchanged,
)
from dcsc.projections import JumpReLU, PositiveTopK, Projection, ReLU, TopK

__all__ = ["SaeLens"]

_TRANSCODERS = (
    *("transcoder", "skip_transcoder"),
    *("jumprelu_transcoder", "jumprelu_skip_transcoder"),
)
_BATCH = ("batchtopk", "matryoshka_batchtopk")
_ARCHITECTURES = (
    *("standard", "gated", "jumprelu", "topk", "abstopk"),
    *_BATCH,
    *_TRANSCODERS,
)
# Architectures whose codes are no projection of a linear map of one activation, and why.
_OTHERS = {
    "matching_pursuit": "its codes come from matching pursuit on the atoms of W_dec, one after the "
    "other",
    "temporal": "its codes also depend on the activations before, by layers of attention",
}
_NORMALIZATIONS: dict[str, Normalization] = {
    "none": Unchanged(),
    "expected_average_only_in": Unchanged(),
    "layer_norm": LayerNorm(),
    "constant_norm_rescale": ConstantNorm(),
}
_SCALER = "activation_scaler.json"
_SMALLEST = 1e-8


class SaeLens(AutoencoderFormat):
    """Autoencoders and transcoders of SAELens, for inference, and checkpoints of their training."""

    label: ClassVar[str] = "SAELens"
    weights: ClassVar[tuple[str, ...]] = ("sae_weights.safetensors",)
    configurations: ClassVar[tuple[str, ...]] = ("cfg.json", _SCALER)

    def _fits(self, contents: Contents) -> bool:
        config = contents.configuration("cfg.json")
        if not contents.has("W_dec", "b_dec"):
            return False
        if config is not None and config.values.get("architecture") in tuple(_OTHERS):
            return True
        if "W_enc" not in contents.tensors:
            return False
        if config is None:
            return contents.path.name.lower().endswith(".safetensors")
        return "trainer" not in config

    def _parts(self, contents: Contents) -> Parts:
        config = contents.configuration("cfg.json")
        if config is None:
            raise DcscError(
                "expected a cfg.json beside the weights, which says what they do not: the "
                "architecture, and whether b_dec is subtracted from the input; got none. Copy it "
                "there, or give config="
            )
        architecture = _architecture(config)
        encoder = contents.tensor("W_enc", (None, None))
        decoder = contents.tensor("W_dec", (encoder.shape[1], None))
        latents, out = decoder.shape
        for key, size in (("d_in", len(encoder)), ("d_sae", latents), ("d_out", out)):
            if key in config and config.integer(key) != size:
                raise DcscError(
                    f"{config.name}: {key}: expected {size} as in the weights, got "
                    f"{config.integer(key)}"
                )
        gated = architecture == "gated"
        transcodes = architecture in _TRANSCODERS
        parts = Parts(
            encoder,
            decoder,
            np.zeros(latents, encoder.dtype) if gated else contents.tensor("b_enc", (latents,)),
            contents.tensor("b_dec", (out,)),
            ReLU(),
            centred=config.flag("apply_b_dec_to_input", default=not transcodes),
            used={"W_enc", "W_dec", "b_dec"} | (set() if gated else {"b_enc"}),
        )
        if transcodes and parts.centred:
            raise DcscError(f"{config.name}: apply_b_dec_to_input: expected False of a transcoder")
        if config.flag("rescale_acts_by_decoder_norm", default=architecture in _BATCH):
            parts.rescaled(np.maximum(norms(decoder, (1,)), _SMALLEST).astype(decoder.dtype))
            parts.notes.append("the norms of the decoder's atoms are folded into the encoder")
        parts.projection = _projection(architecture, config, contents, parts)
        parts.options = {"transcoder": transcodes, **_normalized(contents, config, parts)}
        if "skip" in architecture:
            parts.options["skip"] = contents.tensor("W_skip", (out, len(encoder)))
            parts.used.add("W_skip")
        _finetuning(contents, parts)
        if config.values.get("reshape_activations") == "hook_z" or "hook_z" in str(
            config.values.get("hook_name", config.values.get("hook_point", ""))
        ):
            parts.notes.append("activations of all heads, one after the other, are one activation")
        return parts


def _architecture(config: Configuration) -> str:
    """Return the architecture, also of configurations before version 6."""
    other = config.values.get("architecture")
    if other in tuple(_OTHERS):
        raise DcscError(
            f"{config.name}: architecture: {other}: {_OTHERS[other]}, and an Autoencoder has "
            "an encoder and a projection for them. Its atoms can be asked: decoder = "
            'safetensors.numpy.load_file(path)["W_dec"], then dcsc.DenseDictionary(decoder.T)'
        )
    architecture = config.choice("architecture", _ARCHITECTURES, "standard")
    for key in ("activation_fn_str", "activation_fn"):
        activation = config.values.get(key) or "relu"
        if activation == "topk":
            architecture = "topk"
        elif activation != "relu":
            raise DcscError(
                f"{config.name}: {key}: expected relu or topk, got {quoted(activation)}"
            )
    return architecture


def _projection(
    architecture: str, config: Configuration, contents: Contents, parts: Parts
) -> Projection:
    """Return the nonlinearity of an architecture, and note which tensors it takes."""
    latents = len(parts.decoder)
    if architecture in ("topk", "abstopk"):
        inner = config if "k" in config else config.part("activation_fn_kwargs")
        return (PositiveTopK if architecture == "topk" else TopK)(inner.integer("k"))
    if architecture in _BATCH:
        parts.used.add("topk_threshold")
        parts.notes.append("batch top-k at inference: one fixed threshold, which training has kept")
        contents.tensor("topk_threshold", ())
        return jump(contents.number("topk_threshold"), parts.notes)
    if architecture == "gated":
        return _gated(contents, parts)
    if "jumprelu" in architecture:
        logarithm = "log_threshold" in contents.tensors
        name = "log_threshold" if logarithm else "threshold"
        parts.used.add(name)
        threshold = contents.tensor(name, (latents,))
        return jump(np.exp(threshold) if logarithm else threshold, parts.notes)
    return ReLU()


def _gated(contents: Contents, parts: Parts) -> JumpReLU:
    """Return the projection of a gated autoencoder, whose two encoders share their directions.

    With u = ⟨e, x⟩ the magnitude is z = exp(r)·u + b_mag, and the gate u + b_gate > 0 is open where
    z > b_mag − exp(r)·b_gate.
    """
    latents = len(parts.decoder)
    gate, magnitude, logarithm = (
        contents.tensor(name, (latents,)) for name in ("b_gate", "b_mag", "r_mag")
    )
    parts.used |= {"b_gate", "b_mag", "r_mag"}
    size = np.exp(logarithm)
    parts.encoder, parts.encoder_bias = parts.encoder * size, magnitude
    parts.notes.append("a gate that shares its directions is a threshold for each latent")
    return jump(magnitude - size * gate, [])


def _normalized(contents: Contents, config: Configuration, parts: Parts) -> dict[str, Any]:
    value = config.values.get("normalize_activations")
    if isinstance(value, bool):  # before version 6
        value = "expected_average_only_in" if value else "none"
    if value == "covariance_whitening":
        raise DcscError(
            f"{config.name}: normalize_activations: covariance_whitening: this is a checkpoint in "
            "training, whose whitening lies in a file of its own; SAELens folds it into the "
            "weights at the end of training, or by sae.fold_activation_whitening: save that one"
        )
    name = Configuration(config.name, {"normalize_activations": value}).choice(
        "normalize_activations", _NORMALIZATIONS, "none"
    )
    if name == "expected_average_only_in":
        scaler = contents.configurations.get(_SCALER)
        if scaler is not None and "scaling_factor" in scaler:
            factor = parts.encoder.dtype.type(scaler.positive("scaling_factor"))
            parts.encoder = parts.encoder * factor
            parts.decoder = parts.decoder / factor
            parts.decoder_bias = parts.decoder_bias / factor
            parts.notes.append(f"activations are multiplied by {factor:g}, from {_SCALER}")
        else:
            parts.notes.append(
                "activations are taken as they are, as SAELens' own forward pass takes them: it "
                "was trained on activations times a factor for a mean norm of √d, which its files "
                "do not hold; Autoencoder.scaled(factor) folds it in"
            )
    return {"normalization": _NORMALIZATIONS[name]}


def _finetuning(contents: Contents, parts: Parts) -> None:
    name = "scaling_factor"
    if name in contents.tensors:
        if not np.allclose(contents.tensors[name], 1):
            raise DcscError(
                "scaling_factor: expected 1 for all latents, got others: multiply the rows of "
                "W_dec by them, which is what finetuning meant, and remove them"
            )
        parts.used.add(name)
