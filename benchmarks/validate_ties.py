"""Thresholds at ties against the model's own arithmetic: is any guarantee below the truth?

Prints a table by what is checked, and exits with 1, after a small example, if there is a
violation::

    python benchmarks/validate_ties.py --cases 20000 --seed 0

A case is one layer at one threshold. Filters and codes are such that sums cancel and tie, and
thresholds lie on coefficients, on the ends of intervals, beside them, and at 0. Up to six non-zeros
have random signs, and all their patterns go through the layer itself, so that the share of patterns
under which the support is wrong is exact. Off it the sign of an atom is one more fair coin.
Adversarial noise is, for every pattern and every atom, what hurts this atom most; independent noise
is one signal with a fair sign, the worst of many. ``tells`` counts the cases in which a check says
anything, ``equal`` those in which it says the very truth, and ``ties`` those with a tie.
"""

import argparse
import sys
import time
from collections import defaultdict

import attrs
import numpy as np
from tied_layers import all_passes, random_setting, truth, with_ties

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
from dcsc.errors import DcscError
from dcsc.experiments import enumerate_signs, estimate_failure

CLASSES = {
    "uniform (2)": UniformBound(),
    "published (3)": ProbabilisticBound(),
    "robust (3R)": RobustBound(),
    "hybrid": HybridBound(),
    "hybrid, Hoeffding": HybridBound("hoeffding"),
    "hybrid, Bentkus": HybridBound("bentkus"),
    "layered": LayeredBound(),
}
TAILS = ("exact", "lattice", "exact", "chernoff", "exact", "bentkus", "exact", "hoeffding", "l1")
PLACES = ("0", "half", *["end"] * 3, *["coefficient"] * 2, *["best"] * 2, "random")
THRESHOLDS = 5  # of every layer
EQUAL, RARE, LEVEL, TRIALS = 1e-12, 60, 1 - 1e-9, 100


# ---- what bounds are told ------------------------------------------------------------------------


def record_of(setting, passes, threshold=None):
    """Return what a bound is told of the setting."""
    known = setting.noise == "known"
    return LayerInstance(
        setting.dictionary,
        setting.codes,
        threshold,
        setting.signal if known else passes.zeta,
        "adversarial" if setting.noise == "none" else "independent" if known else setting.noise,
        selection=attrs.evolve(setting.kind(0.0).selection, threshold=None),
        x_min=None if setting.codes.any() else 1.0,
    )


def columns_of(setting, passes):
    """Return what each atom sees, with a threshold yet to come."""
    noise = passes.zeta
    if setting.noise == "known":
        noise = np.stack([setting.signal] * len(setting.codes)).astype(np.float64)
    seen = coefficients.columns(
        setting.dictionary, setting.codes, 0.0, one_sided=setting.one_sided, noise=noise
    )
    return list(seen)


# ---- thresholds ----------------------------------------------------------------------------------


def ends(statistics, columns):
    """Return the ends of intervals, those of the layer and those of single atoms."""
    central = statistics.changed(threshold=statistics.signal / 2)
    of_layer = [
        *UniformBound().evaluate(statistics).thresholds[0],
        *HybridBound().evaluate(central).thresholds[0],
    ]
    of_atoms = []
    for column in columns:
        reach = column.total + column.error
        quiet, full = reach[~column.on], (column.strength - reach)[column.on]
        of_layer += [quiet.max(initial=0.0), full.min(initial=column.strength.max())]
        of_atoms += [*reach, *full, *(column.strength + reach)]
    return [
        [float(end) for end in places if np.isfinite(end) and end >= 0] or [0.0]
        for places in (of_layer, of_atoms)
    ]


def random_threshold(rng, place, passes, record, statistics, possible, slack):
    """Return one threshold: of ends and coefficients, the number itself or one beside it."""
    if place == "0":
        return 0.0
    if place == "half":
        return statistics.signal / 2
    if place == "random":
        return rng.uniform(0, 1.3) * statistics.strongest
    if place == "best":
        bound = InstanceBound() if rng.random() < 1 / RARE else HybridBound()
        return float(bound.best_thresholds(record if bound.needs_instances else statistics)[0])
    if place == "end":
        value, kind = rng.choice(possible[int(rng.random() < 0.3)]), np.float64
    else:
        value, kind = np.abs(rng.choice(passes.seen.ravel())), passes.seen.dtype.type
    beside = rng.choice(["equal", "up", "down", "slack", "slack"])
    if beside == "slack":
        return max(float(value) + rng.choice([2, 2, 20]) * rng.uniform(-1, 1) * slack, 0.0)
    if beside == "equal":
        return float(value)
    return max(float(np.nextafter(kind(value), kind(np.inf if beside == "up" else -np.inf))), 0.0)


def thresholds(rng, setting, passes, statistics, columns):
    """Yield some thresholds for one setting, a fifth of them one per filter."""
    record = record_of(setting, passes)
    possible, slack = ends(statistics, columns), float(columns[0].slack.max())
    for _ in range(THRESHOLDS):
        count = setting.dictionary.code_shape[0] if rng.random() < 0.2 else 1
        each = [
            random_threshold(rng, place, passes, record, statistics, possible, slack)
            for place in rng.choice(PLACES, count)
        ]
        yield each[0] if count == 1 else np.array(each)


# ---- the comparison ------------------------------------------------------------------------------


@attrs.frozen
class Check:
    """Two numbers, of which the first must not exceed the second."""

    low: float
    high: float
    tells: bool

    @property
    def violated(self):
        return not self.low <= self.high * (1 + EQUAL)

    @property
    def equal(self):
        return self.tells and abs(self.high - self.low) <= EQUAL * self.high


@attrs.define
class Row:
    cases: int = 0
    tells: int = 0
    ties: int = 0
    equal: int = 0
    violations: int = 0

    def add(self, check, tie):
        self.cases += 1
        self.tells += check.tells
        self.ties += tie
        self.equal += check.equal
        self.violations += check.violated


def checks(setting, passes, statistics, columns, threshold, number):
    """Return all comparisons of one case, by name, and whether it has a tie.

    What costs most takes turns with the number of the case.
    """
    happens = truth(setting, passes, threshold)
    record = record_of(setting, passes, threshold)
    constants = statistics.changed(threshold=threshold)
    size = len(columns[0])
    beta = np.repeat(threshold, size // np.size(threshold)).astype(np.float64)
    columns = [column.at(beta) for column in columns]
    doubtful, tie = with_ties(setting, passes, columns)
    out = {}
    for name, bound in CLASSES.items():
        promised = bound.evaluate(constants).failure_probability
        out[name] = Check(happens.share, promised, promised < 1)
    tail = TAILS[number % len(TAILS)]
    guarantee = InstanceBound(tail).evaluate(record)
    promised = guarantee.failure_probability
    out[f"instance, {tail}"] = Check(happens.share, promised, promised < 1)
    out["lower"] = Check(guarantee.lower, happens.share, guarantee.lower > 0)
    if number % 8 == 0:
        each = InstanceBound().atoms(record).reshape(happens.each.shape)
        worst = np.unravel_index(np.argmax(happens.each - each * (1 + EQUAL)), each.shape)
        pair = float(happens.each[worst]), float(each[worst])
        out["each atom"] = Check(*pair, bool((each < 1).any()))
    # how many units are called safe, or lost, and are not
    safe, lost = (np.stack([getattr(c, name) for c in columns]) for name in ("safe", "lost"))
    out["safe"] = Check(float((safe & ~happens.never).sum()), 0.0, bool(safe.any()))
    out["lost"] = Check(float((lost & ~happens.always).sum()), 0.0, bool(lost.any()))
    if setting.noise in ("none", "known"):
        out |= sampled(setting, threshold, number, happens, doubtful)
    return out, tie


def sampled(setting, threshold, number, happens, doubtful):
    """Return what experiments say of a case whose noise is a signal, or none."""
    model = DCSCModel([Layer(setting.dictionary, setting.kind(threshold))])
    signal = setting.signal if setting.noise == "known" else 0.0
    out = {}
    if number % 8 == 1:
        estimate = estimate_failure(model, setting.codes, TRIALS, number, signal)
        low, _, high = estimate.interval(LEVEL)
        out["estimate, low"] = Check(low, doubtful.share, low > 0)
        out["estimate, high"] = Check(happens.share, high, high < 1)
    if number % 8 == 3 and (not setting.one_sided or happens.each.size <= 8):
        share = float(enumerate_signs(model, setting.codes, signal).probability[-1])
        out["enumerate_signs"] = Check(abs(share - happens.share), 0.0, 0 < share < 1)
    return out


def compare(seed, number, table):
    """Compare all of one setting; return what describes its violations."""
    rng = np.random.default_rng([seed, number])
    setting = random_setting(rng)
    passes = all_passes(setting)
    statistics = record_of(setting, passes).statistics()
    columns = columns_of(setting, passes)
    examples = []
    chosen = thresholds(rng, setting, passes, statistics, columns)
    for case, threshold in enumerate(chosen, start=THRESHOLDS * number):
        named, tie = checks(setting, passes, statistics, columns, threshold, case)
        for name, check in named.items():
            table[name].add(check, tie)
            if check.violated:
                examples.append(example(setting, threshold, name, case))
    return examples


# ---- a small example -----------------------------------------------------------------------------


def again(setting, threshold, name, number):
    """Return one check of a setting, None if no bound takes it."""
    passes = all_passes(setting)
    try:
        statistics = record_of(setting, passes).statistics()
        columns = columns_of(setting, passes)
        named, _ = checks(setting, passes, statistics, columns, threshold, number)
    except DcscError:
        return None
    return named.get(name)


def example(setting, threshold, name, number):
    """Take away non-zeros as long as the violation stays, and write down what is left."""
    for place in np.argwhere(setting.codes):
        codes = setting.codes.copy()
        codes[tuple(place)] = 0
        smaller = attrs.evolve(setting, codes=codes)
        check = again(smaller, threshold, name, number)
        if check is not None and check.violated:
            setting = smaller
    check = again(setting, threshold, name, number)
    signal = f", {setting.signal.tolist()}" if setting.noise == "known" else ""
    return (
        f"{name}: {check.low!r} > {check.high!r}\n"
        f"  dictionary = {setting.text}\n"
        f"  codes = np.array({setting.codes.tolist()}, np.{setting.codes.dtype})\n"
        f"  projection = {setting.kind.__name__}({np.asarray(threshold).tolist()!r})\n"
        f"  noise: {setting.noise}, zeta = {all_passes(setting).zeta!r}{signal}"
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
    print(f"{'check':19} {'cases':>7} {'tells':>7} {'ties':>7} {'equal':>7} {'violations':>10}")
    for name, row in table.items():
        print(
            f"{name:19} {row.cases:7d} {row.tells:7d} {row.ties:7d} {row.equal:7d} "
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
