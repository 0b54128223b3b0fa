"""A dictionary of one's own: two shapes and two hooks."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy.fft

from dcsc import Dictionary


@attrs.frozen
class SpikesAndWaves(Dictionary):
    """Every sample, and every cosine of the orthonormal DCT-II, is an atom.

    Parameters
    ----------
    length : int
        Number of samples of a signal ``(1, length)``; codes have shape ``(2, length)``, the spikes
        first.

    References
    ----------
    After D. L. Donoho and X. Huo, *Uncertainty principles and ideal atomic decomposition*, IEEE
    Trans. Inf. Theory 47, 2001, with cosines instead of complex waves.

    Examples
    --------
    >>> dictionary = SpikesAndWaves(64)
    >>> spike_and_wave = np.zeros(dictionary.code_shape)
    >>> spike_and_wave[0, 10] = spike_and_wave[1, 3] = 1
    >>> dictionary.synthesize(spike_and_wave).shape
    (1, 64)
    >>> round(dictionary.mutual_coherence(), 3)  # about sqrt(2/64): no two atoms are much alike
    0.177
    >>> from dcsc.testing import check_dictionary
    >>> check_dictionary(dictionary)
    """

    length: int

    @property
    def signal_shape(self) -> tuple[int, ...]:
        return (1, self.length)

    @property
    def code_shape(self) -> tuple[int, ...]:
        return (2, self.length)

    def _synthesize(self, codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        spikes, waves = codes[:, :1], codes[:, 1:]
        signals: npt.NDArray[Any] = spikes + scipy.fft.idct(waves, norm="ortho")
        return signals

    def _analyze(self, signals: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([signals, scipy.fft.dct(signals, norm="ortho")], axis=1)
