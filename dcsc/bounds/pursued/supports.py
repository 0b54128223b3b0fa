"""One support T: what least squares on it makes of noise, and of the atoms beside it."""

import math
from collections.abc import Iterator
from typing import Self

import attrs
import numpy as np
import scipy.linalg
import scipy.sparse

from dcsc._arrays import Array
from dcsc.bounds.records import LayerInstance
from dcsc.dictionaries import Dictionary
from dcsc.errors import TooLargeError

__all__ = ["Support", "columns_of", "seen_of_noise"]

_MOST = 2**13
_BLOCK_ENTRIES = 2**22
# Of an atom, what is orthogonal to the others is rounding below this share of its energy.
_DEPENDENT = 1e-10


@attrs.frozen(eq=False)
class Support:
    r"""The atoms T of a column, and :math:`H_j = G_{TT}^{-1} G_{T,j}` for the atoms j beside them.

    Parameters
    ----------
    atoms : int array of shape (t,)
    inverse : array of shape (t, t)
        :math:`G_{TT}^{-1}`.
    beside : int array of shape (m,)
        Atoms off T that meet one of T; of all others H is 0.
    between : sparse array of shape (t, m)
        :math:`G_{T,j}` of these.
    norms, others : array
        Norms of the atoms of T, and of those beside.
    """

    atoms: Array
    inverse: Array
    beside: Array
    between: scipy.sparse.csc_array
    norms: Array
    others: Array

    @classmethod
    def of(cls, dictionary: Dictionary, atoms: Array) -> Self | None:
        """Return the support of these atoms, or None if they are not independent."""
        if len(atoms) > _MOST:
            raise TooLargeError(
                f"a support of {len(atoms)} atoms: expected at most {_MOST}, whose Gram matrix is "
                "inverted: BasisPursuitBound and MatchingBound ask for its sparsity alone"
            )
        rows = dictionary.gram_rows(atoms)
        inside = rows[:, atoms].toarray()
        try:
            factor = np.linalg.cholesky(inside) if len(atoms) else inside
        except np.linalg.LinAlgError:
            return None
        if (np.diag(factor) ** 2 <= _DEPENDENT * np.diag(inside)).any():
            return None
        inverse = (
            scipy.linalg.cho_solve((factor, True), np.eye(len(atoms))) if len(atoms) else inside
        )
        beside = np.setdiff1d(rows.indices, atoms)
        norms = dictionary.atom_norms().ravel()
        return cls(atoms, inverse, beside, rows[:, beside].tocsc(), norms[atoms], norms[beside])

    def reach(self, unit: bool) -> Array:
        r"""Return :math:`\|H_j\|_1` for the atoms beside, or those of atoms of norm 1."""
        left = self.norms if unit else np.ones(len(self.norms))
        right = self.others if unit else np.ones(len(self.others))
        block = max(1, _BLOCK_ENTRIES // max(len(self.atoms), 1))
        parts = [
            left @ np.abs(self.inverse @ self.between[:, at : at + block].toarray())
            for at in range(0, len(self.beside), block)
        ]
        return np.concatenate([*parts, np.zeros(0)]) / np.where(right > 0, right, np.inf)

    def response(self, unit: bool) -> Array:
        r"""Return the row sums of :math:`|G_{TT}^{-1}|`, or those of atoms of norm 1."""
        sums: Array = np.abs(self.inverse) @ (self.norms if unit else np.ones(len(self.norms)))
        return sums * self.norms if unit else sums

    def pulled(self, signs: Array) -> tuple[Array, Array]:
        r"""Return :math:`G_{TT}^{-1} s` and, for the atoms beside, :math:`H_j^T s`."""
        solved = self.inverse @ signs
        return solved, self.between.T @ solved


def columns_of(layer: LayerInstance) -> Iterator[tuple[Array, Support | None]]:
    """Yield the code on its support T, and what there is to know of T, for each column."""
    flat = layer.codes.reshape(-1, math.prod(layer.dictionary.code_shape)).astype(np.float64)
    for code in flat:
        atoms = np.flatnonzero(code)
        yield code[atoms], Support.of(layer.dictionary, atoms)


def seen_of_noise(layer: LayerInstance, level: float, unit: bool) -> float:
    """Return the most that an atom, or one of norm 1 along it, sees of the error entering."""
    norms = layer.dictionary.atom_norms()
    if isinstance(layer.noise, np.ndarray):
        seen = np.abs(layer.dictionary.analyze(layer.noise.astype(np.float64)))
        seen = seen / np.where(norms > 0, norms, np.inf) if unit else seen
        return float(seen.max(initial=0.0))
    return level if unit else float(norms.max(initial=0.0)) * level
