"""
What pursuits recover, and what is proved
=========================================

Two layers, and the same signals for every pursuit: the forward pass, pursuits layer by layer, and
pursuits of the deepest code first. All are told how many entries each code has. Dashed lines are
the share of signals for which recovery is proved beforehand.
"""

import time

import attrs
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from dcsc import (
    BasisPursuit,
    CirculantDictionary,
    DCSCModel,
    Debiased,
    DenseDictionary,
    Dictionary,
    HardThreshold,
    Holistic,
    Layer,
    Layered,
    LayerInstance,
    OneStep,
    OrthogonalMatchingPursuit,
    Pathway,
    PathwayPursuit,
    Projection,
    Pursued,
    Pursuit,
    TopK,
    UniformBound,
)
from dcsc.bounds import ExactRecoveryBound, measure, with_best_thresholds
from dcsc.dictionaries import filters

EXTENT, SIGNALS = 32, 6
below = CirculantDictionary(filters.low_coherence(16, 8, 9, rng=0), extent=EXTENT)
sparse = filters.sparse_rademacher(16, 16, 5, nonzeros=3, rng=1)
above = CirculantDictionary(sparse, extent=EXTENT)

# %%
# What is proved beforehand, whatever the signs. Of the forward pass: that there are thresholds at
# which it finds the supports, and so it does if it is told how many entries they have. Of matching
# pursuit and basis pursuit: the exact recovery condition, layer by layer, or of the deepest code
# and the dictionary that all layers make together, with its atoms brought to unit norm.


def proved(
    model: DCSCModel, truth: Pathway, noise: npt.NDArray[np.float64]
) -> tuple[bool, bool, bool]:
    """Tell for each of the three ways whether a theorem covers a signal with this noise."""
    uniform, exact = UniformBound(), ExactRecoveryBound()
    tuned = with_best_thresholds(model, truth, uniform, noise)
    first, second = (layer.operator.to_sparse() for layer in model.layers)
    whole = DenseDictionary((first @ second).toarray())
    deepest = LayerInstance(
        whole.normalized(), whole.atom_norms() * truth[2].ravel(), noise=noise.ravel()
    )
    return (
        uniform.evaluate(measure(tuned, truth, noise)).holds,
        exact.evaluate(measure(model, truth, noise)).holds,
        exact.evaluate(deepest).holds,
    )


# %%
# Basis pursuit shrinks entries, and small ones are left over where it ends: it is told how many to
# keep, and least squares on these make the code.


@attrs.frozen
class Largest(Pursuit):
    """The largest entries of what basis pursuit finds, as many as it is told."""

    penalty: float
    count: int

    def _pursue(
        self,
        signals: npt.NDArray[np.float64],
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        pursued = BasisPursuit(self.penalty, gap=1e-3)(signals, operator)
        return attrs.evolve(pursued, code=TopK(self.count)(pursued.code, dictionary), gap=None)


def pursuits(counts: list[int], level: float) -> dict[str, PathwayPursuit]:
    matching = [OrthogonalMatchingPursuit(sparsity=count) for count in counts]
    basis = [Debiased(Largest(max(level, 0.01), count)) for count in counts]
    return {
        "forward pass": Layered(OneStep()),
        "matching, layer by layer": Layered(matching),
        "basis pursuit, layer by layer": Layered(basis),
        "matching, deepest code first": Holistic(matching[1]),
        "basis pursuit, deepest code first": Holistic(basis[1]),
    }


def trial(
    count: int, noise: float, seed: int
) -> tuple[tuple[bool, bool, bool], list[tuple[bool, float, float]]]:
    """Return what is proved of a signal, and of each pursuit: recovered, error, milliseconds."""
    rng = np.random.default_rng(seed)
    code = np.zeros(above.code_shape)
    places = rng.choice(code.size, count, replace=False)
    code.flat[places] = rng.uniform(0.5, 1, count) * rng.choice([-1, 1], count)
    drawn = DCSCModel([Layer(atoms, HardThreshold(0.5)) for atoms in (below, above)]).draw(rng)
    truth = drawn.synthesize(code)
    error = rng.standard_normal(truth[0].shape)
    error *= noise * np.linalg.norm(truth[0]) / np.linalg.norm(error)
    counts = [int(np.count_nonzero(x)) for x in truth[1:]]
    model = DCSCModel(
        Layer(layer.dictionary, TopK(n), layer.signs)
        for layer, n in zip(drawn.layers, counts, strict=True)
    )
    level = np.abs(below.analyze(error)).max()
    rows: list[tuple[bool, float, float]] = []
    for pursuit in pursuits(counts, level).values():
        start = time.process_time()
        guess = model.forward(truth[0] + error, pursuit=pursuit)
        spent = 1000 * (time.process_time() - start)
        off = float(np.linalg.norm(guess[2] - truth[2]) / np.linalg.norm(truth[2]))
        rows.append((bool(truth.compare(guess).pathway_recovered), off, spent))
    return proved(drawn, truth, error), rows


# %%
# Without noise, against the number of entries; and four entries, against noise.

COUNTS, NOISES = (1, 2, 4, 8, 16, 24), (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)
settings: dict[str, dict[float, tuple[int, float]]] = {
    "entries of the deepest code": {count: (count, 0.0) for count in COUNTS},
    "noise, relative to the signal": {noise: (4, noise) for noise in NOISES},
}
names = list(pursuits([1, 1], 1.0))
looks = dict(zip(names, ("C3o-", "C0s-", "C0D-", "C2s-", "C2D-"), strict=True))
ways = {"forward pass": "C3", "layer by layer": "C0", "deepest code first": "C2"}

figure, grid = plt.subplots(2, 3, layout="constrained", figsize=(12, 7))
for row, (label, cells) in zip(grid, settings.items(), strict=True):
    trials = [[trial(*cell, seed) for seed in range(SIGNALS)] for cell in cells.values()]
    shares = np.mean([[each[0] for each in cell] for cell in trials], axis=1).T
    numbers = np.array([[each[1] for each in cell] for cell in trials], dtype=float)
    for (name, look), values in zip(looks.items(), numbers.transpose(2, 3, 0, 1), strict=True):
        recovered, error, spent = values
        row[0].plot(list(cells), recovered.mean(axis=1), look, label=name, alpha=0.8)
        row[1].plot(list(cells), np.median(error, axis=1), look, alpha=0.8)
        row[2].plot(list(cells), np.median(spent, axis=1), look, alpha=0.8)
    for (name, colour), share in zip(ways.items(), shares, strict=True):
        row[0].plot(
            list(cells), share, "--", color=colour, drawstyle="steps-pre", label=f"proved, {name}"
        )
    row[0].set(xlabel=label, ylabel="share of pathways recovered", ylim=(-0.05, 1.05))
    row[1].set(xlabel=label, ylabel="relative error of the deepest code")
    row[2].set(xlabel=label, ylabel="processor time in ms", yscale="log")
figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %%
# The forward pass is the only one whose code is off without noise: what other entries add stays in
# it. Its theorem asks how large they are, and covers next to nothing in two layers, although
# it recovers many. Layer by layer the first code decides, with three times as many entries; the
# deepest code is the sparsest that explains the signal, so more can be proved of it and more is
# found. It has the price of atoms that are no convolution any more.
