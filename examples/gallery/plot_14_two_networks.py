"""
Two trained networks compared
=============================

Two networks read handwritten digits equally well. One of them was trained with a penalty on the
coherence of its filters. Does it show in what is proved, and in what is found?
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc.networks import load
from dcsc.networks.analysis import analyze
from dcsc.networks.shipped import digits_inputs, digits_network_path

images = digits_inputs().images[:8].astype(float)
analyses = {
    name: analyze(load(digits_network_path(name)), images) for name in ("plain", "incoherent")
}

# %%
# For each layer: the coherence, and the share of active units that random signs let the forward
# pass find, between proved ends.

figure, (left, right) = plt.subplots(1, 2, layout="constrained", figsize=(9, 3.8))
for number, (name, analysis) in enumerate(analyses.items()):
    places = np.arange(len(analysis.layers)) + 0.35 * number
    coherences = [layer.filters.own.value for layer in analysis.layers]
    recall = [layer.partial.found for layer in analysis.layers]
    left.bar(places, coherences, 0.35, label=name)
    low, high = np.transpose([tuple(interval) for interval in recall])
    right.bar(places, low, 0.35, label=name)
    right.errorbar(places, low, [0 * low, high - low], fmt="none", color="black")
for ax, title in ((left, "coherence"), (right, "proved mean recall")):
    ax.set(title=title, xticks=[0.17, 1.17, 2.17], xticklabels=["layer 1", "layer 2", "layer 3"])
left.legend()
plt.show()
