r"""Which active latents the decoder alone would show, if signals were made from their codes.

A code f stands for the signal :math:`\sum_k f_k d_k`, in unit atoms :math:`\sum_k \|d_k\| f_k \hat
d_k`. The theorems of dcsc say which latents a forward pass with the decoder's transpose finds in
it, for random signs, at a threshold. A latent that is on exceeds the least that it can have: the
threshold of a JumpReLU, or the smallest entry of this code. Half of that lies halfway between on
and off, and is the threshold here. The library's own encoder is not asked: see
`FiringFacts.again`.
"""

import attrs
import numpy as np

from dcsc._arrays import Array, generator
from dcsc._display import Facts
from dcsc.bounds import LayerInstance, PartialBound
from dcsc.dictionaries import DenseDictionary
from dcsc.intervals import Interval
from dcsc.networks.analysis.safety import RISK, margins
from dcsc.networks.autoencoders.autoencoder import Autoencoder
from dcsc.projections import HardThreshold, JumpReLU, ReLU
from dcsc.signs import RademacherSigns

__all__ = ["RecoveryFacts", "recovery"]

# The cost of both ends of the probability of one latent, in multiplications.
_UNIT = 5 * 10**5


@attrs.frozen(repr=False)
class RecoveryFacts(Facts):
    """What is proved, and what is measured, of finding codes again with the decoder alone.

    Parameters
    ----------
    inputs : int
        How many codes these are of; those without an active latent are passed over.
    found, false_alarms : Interval
        Proved (`PartialBound`): latents that are found, and latents that are switched on besides,
        per active one, in the mean over random signs.
    measured, measured_false_alarms : float
        The same over some draws of the signs.
    safe, likely : float or None
        Of some active latents: which share comes out right for all signs and every error of the
        size `noise`, and with probability 99% over random signs. None for codes with negative
        entries, of which this theorem does not speak.
    noise : float
        Relative to the norm of the signal.
    """

    inputs: int
    found: Interval[float]
    false_alarms: Interval[float]
    measured: float
    measured_false_alarms: float
    safe: float | None
    likely: float | None
    noise: float


def recovery(
    model: Autoencoder,
    atoms: Array,
    activations: Array,
    *,
    most: float,
    inputs: int,
    draws: int,
    units: int,
    noise: float,
    seed: int,
) -> RecoveryFacts | None:
    """Return what is proved and found of the codes of the first activations.

    Parameters
    ----------
    model : Autoencoder
    atoms : array
        The unit atoms of its decoder; those of no size are zero.
    activations : array, shape (count, samples)
    most : float
        About how many multiplications it may take; fewer codes are looked at to keep to that.
    inputs, draws, units : int
        How many codes, draws of signs, and active latents of a code whose safety is asked for.
    noise : float
    seed : int

    Returns
    -------
    RecoveryFacts or None
        None if no latent is active, or one code would take too long.
    """
    affordable = min(inputs, int(most / (_UNIT * model.latents)))
    lengths = model.decoder.atom_norms() * atoms.any(axis=0)
    codes = model.encode(activations[: 4 * affordable]).toarray() * lengths
    codes = codes[codes.any(axis=1)][:affordable]
    if not len(codes):
        return None
    dictionary, random = DenseDictionary(atoms), generator(seed, "recovery: seed")
    least = np.zeros(1)
    if isinstance(model.projection, JumpReLU):
        least = np.asarray(model.projection.threshold) * lengths
    signed = bool((codes < 0).any())
    active = int(np.count_nonzero(codes))
    proved, measured = np.zeros((2, 2)), np.zeros(2)
    safe: list[Array] = []
    likely: list[Array] = []
    for code in codes:
        smallest = np.abs(code[code != 0]).min()
        beta = np.maximum(np.broadcast_to(least, code.shape), smallest) / 2
        selection = (HardThreshold if signed else ReLU)(beta).selection
        part = PartialBound().evaluate(LayerInstance(dictionary, code, selection=selection))
        proved += [part.layers[0].missed, part.layers[0].false_alarms]
        measured += _errors(dictionary, code, beta, draws, random, signed=signed)
        if not signed:
            on = np.flatnonzero(code)
            chosen = np.sort(random.choice(on, min(units, len(on)), replace=False))
            size = noise * float(np.linalg.norm(dictionary.synthesize(code)))
            terms = margins(dictionary, code, beta, chosen, size)
            safe.append(terms.safe)
            likely.append(terms.probability <= RISK)
    (missed, raised), (wrong, false) = proved / active, measured / active
    return RecoveryFacts(
        len(codes),
        Interval(float(1 - missed[1]), float(1 - missed[0])),
        Interval(float(raised[0]), float(raised[1])),
        float(1 - wrong),
        float(false),
        float(np.concatenate(safe).mean()) if safe else None,
        float(np.concatenate(likely).mean()) if likely else None,
        noise,
    )


def _errors(
    dictionary: DenseDictionary,
    code: Array,
    beta: Array,
    draws: int,
    random: np.random.Generator,
    *,
    signed: bool,
) -> Array:
    """Return how many are missed and raised in the mean over draws of the signs."""
    signs = np.stack([RademacherSigns().draw(code.shape, random) for _ in range(draws)])
    seen = signs * dictionary.analyze(dictionary.synthesize(signs * code))
    on = (np.abs(seen) if signed else seen) > beta
    missed, raised = (code != 0) & ~on, (code == 0) & on
    return np.array([missed.sum(axis=1).mean(), raised.sum(axis=1).mean()])
