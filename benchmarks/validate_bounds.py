"""Random instances against what really happens: does any bound ever say too little?

Prints a table by noise model and bound, and exits with 1 if there is a violation::

    python benchmarks/validate_bounds.py --instances 10000 --seed 0

Nineteen instances in twenty are small: their failure probability is computed over all sign
patterns, from the matrix of the dictionary. The others are larger, and simulated: a violation is a
lower limit of Clopper and Pearson, at 1e-6, above the bound. ``ratio`` is the largest share that
what happens has of a bound below 1.
"""

import argparse
import math
import sys
import time
from collections import defaultdict

import attrs
import numpy as np
import scipy.special
import scipy.stats

from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayerInstance,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.projections import Selection

BOUNDS = {
    **{name: InstanceBound(name) for name in ("exact", "lattice", "chernoff", "bentkus")},
    "hoeffding": InstanceBound("hoeffding"),
    "hybrid": HybridBound(),
    "robust (3R)": RobustBound(),
    "published (3)": ProbabilisticBound(),
    "uniform (2)": UniformBound(),
}
SMOOTH = ("chernoff", "bentkus", "hoeffding")
CLASSES = ("hybrid", "robust (3R)", "published (3)", "uniform (2)")
VALID = {
    "none": tuple(BOUNDS),
    "known": tuple(BOUNDS),
    "independent": tuple(BOUNDS),
    "adversarial": tuple(BOUNDS),
    "martingale": ("chernoff", "hoeffding", *CLASSES),
    "gauss": SMOOTH,
}
ROUNDING, CONFIDENCE, DRAWS = 1e-9, 1e-6, 500


# ---- random instances ----------------------------------------------------------------------------


def random_dictionary(rng, small):
    """Return a dictionary of few atoms, or of some hundreds with low coherence."""
    kind = rng.choice(["dense", "circulant", "toeplitz"])
    gain = rng.choice([1.0, rng.uniform(0.7, 1.3)])
    n, f = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    channels = int(rng.integers(4, 24)) if small else int(rng.integers(32, 128))
    extent = int(rng.integers(5, 10)) if small else int(rng.integers(20, 40))
    if kind == "dense":
        atoms = int(rng.integers(5, 25)) if small else int(rng.integers(64, 128))
        matrix = rng.standard_normal((channels if small else 4 * channels, atoms))
        return DenseDictionary(gain * matrix / np.linalg.norm(matrix, axis=0))
    bank = rng.choice([-1.0, 1.0], (n, channels, f)) if rng.random() < 0.5 else None
    bank = rng.standard_normal((n, channels, f)) if bank is None else bank
    bank *= gain / np.linalg.norm(bank, axis=(1, 2), keepdims=True)
    if kind == "circulant":
        return CirculantDictionary(bank, extent)
    return ToeplitzDictionary(bank, extent, padding=int(rng.integers(0, f)))


def random_code(rng, dictionary, most):
    size = math.prod(dictionary.code_shape)
    support = rng.choice(size, min(size, int(rng.integers(1, most))), replace=False)
    code = np.zeros(size)
    code[support] = rng.uniform(rng.choice([0.3, 0.7, 1.0]), 1, len(support))
    return code


def random_instance(rng, model, small):
    """Return a layer, its matrix and the noise that is really there."""
    dictionary = random_dictionary(rng, small)
    matrix = dictionary.to_sparse().toarray()
    code = random_code(rng, dictionary, 8 if small else 20)
    one_sided = rng.random() < 0.3
    if not one_sided:
        code *= rng.choice([-1, 1], code.size)
    norms = np.linalg.norm(matrix, axis=0)
    half = norms.min() ** 2 * np.abs(code[code != 0]).min() / 2
    threshold = half * rng.choice([1.0, rng.uniform(0.5, 1.7)])
    level = 0.0 if model == "none" else half * rng.uniform(0.02, 0.4) / norms.max()
    noise = rng.standard_normal(matrix.shape[0])
    noise *= level / dictionary.patch_norm(noise.reshape(dictionary.signal_shape))
    given = {
        "known": noise.reshape(dictionary.signal_shape),
        "none": 0.0,
        "gauss": level,
    }.get(model, level * (1 + 1e-12))
    layer = LayerInstance(
        dictionary,
        code.reshape(dictionary.code_shape),
        threshold,
        given,
        "independent" if model == "known" else model,
        selection=Selection(one_sided=one_sided, shrinkage=one_sided),
    )
    return layer, matrix, code, noise, level


def random_pair(rng, small):
    """Return a layer above another one, and the error that the worst signs of both leave."""
    atoms = int(rng.integers(4, 8)) if small else int(rng.integers(12, 24))
    lower = np.linalg.qr(rng.standard_normal((3 * atoms, atoms)))[0]
    lower += rng.choice([0.003, 0.02]) * rng.standard_normal(lower.shape)
    lower /= np.linalg.norm(lower, axis=0)
    upper = np.linalg.qr(rng.standard_normal((atoms, int(rng.integers(3, atoms)))))[0]
    upper = DenseDictionary(upper + 0.15 * rng.standard_normal(upper.shape)).normalized()
    code = random_code(rng, upper, 4)
    gram = lower.T @ lower
    sizes = np.abs(signed(code) @ upper.matrix.T)
    worst = np.linalg.norm(sizes @ np.abs(gram - np.eye(atoms)), axis=1).max()
    threshold = np.abs(code[code != 0]).min() * rng.uniform(0.25, 0.75)
    layer = LayerInstance(upper, code, threshold, worst * (1 + 1e-12), "martingale")
    return layer, gram, code


# ---- what really happens -------------------------------------------------------------------------


def signed(code):
    """Return the code under all signs of its support."""
    support = np.flatnonzero(code)
    signs = 1.0 - 2.0 * (np.arange(2 ** len(support))[:, None] >> np.arange(len(support)) & 1)
    rows = np.zeros((len(signs), code.size))
    rows[:, support] = signs * code[support]
    return rows


def share_of_signs(layer, matrix, code, noise, level):
    """Return the exact probability that some atom fails, under the worst noise if adversarial."""
    beta, one_sided = layer.threshold, layer.selection.one_sided
    rows, on = signed(code), code != 0
    seen = (rows @ matrix.T + noise) @ matrix
    room = level * np.linalg.norm(matrix, axis=0)
    aligned = np.sign(rows) * seen if one_sided else np.abs(seen)
    short = (aligned - room <= beta)[:, on].any(axis=1)
    up, down = ((sign * seen + room > beta)[:, ~on] for sign in (1, -1))
    if one_sided:  # the sign of each atom off the support is one more fair coin
        stays = (1 - (up.astype(float) + down) / 2).prod(axis=1)
    else:
        stays = ~(up | down).any(axis=1)
    return float(np.where(short, 1.0, 1.0 - stays).mean())


def simulated(rng, layer, matrix, code, noise, level, deviation):
    """Return how many of the draws fail."""
    signs = rng.choice([-1.0, 1.0], (DRAWS, code.size))
    signals = (signs * code) @ matrix.T + noise
    signals += deviation * rng.standard_normal(signals.shape)
    seen = signs * (signals @ matrix)
    room = level * np.linalg.norm(matrix, axis=0)
    reach = seen if layer.selection.one_sided else np.abs(seen)
    aligned = seen if layer.selection.one_sided else np.abs(seen)
    wrong = np.where(code != 0, aligned - room <= layer.threshold, reach + room > layer.threshold)
    return int(wrong.any(axis=1).sum())


def share_of_both_signs(rng, layer, gram, code, small):
    """Return the failures of the upper layer over the signs of both, and how many there are."""
    matrix, atoms = layer.dictionary.matrix, len(gram)
    if small:
        above = signed(code)
        below = 1.0 - 2.0 * (np.arange(2**atoms)[:, None] >> np.arange(atoms) & 1)
        above, below = np.repeat(above, len(below), axis=0), np.tile(below, (len(above), 1))
    else:
        above = code * rng.choice([-1.0, 1.0], (DRAWS, code.size))
        below = rng.choice([-1.0, 1.0], (DRAWS, atoms))
    middle = above @ matrix.T
    seen = np.abs((below * ((below * middle) @ gram)) @ matrix)
    wrong = np.where(code != 0, seen <= layer.threshold, seen > layer.threshold)
    return int(wrong.any(axis=1).sum()), len(wrong)


def normal_shares(layer, matrix, code, deviation):
    """Return the exact probability of each atom under normal noise."""
    rows, norms = signed(code), np.linalg.norm(matrix, axis=0)
    seen, beta = rows @ matrix.T @ matrix, layer.threshold
    spread = deviation * norms
    aligned = np.sign(rows) * seen
    short = scipy.special.ndtr((beta - aligned) / spread)
    far = scipy.special.ndtr((seen - beta) / spread) + scipy.special.ndtr((-seen - beta) / spread)
    off = far.mean(axis=0) / (2 if layer.selection.one_sided else 1)
    return np.where(code != 0, short.mean(axis=0), off)


# ---- the comparison ------------------------------------------------------------------------------


@attrs.define
class Row:
    instances: int = 0
    informative: int = 0
    violations: int = 0
    ratio: float = 0.0

    def add(self, happens, promised):
        self.instances += 1
        self.informative += promised < 1
        self.violations += happens > promised * (1 + ROUNDING)
        if promised < 1 and happens:
            self.ratio = max(self.ratio, happens / promised if promised else math.inf)


def limit(failures, draws):
    return float(
        scipy.stats.beta.ppf(CONFIDENCE, failures, draws - failures + 1) if failures else 0
    )


def compare(rng, model, small, table):
    if model == "martingale":
        layer, gram, code = random_pair(rng, small)
        failures, draws = share_of_both_signs(rng, layer, gram, code, small)
        happens = failures / draws if small else limit(failures, draws)
    else:
        layer, matrix, code, noise, level = random_instance(rng, model, small)
        hidden = level if model == "adversarial" else 0.0
        there = noise if model in ("known", "independent") else 0.0
        deviation = level if model == "gauss" else 0.0
        if not small:
            count = simulated(rng, layer, matrix, code, there, hidden, deviation)
            happens = limit(count, DRAWS)
        elif model == "gauss":
            each = normal_shares(layer, matrix, code, deviation)
            for name in VALID[model]:
                promised = BOUNDS[name].atoms(layer).ravel()
                worst = int(np.argmax(each - promised * (1 + ROUNDING)))
                table[model, name].add(each[worst], promised[worst])
            return
        else:
            happens = share_of_signs(layer, matrix, code, there, hidden)
    for name in VALID[model]:
        table[model, name].add(happens, BOUNDS[name].evaluate(layer).failure_probability)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=10_000, help="in all, default 10000")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table, start = defaultdict(Row), time.perf_counter()
    models = list(VALID)
    for number in range(options.instances):
        rng = np.random.default_rng([options.seed, number])
        compare(rng, models[number % len(models)], number // len(models) % 20 != 19, table)
    print(
        f"{'noise model':12} {'bound':14} {'instances':>9} {'below 1':>8} {'violations':>10}  ratio"
    )
    for (model, name), row in sorted(table.items(), key=lambda item: models.index(item[0][0])):
        print(
            f"{model:12} {name:14} {row.instances:9d} {row.informative:8d} {row.violations:10d}  "
            f"{row.ratio:.4f}"
        )
    violations = sum(row.violations for row in table.values())
    seconds = time.perf_counter() - start
    print(f"{options.instances} instances, {violations} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
