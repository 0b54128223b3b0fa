"""Pursuits of small matrices by other means than dcsc's, and the noise that hurts them most."""

import numpy as np
from scipy.optimize import linprog

from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters

__all__ = [
    "adversary",
    "any_dictionary",
    "greedy",
    "least",
    "matrix_of",
    "small_dictionary",
    "sparse_code",
]


def matrix_of(dictionary):
    """Return A, whose columns are the atoms in the order of flat indices."""
    atoms = np.eye(np.prod(dictionary.code_shape)).reshape(-1, *dictionary.code_shape)
    return dictionary.synthesize(atoms).reshape(len(atoms), -1).T


def least(matrix, signal, penalty):
    """Return what makes ½‖y − Ax‖² + λ‖x‖₁ least, by coordinate descent, with its conditions."""
    gram, seen = matrix.T @ matrix, matrix.T @ signal
    code, norms = np.zeros(len(seen)), np.diag(gram)
    for _ in range(20000):
        before = code.copy()
        for k in np.flatnonzero(norms):
            pull = seen[k] - gram[k] @ code + norms[k] * code[k]
            code[k] = np.sign(pull) * max(abs(pull) - penalty, 0) / norms[k]
        if np.abs(code - before).max() <= 1e-15 * max(np.abs(code).max(), 1e-300):
            break
    slope = matrix.T @ (signal - matrix @ code)
    room = 1e-9 * max(np.abs(seen).max(), penalty)
    assert np.abs(slope).max() <= penalty + room
    assert np.abs(slope - penalty * np.sign(code))[code != 0].max(initial=0) <= room
    return code


def adversary(matrix, support, atom, eps):
    """Return the noise that no atom sees more than ε of, and one most, beside the support.

    It is the one of the largest ⟨a_j, (I − P_T) v⟩.
    """
    inside = matrix[:, support]
    beside = matrix[:, atom] - inside @ np.linalg.lstsq(inside, matrix[:, atom], rcond=None)[0]
    rows, limits = np.vstack([matrix.T, -matrix.T]), np.full(2 * matrix.shape[1], eps)
    solved = linprog(-beside, A_ub=rows, b_ub=limits, bounds=(-10 * eps, 10 * eps))
    return solved.x


def any_dictionary(rng, atoms=12, spread=20.0):
    """Return atoms of norms near 1, the more alike the less they spread."""
    columns = rng.standard_normal((40, atoms)) + np.eye(40, atoms) * rng.uniform(0, spread)
    scale = np.linalg.norm(columns, axis=0) * rng.uniform(0.9, 1.1, atoms)
    return DenseDictionary(columns / scale)


def small_dictionary(rng):
    """Return at most 30 atoms of low coherence: on a circle, cut by the ends of a line, or any."""
    kind = rng.integers(3)
    if kind == 0:
        return CirculantDictionary(filters.gaussian(3, int(rng.integers(8, 30)), 3, rng=rng), 8)
    if kind == 1:
        bank = filters.gaussian(2, int(rng.integers(8, 30)), 3, rng=rng)
        bank[:, :, 0] *= 0.2
        return ToeplitzDictionary(bank / 1.1, 8, padding=1)
    columns = rng.standard_normal((60, 12)) + np.eye(60, 12) * rng.uniform(0, 30)
    return DenseDictionary(columns / np.linalg.norm(columns, axis=0) * rng.uniform(0.9, 1, 12))


def sparse_code(dictionary, count, rng):
    """Return a code of so many entries from 1 to a thousand, of both signs."""
    code = np.zeros(dictionary.code_shape)
    places = rng.choice(code.size, count, replace=False)
    code.flat[places] = rng.choice([-1.0, 1.0], count) * 10 ** rng.uniform(0, 3, count)
    return code


def greedy(matrix, signal, level):
    """Return the support that matching pursuit ends with, by least squares in every step."""
    support, rest = [], signal
    while np.abs(matrix.T @ rest).max() > level and len(support) < matrix.shape[1]:
        support.append(int(np.abs(matrix.T @ rest).argmax()))
        inside = matrix[:, support]
        rest = signal - inside @ np.linalg.lstsq(inside, signal, rcond=None)[0]
    return np.sort(support)
