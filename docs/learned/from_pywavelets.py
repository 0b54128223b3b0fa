"""The wavelet basis of PyWavelets, and what of it is active in a signal."""

import numpy as np
import pywt

import dcsc
from dcsc.dictionaries import filters

signal = np.cumsum(np.random.default_rng(0).standard_normal(128))
dictionary = dcsc.CirculantDictionary(filters.wavelets("db4", level=3), 128, stride=8)
code = dictionary.analyze(signal[None])
same = np.allclose(dictionary.synthesize(code), signal)

# Both have the same coefficients, each level counted from elsewhere.
bands = pywt.wavedec(signal, "db4", mode="periodization", level=3)
energies = np.square(code).sum(), np.square(np.concatenate(bands)).sum()
print(f"energies {energies[0]:.1f} and {energies[1]:.1f}")
