"""Random layers whose sums cancel and tie, and what they do under every pattern of signs.

The truth is counted, not computed: all patterns of the support go through the layer's own
synthesis, analysis and projection, in its own dtype.
"""

import attrs
import numpy as np
import scipy.linalg

from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.projections import HardThreshold, JumpReLU, ReLU, SoftThreshold

PROJECTIONS = (HardThreshold, SoftThreshold, ReLU, JumpReLU)
NOISES = ("none", "none", "known", "adversarial", "independent")
DICTIONARIES = (CirculantDictionary, ToeplitzDictionary, DenseDictionary)
TAPS = ("gaussian", "equal", "flat", "identity", "dct", "hadamard", "haar")
NONZEROS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 6)


# ---- random layers -------------------------------------------------------------------------------


def random_taps(rng, shape):
    """Return taps of any numbers, of equal sizes, or of an orthogonal basis."""
    n, size = shape[0], int(np.prod(shape[1:]))
    kind = rng.choice(TAPS)
    if kind == "gaussian" or n > size:
        taps = rng.standard_normal(shape)
    elif kind == "equal":
        taps = rng.choice([-1.0, 1.0], shape) * rng.choice([1.0, 1 / 3, 0.1, size**-0.5])
    elif kind == "flat":
        taps = np.ones(shape) * rng.choice([1.0, 1 / 3, 0.1, size**-0.5])
    elif kind == "identity":
        taps = np.eye(n, size)
    elif kind == "dct" or size not in (4, 8):
        taps = filters.dct(n, 1, size)
    elif kind == "hadamard":
        taps = scipy.linalg.hadamard(size)[:n] / size**0.5
    else:
        taps = filters.haar(n, 1, size)
    taps = taps.reshape(shape)
    if rng.random() < 0.4:
        scales = rng.uniform(0.5, 2, n) if rng.random() < 0.5 else 10.0 ** rng.uniform(-3, 3)
        taps = taps * np.reshape(scales * np.ones(n), (-1, *[1] * (len(shape) - 1)))
    return taps.astype(rng.choice(["float64", "float32"]))


def random_dictionary(rng):
    """Return a dictionary of 4 to 30 atoms, and the expression that makes it."""
    kind = rng.choice(DICTIONARIES)
    n, c, f = int(rng.integers(1, 4)), int(rng.choice([1, 2, 3, 16])), int(rng.integers(2, 5))
    options = {}
    if kind is DenseDictionary:
        taps = random_taps(rng, (int(rng.integers(4, 9)), int(rng.choice([8, 32])))).T.copy()
    else:
        taps = random_taps(rng, (n, c, f))
        options["extent"] = int(rng.integers(4, 9))
        if kind is ToeplitzDictionary:
            options["padding"] = int(rng.integers(1, f))
        elif rng.random() < 0.6:  # as many as the theorems need for any noise, side by side
            options = {"extent": f * -(-4 // n), "stride": f}
    arguments = "".join(f", {name}={value}" for name, value in options.items())
    text = f"{kind.__name__}(np.array({taps.tolist()}, np.{taps.dtype}){arguments})"
    dictionary = kind(taps, **options)
    # an atom that lies in the padding may be zero, and has no unit norm
    if rng.random() < 0.4 and not (dictionary.atom_norms() == 0).any():
        return dictionary.normalized(), text + ".normalized()"
    return dictionary, text


def random_codes(rng, dictionary, most, columns):
    """Return columns of codes with at most so many non-zeros together, of sizes that tie or not."""
    size = dictionary.atom_norms().size
    joint = rng.choice(size, min(size, most, int(rng.choice(NONZEROS))), replace=False)
    kind = rng.choice(["equal", "multiples", "any", "far apart"])
    codes = np.zeros((columns, size))
    codes[:, joint] = {
        "equal": rng.choice([1.0, 1 / 3, 0.7]) * np.ones((columns, len(joint))),
        "multiples": 0.1 * rng.integers(1, 4, (columns, len(joint))),
        "any": rng.uniform(0.3, 1, (columns, len(joint))),
        "far apart": 10 ** rng.uniform(-3, 1, (columns, len(joint))),
    }[str(kind)]
    if columns > 1:
        codes[:, joint] *= rng.random((columns, len(joint))) < 0.7
    dtype = rng.choice([dictionary._dtype(), np.float64, np.float32], p=[0.8, 0.1, 0.1])
    return codes.reshape(columns, *dictionary.code_shape).astype(dtype)


@attrs.frozen(eq=False)
class Setting:
    """A layer with its codes and noise: all but the threshold.

    Parameters
    ----------
    dictionary : Dictionary
    text : str
        The expression that makes it.
    codes : array of shape (columns, *code_shape)
    kind : type
        Of the projection.
    noise : str
        One of `NOISES`.
    level : float
        ζ, as drawn.
    signal : array of signal_shape
        The noise, where it is known.
    """

    dictionary: Dictionary
    text: str
    codes: np.ndarray
    kind: type
    noise: str
    level: float
    signal: np.ndarray

    @property
    def one_sided(self):
        return self.kind in (ReLU, JumpReLU)

    @property
    def on(self):
        """The support, (columns, size)."""
        return self.codes.reshape(len(self.codes), -1) != 0


def random_setting(rng):
    """Return a setting; under an adversary, of fewer non-zeros and one column."""
    dictionary, text = random_dictionary(rng)
    kind, noise = PROJECTIONS[rng.integers(4)], NOISES[rng.integers(len(NOISES))]
    hostile = noise == "adversarial"
    columns = 1 if hostile or rng.random() < 0.8 else 2
    codes = random_codes(rng, dictionary, 3 if hostile else 6, columns)
    strongest = dictionary.atom_norms().max() * np.abs(codes).max(initial=0.1)
    level = rng.choice([0.02, 0.2]) * strongest
    signal = rng.choice([rng.standard_normal(1), np.ones(1)])[0] * np.ones(dictionary.signal_shape)
    signal *= rng.choice([-1.0, 1.0], signal.shape)
    signal *= level / float(dictionary.patch_norm(signal))
    dtype = np.result_type(dictionary._dtype(), codes.dtype)
    return Setting(dictionary, text, codes, kind, noise, float(level), signal.astype(dtype))


# ---- all passes ----------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Passes:
    """What the layer sees under every pattern and every noise.

    Parameters
    ----------
    signs : array of shape (patterns, size)
    seen : array of shape (laws, patterns, noises, columns, size)
        ``ε_k z_k``, in the layer's own dtype. Of a law each pattern is as likely as any other;
        among the noises an adversary chooses.
    joint : array of bool, shape (size,)
        Where a sign is in the pattern.
    zeta : float
        The largest patch norm of a noise that is not known.
    """

    signs: np.ndarray
    seen: np.ndarray
    joint: np.ndarray
    zeta: float

    def sides(self, dtype):
        """Yield z with the signs of atoms off the joint support plus, and minus."""
        signs = self.signs[None, :, None, None].astype(dtype)
        seen = self.seen.astype(dtype)
        for coin in (1, -1):
            yield seen * np.where(self.joint, signs, signs.dtype.type(coin))


def all_passes(setting):
    """Send every pattern of the joint support through the layer, under all noises."""
    dictionary, codes = setting.dictionary, setting.codes
    size = codes[0].size
    joint = setting.on.any(axis=0)
    support = np.flatnonzero(joint)
    signs = np.ones((2 ** len(support), size))
    signs[:, support] -= 2.0 * (np.arange(len(signs))[:, None] >> np.arange(len(support)) & 1)
    units = unit_atoms(dictionary)
    zeta, rows = 0.0, []
    for pattern in signs:
        operator = SignedDictionary(dictionary, pattern.reshape(dictionary.code_shape))
        signals = operator.synthesize(codes)
        noises = noises_of(setting, units, operator.analyze(signals[0]).ravel() * pattern)
        noises = noises.astype(signals.dtype)
        if setting.noise in ("adversarial", "independent"):
            zeta = max(zeta, float(dictionary.patch_norm(noises.astype(np.float64)).max()))
        z = operator.analyze(signals[None] + noises[:, None])
        rows.append(z.reshape(len(noises), len(codes), size) * pattern.astype(z.dtype))
    seen = np.stack(rows)[None]
    if setting.noise == "independent":  # noise k and its negative, by a fair coin, are one law
        seen = np.concatenate(np.split(seen[0].swapaxes(0, 1), 2), axis=1)[:, :, None]
        signs = np.concatenate([signs, signs])
    return Passes(signs, seen, joint, zeta)


def unit_atoms(dictionary):
    """Return the atoms as signals of norm 1, or 0 where they are zero."""
    atoms = dictionary.to_sparse().toarray().T
    norms = dictionary.atom_norms().ravel()
    return (atoms / np.where(norms > 0, norms, 1)[:, None]).reshape(-1, *dictionary.signal_shape)


def noises_of(setting, units, seen):
    """Return what may be added under a pattern with these coefficients, (noises, *signal_shape)."""
    if setting.noise == "none":
        return np.zeros((1, *units.shape[1:]))
    if setting.noise == "known":
        return setting.signal[None]
    noises = setting.level * np.concatenate([units, -units])
    if setting.noise == "independent":
        return noises
    # bring the coefficient of one atom to 0, or as near as the noise can
    norms = setting.dictionary.atom_norms().ravel()
    reach = np.clip(seen / np.where(norms > 0, norms, 1), -setting.level, setting.level)
    return np.concatenate([noises, -reach.reshape(-1, *[1] * (units.ndim - 1)) * units])


# ---- the truth -----------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Truth:
    """How often the support is wrong, of all and of each atom.

    Parameters
    ----------
    share : float
    each : array of shape (columns, size)
    always, never : array of bool, shape (columns, size)
        Whether the atom is wrong in every pattern and noise, or in none.
    """

    share: float
    each: np.ndarray
    always: np.ndarray
    never: np.ndarray

    @classmethod
    def of(cls, passes, plus, minus):
        """Count what is wrong where the sign of atoms off the joint support is plus, or minus.

        Both have the shape of ``passes.seen``.
        """
        certain = plus[..., passes.joint].any(axis=(2, 3, 4))
        # off the joint support each atom has one fair coin for all columns
        coins = [side.any(axis=(2, 3))[..., ~passes.joint] for side in (plus, minus)]
        escape = (1 - (coins[0].astype(float) + coins[1]) / 2).prod(axis=-1)
        both = (plus.any(axis=2).astype(float) + minus.any(axis=2)) / 2
        return cls(
            float(np.where(certain, 1.0, 1 - escape).mean(axis=1).max()),
            both.mean(axis=1).max(axis=0),
            (plus & minus).all(axis=(0, 1, 2)),
            ~(plus | minus).any(axis=(0, 1, 2)),
        )


def truth(setting, passes, threshold):
    """Return what the projection makes of all passes."""
    projection, dictionary = setting.kind(threshold), setting.dictionary
    wrong = []
    for z in passes.sides(passes.seen.dtype):
        kept = projection(z.reshape(*z.shape[:-1], *dictionary.code_shape), dictionary)
        wrong.append((kept != 0).reshape(z.shape) != setting.on)
    return Truth.of(passes, *wrong)


def with_ties(setting, passes, columns):
    """Return the truth if ties were failures, and whether there are any.

    ``columns`` are those of `dcsc.coefficients`, and tell what a tie is.
    """
    fields = ("threshold", "slack", "still")
    beta, slack, still = (np.stack([getattr(c, name) for c in columns]) for name in fields)
    slack = slack * (1 + 1e-3)  # sums that are rounded otherwise may lie just inside
    wrong = []
    for z in passes.sides(np.float64):
        reached = z if setting.one_sided else np.abs(z)
        wrong.append(np.where(setting.on, reached <= beta + slack, reached >= beta - slack))
    near = np.abs(np.abs(passes.seen.astype(np.float64)) - beta) <= slack
    return Truth.of(passes, *wrong), bool((near & ~still).any())
