"""A sparse autoencoder, and activations if there are any, in the terms of sparse coding theory."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import function
from dcsc._arrays import Array, instance, integer, real, real_array
from dcsc._display import Display, Displayed, at_least, at_most, digits, framed, percent
from dcsc._fields import number_field
from dcsc._tables import Tabled
from dcsc._words import counted, listed
from dcsc.errors import DcscError
from dcsc.networks.analysis.saving import Saved
from dcsc.networks.autoencoders.analysis.directions import (
    CrossFacts,
    DecoderFacts,
    cross_facts,
    decoder_facts,
    unit_atoms,
)
from dcsc.networks.autoencoders.analysis.firing import FiringFacts, firing
from dcsc.networks.autoencoders.analysis.recovery import RecoveryFacts, recovery
from dcsc.networks.autoencoders.autoencoder import Autoencoder

__all__ = ["MEANINGS", "AutoencoderAnalysis", "AutoencoderLimits", "analyze_autoencoder"]

_SHOWN = (1, 4, 16, 64)
_MOST_PAIRS = 3
_BRIEF = (
    ("coherence", "Welch's floor"),
    ("duplicates", "dead by norm"),
    ("encoder, own atom",),
    ("never fire", "active latents"),
    ("variance explained", "back after decoding"),
    ("found by the decoder", "proved, in the mean"),
)
MEANINGS = {
    "coherence": "The largest cosine of two atoms of the decoder, whatever its sign.",
    "Welch's floor": "What no so many directions in this dimension can go below.",
    "μ₁": "The Babel function of the decoder: the largest sum of so many cosines of one latent "
    "with others.",
    "duplicates": "Latents whose atoms in the decoder point the same way.",
    "dead by norm": "Latents whose atom in encoder or decoder is tiny beside the median one.",
    "encoder, own atom": "The cosine of a latent's atom in the encoder with its own in the decoder "
    "(a median).",
    "encoder, other atoms": "The largest cosine of one with another latent's.",
    "never fire": "Latents that are 0 for all activations.",
    "active latents": "How many latents of a code are not 0 (a median).",
    "variance explained": "1 less the error's share of the variance of the activations.",
    "back after decoding": "Of the active latents, the share that is active again when what was "
    "decoded is encoded.",
    "found by the decoder": "Of the active latents, the share that the decoder's transpose finds "
    "in a signal made from the code with random signs: measured.",
    "proved, in the mean": "Between which ends that share is, in the mean over all signs.",
    "false alarms": "Other latents that it finds besides, for each active one: measured.",
}
"""What the rows of an analysis mean."""


@attrs.frozen
class AutoencoderLimits:
    """How far an analysis of an autoencoder goes.

    Parameters
    ----------
    pairs : int
        How many of the worst pairs of latents, most alike or most opposite, are named.
    duplicate : float
        From which cosine on two latents are called duplicates.
    dead : float
        Below which share of the median norm an atom is called dead.
    babel : int
        Up to which S the Babel function is computed.
    again : int
        How many activations are decoded and encoded again.
    proved : int
        For how many codes theorems are asked.
    draws : int
        Draws of the signs, for what is measured beside them.
    units : int
        Active latents of a code whose safety is asked for.
    products : float
        About how many multiplications the theorems may take.
    """

    pairs: int = number_field(integer, default=20, minimum=1)
    duplicate: float = number_field(real, default=0.99, minimum=0, maximum=1)
    dead: float = number_field(real, default=1e-3, minimum=0, maximum=1)
    babel: int = number_field(integer, default=64, minimum=1)
    again: int = number_field(integer, default=1000, minimum=0)
    proved: int = number_field(integer, default=8, minimum=0)
    draws: int = number_field(integer, default=20, minimum=1)
    units: int = number_field(integer, default=64, minimum=1)
    products: float = number_field(real, default=1e10, minimum=0)


@attrs.frozen(eq=False, repr=False)
class AutoencoderAnalysis(Displayed, Tabled, Saved):
    """What was found out about an autoencoder.

    Parameters
    ----------
    autoencoder : Autoencoder
    decoder : DecoderFacts
    cross : CrossFacts or None
        None for a transcoder, whose two dictionaries are of different activations.
    firing : FiringFacts or None
        None without activations.
    recovery : RecoveryFacts or None
        None without activations, or if no code could be asked about.
    limits, seed
        What was asked for.
    """

    autoencoder: Autoencoder
    decoder: DecoderFacts
    cross: CrossFacts | None
    firing: FiringFacts | None
    recovery: RecoveryFacts | None
    limits: AutoencoderLimits
    seed: int

    def _display(self) -> Display:
        return Display(
            f"Analysis of {self.autoencoder.source}: {counted(self.autoencoder.latents, 'latent')}",
            ("", "is"),
            list(self._brief()),
            self.autoencoder.notes,
        )

    def _brief(self) -> Iterator[tuple[str, str]]:
        """Yield what matters of `rows` in as few, and the worst pairs."""
        rows = dict(self.rows())
        for names in _BRIEF:
            known = [name for name in names if name in rows]
            if known:
                yield "; ".join(known), "; ".join(rows[name] for name in known)
            if "coherence" in known and self.decoder.pairs:
                yield "worst pairs", ", ".join(map(str, self.decoder.pairs[:_MOST_PAIRS]))

    def _repr_html_(self) -> str:
        return framed(self._display(), self._page())

    def _page(self) -> str:
        # A door: the page is made of these records.
        from dcsc.report import autoencoder_page  # noqa: PLC0415

        return autoencoder_page(self)

    def _table(self) -> dict[str, Any]:
        latents = range(self.autoencoder.latents)
        return {
            "latent": latents,
            "nearest": self.decoder.nearest,
            **({} if self.cross is None else {"aligned": self.cross.aligned}),
            **({} if self.firing is None else {"density": self.firing.density}),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return the numbers that a table has, with their names; `MEANINGS` says what they are."""
        decoder, cross, firing, recovery = self.decoder, self.cross, self.firing, self.recovery
        shown = [s for s in _SHOWN if s <= len(decoder.babel)]
        groups = "group" if len(decoder.duplicates) == 1 else "groups"
        twice = f"{sum(map(len, decoder.duplicates))}, in {len(decoder.duplicates)} {groups}"
        rows = [
            ("coherence", digits(decoder.coherence)),
            ("Welch's floor", digits(decoder.floor)),
            (f"μ₁({listed(shown)})", ", ".join(digits(decoder.babel[s - 1]) for s in shown) or "–"),
            ("duplicates", twice),
            ("dead by norm", str(len(decoder.dead))),
        ]
        if cross is not None:
            rows += [
                ("encoder, own atom", digits(float(np.median(cross.aligned)))),
                ("encoder, other atoms", digits(cross.coherence)),
            ]
        if firing is not None:
            rows += [
                ("never fire", f"{len(firing.silent)} of {len(firing.fired)}"),
                ("active latents", digits(float(np.median(firing.active)))),
                ("variance explained", _explained(firing.explained)),
            ]
            if firing.again is not None:
                rows += [("back after decoding", percent(firing.again[0]))]
        if recovery is not None:
            low, high = recovery.found.low, recovery.found.high
            rows += [
                (
                    "found by the decoder",
                    f"{percent(recovery.measured)} in {self.limits.draws} draws",
                ),
                ("proved, in the mean", f"{at_least(100 * low)} to {at_most(100 * high)}%"),
                ("false alarms", digits(recovery.measured_false_alarms)),
            ]
        return rows

    def numbers(self) -> dict[str, Any]:
        model = self.autoencoder
        return {
            "source": model.source,
            "notes": list(model.notes),
            "transcoder": model.transcoder,
            "samples": model.encoder.matrix.shape[0],
            "latents": model.latents,
            "projection": type(model.projection).__name__,
            **{
                name: _plain(getattr(self, name))
                for name in ("decoder", "cross", "firing", "recovery", "limits", "seed")
            },
        }


def _explained(share: float | None) -> str:
    if share is None or share >= 0:
        return percent(share)
    return f"none, the error is {digits(1 - share)} times it"


def analyze_autoencoder(
    autoencoder: Autoencoder,
    activations: "npt.ArrayLike | None" = None,
    noise: float = 0.05,
    seed: int = 0,
    limits: AutoencoderLimits | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> AutoencoderAnalysis:
    """Look at a sparse autoencoder.

    Parameters
    ----------
    autoencoder : Autoencoder
    activations : array_like of shape (*batch, samples), optional
        What it is to encode; without any, only its atoms are looked at. A memory-mapped array is
        read block by block.
    noise : float, default 0.05
        The error that latents have to withstand to be called safe, as a share of the signal's norm.
    seed : int, default 0
    limits : AutoencoderLimits, optional
    report : callable, optional
        Called with the share that is done.

    Raises
    ------
    DcscError
        If the activations do not fit, or there are none among them.

    Examples
    --------
    >>> import numpy as np
    >>> import dcsc
    >>> from dcsc.networks import Autoencoder
    >>> atoms = dcsc.DenseDictionary(np.array([[1.0, 0, 0.6, 0.6], [0, 1, 0.8, 0.8]]))
    >>> zeros = np.zeros(2)
    >>> model = Autoencoder(atoms, atoms, dcsc.ReLU(), np.zeros(4), zeros, zeros)
    >>> analysis = analyze_autoencoder(model)
    >>> analysis.decoder.duplicates, analysis.decoder.pairs[1]
    (((2, 3),), LatentPair(first=1, second=2, cosine=0.8))
    """
    model = instance(autoencoder, Autoencoder, "analyze_autoencoder: autoencoder")
    function(report, "analyze_autoencoder: report")
    where = "analyze_autoencoder: limits"
    chosen = AutoencoderLimits() if limits is None else instance(limits, AutoencoderLimits, where)
    share = real(noise, "analyze_autoencoder: noise", minimum=0)
    number = integer(seed, "analyze_autoencoder: seed", minimum=0)
    data = None if activations is None else _checked(model, activations)
    # The atoms.
    lengths = [side.atom_norms() for side in (model.encoder, model.decoder)]
    small = [each <= chosen.dead * np.median(each) for each in lengths]
    dead = small[0] | small[1]
    atoms = unit_atoms(model.decoder, dead)
    decoder = decoder_facts(
        model.decoder, atoms, dead, chosen.pairs, chosen.duplicate, chosen.babel
    )
    report(0.4)
    cross = None
    if not model.transcoder:
        cross = cross_facts(unit_atoms(model.encoder, dead), atoms, chosen.pairs)
    report(0.6)
    # The codes.
    fired = again = None
    if data is not None:
        fired = firing(model, data, chosen.again, lambda done: report(0.6 + 0.3 * done))
        again = recovery(
            model,
            atoms,
            data,
            most=chosen.products,
            inputs=chosen.proved,
            draws=chosen.draws,
            units=chosen.units,
            noise=share,
            seed=number,
        )
    return AutoencoderAnalysis(model, decoder, cross, fired, again, chosen, number)


def _checked(model: Autoencoder, activations: "npt.ArrayLike") -> Array:
    where = "analyze_autoencoder: activations"
    array = real_array(activations, where)
    samples = model.encoder.matrix.shape[0]
    if array.shape[-1:] != (samples,) or not array.size:
        raise DcscError(f"{where}: expected shape (*batch, {samples}), got {array.shape}")
    return array.reshape(-1, samples)


def _plain(value: Any) -> Any:
    """Return records as mappings, arrays as lists, and what is not a finite number as None."""
    if attrs.has(type(value)):
        return {
            field.name: _plain(getattr(value, field.name)) for field in attrs.fields(type(value))
        }
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
