"""
Latents of a sparse autoencoder that are alike
==============================================

A sparse autoencoder has many more latents than dimensions. Those that point nearly the same way
are taken for each other, whatever the encoder does. This one is made here, in the files of
SAELens, with some latents that split one direction among them.
"""

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from safetensors.numpy import save_file

from dcsc import networks

rng = np.random.default_rng(0)
atoms = rng.normal(size=(512, 64))
atoms[400:] = atoms[rng.integers(0, 100, 112)] + rng.normal(size=(112, 64))
atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
tensors = {
    "W_enc": np.ascontiguousarray(atoms.T, np.float32),
    "W_dec": atoms.astype(np.float32),
    "b_enc": np.zeros(512, np.float32),
    "b_dec": np.zeros(64, np.float32),
    "threshold": np.full(512, 0.5, np.float32),
}
with tempfile.TemporaryDirectory() as place:
    save_file(tensors, Path(place, "sae_weights.safetensors"))
    about = {"architecture": "jumprelu", "d_in": 64, "d_sae": 512, "apply_b_dec_to_input": False}
    Path(place, "cfg.json").write_text(json.dumps(about))
    model = networks.load_autoencoder(place)

# %%
# Every pair of latents of the decoder, and the pair that is most alike.

gram = np.abs(model.decoder.gram_rows(np.arange(512)).toarray())
pairs = gram[np.triu_indices(512, 1)]
figure, axes = plt.subplots(layout="constrained", figsize=(8, 3.6))
axes.hist(pairs, bins=80, log=True)
axes.axvline(model.decoder.welch_floor(), color="black", ls="--", label="Welch floor")
axes.axvline(model.decoder.mutual_coherence(), color="C1", label="coherence")
axes.set(xlabel="correlation of two latents", ylabel="pairs")
axes.legend()
plt.show()

# %%
# Latents that split a direction are found by the closest pair.

print(model.decoder.coherent_pair())
