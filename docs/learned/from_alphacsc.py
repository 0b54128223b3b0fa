"""Filters that alphacsc has learnt."""

import numpy as np
from alphacsc import learn_d_z_multi
from alphacsc.utils.convolution import construct_X_multi

import dcsc

rng = np.random.default_rng(0)
pulse = np.exp(-(np.linspace(-2, 2, 16) ** 2)) * np.array([[1.0], [-0.5]])
trials = 0.05 * rng.standard_normal((4, 2, 160))
for trial in trials:
    for begin in rng.choice(9, 4, replace=False) * 16:
        trial[:, begin : begin + 16] += pulse
_, _, filters, codes, _ = learn_d_z_multi(
    trials, n_atoms=2, n_times_atom=16, n_iter=4, reg=0.1, rank1=False, solver_z="l-bfgs",
    random_state=0, verbose=0,
)  # fmt: skip

# alphacsc's atoms lie in the signal as a whole: a segment without padding. Its codes are positive.
dictionary = dcsc.ToeplitzDictionary(filters, trials.shape[-1])
same = np.allclose(dictionary.synthesize(codes), construct_X_multi(codes, filters))
print(f"coherence {dictionary.mutual_coherence():.2f}")
