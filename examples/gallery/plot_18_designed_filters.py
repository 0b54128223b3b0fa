"""
A designed dictionary against a random one
==========================================

Filters can be made for recovery: `low_coherence` looks for a bank whose atoms, all shifts included,
are as little alike as it can get them. What does that buy?
"""

import matplotlib.pyplot as plt

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer, bounds, codes
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

banks = {
    "random": filters.gaussian(16, 8, 5, rng=0),
    "designed": filters.low_coherence(16, 8, 5, rng=0),
}
sparsities = [1, 2, 3, 4, 5, 6, 8]

# %%
# How often the forward pass finds the exact support over random signs, and up to where that is
# certain whatever the signs.

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for colour, (name, bank) in zip(("C0", "C1"), banks.items(), strict=True):
    dictionary = CirculantDictionary(bank, extent=24)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    rates = []
    for sparsity in sparsities:
        failures = 0
        for seed in range(10):
            code = codes.draw(dictionary, sparsity, amplitudes=codes.ConstantAmplitudes(), rng=seed)
            failures += simulate(model, code, trials=100, rng=0).failures[-1]
        rates.append(1 - failures / 1000)
    coherence = dictionary.mutual_coherence()
    axes.plot(sparsities, rates, "o-", color=colour, label=f"{name}, coherence {coherence:.2f}")
    certain = bounds.UniformBound().max_sparsity(bounds.LayerStatistics(coherence, 1, 1)) or 0
    axes.axvline(certain, color=colour, ls="--", label=f"{name}, certain up to S = {certain}")
axes.set(xlabel="stripe sparsity S", ylabel="share of draws with the exact support", ylim=(0, 1.05))
axes.legend()
plt.show()

# %%
# No bank of this size can be below the Welch floor:

print(f"Welch floor {CirculantDictionary(banks['designed'], extent=24).welch_floor():.3f}")
