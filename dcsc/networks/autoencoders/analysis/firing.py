"""Which latents fire, how often, and what is made of the activations."""

from collections.abc import Callable

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array, brief
from dcsc._display import Facts
from dcsc.networks.autoencoders.autoencoder import Autoencoder

__all__ = ["FiringFacts", "firing"]

_BLOCK_ENTRIES = 2**22


@attrs.frozen(eq=False, repr=False)
class FiringFacts(Facts):
    """The codes of activations, as tallies.

    Parameters
    ----------
    count : int
        Of activations.
    fired : array of int, shape (latents,)
        For how many of them each latent is not zero.
    active : array of int, shape (count,)
        How many latents are not zero.
    explained : float or None
        1 − Σ‖x − x̂‖² / Σ‖x − mean‖²; None for a transcoder, or where all activations are alike.
    again : (float, float) or None
        Of what is decoded and encoded again: the share of active latents that are active again, and
        latents that become active besides, per active one. None for a transcoder, or without any
        active latent.
    """

    count: int
    fired: Array = attrs.field(repr=brief)
    active: Array = attrs.field(repr=brief)
    explained: float | None
    again: tuple[float, float] | None

    @property
    def silent(self) -> tuple[int, ...]:
        """The latents that never fire."""
        return tuple(np.flatnonzero(self.fired == 0).tolist())

    @property
    def density(self) -> Array:
        """For which share of the activations each latent fires."""
        return self.fired / max(self.count, 1)


def firing(
    model: Autoencoder, activations: Array, again: int, report: Callable[[float], None]
) -> FiringFacts:
    """Return the tallies over activations ``(count, samples)``, a block of them at a time.

    Parameters
    ----------
    model : Autoencoder
    activations : array
    again : int
        How many of the first are decoded and encoded again.
    report : callable
        Called with the share that is done.
    """
    step = max(1, _BLOCK_ENTRIES // model.latents)
    fired = np.zeros(model.latents, np.int64)
    active = np.zeros(len(activations), np.int64)
    mean = activations.mean(axis=0, dtype=np.float64)
    error = spread = 0.0
    kept = lost = false = 0
    for at in range(0, len(activations), step):
        report(at / len(activations))
        part = activations[at : at + step]
        codes = model.encode(part)
        on = _support(codes)
        fired += np.asarray(on.sum(axis=0)).ravel()
        active[at : at + step] = np.asarray(on.sum(axis=1)).ravel()
        if model.transcoder:
            continue
        results = model.decode(codes, part)
        with np.errstate(over="ignore"):
            error += float(np.square(part - results, dtype=np.float64).sum())
            spread += float(np.square(part - mean).sum())
        rows = max(min(again - at, len(part)), 0)
        second, first = _support(model.encode(results[:rows])), on[:rows]
        both = first.multiply(second).sum()
        kept, lost = kept + int(both), lost + int(first.sum() - both)
        false += int(second.sum() - both)
    on_again = kept + lost
    return FiringFacts(
        len(activations),
        fired,
        active,
        1 - error / spread if 0 < spread < np.inf > error else None,
        (kept / on_again, false / on_again) if on_again else None,
    )


def _support(codes: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    codes.eliminate_zeros()
    ones = np.ones(codes.nnz, np.int64)
    return scipy.sparse.csr_array((ones, codes.indices, codes.indptr), codes.shape)
