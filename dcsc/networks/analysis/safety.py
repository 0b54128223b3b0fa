r"""Which units are safe on their own, whatever becomes of the others.

Let the signal of a layer be :math:`y = \sum_{j \in T} \varepsilon_j x_j a_j + v` with signs ε and
an error v of patch norm at most ζ. With its own sign, the coefficient of unit k is

.. math:: \varepsilon_k \langle a_k, y\rangle = c_k^2 x_k
   + \sum_{j \in T, j \ne k} G_{kj} \varepsilon_j \varepsilon_k x_j
   + \varepsilon_k \langle a_k, v\rangle,

where the sum is at most :math:`I_k = \sum_{j \ne k} |G_{kj} x_j|`, and the last term at most
:math:`c_k \zeta`, with the norm :math:`c_k` of the atom. At the threshold τ the *margin* is

.. math:: m_k = c_k^2 x_k - \tau_k - I_k - c_k \zeta \quad (k \in T), \qquad
   m_k = \tau_k - I_k - c_k \zeta \quad (k \notin T),

and a unit with a positive margin comes out right for all signs and every such error. Signs and
errors that reach it exist, so that no larger margin could be claimed. With random signs, the tail
of the sum beyond :math:`m_k + I_k` bounds the probability that the unit comes out wrong.
"""

import math

import attrs
import numpy as np

from dcsc._arrays import Array, as_batch, brief, flat_indices, generator, instance, real, real_array
from dcsc._display import Facts
from dcsc._entries import code_array
from dcsc.bounds import tails
from dcsc.bounds.noise import Adversarial
from dcsc.coefficients import Column, columns
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.seen import Seen

__all__ = ["Margins", "SafetyFacts", "margins", "safety"]

_ENTRIES = 2**26
RISK = 0.01


@attrs.frozen(eq=False)
class Margins:
    """The terms of the margin of some units of one code, an entry for each.

    Parameters
    ----------
    level : array
        :math:`c_k^2 x_k - τ_k` on the support, :math:`τ_k` off it.
    interference, noise : array
        :math:`I_k` and :math:`c_k ζ`.
    safe : array of bool
        Whether the margin is positive; a tie is not (`dcsc.coefficients`).
    probability : array
        A bound of the probability that the unit comes out wrong with random signs, by Chernoff's
        inequality.
    """

    level: Array = attrs.field(repr=brief)
    interference: Array = attrs.field(repr=brief)
    noise: Array = attrs.field(repr=brief)
    safe: Array = attrs.field(repr=brief)
    probability: Array = attrs.field(repr=brief)

    @property
    def margin(self) -> Array:
        """m, positive where the unit is safe for all signs."""
        return self.level - self.interference - self.noise


def margins(
    dictionary: Dictionary, code: Array, threshold: Array, units: Array, noise: float
) -> Margins:
    """Return the margins of some units.

    Parameters
    ----------
    dictionary : Dictionary
    code : array of shape code_shape
        Not negative.
    threshold : array of shape (filters,)
        τ.
    units : array of int, shape (units,)
        Flat indices, C order.
    noise : float
        ζ.
    """
    instance(dictionary, Dictionary, "margins: dictionary")
    shape = tuple(dictionary.code_shape)
    codes, batch = as_batch(code_array(code, "margins: code"), shape, "margins: code", np.float64)
    beta = real_array(threshold, "margins: threshold")
    if batch or beta.shape not in ((), shape[:1]):
        raise DcscError(
            f"margins: expected a code of shape {shape} and a threshold for each of {shape[0]} "
            f"filters, got {batch + shape} and {beta.shape}"
        )
    units = flat_indices(units, codes.size, "margins: units")
    zeta = real(noise, "margins: noise", minimum=0)
    (column,) = columns(dictionary, codes, beta, one_sided=True, noise=zeta, atoms=units)
    return _margins(column, np.arange(len(units)))


def _margins(column: Column, places: Array) -> Margins:
    """Return the margins of some of the atoms of a column."""
    level, error = column.level[places], column.error[places]
    tail = tails.Chernoff().upper(
        column.weights(places), level - column.slack[places], error, Adversarial()
    )
    return Margins(level, column.total[places], error, column.safe[places], tail)


@attrs.frozen(repr=False)
class SafetyFacts(Facts):
    """Shares of units that are safe on their own, over the inputs.

    Parameters
    ----------
    noise : float
        The median ζ, an error of this norm in every patch of the layer's signal.
    steady : float or None
        Of the active units of the network itself, the share that no such error alone could switch
        off; None, like all below, where there are no such units.
    on, on_random : float or None
        Of the active units in a signal synthesised from the code, the share that stays on whatever
        the signs, and with probability 99% over random signs.
    off, off_random : float or None
        The same of inactive units staying off.
    looked_at : (int, int)
        How many active and inactive units these four shares are of, drawn at random.
    """

    noise: float
    steady: float | None
    on: float | None
    on_random: float | None
    off: float | None
    off_random: float | None
    looked_at: tuple[int, int]


def safety(
    layer: CodedLayer, noise: float, most: int, inputs: int, seed: int, seen: Seen | None = None
) -> SafetyFacts:
    """Return how many units are safe, with errors of a share ``noise`` of the strongest patch.

    Parameters
    ----------
    layer : CodedLayer
    noise : float
        ζ of an input is this share of the largest patch norm of the layer's signal.
    most : int
        How many active units, and how many inactive ones, to look at in all; fewer in layers of
        very many units.
    inputs : int
        Only the first ones are drawn from.
    seed : int
    seen : Seen, optional
        What the units see of the codes, if others ask as well.
    """
    dictionary = layer.dictionary
    zeta = noise * np.asarray(dictionary.patch_norm(layer.signals))
    axes = len(dictionary.code_shape)
    beta = layer.threshold.reshape(-1, *[1] * (axes - 1))
    room = dictionary.analyze(layer.signals) - beta
    steady = room > dictionary.atom_norms() * zeta.reshape(-1, *[1] * axes)
    active = int(layer.on.sum())
    random = generator(seed, "safety: seed")
    codes = layer.codes[:inputs].reshape(-1, math.prod(dictionary.code_shape))
    most = max(1, min(most, _ENTRIES // codes.shape[1]))
    sums = Seen(layer) if seen is None else seen
    chosen = [_sample(codes > 0, most, random), _sample(codes == 0, most, random)]
    (on, on_random), (off, off_random) = _shares(sums, chosen, zeta)
    return SafetyFacts(
        float(np.median(zeta)),
        float((steady & layer.on).sum() / active) if active else None,
        on,
        on_random,
        off,
        off_random,
        (len(chosen[0][0]), len(chosen[1][0])),
    )


def _shares(
    seen: Seen, kinds: list[tuple[Array, Array]], zeta: Array
) -> list[tuple[float | None, float | None]]:
    """Return which share of each kind is safe, and which is at small risk with random signs.

    A kind of units is the inputs and the units of some entries.
    """
    told: list[list[Array]] = [[] for _ in kinds]
    for number in np.unique(np.concatenate([of for of, _ in kinds])).tolist():
        units = [units[of == number] for of, units in kinds]
        found = _of_input(seen, number, np.concatenate(units), float(zeta[number]))
        both = np.stack([found.safe, found.probability <= RISK])
        ends = np.cumsum([len(some) for some in units])
        for kind, part in zip(told, np.split(both, ends[:-1], axis=1), strict=True):
            kind.append(part)
    shares = [np.concatenate(kind, axis=1) if kind else np.zeros((2, 0)) for kind in told]
    return [(float(x[0].mean()), float(x[1].mean())) if x.size else (None, None) for x in shares]


def _of_input(seen: Seen, number: int, units: Array, zeta: float) -> Margins:
    """Return the margins of some units; if all sums are there, they are not computed again."""
    layer = seen.layer
    if seen.knows(number):
        error = layer.dictionary.atom_norms().ravel() * zeta
        return _margins(seen.column(number).under(error), units)
    beta = np.atleast_1d(layer.projection.threshold)
    return margins(layer.dictionary, layer.codes[number], beta, units, zeta)


def _sample(mask: Array, most: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return the inputs and the units of some entries of a mask, in order."""
    places = np.flatnonzero(mask)
    if len(places) > most:
        places = np.sort(random.choice(places, most, replace=False))
    return np.divmod(places, mask.shape[1])
