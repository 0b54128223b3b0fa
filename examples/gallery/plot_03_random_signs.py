r"""
Why random signs help
=====================

The coefficient of an inactive atom is what all active ones leave there, :math:`\sum_j
\varepsilon_j G_{kj} x_j`. If all terms have one sign, it grows like :math:`\mu S`. With random
signs the same sum is a random walk, and grows like :math:`\mu \sqrt{S}`. That is the whole step
from sparsity of order :math:`\mu^{-1}` to :math:`\mu^{-2}`.
"""

import matplotlib.pyplot as plt
import numpy as np

coherence = 0.01
steps = np.arange(1, 1001)
rng = np.random.default_rng(0)
walks = np.cumsum(rng.choice([-1, 1], (200, len(steps))), axis=1) * coherence

figure, axes = plt.subplots(layout="constrained", figsize=(8, 4))
axes.plot(steps, walks.T, color="C0", lw=0.5, alpha=0.25)
axes.plot(steps, coherence * steps, color="C1", lw=2, label="worst case, µ S")
axes.plot(
    steps, coherence * np.sqrt(2 * steps * np.log(2 / 1e-6)), color="C2", lw=2,
    label="exceeded once in 10⁶ draws at most",
)  # fmt: skip
axes.axhline(0.5, color="black", ls="--", label="threshold")
axes.set(
    xlabel="active atoms S", ylabel="coefficient of an inactive atom", ylim=(-1, 2), xlim=(0, 1000)
)
axes.legend()
plt.show()

# %%
# The worst case crosses the threshold at 50 active atoms. At three times as many, hardly a walk
# has:

print(f"{np.sum(np.abs(walks[:, 149]) > 0.5)} of 200 walks are above the threshold at S = 150")
