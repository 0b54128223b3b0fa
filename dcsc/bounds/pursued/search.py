"""Vectors that may be dual certificates of a code, and how far they are from being one."""

import math
import time

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.errors import TooLargeError

__all__ = ["dual_vector", "least_norm", "reach_of"]

_MOST = 2**13
_ROUNDS = 12
_PIN = 0.95
_OVERLAP = 0.5
# Of a support, what is orthogonal to its other atoms is rounding below this share of the largest.
_DEPENDENT = 1e-10
_SHARES = (1e-1, 1e-2, 1e-4, 1e-6, 1e-8)


def _least_eigenvalue(dictionary: Dictionary, atoms: Array) -> float | None:
    """Return a lower bound of the least eigenvalue of G_TT, or None if it may be 0."""
    if not len(atoms):
        return 1.0
    if len(atoms) > _MOST:
        raise TooLargeError(
            f"a support of {len(atoms)} atoms: expected at most {_MOST}, whose Gram matrix is "
            "decomposed"
        )
    gram = dictionary.gram_rows(atoms)[:, atoms].toarray()
    # Gershgorin's circles are cheap, and enough where atoms hardly meet.
    diagonal = np.diag(gram)
    least = float((2 * diagonal - np.abs(gram).sum(axis=1)).min())
    if least < 0.1 * diagonal.min():
        # Otherwise what can be taken off the diagonal so that all pivots stay positive.
        size = len(atoms) * (len(atoms) + 1)
        rounding = size * float(np.finfo(np.float64).eps) * float(diagonal.max())
        shifts = (float(share * diagonal.max()) for share in _SHARES)
        least = next((shift for shift in shifts if _is_positive(gram, shift)), 0.0) - rounding
    return least if least > _DEPENDENT * diagonal.max() else None


def reach_of(dictionary: Dictionary, code: Array, vector: Array | None) -> float | None:
    """Return the left side of the condition of a dual certificate; None if atoms are dependent."""
    support = code != 0
    atoms = np.flatnonzero(support)
    least = _least_eigenvalue(dictionary, atoms)
    if least is None or vector is None:
        return None
    seen = dictionary.analyze(vector)
    off = float(np.abs(seen[~support]).max(initial=0.0))
    missed = float(np.abs(seen - np.sign(code))[support].max(initial=0.0))
    largest = float(dictionary.atom_norms().max(initial=0.0))
    return off + math.sqrt(len(atoms)) * largest / math.sqrt(least) * missed


def _is_positive(gram: Array, shift: float) -> bool:
    try:
        np.linalg.cholesky(gram - shift * np.eye(len(gram)))
    except np.linalg.LinAlgError:
        return False
    return True


def least_norm(dictionary: Dictionary, code: Array) -> Array | None:
    r"""Return :math:`A_T G_{TT}^{-1} s`, or None if the atoms are dependent."""
    atoms = np.flatnonzero(code)
    solved = _solved(dictionary, atoms, np.sign(code.ravel()[atoms]))
    return None if solved is None else _synthesized(dictionary, atoms, solved)


def dual_vector(dictionary: Dictionary, code: Array, seconds: float) -> Array:
    """Return the vector of the smallest correlations off the support that a search comes to."""
    end = time.perf_counter() + seconds
    atoms = np.flatnonzero(code)
    signs = np.sign(code.ravel()[atoms])
    pinned: dict[int, float] = {}
    best, least = np.zeros(tuple(dictionary.signal_shape)), math.inf
    for _ in range(_ROUNDS):
        # The least p with A_Tᵀ p = s and the pins: a combination of the atoms of both.
        fixed = np.array(sorted(pinned), dtype=np.intp)
        wanted = np.concatenate([signs, [pinned[k] for k in fixed.tolist()]])
        solved = _solved(dictionary, np.concatenate([atoms, fixed]), wanted)
        if solved is None:
            break
        pulls = solved[len(atoms) :]
        wrong = {int(k) for k, c in zip(fixed, pulls, strict=True) if c * pinned[int(k)] > 0}
        if wrong:
            # A pin that holds p up rather than down is not needed.
            for k in wrong:
                del pinned[k]
            if time.perf_counter() > end:
                break
            continue
        vector = _synthesized(dictionary, np.concatenate([atoms, fixed]), solved)
        seen = dictionary.analyze(vector).ravel()
        seen[atoms] = 0
        reached = float(np.abs(seen).max(initial=0.0))
        if reached < least:
            best, least = vector, reached
        if reached < 1 or time.perf_counter() > end:
            break
        pinned |= _pins(dictionary, seen, set(pinned))
    return best


def _pins(dictionary: Dictionary, seen: Array, pinned: set[int]) -> dict[int, float]:
    """Return the worst violators with their pins, no two of which overlap much."""
    violators = np.flatnonzero(np.abs(seen) >= 1)
    violators = violators[np.argsort(-np.abs(seen[violators]), kind="stable")]
    rows = dictionary.gram_rows(violators)
    norms = dictionary.atom_norms().ravel()
    blocked = np.zeros(len(seen), dtype=bool)
    chosen: dict[int, float] = {}
    for number, k in enumerate(violators.tolist()):
        if blocked[k] or k in pinned:
            continue
        chosen[k] = math.copysign(_PIN, seen[k])
        part = slice(rows.indptr[number], rows.indptr[number + 1])
        near = rows.indices[part]
        blocked[near[np.abs(rows.data[part]) > _OVERLAP * norms[k] * norms[near]]] = True
    return chosen


def _solved(dictionary: Dictionary, atoms: Array, wanted: Array) -> Array | None:
    """Return what makes A_Tᵀ A_T c the numbers that are wanted, or None if that has no solution."""
    if not len(atoms):
        return np.zeros(0)
    gram = dictionary.gram_rows(atoms)[:, atoms].tocsc()
    try:
        factor = scipy.sparse.linalg.splu(gram)
    except RuntimeError:  # it is singular
        return None
    solved: Array = factor.solve(wanted)
    # one step of refinement, which leaves rounding of the right sides alone
    solved += factor.solve(wanted - gram @ solved)
    return solved if np.isfinite(solved).all() else None


def _synthesized(dictionary: Dictionary, atoms: Array, values: Array) -> Array:
    code = np.zeros(math.prod(dictionary.code_shape))
    code[atoms] = values
    return dictionary.synthesize(code.reshape(tuple(dictionary.code_shape)))
