"""
Around the border, and cut off at it
====================================

On a circle every shift of a filter is the same atom elsewhere. On a line with padding, the atoms
at the border are cut off: they are shorter, and what is left of two different filters may look
alike. So the border decides the coherence of the whole dictionary.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, ToeplitzDictionary
from dcsc.dictionaries import filters

bank = filters.gaussian(6, 4, 9, rng=0)
dictionaries = {
    "circle": CirculantDictionary(bank, extent=40),
    "line, no padding": ToeplitzDictionary(bank, extent=40),
    "line, padded by 4": ToeplitzDictionary(bank, extent=40, padding=4),
    "line, padded by 8": ToeplitzDictionary(bank, extent=40, padding=8),
}

# %%
# For each position: how short the shortest atom is, and the largest correlation of an atom there
# with any other, both brought to norm 1.

figure, (left, right) = plt.subplots(1, 2, layout="constrained", figsize=(9, 3.6), sharex=True)
for style, (name, dictionary) in zip(("-", "--", "-.", ":"), dictionaries.items(), strict=True):
    norms = dictionary.atom_norms()
    gram = np.abs(dictionary.gram_rows(np.arange(norms.size)).toarray())
    gram /= np.outer(norms, norms)
    np.fill_diagonal(gram, 0)
    largest = gram.max(axis=1).reshape(norms.shape).max(axis=0)
    places = np.linspace(0, 1, len(largest))
    left.plot(places, norms.min(axis=0), style, label=name)
    right.plot(places, largest, style, label=f"{name}: µ = {largest.max():.2f}")
left.set(xlabel="place along the signal", ylabel="norm of the shortest atom", ylim=(0, 1.1))
right.set(xlabel="place along the signal", ylabel="largest correlation", ylim=(0, 1.45))
right.legend(fontsize=8)
plt.show()
