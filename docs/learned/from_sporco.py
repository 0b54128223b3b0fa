"""Filters that SPORCO has learnt."""

import numpy as np
from sklearn.datasets import load_digits
from sporco.dictlrn.cbpdndl import ConvBPDNDictLearn

import dcsc

images = load_digits().images[:3] / 16
images -= images.mean()
start = np.random.default_rng(0).standard_normal((4, 4, 6))
options = ConvBPDNDictLearn.Options({"MaxMainIter": 15})
learner = ConvBPDNDictLearn(start, np.moveaxis(images, 0, -1), 0.05, options, dimK=1, dimN=2)

# SPORCO has the filters on the last of five axes, before it the images, then the channels.
learner.solve()
filters = np.moveaxis(learner.getdict()[:, :, :, 0], (3, 2), (0, 1))
codes = np.moveaxis(learner.getcoef()[:, :, 0], (2, 3), (0, 1))

# It works on a circle, and its filters begin at the position of their code.
dictionary = dcsc.CirculantDictionary(filters, images.shape[1:])
rebuilt = np.moveaxis(learner.reconstruct()[:, :, :, :, 0], (3, 2), (0, 1))
same = np.allclose(dictionary.synthesize(codes), rebuilt)
print(f"coherence {dictionary.mutual_coherence():.2f}")
