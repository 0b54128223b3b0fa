"""A dictionary of patches that scikit-learn has learnt."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import MiniBatchDictionaryLearning

import dcsc

images = load_digits().images[:200] / 16
patches = images.reshape(len(images), 64) - images.mean(axis=0).ravel()
learner = MiniBatchDictionaryLearning(
    n_components=32, alpha=0.2, max_iter=20, transform_algorithm="omp", random_state=0
)
learner.fit(patches)

# scikit-learn has atoms in rows and codes times atoms, dcsc atoms in columns.
dictionary = dcsc.DenseDictionary(learner.components_.T)
codes = learner.transform(patches)
same = np.allclose(dictionary.synthesize(codes), codes @ learner.components_)

# As filters: every patch of a larger image has these atoms.
filters = learner.components_.reshape(-1, 1, 8, 8)
convolutional = dcsc.CirculantDictionary(filters, (16, 16)).normalized()
pair = dictionary.mutual_coherence(), convolutional.mutual_coherence()
print(f"coherence {pair[0]:.2f}, with all shifts {pair[1]:.2f}")
