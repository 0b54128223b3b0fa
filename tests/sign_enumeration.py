"""The exact failure probability of small models, over all sign patterns, from explicit matrices."""

import math
from fractions import Fraction

import numpy as np

TIE = 1e-9


def circulant(filters, extent):
    """Lay filter i of (n, c, f) at every position p of a circle: rows (c, q), columns (i, p)."""
    n, c, f = np.shape(filters)
    matrix = np.zeros((c, extent, n, extent))
    for i, channel, u, p in np.ndindex(n, c, f, extent):
        matrix[channel, (p + u) % extent, i, p] += filters[i][channel][u]
    return matrix.reshape(c * extent, n * extent)


def toeplitz(filters, extent, padding):
    """Lay filter i at every position between zeros, and cut off what sticks out."""
    n, c, f = np.shape(filters)
    positions = extent + 2 * padding - f + 1
    matrix = np.zeros((c, extent, n, positions))
    for i, channel, u, p in np.ndindex(n, c, f, positions):
        if 0 <= p + u - padding < extent:
            matrix[channel, p + u - padding, i, p] = filters[i][channel][u]
    return matrix.reshape(c * extent, n * positions)


def patterns(count):
    """Return all rows of ``count`` signs."""
    return 1.0 - 2.0 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)


def signed_codes(code):
    """Return the code under all signs of its support, one row each: D x."""
    support = np.flatnonzero(code)
    rows = np.zeros((2 ** len(support), len(code)))
    rows[:, support] = patterns(len(support)) * code[support]
    return rows


def wrong(coefficients, code, threshold):
    """Return where a hard threshold errs; no coefficient may be a tie."""
    sizes = np.abs(coefficients)
    assert np.abs(sizes - threshold).min() > TIE
    return (sizes > threshold) != (code != 0)


def share(failed):
    return Fraction(int(failed.sum()), failed.size)


def failures(matrix, code, threshold, noise=0.0):
    """Return for each sign pattern whether the support is wrong, with a noise that ignores it.

    Signs of the coefficients, ``D Aᵀ(A D x + v)``, do not matter to a hard threshold.
    """
    signals = signed_codes(code) @ matrix.T + noise
    return wrong(signals @ matrix, code, threshold).any(axis=-1)


def failures_under_attack(matrix, code, threshold, level):
    """Return the same for the worst of the noises ±level a_k / |a_k|, chosen after the signs."""
    norms = np.linalg.norm(matrix, axis=0)
    attacks = level * (matrix / norms).T @ matrix
    clean = signed_codes(code) @ matrix.T @ matrix
    failed = np.zeros(len(clean), dtype=bool)
    for attack in (*attacks, *-attacks):
        failed |= wrong(clean + attack, code, threshold).any(axis=-1)
    return failed


def rectified_failure(matrix, code, threshold, level=0.0):
    """Return the exact failure probability of a rectifier, under the worst noise of that level.

    Off the support the sign of each atom is one more fair coin.
    """
    norms = np.linalg.norm(matrix, axis=0)
    rows = signed_codes(code)
    clean = rows @ matrix.T @ matrix
    off = code == 0
    reach = np.abs(clean[:, off]) + level * norms[off]
    kept = (np.sign(rows) * clean)[:, ~off] - level * norms[~off]
    assert min(np.abs(reach - threshold).min(initial=1), np.abs(kept - threshold).min()) > TIE
    escape = 0.5 ** (reach > threshold).sum(axis=1)
    return float(np.where((kept <= threshold).any(axis=1), 1.0, 1.0 - escape).mean())


def spike_on_plateau(taps, coherence, place=0):
    """Return a unit-norm filter whose circular shifts all have the same inner product."""
    a = math.sqrt(1 - coherence)
    plateau = (math.sqrt(a**2 + taps * coherence) - a) / taps
    kernel = np.full(taps, plateau)
    kernel[place] += a
    return kernel.reshape(1, 1, taps)


def equiangular(atoms, coherence, seed):
    """Return a matrix whose atoms have inner products ±coherence, of random signs."""
    signs = np.triu(np.random.default_rng(seed).choice([-1.0, 1.0], (atoms, atoms)), 1)
    return np.linalg.cholesky(np.eye(atoms) + coherence * (signs + signs.T)).T
