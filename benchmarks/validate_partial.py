"""Partial recovery against all patterns of signs: is any end on the wrong side of the truth?

Prints a table by what is checked, and exits with 1, after an example, if there is a violation::

    python benchmarks/validate_partial.py --cases 20000 --seed 0

A case is one layer at one threshold, drawn as in `validate_ties`: sums cancel and tie, thresholds
lie on coefficients and beside them. All patterns of the signs go through the layer itself, so that
the joint law of what is found and what is false is exact; off the support of all columns, each unit
has one fair coin more. Under adversarial noise, for each pattern the noise is taken that is worst
for the number in question, of those that hurt one atom most. ``tells`` counts the cases in which a
check says anything. Every ``--models`` cases, a model of two layers is held against all signs of
both: what it is told, and that the actual pass is no worse than said.
"""

import argparse
import sys
import time
from collections import defaultdict

import attrs
import numpy as np
from partial_models import model_checks
from scipy.stats import binom
from tied_layers import all_passes, random_setting
from validate_ties import THRESHOLDS, Check, Row, columns_of, record_of, thresholds

from dcsc.bounds import FewestMissed, PartialBound
from dcsc.bounds.counts import ruger

TAILS = ("exact", "exact", "selberg", "exact", "lattice", "chernoff", "bentkus", "hoeffding", "l1")
DELTAS = (0.01, 0.05, 0.1, 0.25, 0.5)
OF = ("wrong", "missed", "false_alarms")
ROUNDING = 1e-9
MOST = 64  # units
COINS = np.arange(MOST + 1)
SHARES = binom.pmf(COINS[None], COINS[:, None], 0.5)  # of coins, how many fall on the wrong side
TAIL_SHARES = np.cumsum(SHARES[:, ::-1], axis=1)[:, ::-1]


# ---- the truth -----------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Truth:
    """What happens under every law, pattern and noise; the first three axes of every array.

    Parameters
    ----------
    plus, minus : arrays of bool, (…, columns, size)
        Whether a unit is wrong where the sign of those off the joint support is plus, or minus.
    on : array of bool, (columns, size)
    joint : array of bool, (size,)
    """

    plus: np.ndarray
    minus: np.ndarray
    on: np.ndarray
    joint: np.ndarray

    @classmethod
    def of(cls, setting, passes, threshold):
        projection, dictionary = setting.kind(threshold), setting.dictionary
        wrong = []
        for z in passes.sides(passes.seen.dtype):
            kept = projection(z.reshape(*z.shape[:-1], *dictionary.code_shape), dictionary)
            wrong.append((kept != 0).reshape(z.shape) != setting.on)
        return cls(*wrong, setting.on, passes.joint)

    def units(self):
        """Return the least and the largest probability of each unit, over noises and laws."""
        most = (self.plus.any(axis=2).astype(float) + self.minus.any(axis=2)) / 2
        least = (self.plus.all(axis=2).astype(float) + self.minus.all(axis=2)) / 2
        return least.mean(axis=1).min(axis=0), most.mean(axis=1).max(axis=0)

    def numbers(self):
        """Return per column what is missed, surely false, and how many coins may add to that."""
        missed = (self.plus & self.on).sum(axis=-1)
        silent = ~self.on & self.joint
        sure = (self.plus & silent).sum(axis=-1)
        sure += (self.plus & self.minus & ~self.joint).sum(axis=-1)
        return missed, sure, ((self.plus ^ self.minus) & ~self.joint).sum(axis=-1)

    def shares(self, empty):
        """Return the mean over coins of each number; ``empty`` is what no detection counts."""
        missed, sure, coins = self.numbers()
        active, units = self.on.sum(axis=-1), self.on.shape[-1]
        found = (active - missed)[..., None]
        false, weights = sure[..., None] + COINS, SHARES[coins]
        detected = found + false
        joint = active[:, None] + false
        ratio = {
            "precision": np.where(detected > 0, found / np.maximum(detected, 1), empty),
            "jaccard": np.where(joint > 0, found / np.maximum(joint, 1), 1.0),
        }
        means = {name: (weights * value).sum(axis=-1) for name, value in ratio.items()}
        raised = sure + coins / 2
        return {name: value.mean(axis=-1) for name, value in means.items()} | {
            "recall": np.where(active > 0, 1 - missed / np.maximum(active, 1), 1.0).mean(axis=-1),
            "missed": missed.sum(axis=-1),
            "false_alarms": raised.sum(axis=-1),
            "hamming": (missed + raised).sum(axis=-1) / (units * max(len(self.on), 1)),
        }

    def reached(self, count, of):
        """Return the probability over coins that so many units or more are wrong."""
        missed, sure, coins = (number.sum(axis=-1) for number in self.numbers())
        if of == "missed":
            return (missed >= count).astype(float)
        certain = sure + (missed if of == "wrong" else 0)
        if len(self.on) == 1:
            return TAIL_SHARES[coins, np.clip(count - certain, 0, MOST)] * (count - certain <= MOST)
        # a coin is one for all columns: it adds as many as are wrong on its side
        pair = self.plus & self.minus
        law = np.zeros((*certain.shape, len(self.on) * MOST + 1))
        np.put_along_axis(law, np.zeros_like(certain)[..., None], 1.0, axis=-1)
        for unit in np.flatnonzero(~self.joint):
            sides = [(s & ~pair)[..., unit].sum(axis=-1) for s in (self.plus, self.minus)]
            law = sum(_moved(law, side) for side in sides) / 2
        tail = np.cumsum(law[..., ::-1], axis=-1)[..., ::-1]
        left = np.clip(count - certain, 0, law.shape[-1] - 1)
        return np.take_along_axis(tail, left[..., None], axis=-1)[..., 0]


def _moved(law, steps):
    """Return laws of whole numbers, each moved up by its steps."""
    out = np.zeros_like(law)
    for step in np.unique(steps):
        rows = steps == step
        out[rows, step:] = law[rows, : law.shape[-1] - step]
    return out


def ends(each):
    """Return a mean over patterns at its least and largest, over noises and over laws."""
    low, high = each.min(axis=2).mean(axis=1).min(), each.max(axis=2).mean(axis=1).max()
    return float(low), float(high)


# ---- the comparison ------------------------------------------------------------------------------


def checks(setting, passes, threshold, number):
    """Return all comparisons of one case by name; what costs most takes turns."""
    truth = Truth.of(setting, passes, threshold)
    record = record_of(setting, passes, threshold)
    tail = TAILS[number % len(TAILS)]
    part = PartialBound(tail).evaluate(record).layers[0]
    out = {}
    # unit by unit
    low, high = truth.units()
    lower, upper = (end.reshape(high.shape) for end in (part.units.lower, part.units.upper))
    for name, one, other in (("upper", high, upper), ("lower", lower, low)):
        worst = np.unravel_index(np.argmax(one - other), one.shape) if one.size else None
        if worst is not None:
            tells = bool((upper < 1).any() if name == "upper" else (lower > 0).any())
            pair = float(one[worst]), float(other[worst]) + ROUNDING
            out[f"unit, {name}, {tail}"] = Check(*pair, tells)
    safe, lost = (array.reshape(high.shape) for array in (part.units.safe, part.units.lost))
    out["safe"] = Check(float(high[safe].sum()), 0.0, bool(safe.any()))
    out["lost"] = Check(float((1 - low[lost]).sum()), 0.0, bool(lost.any()))
    # means
    for empty in (0.0, 1.0):
        for name, each in truth.shares(empty).items():
            least, most = ends(each)
            told = getattr(part, name)
            wide = len(setting.on) * setting.on.shape[1]
            limit = wide if name in ("missed", "false_alarms") else 1
            out[f"{name}, low"] = Check(told.low, least + ROUNDING, told.low > 0)
            out[f"{name}, high"] = Check(most, told.high + ROUNDING, told.high < limit)
    # counts: that which is said, and those of each inequality by itself
    of, delta = OF[number % 3], DELTAS[number // 3 % len(DELTAS)]
    count = part.count(delta, of)
    counted = {"wrong": setting.on | True, "missed": setting.on, "false_alarms": ~setting.on}[of]
    every = {"said": count.count, "Rüger": ruger(upper[counted], delta)} | {
        name: getattr(part.counting, hook)(counted, *arguments)
        for name, hook, *arguments in (
            ("block Chernoff", "_by_blocks", delta),
            ("Cantelli", "_by_variance", delta),
            ("energy cap", "_by_energy"),
        )
    }
    for name, least in every.items():
        if least is not None:
            _, most = ends(truth.reached(least, of))
            out[f"count, {name}"] = Check(most, delta + ROUNDING, least <= counted.sum())
    if count.at_least > 0:
        least, _ = ends(truth.reached(count.at_least - 1, of))
        out["count, at least"] = Check(delta - ROUNDING, least, True)
    return out | class_checks(setting, record, truth, threshold) | chosen(record, number)


def class_checks(setting, record, truth, threshold):
    """Return what is said of all codes of the class of this one."""
    active = int(setting.on.sum())
    constants = record.statistics(babel=False).changed(threshold=threshold)
    constants = attrs.evolve(constants, spread=setting.dictionary.spread())
    part = PartialBound().evaluate(constants).layers[0]
    shares = truth.shares(1.0)
    _, missed = ends(shares["missed"] / max(active, 1))
    _, raised = ends(shares["false_alarms"] / max(active, 1))
    if not active:
        return {}
    return {
        "class, misses": Check(missed, 1 - part.recall.low + ROUNDING, part.recall.low > 0),
        "class, false": Check(
            raised, part.false_per_active.high + ROUNDING, part.false_per_active.high < np.inf
        ),
    }


def chosen(record, number):
    """Return whether a threshold for a budget of false alarms keeps to it."""
    if number % 50:
        return {}
    budget = (0.0, 0.5, 2.0)[number // 50 % 3]
    best = PartialBound().best_threshold(record, FewestMissed(budget), number % 100 == 0)
    return {"budget": Check(best.false_alarms.high, budget + ROUNDING, True)}


def compare(seed, number, table):
    """Compare all of one setting; return what describes its violations."""
    rng = np.random.default_rng([seed, number])
    setting = random_setting(rng)
    passes = all_passes(setting)
    statistics, columns = record_of(setting, passes).statistics(), columns_of(setting, passes)
    examples = []
    places = thresholds(rng, setting, passes, statistics, columns)
    for case, threshold in enumerate(places, start=THRESHOLDS * number):
        for name, check in checks(setting, passes, threshold, case).items():
            table[name].add(check, False)
            if check.violated:
                examples.append(example(setting, passes, threshold, name, check))
    return examples


def example(setting, passes, threshold, name, check):
    signal = f", {setting.signal.tolist()}" if setting.noise == "known" else ""
    return (
        f"{name}: {check.low!r} > {check.high!r}\n"
        f"  dictionary = {setting.text}\n"
        f"  codes = np.array({setting.codes.tolist()}, np.{setting.codes.dtype})\n"
        f"  projection = {setting.kind.__name__}({np.asarray(threshold).tolist()!r})\n"
        f"  noise: {setting.noise}, zeta = {passes.zeta!r}{signal}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="in all, default 20000")
    parser.add_argument(
        "--models", type=int, default=500, help="cases for each model of two layers"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table, start, examples = defaultdict(Row), time.perf_counter(), []
    settings = -(-options.cases // THRESHOLDS)
    for number in range(settings):
        examples += compare(options.seed, number, table)
        if number % -(-options.models // THRESHOLDS) == 0:
            for name, low, high in model_checks(np.random.default_rng([options.seed, number, 1])):
                check = Check(low, high + ROUNDING, True)
                table[name].add(check, False)
                examples += [f"{name}: {low!r} > {high!r}, model {number}"] * check.violated
    print(f"{'check':24} {'cases':>7} {'tells':>7} {'violations':>10}")
    for name, row in sorted(table.items()):
        print(f"{name:24} {row.cases:7d} {row.tells:7d} {row.violations:10d}")
    violations = sum(row.violations for row in table.values())
    if examples:
        print(min(examples, key=len))
    seconds = time.perf_counter() - start
    print(f"{settings * THRESHOLDS} cases, {violations} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
