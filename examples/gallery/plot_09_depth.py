"""
Where a pathway breaks
======================

A pathway is recovered if the supports of all layers are right. Which layer is wrong first? Codes
below are denser than those above, since they are synthesised from them; but a layer may be right
although one below it is not, where the errors that reach it are smaller than its entries.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer, codes
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

banks = [
    filters.equicorrelated(192, 384, 2, 0.002, rng=0),
    filters.sparse_rademacher(48, 192, 3, nonzeros=9, rng=1),
    filters.sparse_rademacher(12, 48, 3, nonzeros=5, rng=2),
]
# Entries of the deepest code are ±1, so that those below are multiples of 1/√5 and 1/√45: half of
# these separates them from zero.
thresholds = np.array([1 / np.sqrt(45), 1 / np.sqrt(5), 1]) / 2
layers = [
    Layer(CirculantDictionary(bank, extent=16), HardThreshold(threshold))
    for bank, threshold in zip(banks, thresholds, strict=True)
]
model = DCSCModel(layers)
deepest = codes.draw(layers[-1].dictionary, 2, amplitudes=codes.ConstantAmplitudes(), rng=0)
noises = np.linspace(0, 3, 13)
wrong = []
for noise in noises:
    tally = simulate(model, deepest, trials=100, rng=0, noise=noise)
    wrong.append(tally.failures[:-1] / tally.trials)

# %%
# The share of draws in which the support of a layer is not exact.

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for number, shares in enumerate(np.transpose(wrong), start=1):
    axes.plot(noises, shares, marker="osD"[number - 1], label=f"layer {number}")
axes.set(xlabel="patch norm of the noise", ylabel="share of draws that fail", ylim=(-0.02, 1.02))
axes.legend(loc="center right")
plt.show()
