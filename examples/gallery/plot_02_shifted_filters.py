r"""
A filter against itself, shifted
================================

The coherence :math:`\mu` of a dictionary is the largest correlation of two of its atoms. In a
convolutional dictionary a filter meets its own shifts, so that a smooth filter alone makes a
coherent dictionary, whatever the others are.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary
from dcsc.dictionaries import filters

kernel = 13
bump = np.exp(-(np.linspace(-2, 2, kernel) ** 2))
banks = {
    "a smooth bump": bump[None, None] / np.linalg.norm(bump),
    "Gaussian taps": filters.gaussian(1, 1, kernel, rng=0),
    "the Barker code": filters.barker(1, 1, kernel),
}

# %%
# The correlation with each shift is the analysis of the atom itself.

figure, axes = plt.subplots(2, 3, layout="constrained", figsize=(9, 4), sharey="row")
for (name, bank), (above, below) in zip(banks.items(), axes.T, strict=True):
    dictionary = CirculantDictionary(bank, extent=41)
    atom = np.zeros(dictionary.code_shape)
    atom[0, 20] = 1
    correlations = dictionary.analyze(dictionary.synthesize(atom))[0]
    above.bar(range(kernel), bank[0, 0], color="C0")
    above.set(title=name, xticks=[])
    below.bar(np.arange(41) - 20, correlations, color="C0")
    below.axhline(dictionary.mutual_coherence(), color="C1", ls="--")
    below.set(
        xlabel="shift", title=f"coherence {dictionary.mutual_coherence():.2f}", xlim=(-14, 14)
    )
axes[0, 0].set_ylabel("tap")
axes[1, 0].set_ylabel("correlation")
plt.show()
