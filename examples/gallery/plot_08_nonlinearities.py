"""
Four nonlinearities on one model
================================

The same signals, the same signs, four ways to decide who is active. A hard threshold needs to
know how large an active entry is; top-k needs to know how many there are; a rectifier sees
positive entries only, and has to be told a threshold too, as its bias.
"""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np

from dcsc import (
    CirculantDictionary,
    DCSCModel,
    HardThreshold,
    Layer,
    Projection,
    ReLU,
    SoftThreshold,
    TopK,
    codes,
)
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

dictionary = CirculantDictionary(filters.gaussian(16, 64, 3, rng=0), extent=12)
amplitudes = codes.UniformAmplitudes(0.5, 1, signed=False)
sparsities = [1, 2, 3, 4, 6, 8]
kinds: dict[str, Callable[[int], Projection]] = {
    "hard, at 0.25": lambda count: HardThreshold(0.25),
    "soft, by 0.25": lambda count: SoftThreshold(0.25),
    "ReLU, bias −0.25": lambda count: ReLU(0.25),
    "top-k, told k": TopK,
}

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for marker, (name, projection) in zip("osD^", kinds.items(), strict=True):
    rates = []
    for sparsity in sparsities:
        failures = 0
        for seed in range(10):
            code = codes.draw(dictionary, sparsity, amplitudes=amplitudes, rng=seed)
            model = DCSCModel([Layer(dictionary, projection(int(np.count_nonzero(code))))])
            failures += simulate(model, code, trials=50, rng=1).failures[-1]
        rates.append(1 - failures / 500)
    axes.plot(sparsities, rates, marker=marker, label=name)
axes.set(xlabel="stripe sparsity S", ylabel="share of draws with the exact support", ylim=(0, 1.05))
axes.legend()
plt.show()

# %%
# Soft and hard thresholds choose the same support: they differ in what they make of the entries
# that they keep, which the next layer sees.
