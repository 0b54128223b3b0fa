"""
Pursuits side by side
=====================

The forward pass is the cheapest pursuit. Better ones go on from there: they look again at what
their estimate does not explain. All are told how many entries are active.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import (
    CirculantDictionary,
    DCSCModel,
    Layer,
    Layered,
    OneStep,
    OrthogonalMatchingPursuit,
    ProximalGradient,
    TopK,
)
from dcsc.dictionaries import filters

dictionary = CirculantDictionary(filters.gaussian(16, 4, 9, rng=0), extent=64)
counts = [1, 2, 4, 8, 12, 16, 24, 32]
rng = np.random.default_rng(0)
names = "one step", "iterative hard thresholding", "orthogonal matching pursuit"
found: dict[str, list[float]] = {name: [] for name in names}
for count in counts:
    code = np.zeros((40, *dictionary.code_shape))
    for column in code.reshape(40, -1):
        column[rng.choice(column.size, count, replace=False)] = rng.choice([-1, 1], count)
    model = DCSCModel([Layer(dictionary, TopK(count))]).draw(rng)
    truth = model.synthesize(code)
    pursuits = OneStep(), ProximalGradient(), OrthogonalMatchingPursuit(sparsity=count)
    for shares, pursuit in zip(found.values(), pursuits, strict=True):
        guess = model.forward(truth[0], pursuit=Layered(pursuit))
        shares.append(float(np.mean(truth.compare(guess).pathway_recovered)))

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for marker, (name, shares) in zip("osD", found.items(), strict=True):
    axes.plot(counts, shares, marker=marker, label=name)
axes.set(
    xlabel="active atoms among 1024", ylabel="share of signals with the exact support",
    title=f"coherence {dictionary.mutual_coherence():.2f}",
)  # fmt: skip
axes.legend()
plt.show()
