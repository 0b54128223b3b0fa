"""
The pathway of a photograph
===========================

A photograph, oriented filters, a threshold: which units are on, and what is the picture made of
them alone?
"""

import matplotlib.cbook
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, IdentitySigns, Layer
from dcsc.dictionaries import filters

path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
picture = matplotlib.image.imread(path)[:512:4, :512:4].mean(axis=-1) / 255
picture -= picture.mean()

dictionary = CirculantDictionary(filters.gabor(8, 1, (9, 9)), extent=picture.shape)
model = DCSCModel([Layer(dictionary, HardThreshold(0.6), IdentitySigns())])
(_, code) = model.forward(picture[None])
orientation = np.where(np.abs(code).max(axis=0) > 0, np.abs(code).argmax(axis=0), -1)

figure, axes = plt.subplots(1, 3, layout="constrained", figsize=(10, 3.6))
axes[0].imshow(picture, cmap="gray")
axes[0].set_title("a photograph")
shown = np.ma.masked_less(orientation, 0)
axes[1].imshow(shown, cmap="twilight", vmin=0, vmax=8, interpolation="nearest")
axes[1].set_title(f"the filter that answers most: {np.mean(code != 0):.1%} on")
axes[2].imshow(dictionary.synthesize(code)[0], cmap="gray")
axes[2].set_title("what the active atoms make together")
for ax in axes:
    ax.set_axis_off()
plt.show()

# %%
# How coherent these filters are says why nothing is proved of the whole support: smooth,
# overlapping atoms look alike.

print(f"coherence {dictionary.mutual_coherence():.3f}")
print(f"stripe sparsity {dictionary.stripe_sparsity(code)} of a stripe of {8 * 17 * 17} atoms")
