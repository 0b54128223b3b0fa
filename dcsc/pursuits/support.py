"""A support that grows by an atom at a time, with the least squares on it."""

import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.pursuits.ranking import Ranking

__all__ = ["Support"]

# Gram rows are fetched together with those of the atoms that are likely to follow.
_TOGETHER = 64
# Of an atom of norm 1, what is orthogonal to the support is rounding below the square root of this.
_DEPENDENT = 1e-13


class Support:
    """Atoms T in the order in which they came, and x_T with ``A_Tᵀ(y − A_T x_T) = 0``.

    Parameters
    ----------
    operator : Dictionary
    ranking : Ranking
        Of Aᵀy; it becomes that of Aᵀ(y − A_T x_T) as the support grows.
    """

    def __init__(self, operator: Dictionary, ranking: Ranking) -> None:
        self.atoms: list[int] = []
        self.code = np.zeros(0)
        self.ranking, self._operator = ranking, operator
        self._rows: dict[int, tuple[Array, Array]] = {}
        self._place = np.full(len(ranking.left), -1)
        # The Cholesky factor of G_TT, the leading part of a square that grows.
        self._factor = np.zeros((_TOGETHER, _TOGETHER), order="F")

    def add(self, atom: int) -> bool:
        """Take one more atom; return whether it is independent of those in the support."""
        columns, row = self._row(atom)
        size = len(self.atoms)
        # G_T,k = L w, and d² = G_kk − |w|² is what the others do not make of the atom.
        products = np.zeros(size)
        at = self._place[columns]
        products[at[at >= 0]] = row[at >= 0]
        own = float(row[columns == atom].sum())
        w = self._solved(products, transposed=False)
        rest = own - float(w @ w)
        if rest <= _DEPENDENT * own:
            return False
        self._grow(w, np.sqrt(rest))
        self._place[atom] = size
        self.atoms.append(atom)
        # The new coefficient is ⟨a_k, r⟩ / d²; the others give way by G_TT⁻¹ G_T,k times it.
        left = self.ranking.left
        change = np.append(-self._solved(w, transposed=True), 1.0) * (left[atom] / rest)
        self.code = np.append(self.code, 0.0) + change
        moved = [(change[j], *self._rows[self.atoms[j]]) for j in np.flatnonzero(change)]
        for delta, columns, row in moved:
            left[columns] -= delta * row
        self.ranking.leave_out(atom)
        self.ranking.update(np.concatenate([columns for _, columns, _ in moved]))
        return True

    def solve(self, coefficients: Array) -> None:
        """Solve for x_T once more, without what rounding has added up to, from Aᵀy."""
        w = self._solved(coefficients[self.atoms], transposed=False)
        self.code = self._solved(w, transposed=True)

    def _solved(self, right: Array, transposed: bool) -> Array:
        """Return L⁻¹ or L⁻ᵀ times an array."""
        size = len(right)
        if not size:
            return right
        factor = self._factor[:size, :size]
        solved, _ = scipy.linalg.lapack.dtrtrs(factor, right, lower=1, trans=int(transposed))
        return np.asarray(solved).reshape(size)

    def _grow(self, w: Array, diagonal: float) -> None:
        size = len(w)
        if size == len(self._factor):
            larger = np.zeros((2 * size, 2 * size), order="F")
            larger[:size, :size] = self._factor
            self._factor = larger
        self._factor[size, :size] = w
        self._factor[size, size] = diagonal

    def _row(self, atom: int) -> tuple[Array, Array]:
        """Return where and what a row of the Gram matrix is."""
        if atom not in self._rows:
            likely = self.ranking.candidates(_TOGETHER)
            wanted = [atom, *(k for k in likely if k != atom and k not in self._rows)]
            rows = self._operator.gram_rows(wanted)
            for number, k in enumerate(wanted):
                part = slice(rows.indptr[number], rows.indptr[number + 1])
                self._rows[k] = rows.indices[part], rows.data[part]
        return self._rows[atom]
