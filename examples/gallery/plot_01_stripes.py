"""
Stripes and patches
===================

An atom of a convolutional dictionary is a filter at a position. It shares samples with its
neighbours, and with nobody else. What can disturb it is therefore local: the *stripe* of an atom
is all atoms that share a sample with it, and its *patch* is the samples that it covers.

Guarantees count the active atoms of a stripe, S, and not those of the whole code. That is why
they do not get worse as signals get longer.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary
from dcsc.dictionaries import filters

dictionary = CirculantDictionary(filters.gaussian(4, 1, 9, rng=0), extent=48)
filter_number, position = 1, 20
atom = np.zeros(dictionary.code_shape)
atom[filter_number, position] = 1

# %%
# The correlations of one atom with all others are a row of the Gram matrix: what is not zero is
# the stripe.

correlations = dictionary.analyze(dictionary.synthesize(atom))
stripe = np.abs(correlations) > 1e-12

# %%
# Above, the atom as a signal; below, the code, one row for each filter.

figure, (above, below) = plt.subplots(2, 1, sharex=True, layout="constrained", figsize=(8, 4))
above.step(range(48), dictionary.synthesize(atom)[0], where="mid", color="C0")
above.axvspan(position - 0.5, position + 8.5, color="C0", alpha=0.15)
above.set(title="an atom, and the patch that it covers", ylabel="signal")
below.imshow(stripe, cmap="Blues", vmax=2, aspect="auto")
below.plot(position, filter_number, "o", color="C1")
below.set(
    title=f"its stripe: {stripe.sum()} of the {stripe.size} atoms",
    xlabel="position",
    ylabel="filter",
    yticks=range(4),
)
plt.show()

# %%
# The stripe sparsity of a code is the largest number of its active atoms that one stripe holds.

rng = np.random.default_rng(1)
code = np.where(rng.random(dictionary.code_shape) < 0.05, 1.0, 0.0)
print(f"{int(code.sum())} active atoms, stripe sparsity S = {dictionary.stripe_sparsity(code)}")
