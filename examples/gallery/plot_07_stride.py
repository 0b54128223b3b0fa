"""
What a stride buys
==================

Smooth filters look like their own shifts. A stride leaves out positions: the shifts that are most
alike are gone, stripes are smaller, and what is guaranteed of a stripe rises.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, bounds
from dcsc.dictionaries import filters

rough = filters.gaussian(4, 8, 12, rng=0)
smooth = np.apply_along_axis(np.convolve, -1, rough, np.hanning(9), "same")
smooth /= np.linalg.norm(smooth, axis=(1, 2), keepdims=True)
strides = [1, 2, 3, 4, 6, 12]

figure, axes = plt.subplots(1, 3, layout="constrained", figsize=(10, 3.4))
for marker, (name, bank) in zip("os", {"rough": rough, "smooth": smooth}.items(), strict=True):
    dictionaries = [CirculantDictionary(bank, extent=72, stride=stride) for stride in strides]
    coherences = [dictionary.mutual_coherence() for dictionary in dictionaries]
    allowed = [
        bounds.UniformBound().max_sparsity(bounds.LayerStatistics(coherence, 1, 1))
        for coherence in coherences
    ]
    axes[0].plot(strides, coherences, marker=marker, label=f"{name} filters")
    axes[1].plot(strides, allowed, marker=marker)
stripes = [d.stripe_sparsity(np.ones(d.code_shape)) for d in dictionaries]
axes[2].bar([str(stride) for stride in strides], stripes, color="0.8")
axes[0].legend()
for ax, title in zip(
    axes, ("coherence", "guaranteed S, whatever the signs", "atoms in a stripe"), strict=True
):
    ax.set(title=title, xlabel="stride", ylim=(0, None))
for ax in axes[:2]:
    ax.set_xticks(strides)
plt.show()
