"""Thresholds at ties against the model's own arithmetic: is any guarantee below the truth?

Prints a table by what is checked, and exits with 1, after a small example, if there is a
violation::

    python benchmarks/validate_ties.py --cases 20000 --seed 0

A case is one layer at one threshold. Filters and codes are such that sums cancel and tie, and
thresholds lie on coefficients, on the ends of intervals, beside them, and at 0. Up to six non-zeros
have random signs, and all their patterns go through the layer's own synthesis, analysis and
projection, in its own dtype: so the share of patterns under which the support is wrong is exact.
Off the support the sign of an atom is one more fair coin, and both of its sides are projected.
Adversarial noise is, for every pattern and every atom, what hurts this atom most; independent noise
is one signal with a fair sign, of those the worst. ``equal`` counts what is exactly the truth.
"""

import argparse
import sys
import time
from collections import defaultdict

import attrs
import numpy as np
import scipy.linalg

from dcsc import DCSCModel, Layer, coefficients
from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.errors import DcscError
from dcsc.experiments import enumerate_signs, estimate_failure
from dcsc.projections import HardThreshold, JumpReLU, ReLU, SoftThreshold

CLASSES = {
    "uniform (2)": UniformBound(),
    "published (3)": ProbabilisticBound(),
    "robust (3R)": RobustBound(),
    "hybrid": HybridBound(),
    "hybrid, Hoeffding": HybridBound("hoeffding"),
    "hybrid, Bentkus": HybridBound("bentkus"),
    "layered": LayeredBound(),
}
TAILS = ("exact", "lattice", "chernoff", "bentkus", "hoeffding", "l1")
PROJECTIONS = (HardThreshold, SoftThreshold, ReLU, JumpReLU)
NOISES = ("none", "none", "known", "adversarial", "independent")
PLACES = ("0", "half", "end", "end", "end", "coefficient", "coefficient", "best", "random")
THRESHOLDS = 5  # of every layer
EQUAL, RARE, LEVEL, TRIALS = 1e-12, 40, 1 - 1e-9, 100


# ---- random layers -------------------------------------------------------------------------------


def random_taps(rng, shape):
    """Return taps of any numbers, of equal sizes, or of an orthogonal basis."""
    n, size = shape[0], int(np.prod(shape[1:]))
    kind = rng.choice(["gaussian", "equal", "flat", "dct", "hadamard", "haar"])
    if kind == "gaussian" or n > size:
        taps = rng.standard_normal(shape)
    elif kind == "equal":
        taps = rng.choice([-1.0, 1.0], shape) * rng.choice([1.0, 1 / 3, 0.1, size**-0.5])
    elif kind == "flat":
        taps = np.ones(shape) * rng.choice([1.0, 1 / 3, 0.1, size**-0.5])
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
    """Return a dictionary of 4 to 24 atoms, and the expression that makes it."""
    kind = rng.choice([CirculantDictionary, ToeplitzDictionary, DenseDictionary])
    n, c, f = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(2, 5))
    options = {}
    if kind is DenseDictionary:
        taps = random_taps(rng, (int(rng.integers(4, 9)), 8)).T.copy()
    else:
        taps = random_taps(rng, (n, c, f))
        options["extent"] = int(rng.integers(4, 9))
        if kind is ToeplitzDictionary:
            options["padding"] = int(rng.integers(1, f))
        elif rng.random() < 0.4:
            options = {"extent": f * -(-4 // n), "stride": f}
    call = "".join(f", {name}={value}" for name, value in options.items())
    text = f"{kind.__name__}(np.array({taps.tolist()}, np.{taps.dtype}){call})"
    dictionary = kind(taps, **options)
    # an atom that lies in the padding may be zero, and has no unit norm
    if rng.random() < 0.4 and not (dictionary.atom_norms() == 0).any():
        return dictionary.normalized(), text + ".normalized()"
    return dictionary, text


def random_codes(rng, dictionary, most, columns):
    """Return columns of codes with at most so many non-zeros together, of sizes that tie or not."""
    size = dictionary.atom_norms().size
    joint = rng.choice(size, min(size, int(rng.integers(0, most + 1))), replace=False)
    sizes = rng.choice(["equal", "multiples", "any"])
    codes = np.zeros((columns, size))
    codes[:, joint] = {
        "equal": rng.choice([1.0, 1 / 3, 0.7]) * np.ones((columns, len(joint))),
        "multiples": 0.1 * rng.integers(1, 4, (columns, len(joint))),
        "any": rng.uniform(0.3, 1, (columns, len(joint))),
    }[str(sizes)]
    if columns > 1:
        codes[:, joint] *= rng.random((columns, len(joint))) < 0.7
    codes = codes.reshape(columns, *dictionary.code_shape)
    return codes.astype(rng.choice([dictionary._dtype(), np.float64, np.float32], p=[0.8, 0.1, 0.1]))


@attrs.frozen(eq=False)
class Setting:
    """A layer with its codes and noise: all but the threshold.

    Parameters
    ----------
    text : str
        The expression that makes the dictionary.
    codes : array of shape (columns, *code_shape)
    kind : type
        Of the projection.
    noise : str
        Of `NOISES`.
    level : float
        ζ, as drawn.
    signal : array of signal_shape
        The noise, if it is known.
    """

    dictionary: object
    text: str
    codes: np.ndarray
    kind: type
    noise: str
    level: float
    signal: np.ndarray

    @property
    def one_sided(self):
        return self.kind in (ReLU, JumpReLU)


def random_setting(rng):
    """Return a setting; under an adversary, of fewer non-zeros and one column."""
    dictionary, text = random_dictionary(rng)
    kind, noise = PROJECTIONS[rng.integers(4)], NOISES[rng.integers(len(NOISES))]
    hostile = noise == "adversarial"
    columns = 1 if hostile or rng.random() < 0.8 else 2
    codes = random_codes(rng, dictionary, 3 if hostile else 6, columns)
    norms = dictionary.atom_norms()
    level = rng.choice([0.05, 0.25]) * norms.max() * np.abs(codes).max(initial=0.1)
    signal = rng.choice([rng.standard_normal(1), np.ones(1)])[0] * np.ones(dictionary.signal_shape)
    signal *= rng.choice([-1.0, 1.0], signal.shape)
    signal *= level / float(dictionary.patch_norm(signal))
    dtype = np.result_type(dictionary._dtype(), codes.dtype)
    return Setting(dictionary, text, codes, kind, noise, float(level), signal.astype(dtype))


# ---- what the model does -------------------------------------------------------------------------


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
        The largest patch norm of a noise.
    """

    signs: np.ndarray
    seen: np.ndarray
    joint: np.ndarray
    zeta: float


def all_passes(setting):
    """Send every pattern of the joint support through the layer, under all noises."""
    dictionary, codes = setting.dictionary, setting.codes
    shape, size = tuple(dictionary.code_shape), codes[0].size
    joint = (codes != 0).reshape(-1, size).any(axis=0)
    support = np.flatnonzero(joint)
    signs = np.ones((2 ** len(support), size))
    signs[:, support] -= 2.0 * (np.arange(len(signs))[:, None] >> np.arange(len(support)) & 1)
    operators = [SignedDictionary(dictionary, row.reshape(shape)) for row in signs]
    atoms = dictionary.to_sparse().toarray().T.reshape(size, *dictionary.signal_shape)
    norms = dictionary.atom_norms().ravel()
    units = (atoms / np.where(norms > 0, norms, 1)[:, None].reshape(-1, *[1] * (atoms.ndim - 1)))
    zeta, rows = 0.0, []
    for operator, pattern in zip(operators, signs, strict=True):
        signals = operator.synthesize(codes)
        noises = np.zeros((1, *signals.shape[1:]), signals.dtype)
        if setting.noise == "known":
            noises = setting.signal[None]
        elif setting.noise != "none":
            noises = setting.level * np.concatenate([units, -units])
        if setting.noise == "adversarial":
            # bring the coefficient of one atom to 0, or as near as the noise can
            seen = operator.analyze(signals[0]).ravel() * pattern
            reach = np.clip(seen / np.where(norms > 0, norms, 1), -setting.level, setting.level)
            near = -reach.reshape(-1, *[1] * (units.ndim - 1)) * units
            noises = np.concatenate([noises, near])
        noises = noises.astype(signals.dtype)
        if setting.noise in ("adversarial", "independent"):
            zeta = max(zeta, float(dictionary.patch_norm(noises.astype(np.float64)).max()))
        entering = signals[None] + noises[:, None]
        z = operator.analyze(entering).reshape(len(noises), len(codes), size)
        rows.append(z * pattern.astype(z.dtype))
    seen = np.stack(rows)[None]
    if setting.noise == "independent":  # noise k and its negative are one law
        halves = np.split(seen[0].swapaxes(0, 1), 2)
        seen = np.concatenate(halves, axis=1)[:, :, None]
        signs = np.concatenate([signs, signs])
    return Passes(signs, seen, joint, zeta)


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


def judged(passes, plus, minus):
    """Count what is wrong where the sign of atoms off the joint support is plus, or minus."""
    joint = passes.joint
    certain = plus[..., joint].any(axis=(2, 3, 4))
    both = (plus.any(axis=2).astype(float) + minus.any(axis=2)) / 2
    coins = [side.any(axis=(2, 3))[..., ~joint].astype(float) for side in (plus, minus)]
    escape = (1 - (coins[0] + coins[1]) / 2).prod(axis=-1)
    share = np.where(certain, 1.0, 1 - escape).mean(axis=1).max()
    every = (plus & minus).all(axis=(0, 1, 2))
    nothing = ~(plus | minus).any(axis=(0, 1, 2))
    return Truth(float(share), both.mean(axis=1).max(axis=0), every, nothing)


def truth(setting, passes, threshold):
    """Return what the projection makes of all passes."""
    projection = setting.kind(threshold)
    dictionary = setting.dictionary
    on = setting.codes.reshape(len(setting.codes), -1) != 0
    signs = passes.signs[None, :, None, None].astype(passes.seen.dtype)
    sides = []
    for coin in (1, -1):
        z = passes.seen * np.where(passes.joint, signs, signs.dtype.type(coin))
        kept = projection(z.reshape(*z.shape[:-1], *dictionary.code_shape), dictionary)
        sides.append((kept != 0).reshape(z.shape) != on)
    return judged(passes, *sides)


def with_ties(setting, passes, columns):
    """Return the truth if ties are failures, and whether there are any."""
    beta, slack = (np.stack([getattr(c, name) for c in columns]) for name in ("threshold", "slack"))
    on = np.stack([column.on for column in columns])
    # for this comparison alone: the other side rounds differently
    slack, seen = slack * (1 + 1e-3), passes.seen.astype(np.float64)
    signs = passes.signs[None, :, None, None]
    sides = []
    for coin in (1, -1):
        z = seen * np.where(passes.joint, signs, coin)
        z = z if setting.one_sided else np.abs(z)
        sides.append(np.where(on, z <= beta + slack, z >= beta - slack))
    size = np.abs(seen)
    still = np.stack([column.still for column in columns])
    return judged(passes, *sides), bool(((np.abs(size - beta) <= slack) & ~still).any())


# ---- thresholds ----------------------------------------------------------------------------------


def ends(record, statistics, columns):
    """Return the ends of the intervals that bounds report, and those of each atom."""
    _, halfway = UniformBound().best_thresholds(statistics), statistics.signal / 2
    found = [
        *UniformBound().evaluate(statistics).thresholds[0],
        *HybridBound().evaluate(statistics.changed(threshold=halfway)).thresholds[0],
    ]
    for column in columns:
        reach = column.total + column.error
        found += [*reach, *(column.strength - reach)[column.on], *(column.strength + reach)]
    return [float(end) for end in found if np.isfinite(end) and end >= 0] or [0.0]


def random_threshold(rng, place, passes, statistics, possible, slack, record):
    """Return one threshold: of ends and coefficients, the number itself or one beside it."""
    if place == "0":
        return 0.0
    if place == "half":
        return statistics.signal / 2
    if place == "random":
        return rng.uniform(0, 1.3) * statistics.strongest
    if place == "best":
        bound = InstanceBound() if rng.random() < 1 / RARE else HybridBound()
        told = record if bound.needs_instances else statistics
        return float(bound.best_thresholds(told)[0])
    if place == "end":
        value, kind = rng.choice(possible), np.float64
    else:
        value, kind = np.abs(rng.choice(passes.seen.ravel())), passes.seen.dtype.type
    beside = rng.choice(["equal", "equal", "up", "down", "slack"])
    if beside == "slack":
        return max(float(value) + rng.uniform(-2, 2) * slack, 0.0)
    if beside == "equal":
        return float(value)
    return max(float(np.nextafter(kind(value), kind(np.inf if beside == "up" else -np.inf))), 0.0)


# ---- the comparison ------------------------------------------------------------------------------


@attrs.define
class Row:
    checks: int = 0
    informative: int = 0
    ties: int = 0
    equal: int = 0
    violations: int = 0

    def add(self, check, tie):
        self.checks += 1
        self.informative += check.informative
        self.ties += tie
        self.equal += check.informative and check.equal
        self.violations += check.violated


@attrs.frozen
class Check:
    """One comparison; ``low`` must not exceed ``high``."""

    low: float
    high: float
    informative: bool

    @property
    def violated(self):
        return not self.low <= self.high * (1 + EQUAL)

    @property
    def equal(self):
        return abs(self.high - self.low) <= EQUAL * self.high


def record_of(setting, passes, threshold=None):
    """Return what a bound is told of the setting."""
    noise, law = {
        "none": (0.0, "adversarial"),
        "known": (setting.signal, "independent"),
    }.get(setting.noise, (passes.zeta, setting.noise))
    return LayerInstance(
        setting.dictionary,
        setting.codes,
        threshold,
        noise,
        law,
        selection=attrs.evolve(setting.kind(0.0).selection, threshold=None),
        x_min=None if setting.codes.any() else 1.0,
    )


def columns_of(setting, passes, threshold):
    noise = passes.zeta
    if setting.noise == "known":
        noise = np.broadcast_to(
            setting.signal, (len(setting.codes), *setting.signal.shape)
        ).astype(np.float64)
    return list(
        coefficients.columns(
            setting.dictionary,
            setting.codes,
            threshold,
            one_sided=setting.one_sided,
            noise=noise,
        )
    )


def checks(setting, passes, statistics, threshold, number=0):
    """Return all comparisons of one case, by name, and whether it has a tie.

    What costs most takes turns with the number of the case.
    """
    happens = truth(setting, passes, threshold)
    record = record_of(setting, passes, threshold)
    told = statistics.changed(threshold=threshold)
    columns = columns_of(setting, passes, threshold)
    doubtful, tie = with_ties(setting, passes, columns)
    out = {}
    for name, bound in CLASSES.items():
        promised = bound.evaluate(told).failure_probability
        out[name] = Check(happens.share, promised, promised < 1)
    tails = ["exact"] if number % 2 else []
    for tail in dict.fromkeys([*tails, TAILS[number // 2 % len(TAILS)]]):
        guarantee = InstanceBound(tail).evaluate(record)
        promised = guarantee.failure_probability
        out[tail] = Check(happens.share, promised, promised < 1)
        out["lower"] = Check(guarantee.lower, happens.share, guarantee.lower > 0)
    if number % 4 == 0:
        each = InstanceBound().atoms(record).reshape(happens.each.shape)
        worst = np.unravel_index(np.argmax(happens.each - each * (1 + EQUAL)), each.shape)
        out["each atom"] = Check(
            float(happens.each[worst]), float(each[worst]), bool((each < 1).any())
        )
    safe, lost = (np.stack([getattr(c, name) for c in columns]) for name in ("safe", "lost"))
    out["safe"] = Check(float((safe & ~happens.never).sum()), 0.0, bool(safe.any()))
    out["lost"] = Check(float((lost & ~happens.always).sum()), 0.0, bool(lost.any()))
    if setting.noise in ("none", "known"):
        model = DCSCModel([Layer(setting.dictionary, setting.kind(threshold))])
        signal = setting.signal if setting.noise == "known" else 0.0
        if number % 8 == 1:
            estimate = estimate_failure(model, setting.codes, TRIALS, number, signal)
            low, _, high = estimate.interval(LEVEL)
            out["estimate, low"] = Check(low, doubtful.share, low > 0)
            out["estimate, high"] = Check(happens.share, high, high < 1)
        if number % 8 == 3 and (not setting.one_sided or happens.each.size <= 8):
            tried = float(enumerate_signs(model, setting.codes, signal).probability[-1])
            out["enumerate_signs"] = Check(abs(tried - happens.share), 0.0, 0 < tried < 1)
    return out, tie


def thresholds(rng, setting, passes, statistics):
    """Return some thresholds for one setting, a fifth of them one per filter."""
    record = record_of(setting, passes)
    columns = columns_of(setting, passes, 0.0)
    possible, slack = ends(record, statistics, columns), float(columns[0].slack.max())
    for _ in range(THRESHOLDS):
        count = setting.dictionary.code_shape[0] if rng.random() < 0.2 else 1
        places = rng.choice(PLACES, count)
        each = [
            random_threshold(rng, place, passes, statistics, possible, slack, record)
            for place in places
        ]
        yield each[0] if count == 1 else np.array(each)


def compare(seed, number, table):
    """Compare all of one setting; return what describes its violations."""
    rng = np.random.default_rng([seed, number])
    setting = random_setting(rng)
    passes = all_passes(setting)
    statistics = record_of(setting, passes).statistics()
    examples = []
    for place, threshold in enumerate(thresholds(rng, setting, passes, statistics)):
        found, tie = checks(setting, passes, statistics, threshold, number * THRESHOLDS + place)
        for name, check in found.items():
            table[name].add(check, tie)
            if check.violated:
                examples.append(example(setting, threshold, name, number * THRESHOLDS + place))
    return examples


def example(setting, threshold, name, number):
    """Take away non-zeros as long as the violation stays, and write down what is left."""

    def violation(smaller):
        passes = all_passes(smaller)
        statistics = record_of(smaller, passes).statistics()
        found, _ = checks(smaller, passes, statistics, threshold, number)
        return passes, found.get(name)

    for place in np.argwhere(setting.codes):
        codes = setting.codes.copy()
        codes[tuple(place)] = 0
        smaller = attrs.evolve(setting, codes=codes)
        try:
            check = violation(smaller)[1]
        except DcscError:
            continue
        if check is not None and check.violated:
            setting = smaller
    passes, check = violation(setting)
    return (
        f"{name}: {check.low!r} > {check.high!r}\n"
        f"  dictionary = {setting.text}\n"
        f"  codes = np.array({setting.codes.tolist()}, np.{setting.codes.dtype})\n"
        f"  projection = {setting.kind.__name__}({np.asarray(threshold).tolist()!r})\n"
        f"  noise: {setting.noise}, zeta = {passes.zeta!r}"
        + (f", {setting.signal.tolist()}" if setting.noise == "known" else "")
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="in all, default 20000")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table, start, examples = defaultdict(Row), time.perf_counter(), []
    settings = -(-options.cases // THRESHOLDS)
    for number in range(settings):
        examples += compare(options.seed, number, table)
    print(f"{'check':18} {'cases':>7} {'tells':>7} {'ties':>7} {'equal':>7} {'violations':>10}")
    for name, row in table.items():
        print(
            f"{name:18} {row.checks:7d} {row.informative:7d} {row.ties:7d} {row.equal:7d} "
            f"{row.violations:10d}"
        )
    violations = sum(row.violations for row in table.values())
    seconds = time.perf_counter() - start
    if examples:
        print(min(examples, key=len))
    print(f"{settings * THRESHOLDS} cases, {violations} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
