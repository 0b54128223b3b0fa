"""
Which units cannot switch
=========================

Change every pixel a little, in any way: which units provably stay on, which stay off, and which
might switch? Between what is proved and what an attack has done lies what nobody knows.
"""

import matplotlib.pyplot as plt

from dcsc.networks import load, pathway_stability
from dcsc.networks.shipped import digits_inputs, digits_network_path

network = load(digits_network_path("plain"))
images = digits_inputs().images[:2].astype(float)
sizes = [1, 2, 4, 8, 16, 32]
results = [
    pathway_stability(network, images, size / 255, valid_range=(0, 1), attack=True)
    for size in sizes
]

figure, axes = plt.subplots(1, 3, layout="constrained", figsize=(10, 3.4), sharey=True)
for number, ax in enumerate(axes):
    layers = [result.layers[number] for result in results]
    ax.fill_between(
        sizes, [layer.decided for layer in layers], [layer.attacked for layer in layers],
        color="C1", alpha=0.4, label="not known",
    )  # fmt: skip
    ax.plot(sizes, [layer.decided for layer in layers], "o-", label="proved to stay")
    ax.plot(sizes, [layer.attacked for layer in layers], "x--", label="not switched by an attack")
    ax.set(title=layers[0].name, xlabel="change of a pixel, /255", xscale="log", ylim=(0, 1.02))
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
axes[0].set_ylabel("share of units")
axes[0].legend(loc="lower left")
plt.show()
