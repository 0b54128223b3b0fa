r"""
The whole support, or most of it
================================

One wrong entry in ten thousand makes a support wrong as a whole. `PartialBound` asks how much of
it is right. Here both are asked of the same codes, denser and denser, for every sign pattern at
once.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer, bounds, codes
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

dictionary = CirculantDictionary(filters.gaussian(32, 64, 3, rng=0), extent=16)
model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
sparsities = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48]
measured, whole, part = [], [], []
for sparsity in sparsities:
    code = codes.draw(dictionary, sparsity, amplitudes=codes.ConstantAmplitudes(), rng=sparsity)
    instance = bounds.LayerInstance(dictionary, code, threshold=0.5)
    tally = simulate(model, code, trials=400, rng=0)
    measured.append(1 - tally.failures[-1] / tally.trials)
    whole.append(1 - bounds.InstanceBound().evaluate(instance).failure_probability)
    (layer,) = bounds.PartialBound().evaluate(instance).layers
    part.append(layer.recall)

# %%
# The share of active atoms that is proved to be found falls slowly, the probability that all of
# them are is soon at nothing.

low, high = np.transpose([tuple(interval) for interval in part])
figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
axes.plot(sparsities, measured, "o", color="C1", label="whole support right, measured")
axes.plot(sparsities, whole, "x-", color="C1", lw=1, label="whole support right, proved")
axes.fill_between(sparsities, low, high, color="C0", label="mean recall, proved ends")
axes.plot(sparsities, low, color="C0")
axes.set(xlabel="stripe sparsity S", ylabel="probability, or share", ylim=(0, 1.05))
axes.legend()
plt.show()
