"""
One sign per filter is not enough
=================================

The theorems ask for a random sign per atom. A network could have a random sign per *filter* at
most, since it shares its weights over positions. Then shifts of one filter keep their relative
signs, and what they leave on each other adds up as if there were no randomness.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import (
    BlockSigns,
    CirculantDictionary,
    DCSCModel,
    FilterSigns,
    HardThreshold,
    IdentitySigns,
    Layer,
    RademacherSigns,
)
from dcsc.experiments import simulate

# A filter of 60 equal spikes among 1000 taps: two shifts of it meet in a few spikes at most.
spikes = np.zeros((1, 1, 1000))
spikes[0, 0, np.random.default_rng(0).choice(1000, 60, replace=False)] = 60**-0.5
dictionary = CirculantDictionary(spikes, extent=2048)
laws = {
    "a sign per atom": RademacherSigns(),
    "a sign per 256 positions": BlockSigns(positions=256),
    "a sign per filter": FilterSigns(),
    "no signs": IdentitySigns(),
}
gaps = range(20, 301, 20)

# %%
# Codes whose active atoms are evenly spaced shifts of one filter. The closer they stand, the more
# of them meet.

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
for marker, (name, law) in zip("os^D", laws.items(), strict=True):
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5), law)])
    rates = []
    for gap in gaps:
        code = np.zeros(dictionary.code_shape)
        code[0, ::gap] = 1
        tally = simulate(model, code, trials=100, rng=0)
        rates.append(1 - tally.failures[-1] / tally.trials)
    axes.plot(gaps, rates, marker=marker, label=name)
axes.set(xlabel="gap between active atoms", ylabel="share of draws with the exact support")
axes.legend()
plt.show()
