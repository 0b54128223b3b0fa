"""
What is proved and what happens, side by side
=============================================

Ten layers with random signs: what the published guarantees say of them, what the bounds for given
codes say, and how often the forward pass fails. Plain trials measure failure rates above 1e-4,
importance sampling those below. Run it as ``python examples/guarantees_table.py``; ``--quick``
leaves out the two rows that take longest, and takes fewer trials.
"""

import argparse

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import (
    CirculantDictionary,
    DCSCModel,
    HardThreshold,
    InstanceBound,
    Layer,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    UniformBound,
    codes,
)
from dcsc.dictionaries import filters
from dcsc.experiments import estimate_failure, simulate

EXTENT = 64
RARE = 1e-4


@attrs.frozen
class Row:
    """A dictionary, the sparsity S of the codes, r = x_min / x_max, and the noise's patch norm."""

    name: str
    filters: npt.NDArray[np.float64]
    sparsity: int
    ratio: float
    noise: float = 0.0


@attrs.frozen
class Measured:
    """A failure rate and its 95% interval; whether importance sampling was needed."""

    low: float
    best: float
    high: float
    rare: bool

    def __str__(self) -> str:
        if self.high == 0:
            return "0"
        star = "*" if self.rare else ""
        return f"{self.best:.3g}{star} [{self.low:.3g}, {self.high:.3g}]"

    def ratio(self, union: float) -> str:
        """Return how much the union exceeds the rate, as text."""
        return f"{union / self.best:.2f}" if self.best else "-"


def sign_filters(channels: int) -> npt.NDArray[np.float64]:
    return filters.rademacher(8, channels, 9, rng=0)


ROWS = [
    Row("Barker-13", filters.barker(1, 1, 13), 16, 1.0),
    Row("Barker-13", filters.barker(1, 1, 13), 5, 0.3),
    Row("Barker-13", filters.barker(1, 1, 13), 5, 0.45, 0.08),
    Row("DCT-8", filters.dct(8, 1, 8), 1, 1.0),
    Row("sign c4", sign_filters(4), 4, 1.0),
    Row("sign c64", sign_filters(64), 24, 1.0),
    Row("sign c64", sign_filters(64), 16, 0.6, 0.10),
    Row("sign c1024", sign_filters(1024), 40, 0.3),
    Row("sign c1024", sign_filters(1024), 100, 0.5),
    Row("sign c8192", sign_filters(8192), 100, 0.2),
]
QUICK = (0, 1, 2, 3, 4, 5, 6, 9)


def known_noise(dictionary: CirculantDictionary, level: float) -> npt.NDArray[np.float64]:
    """Return one normal signal, scaled to this patch norm: known, and independent of the signs."""
    signal = np.random.default_rng(2).standard_normal(dictionary.signal_shape)
    noise: npt.NDArray[np.float64] = level * signal / dictionary.patch_norm(signal)
    return noise


def measured(
    dictionary: CirculantDictionary,
    code: npt.NDArray[np.float64],
    threshold: float,
    noise: npt.NDArray[np.float64] | float,
    trials: int,
) -> Measured:
    model = DCSCModel([Layer(dictionary, HardThreshold(threshold))])
    low, best, high = (end[-1] for end in simulate(model, code, trials, 3, noise).interval())
    if best >= RARE:
        return Measured(low, best, high, rare=False)
    found = estimate_failure(model, code, min(trials, 20_000), 3, noise)
    return Measured(*found.interval(), rare=True)


def better_threshold(
    instance: LayerInstance, threshold: float, union: float
) -> tuple[float, float]:
    """Return a threshold with a lower union, or the one there is; and the union.

    It has the least union of Chernoff's tails, at a small part of the cost of the exact ones.
    """
    found = InstanceBound("chernoff").best_threshold(instance)
    there = InstanceBound().evaluate(attrs.evolve(instance, threshold=found)).unclipped
    return (found, there) if there < union else (threshold, union)


def line(number: int, trials: int) -> tuple[object, ...]:
    """Return the columns of one row, in the order of `HEADER`; its number seeds its codes."""
    row = ROWS[number]
    dictionary = CirculantDictionary(row.filters, EXTENT)
    amplitudes = codes.UniformAmplitudes(row.ratio)
    code = codes.draw(dictionary, row.sparsity, amplitudes=amplitudes, rng=number)
    noise = known_noise(dictionary, row.noise) if row.noise else 0.0
    declared = LayerStatistics(
        coherence=dictionary.babel(1),
        x_min=row.ratio,
        x_max=1,
        sparsity=row.sparsity,
        noise=row.noise,
        n_atoms=code.size,
    )
    threshold = row.ratio / 2
    instance = LayerInstance(dictionary, code, threshold, noise=noise, noise_model="independent")
    hoeffding, chernoff, exact = (
        InstanceBound(tail).evaluate(instance).unclipped
        for tail in ("hoeffding", "chernoff", "exact")
    )
    best, exact_there = better_threshold(instance, threshold, exact)
    rate = measured(dictionary, code, threshold, noise, trials)
    rate_there = measured(dictionary, code, best, noise, trials)
    return (
        row.name,
        f"{dictionary.mutual_coherence():.3g}",
        row.sparsity,
        UniformBound().max_sparsity(declared),
        row.ratio,
        row.noise,
        f"{ProbabilisticBound().evaluate(declared).unclipped:.3g}",
        f"{hoeffding:.3g}",
        f"{chernoff:.3g}",
        f"{exact:.3g}",
        str(rate),
        rate.ratio(exact),
        f"{best:.3f}",
        f"{exact_there:.3g}",
        str(rate_there),
        rate_there.ratio(exact_there),
    )


HEADER = (
    ("dictionary", 10),
    ("μ", 6),
    ("S", 3),
    ("(2)", 3),
    ("r", 4),
    ("ζ", 4),
    ("(3)", 5),
    ("Hoeffding", 9),
    ("Chernoff", 8),
    ("union", 8),
    ("measured at β = r/2", 31),
    ("ratio", 5),
    ("β*", 5),
    ("union", 8),
    ("measured at β*", 31),
    ("ratio", 5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--quick", action="store_true", help="fewer trials, and fewer rows")
    quick = parser.parse_args().quick
    trials = 2_000 if quick else 50_000
    print("  ".join(f"{title:{width}}" for title, width in HEADER).rstrip())
    for number in QUICK if quick else range(len(ROWS)):
        cells = zip(line(number, trials), HEADER, strict=True)
        print("  ".join(f"{cell!s:{width}}" for cell, (_, width) in cells).rstrip(), flush=True)
    print(
        "\n(2): the sparsity that the uniform guarantee allows; (3): the probabilistic bound, not"
        "\ncut off at 1. Hoeffding, Chernoff, union: the bound for the codes, with these tails and"
        "\nthe exact ones. β*: the best threshold by Chernoff's tails. [95% interval], * by"
        "\nimportance sampling. ratio: of the union to what is measured."
    )


if __name__ == "__main__":
    main()
