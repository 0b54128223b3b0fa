"""Gemma Scope: ``params.npz``, and ``params.safetensors`` of its second edition.

After the loaders of SAELens 6.54 for both: JumpReLU, and ``b_dec`` is not subtracted from the
input.
"""

from typing import ClassVar

from dcsc.networks.autoencoders.contents import Contents
from dcsc.networks.autoencoders.formats.base import AutoencoderFormat, Parts, jump

__all__ = ["GemmaScope"]

_SKIP = "affine_skip_connection"


class GemmaScope(AutoencoderFormat):
    """JumpReLU autoencoders and transcoders of Gemma Scope."""

    label: ClassVar[str] = "Gemma Scope"
    weights: ClassVar[tuple[str, ...]] = ("params.npz", "params.safetensors")
    configurations: ClassVar[tuple[str, ...]] = ()

    def _fits(self, contents: Contents) -> bool:
        archive = contents.path.name.lower().endswith(".npz")
        first = archive and contents.has("W_enc", "W_dec", "b_enc", "b_dec", "threshold")
        return first or contents.has("w_enc", "w_dec", "b_enc", "b_dec", "threshold")

    def _parts(self, contents: Contents) -> Parts:
        letter = "w" if "w_enc" in contents.tensors else "W"
        names = [f"{letter}_enc", f"{letter}_dec"]
        encoder = contents.tensor(names[0], (None, None))
        samples, latents = encoder.shape
        decoder = contents.tensor(names[1], (latents, None))
        out = decoder.shape[1]
        notes = ["b_dec is not subtracted before encoding, and no configuration is asked"]
        parts = Parts(
            encoder,
            decoder,
            contents.tensor("b_enc", (latents,)),
            contents.tensor("b_dec", (out,)),
            jump(contents.tensor("threshold", (latents,)), notes),
            centred=False,
            used={*names, "b_enc", "b_dec", "threshold"},
            notes=notes,
            options={"transcoder": out != samples or _SKIP in contents.tensors},
        )
        if _SKIP in contents.tensors:
            parts.options["skip"] = contents.tensor(_SKIP, (samples, out)).T
            parts.used.add(_SKIP)
        elif out == samples:
            notes.append("taken for an autoencoder: files of transcoders of this size look alike")
        return parts
