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

and a unit with a positive margin comes out right for all signs and every such error. Both worst
cases exist, so that no larger margin could be claimed. With random signs, the tail of the sum
beyond :math:`m_k + I_k` bounds the probability that the unit comes out wrong.
"""

import attrs
import numpy as np

from dcsc._arrays import Array, generator
from dcsc.bounds import tails
from dcsc.dictionaries import Dictionary
from dcsc.networks.analysis.coded import CodedLayer

__all__ = ["Margins", "SafetyFacts", "margins", "safety"]

_TIE = 1e-12
_BLOCK_ENTRIES = 2**22
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
    probability : array
        A bound of the probability that the unit comes out wrong with random signs, by Chernoff's
        inequality.
    """

    level: Array
    interference: Array
    noise: Array
    probability: Array

    @property
    def margin(self) -> Array:
        """m, positive where the unit is safe for all signs."""
        return self.level - self.interference - self.noise

    @property
    def safe(self) -> Array:
        """Whether the margin is positive, in doubt not."""
        return self.margin > _TIE * (np.abs(self.level) + self.interference + self.noise)


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
    flat = code.ravel()
    norms = dictionary.atom_norms().ravel()[units]
    tau = np.repeat(threshold, flat.size // len(threshold))[units]
    weights = _interference(dictionary, flat, units)
    level = np.where(flat[units] > 0, norms**2 * flat[units] - tau, tau)
    error = norms * noise
    slack = _TIE * (np.abs(level) + tau)
    tail = tails.Chernoff().upper(weights, level - slack, error, "adversarial")
    return Margins(level, weights.sum(axis=1), error, tail)


def _interference(dictionary: Dictionary, code: Array, units: Array) -> Array:
    """Return the weights |G_kj x_j| of some units, a row each, from large to small.

    Row k of G is what the dictionary finds in atom k.
    """
    support = np.flatnonzero(code)
    found = [np.zeros((0, 0))]
    block = max(1, _BLOCK_ENTRIES // code.size)
    for start in range(0, len(units), block):
        some = units[start : start + block]
        alone = np.zeros((len(some), code.size))
        alone[np.arange(len(some)), some] = 1
        atoms = dictionary.synthesize(alone.reshape(-1, *dictionary.code_shape))
        rows = np.abs(dictionary.analyze(atoms)).reshape(len(some), -1)[:, support] * code[support]
        rows[some[:, None] == support] = 0
        rows = np.sort(rows, axis=1)[:, ::-1]
        found.append(rows[:, : max(1, int((rows > 0).sum(axis=1).max()))])
    width = max(rows.shape[1] for rows in found)
    padded = [np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) for rows in found]
    return np.concatenate(padded)


@attrs.frozen
class SafetyFacts:
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
        the signs, and with probability 99 % over random signs.
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


def safety(layer: CodedLayer, noise: float, most: int, inputs: int, seed: int) -> SafetyFacts:
    """Return how many units are safe, with errors of a share ``noise`` of the strongest patch.

    Parameters
    ----------
    layer : CodedLayer
    noise : float
        ζ of an input is this share of the largest patch norm of the layer's signal.
    most : int
        How many active units, and how many inactive ones, to look at in all.
    inputs : int
        Only the first ones are drawn from.
    seed : int
    """
    dictionary = layer.dictionary
    zeta = noise * np.asarray(dictionary.patch_norm(layer.signals))
    axes = len(dictionary.code_shape)
    beta = layer.threshold.reshape(-1, *[1] * (axes - 1))
    room = dictionary.analyze(layer.signals) - beta
    steady = room > dictionary.atom_norms() * zeta.reshape(-1, *[1] * axes)
    active = int(layer.on.sum())
    random = generator(seed, "safety: seed")
    codes = layer.codes[:inputs].reshape(min(inputs, len(layer.codes)), -1)
    chosen = [_some(codes > 0, most, random), _some(codes == 0, most, random)]
    (on, on_random), (off, off_random) = (_shares(layer, units, zeta) for units in chosen)
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
    layer: CodedLayer, units: tuple[Array, Array], zeta: Array
) -> tuple[float | None, float | None]:
    """Return which share of some units is safe, and which is at small risk with random signs."""
    found = [
        margins(
            layer.dictionary,
            layer.codes[number],
            np.atleast_1d(layer.projection.threshold),
            units[1][units[0] == number],
            float(zeta[number]),
        )
        for number in np.unique(units[0])
    ]
    if not found:
        return None, None
    safe = np.concatenate([one.safe for one in found])
    likely = np.concatenate([one.probability <= RISK for one in found])
    return float(safe.mean()), float(likely.mean())


def _some(mask: Array, most: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return the inputs and the units of some entries of a mask, in order."""
    places = np.flatnonzero(mask)
    if len(places) > most:
        places = np.sort(random.choice(places, most, replace=False))
    return np.divmod(places, mask.shape[1])
