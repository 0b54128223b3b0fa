"""
Two trained networks compared
=============================

Two networks read handwritten digits equally well. One of them was trained with a penalty on the
coherence of its filters. Does it show in what is proved, and in what is found?
"""

import matplotlib.pyplot as plt

from dcsc import plotting
from dcsc.networks import load
from dcsc.networks.analysis import Limits, analyze, compare
from dcsc.networks.shipped import digits_inputs, digits_network_path

images = digits_inputs().images[:8].astype(float)
names = ("plain", "incoherent")
before, after = (
    analyze(load(digits_network_path(name)), images, limits=Limits(placed=0)) for name in names
)
comparison = compare(before, after, names=names)

# %%
# For each layer: the coherence, and the share of active units that random signs let the forward
# pass find, between proved ends. The two were trained from the same seed, and still agree on many
# units of the first layer; on the right is how many.

plotting.comparison_figure(comparison, figure=plt.figure(figsize=(12, 4.4), layout="constrained"))
plt.show()

# %%
# The same numbers as a table.

print(comparison)
