"""A support that grows by an atom at a time, with the least squares on it."""

import numpy as np
from scipy.linalg.lapack import dtrtrs

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary

__all__ = ["Support"]

# Gram rows are fetched together with those of the atoms that are likely to follow.
_TOGETHER = 32
# Of an atom of norm 1, what is orthogonal to the support is rounding below the square root of this.
_DEPENDENT = 1e-13


class Support:
    """Atoms T in the order in which they came, and x_T with ``A_Tᵀ(y − A_T x_T) = 0``.

    Parameters
    ----------
    operator : Dictionary
    left : array of shape (atoms of the dictionary,)
        Aᵀy; it is changed to Aᵀ(y − A_T x_T) as the support grows.
    """

    def __init__(self, operator: Dictionary, left: Array) -> None:
        self.atoms: list[int] = []
        self.code = np.zeros(0)
        self._operator, self._left = operator, left
        self._rows: dict[int, tuple[Array, Array]] = {}
        self._place = np.full(len(left), -1)
        # The Cholesky factor of G_TT, the leading part of a square that grows.
        self._factor = np.zeros((_TOGETHER, _TOGETHER), order="F")

    def add(self, atom: int, likely: Array) -> bool:
        """Take one more atom; return whether it is independent of those in the support.

        ``likely`` says of every atom how likely it follows.
        """
        columns, row = self._row(atom, likely)
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
        change = np.append(-self._solved(w, transposed=True), 1.0) * (self._left[atom] / rest)
        self.code = np.append(self.code, 0.0) + change
        for j in np.flatnonzero(change):
            columns, row = self._rows[self.atoms[j]]
            self._left[columns] -= change[j] * row
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
        solved, _ = dtrtrs(factor, right, lower=1, trans=int(transposed))
        return np.asarray(solved).reshape(size)

    def _grow(self, w: Array, diagonal: float) -> None:
        size = len(w)
        if size == len(self._factor):
            larger = np.zeros((2 * size, 2 * size), order="F")
            larger[:size, :size] = self._factor
            self._factor = larger
        self._factor[size, :size] = w
        self._factor[size, size] = diagonal

    def _row(self, atom: int, likely: Array) -> tuple[Array, Array]:
        """Return where and what a row of the Gram matrix is."""
        if atom not in self._rows:
            count = min(_TOGETHER, len(likely))
            chosen = np.argpartition(likely, -count)[-count:]
            wanted = [atom, *(int(k) for k in chosen if k != atom and int(k) not in self._rows)]
            rows = self._operator.gram_rows(wanted)
            for number, k in enumerate(wanted):
                part = slice(rows.indptr[number], rows.indptr[number + 1])
                self._rows[k] = rows.indices[part], rows.data[part]
        return self._rows[atom]
