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

from dcsc import (
    BasisPursuit,
    CirculantDictionary,
    DCSCModel,
    Debiased,
    Holistic,
    Layer,
    Layered,
    OneStep,
    OrthogonalMatchingPursuit,
    Pursuit,
    TopK,
)
from dcsc.dictionaries import filters

EXTENT, SIGNALS = 32, 8
below = CirculantDictionary(filters.low_coherence(16, 8, 9, rng=0), extent=EXTENT)
sparse = filters.sparse_rademacher(16, 16, 5, nonzeros=3, rng=1)
above = CirculantDictionary(sparse, extent=EXTENT)

# %%
# What is proved of one layer, for a code x with support T, unit atoms, and noise that no atom
# correlates with by more than ε. Let :math:`\ell_k = \sum_{j \in T, j \ne k} |G_{kj} x_j|`. The
# forward pass finds T if on T the least of :math:`|x_k| - \ell_k` exceeds all :math:`\ell_k` off T
# by more than 2ε. With q the largest ℓ1 norm of a column of :math:`G_{TT}^{-1} G_T` off T, matching
# pursuit and basis pursuit find it if :math:`x_{\min} (1 - q) > 2\varepsilon
# \|G_{TT}^{-1}\|_\infty`. The second value is how far entries can be off, which is the noise of the
# next layer.


def forward_pass(gram, code, level):
    on = code != 0
    size = np.abs(gram - np.diag(np.diag(gram))) @ np.abs(code)
    margin = (np.abs(code) - size)[on].min() - size[~on].max()
    return margin > 2 * level, size[on].max() + level


def better(gram, code, level):
    on = code != 0
    inverse = np.linalg.inv(gram[np.ix_(on, on)])
    largest = np.abs(inverse).sum(axis=1).max()
    q = np.abs(inverse @ gram[np.ix_(on, ~on)]).sum(axis=0).max()
    return np.abs(code[on]).min() * (1 - q) > 2 * level * largest, largest * level


def proved(model, truth, noise):
    """Tell for each of the three ways whether its theorem covers a signal with this noise."""
    first, second = (layer.operator.to_sparse().toarray() for layer in model.layers)
    x1, x2 = truth[1].ravel(), truth[2].ravel()
    level = np.abs(first.T @ noise.ravel()).max()
    answers = []
    for theorem in (forward_pass, better):
        found, error = theorem(first.T @ first, x1, level)
        taps = np.abs(second).sum(axis=0).max()
        answers.append(found and theorem(second.T @ second, x2, taps * error)[0])
    # The deepest code first: atoms of the product, of unit norm.
    both = first @ second
    norms = np.linalg.norm(both, axis=0)
    both /= norms
    level = np.abs(both.T @ noise.ravel()).max()
    return [*answers, better(both.T @ both, x2 * norms, level)[0]]


# %%
# Basis pursuit shrinks entries, and small ones are left over where it ends: it is told how many to
# keep, and least squares on these make the code.


@attrs.frozen
class Largest(Pursuit):
    """The largest entries of what basis pursuit finds, as many as it is told."""

    penalty: float
    count: int

    def _pursue(self, signals, operator, projection, dictionary):
        pursued = BasisPursuit(self.penalty, gap=1e-3)(signals, operator)
        return attrs.evolve(pursued, code=TopK(self.count)(pursued.code, dictionary), gap=None)


def pursuits(counts, level):
    matching = [OrthogonalMatchingPursuit(sparsity=count) for count in counts]
    basis = [Debiased(Largest(max(level, 0.01), count)) for count in counts]
    return {
        "forward pass": Layered(OneStep()),
        "matching, layer by layer": Layered(matching),
        "basis pursuit, layer by layer": Layered(basis),
        "matching, deepest code first": Holistic(matching[1]),
        "basis pursuit, deepest code first": Holistic(basis[1]),
    }


def trial(count, noise, seed):
    """Return what is proved of a signal, and of each pursuit: recovered, error, milliseconds."""
    rng = np.random.default_rng(seed)
    code = np.zeros(above.code_shape)
    places = rng.choice(code.size, count, replace=False)
    code.flat[places] = rng.uniform(0.5, 1, count) * rng.choice([-1, 1], count)
    drawn = DCSCModel([Layer(below, TopK(1)), Layer(above, TopK(count))]).draw(rng)
    truth = drawn.synthesize(code)
    error = rng.standard_normal(truth[0].shape)
    error *= noise * np.linalg.norm(truth[0]) / np.linalg.norm(error)
    counts = [int(np.count_nonzero(x)) for x in truth[1:]]
    model = DCSCModel(
        Layer(layer.dictionary, TopK(n), layer.signs)
        for layer, n in zip(drawn.layers, counts, strict=True)
    )
    level = np.abs(below.analyze(error)).max()
    rows = []
    for pursuit in pursuits(counts, level).values():
        start = time.process_time()
        guess = model.forward(truth[0] + error, pursuit=pursuit)
        spent = 1000 * (time.process_time() - start)
        off = np.linalg.norm(guess[2] - truth[2]) / np.linalg.norm(truth[2])
        rows.append((truth.compare(guess).pathway_recovered, off, spent))
    return proved(model, truth, error), rows


# %%
# Without noise, against the number of entries; and four entries, against noise.

COUNTS, NOISES = (1, 2, 4, 8, 16, 24), (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)
settings = {
    "entries of the deepest code": {count: (count, 0.0) for count in COUNTS},
    "noise, relative to the signal": {noise: (4, noise) for noise in NOISES},
}
names = list(pursuits((1, 1), 1.0))
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
        row[0].plot(list(cells), share, "--", color=colour, label=f"proved, {name}")
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
