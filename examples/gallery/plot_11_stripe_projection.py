r"""
Projecting is not thresholding
==============================

The nearest code with at most :math:`S` non-zeros in every stripe is not found by keeping the
largest entries of each stripe. Stripes overlap: an entry can be among the largest of one stripe,
and cost more than it is worth in another.
"""

import matplotlib.pyplot as plt
import numpy as np

from dcsc import CirculantDictionary, StripeProjection, StripeTopK
from dcsc.dictionaries import filters

dictionary = CirculantDictionary(filters.gaussian(1, 1, 4, rng=0), extent=24)
rng = np.random.default_rng(7)
coefficients = rng.uniform(0.3, 1, dictionary.code_shape)
greedy = StripeTopK(2)(coefficients, dictionary)
nearest = StripeProjection(2)(coefficients, dictionary)

figure, axes = plt.subplots(2, 1, layout="constrained", figsize=(8, 4.4), sharex=True, sharey=True)
for ax, name, code in zip(
    axes, ("largest of every stripe", "nearest code"), (greedy, nearest), strict=True
):
    ax.bar(range(24), coefficients[0], color="0.85", label="coefficients")
    ax.bar(range(24), code[0], color="C0", label="kept")
    error = np.linalg.norm(coefficients - code)
    ax.set(
        title=f"{name}: {np.count_nonzero(code)} kept, at most "
        f"{dictionary.stripe_sparsity(code)} in a stripe, distance {error:.2f}"
    )
axes[1].set(xlabel="position")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()
