"""
Filter families against the Welch floor
=======================================

No dictionary of so many atoms in so few dimensions has a smaller coherence than the Welch floor.
Families of filters differ in how close they come to it.
"""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from dcsc import CirculantDictionary, bounds
from dcsc.dictionaries import filters

n, kernel = 16, 8
channels = [2, 4, 8, 16, 32]
families: dict[str, Callable[[int], npt.NDArray[np.float64]]] = {
    "Gaussian": lambda c: filters.gaussian(n, c, kernel, rng=0),
    "Rademacher": lambda c: filters.rademacher(n, c, kernel, rng=0),
    "sparse Rademacher": lambda c: filters.sparse_rademacher(n, c, kernel, 4, rng=0),
    "cosines": lambda c: filters.dct(n, c, kernel),
}

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
floors = []
for marker, (name, family) in zip("osD^", families.items(), strict=True):
    banks = [CirculantDictionary(family(c), extent=64) for c in channels]
    axes.plot(channels, [bank.mutual_coherence() for bank in banks], marker=marker, label=name)
    floors = [bank.welch_floor() for bank in banks]
axes.plot(channels, floors, "k--", label="Welch floor")
axes.set(xscale="log", xlabel="channels", ylabel="coherence", ylim=(0, 1.05))
axes.set_xticks(channels, [str(c) for c in channels])
axes.minorticks_off()
axes.legend(ncols=2, loc=(0.5, 0.6))
plt.show()

# %%
# What a coherence buys: the largest stripe sparsity at which a guarantee holds, for entries of ±1
# without noise, 1000 atoms and a failure in a thousand draws. The uniform guarantee goes with
# 1/µ, the one for random signs with 1/µ², so that they cross.

coherences = np.geomspace(0.003, 0.5, 40)
figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for bound in (bounds.UniformBound(), bounds.ProbabilisticBound()):
    allowed = [
        bound.max_sparsity(bounds.LayerStatistics(coherence, 1, 1, n_atoms=1000), 1e-3)
        for coherence in coherences
    ]
    axes.loglog(coherences, allowed, label=type(bound).__name__)
axes.set(xlabel="coherence", ylabel="largest S", ylim=(0.8, None))
axes.legend()
plt.show()
