"""Sparsify of EleutherAI: ``cfg.json`` and ``sae.safetensors``.

After ``sparsify.sparse_coder`` of version 1.3: ``b_dec`` is subtracted unless it transcodes; the
rectifier comes first, then top-k, or the largest of each of k groups of latents.
"""

from typing import ClassVar

from dcsc.errors import DcscError
from dcsc.networks.autoencoders.configuration import Configuration
from dcsc.networks.autoencoders.contents import Contents
from dcsc.networks.autoencoders.formats.base import AutoencoderFormat, Parts
from dcsc.projections import GroupMax, PositiveTopK, Projection

__all__ = ["Sparsify"]


class Sparsify(AutoencoderFormat):
    """Top-k and group-max autoencoders and transcoders of sparsify."""

    label: ClassVar[str] = "sparsify"
    weights: ClassVar[tuple[str, ...]] = ("sae.safetensors",)
    configurations: ClassVar[tuple[str, ...]] = ("cfg.json",)

    def _fits(self, contents: Contents) -> bool:
        return contents.has("encoder.weight", "encoder.bias", "W_dec", "b_dec")

    def _parts(self, contents: Contents) -> Parts:
        config = contents.configuration("cfg.json")
        if config is None:
            raise DcscError(
                "expected a cfg.json beside the weights, which says k and whether it transcodes, "
                "got none. Copy it there, or give config="
            )
        if config.flag("signed", default=False):
            raise DcscError(f"{config.name}: signed: expected False, got True")
        transcodes = config.flag("transcode", default=False)
        encoder = contents.tensor("encoder.weight", (None, None))
        latents, samples = encoder.shape
        if "d_in" in config and config.integer("d_in") != samples:
            raise DcscError(
                f"{config.name}: d_in: expected {samples} as in the weights, got "
                f"{config.integer('d_in')}"
            )
        parts = Parts(
            encoder.T,
            contents.tensor("W_dec", (latents, samples)),
            contents.tensor("encoder.bias", (latents,)),
            contents.tensor("b_dec", (samples,)),
            _projection(config, latents),
            centred=not transcodes,
            used={"encoder.weight", "encoder.bias", "W_dec", "b_dec"},
            options={"transcoder": transcodes},
        )
        if "k" not in config:
            parts.notes.append(f"k is not in {config.name}: 32, the default of sparsify")
        if config.flag("skip_connection", default=False):
            parts.options["skip"] = contents.tensor("W_skip", (samples, samples))
            parts.used.add("W_skip")
        return parts


def _projection(config: Configuration, latents: int) -> Projection:
    """Return what keeps k latents: the largest ones, or that of each group of neighbours."""
    count = config.integer("k", default=32)
    if config.choice("activation", ["topk", "groupmax"], "topk") == "topk":
        return PositiveTopK(count)
    if latents % count:
        raise DcscError(
            f"{config.name}: k: expected a divisor of the {latents} latents, which groupmax cuts "
            f"into k groups, got {count}"
        )
    return GroupMax(latents // count)
