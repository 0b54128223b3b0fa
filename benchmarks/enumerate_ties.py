"""Guarantees against all sign patterns, where rounding decides: ties, orthogonal atoms, float32.

Each case is a random layer: a dictionary whose atoms are random, orthogonal or of equal taps, a
code of up to six non-zeros, a projection, a noise, and a threshold where a bound has to be careful:
0, an end of the interval that a bound reports, a coefficient to the last bit or one bit beside it,
the best threshold. The model computes all sign patterns in its own arithmetic, and no guarantee may
lie below the share that fails::

    python benchmarks/enumerate_ties.py --cases 20000
"""

import argparse
import collections
import itertools
import sys

import attrs
import numpy as np

from dcsc import coefficients
from dcsc.bounds import (
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters
from dcsc.projections import HardThreshold, JumpReLU, ReLU, SoftThreshold

BOUNDS = {
    "uniform (2)": UniformBound(),
    "published (3)": ProbabilisticBound(),
    "robust (3R)": RobustBound(),
    "hybrid": HybridBound(),
    "layered": LayeredBound(),
    "exact": InstanceBound(),
    "chernoff": InstanceBound("chernoff"),
    "bentkus": InstanceBound("bentkus"),
    "l1": InstanceBound("l1"),
}
DICTIONARIES = ("gaussian", "orthogonal", "equal taps", "padded", "dense", "identity")
THRESHOLDS = ("zero", "low end", "high end", "coefficient", "beside", "best", "half", "random")
ROUNDING = 1e-12
MOST = 10  # codes of so many entries have all their signs gone through


@attrs.frozen(eq=False)
class Case:
    """One layer, its record and what became of all sign patterns."""

    kind: str
    place: str
    layer: LayerInstance
    projection: object
    failing: np.ndarray


def dictionary_of(kind, rng):
    """Return a small dictionary, with norms that are 1 or not, in single or double precision."""
    if kind == "orthogonal":
        bank = [filters.haar(4, 1, 4), filters.dct(4, 1, 4)][rng.integers(2)]
        found = CirculantDictionary(bank, extent=8, stride=4)
    elif kind == "equal taps":
        taps = rng.choice([-1.0, 1.0], size=(2, 1, int(rng.integers(2, 4))))
        found = CirculantDictionary(taps, extent=5)
    elif kind == "padded":
        found = ToeplitzDictionary(filters.gaussian(2, 1, 3, rng=rng), extent=5, padding=1)
    elif kind == "dense":
        matrix = rng.standard_normal((8, 9))
        found = DenseDictionary(matrix / np.linalg.norm(matrix, axis=0))
    elif kind == "identity":
        found = DenseDictionary(np.eye(6))
    else:
        found = CirculantDictionary(filters.gaussian(2, 3, 3, rng=rng), extent=6)
    field = "matrix" if isinstance(found, DenseDictionary) else "filters"
    scale = float(rng.choice([1.0, 1.0, 0.7, 3.0]))
    dtype = rng.choice([np.float64, np.float32])
    return attrs.evolve(found, **{field: (scale * getattr(found, field)).astype(dtype)})


def code_of(dictionary, positive, rng):
    """Return a code of one to six non-zeros, of sizes that may be equal or far apart."""
    code = np.zeros(dictionary.code_shape)
    places = rng.choice(code.size, size=int(rng.integers(1, 7)), replace=False)
    sizes = [rng.uniform(0.1, 1, len(places)), np.ones(len(places)), 10 ** rng.uniform(-3, 1)]
    values = sizes[rng.integers(3)] * np.ones(len(places))
    code.ravel()[places] = values * (1 if positive else rng.choice([-1, 1], len(places)))
    return code.astype(dictionary._dtype())


def coefficients_of(dictionary, code, noise, one_sided):
    """Return z for all signs that matter, a row each, as a model computes it in a batch."""
    flat = np.flatnonzero(code)
    moving = np.arange(code.size) if one_sided and code.size <= MOST else flat
    patterns = np.array(list(itertools.product([1.0, -1.0], repeat=len(moving))))
    signs = np.ones((len(patterns), code.size), dtype=code.dtype)
    signs[:, moving] = patterns
    signs = signs.reshape(-1, *code.shape)
    signals = dictionary.synthesize(signs * code)
    return signs * dictionary.analyze(signals + noise)


def threshold_of(place, free, z, rng):
    """Return a threshold at a place where bounds have to be careful."""
    if place == "zero":
        return 0.0
    if place in ("coefficient", "beside"):
        at = float(np.abs(rng.choice(z.ravel())))
        if place == "coefficient" or at == 0:
            return at
        kind = z.dtype.type
        return float(np.nextafter(kind(at), kind(rng.choice([0.0, np.inf]))))
    if place == "best":
        return InstanceBound().best_thresholds(free)[0]
    if place in ("low end", "high end"):
        bound = (UniformBound(), HybridBound())[rng.integers(2)]
        low, high = bound.evaluate(free).thresholds[0]
        end = low if place == "low end" or np.isinf(high) else high
        return max(float(end), 0.0)
    if place == "half":
        return float(np.abs(free.codes[free.codes != 0]).min()) * free.gain[0] ** 2 / 2
    return float(rng.uniform(0, np.abs(z).max() + 1e-3))


def draw(rng):
    """Return a random case."""
    kind, place = rng.choice(DICTIONARIES), rng.choice(THRESHOLDS)
    dictionary = dictionary_of(kind, rng)
    projection = rng.choice([HardThreshold, HardThreshold, SoftThreshold, ReLU, JumpReLU])
    one_sided = projection in (ReLU, JumpReLU)
    code = code_of(dictionary, one_sided, rng)
    noise = np.zeros(dictionary.signal_shape)
    if rng.random() < 0.4:
        noise = rng.standard_normal(noise.shape) * 10 ** rng.uniform(-3, -0.5)
    z = coefficients_of(dictionary, code, noise, one_sided)
    free = LayerInstance(
        dictionary, code, noise=noise, selection=projection(1.0).selection
    ).without_threshold()
    used = projection(threshold_of(place, free, z, rng))
    # some are told the noise, some its size only
    told = noise if rng.random() < 0.5 else float(np.max(dictionary.patch_norm(noise)))
    layer = LayerInstance(dictionary, code, noise=told, selection=used.selection)
    failing = (used(z, dictionary) != 0) != (code != 0)
    return Case(kind, place, layer, used, failing.reshape(len(z), -1))


def violations(case, counts):
    """Yield what a guarantee says that is not so."""
    share = case.failing.any(axis=1).mean()
    one_sided = case.layer.selection.one_sided
    for name, bound in BOUNDS.items():
        said = bound.evaluate(case.layer)
        counts[name, "asked"] += 1
        counts[name, "informative"] += said.failure_probability < 1
        if said.failure_probability < share * (1 - ROUNDING):
            yield f"{name} says {said.failure_probability}, and {share} fail"
        # of a one-sided threshold only some signs were gone through, and noise may be worse
        whole = not one_sided or case.layer.codes.size <= MOST
        known = isinstance(case.layer.noise, np.ndarray)
        if whole and known and said.lower > share * (1 + ROUNDING):
            yield f"{name} says at least {said.lower}, and {share} fail"
    noise = case.layer.noise
    (column,) = coefficients.columns(
        case.layer.dictionary,
        case.layer.codes[None],
        case.layer.chosen_threshold,
        one_sided=one_sided,
        noise=noise[None] if isinstance(noise, np.ndarray) else noise,
    )
    if (column.safe & case.failing.any(axis=0)).any():
        yield "a unit that is safe for all signs fails under some"
    if (column.lost & ~case.failing.all(axis=0)).any():
        yield "a unit that is lost for all signs is right under some"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    counts, wrong = collections.Counter(), 0
    for number in range(given.cases):
        case = draw(np.random.default_rng([given.seed, number]))
        counts["ties", case.place] += 1
        for said in violations(case, counts):
            wrong += 1
            print(f"case {number} ({case.kind}, {case.place}): {said}\n  {case.layer!r}")
    print(f"{given.cases} cases, {wrong} guarantees below the truth")
    for name in BOUNDS:
        asked, told = counts[name, "asked"], counts[name, "informative"]
        print(f"{name:15} asked {asked:6}, below 1 in {told:6}")
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
