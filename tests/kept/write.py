"""Certificates that are kept as they were written, so that what they say cannot change unnoticed.

Who changes on purpose what certificates say, or what they are computed from, writes them again::

    python -m tests.kept.write

and says so in the changelog: nobody can verify those in the world any more.
"""

from pathlib import Path

import numpy as np

import dcsc
from dcsc.bounds import Babel, Certificate, LayerInstance, LayerStatistics, UniformBound

FOLDER = Path(__file__).parent


def numbers():
    return LayerStatistics(
        coherence=0.0625, x_min=4, x_max=4.5, sparsity=2, noise=0.5, n_atoms=64, threshold=1.25,
        n_samples=3, gain=(0.75, 1.25), babel=Babel({1: 0.0625}, {1: 0.00390625}), stripe_size=6,
        patch_sparsity=4, channel_size=8, n_stripes=32, containing=5,
    )  # fmt: skip


def filters():
    """Atoms whose products are exact in any order, so that no machine rounds them otherwise."""
    taps = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.5, -0.5], [-0.5, 0.5]]], np.float32)
    dictionary = dcsc.ToeplitzDictionary(taps, extent=6, stride=2, padding=1)
    signs = np.where(np.arange(8).reshape(2, 4) % 3, 1.0, -1.0)
    code = np.zeros((2, 4))
    code[0, 1], code[1, 2] = 1, -1.25
    selection = dcsc.HardThreshold(0.25).selection
    return LayerInstance(
        dcsc.SignedDictionary(dictionary, signs), code, noise=0.015625, selection=selection, x_min=1
    )


def numbers_of_one():
    """Where everything is 1, nothing may go without saying."""
    return LayerStatistics(
        coherence=1, x_min=1, x_max=1, sparsity=1, noise=1, n_atoms=1, threshold=1, n_samples=1,
        babel=Babel({1: 1}, {1: 1}), stripe_size=1, patch_sparsity=1, channel_size=1, n_stripes=1,
        containing=1, nonnegative=True, measured=True,
    )  # fmt: skip


def filters_of_one():
    dictionary = dcsc.ToeplitzDictionary([[[1]]], extent=1)
    return LayerInstance(dictionary, [[1]], 1, noise=1, x_min=1)


KEPT = {record.__name__: record for record in (numbers, filters, numbers_of_one, filters_of_one)}

if __name__ == "__main__":
    for name, record in KEPT.items():
        Certificate.of(UniformBound().evaluate(record())).write(FOLDER / name)
