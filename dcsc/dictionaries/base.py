"""What a dictionary is."""

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import Array, Shape, as_batch, flat_indices, integer, numeric_array
from dcsc.dictionaries import gram
from dcsc.dictionaries.maps import LinearMap
from dcsc.dictionaries.pairs import AtomPair
from dcsc.dictionaries.windows import Windows

__all__ = ["Dictionary"]

_BLOCK_ENTRIES = 2**22


class Dictionary(LinearMap):
    r"""The linear map A from codes to signals; its columns are the atoms.

    A subclass supplies the shapes ``signal_shape`` and ``code_shape``, as class attributes or
    properties, and the hooks ``_synthesize`` and ``_analyze``; everything else then works, by
    exact defaults that walk through all atoms and refuse to where that is too much.

    Laws, for all codes x, x' and signals y:

    - linear: A(αx + x') = αAx + Ax', and likewise Aᵀ
    - adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩
    - batch-invariant: each element of a batch is mapped as if alone
    - dtype kept: the result has dtype ``np.result_type(filters, input)``
    - inputs are left as they were

    Arrays have shape ``(*batch, *code_shape)`` or ``(*batch, *signal_shape)``, with any number of
    batch axes. Integers and booleans are converted; complex numbers, NaN and infinity are refused.
    """

    # ---- measures of the atoms ---------------------------------------------------------------

    def atom_norms(self) -> Array:
        """Return the ℓ2 norm of every atom, float64 of shape ``code_shape``."""
        return self._atom_norms()

    def mutual_coherence(self) -> float:
        """Return μ, the largest cosine between two distinct atoms.

        ``max |⟨a, b⟩| / (|a| |b|)``; an atom and its own shifts are distinct. Atoms below 1e-12 of
        the largest norm are left out; with fewer than two others the result is 0.
        """
        return self._most_coherent().value

    def coherent_pair(self) -> AtomPair | None:
        """Return two distinct atoms whose cosine is the coherence; None if all are orthogonal.

        Its ``value`` is ``⟨a, b⟩ / (|a| |b|)`` with its sign, of which `mutual_coherence` is the
        size; ``filters`` and ``offset`` tell which two filters, and how far one is shifted.
        """
        entry = self._most_coherent()
        if entry.value == 0:
            return None
        inner = self.gram_rows([entry.row])[0, entry.column]
        return self._pair(attrs.evolve(entry, value=math.copysign(entry.value, inner)))

    def _pair(self, entry: gram.Entry) -> AtomPair:
        shape = tuple(self.code_shape)
        return AtomPair.of(self.stripes, self.patches, shape, entry.row, entry.column, entry.value)

    def correlated_pair(self) -> AtomPair | None:
        """Return two distinct atoms whose inner product is the largest; None if all are 0.

        Its ``value`` is ``⟨a, b⟩`` with its sign, of which ``babel(1)`` is the size.
        """
        entry = gram.largest_entry(self._gram_blocks())
        return None if entry.value == 0 else self._pair(entry)

    @property
    def dead_filters(self) -> tuple[int, ...]:
        """The filters that are zero, whose atoms make nothing and see nothing."""
        norms = self.atom_norms()
        live = norms.reshape(len(norms), -1).any(axis=1)
        return tuple(np.flatnonzero(~live).tolist())

    def babel(self, sparsity: int) -> float:
        """Return μ₁(S), the largest sum of S off-diagonal ``|G_kj|`` of one row of G = AᵀA.

        ``babel(1)`` is max ``|G_kj|``, the μ of the theorems where atoms are not of unit norm;
        ``babel(0)`` is 0, and where a row has fewer than S entries, what exists is summed.
        (Tropp, "Greed is good", 2004.)
        """
        where = f"{type(self).__name__}.babel: sparsity"
        return self._babel(integer(sparsity, where, minimum=0), power=1)

    def babel_squared(self, sparsity: int) -> float:
        """Return μ₂²(S), the largest sum of S off-diagonal ``G_kj²`` of one row of G = AᵀA."""
        where = f"{type(self).__name__}.babel_squared: sparsity"
        return self._babel(integer(sparsity, where, minimum=0), power=2)

    def welch_floor(self) -> float:
        r"""Return the least coherence that any unit-norm dictionary of this geometry can have.

        With N atoms in dimension m, some row of G has :math:`\sum_{j\ne k} G_{kj}^2 \ge N/m - 1`,
        spread over the stripe: :math:`\mu^2 \ge (N/m - 1) / (|Q| - 1)` (after Welch, 1974).
        """
        excess = math.prod(self.code_shape) / math.prod(self.signal_shape) - 1
        others = self.stripes.size - 1
        return math.sqrt(excess / others) if excess > 0 and others else 0.0

    def gram_rows(self, indices: npt.ArrayLike) -> scipy.sparse.csr_array:
        """Return rows of G = AᵀA, sparse float64 of shape ``(len(indices), prod(code_shape))``.

        Parameters
        ----------
        indices : array_like of int, shape (rows,)
            Flat indices of atoms, C order in ``code_shape``.
        """
        where = f"{type(self).__name__}.gram_rows: indices"
        size = math.prod(self.code_shape)
        array = flat_indices(indices, size, where)
        if array.size == 0:
            return scipy.sparse.csr_array((0, size))
        rows = self._gram_rows(array)
        rows.sum_duplicates()
        return rows

    # ---- geometry ----------------------------------------------------------------------------

    @property
    def stripes(self) -> Windows:
        """Windows on a code: the entries whose atoms can overlap a given atom."""
        return Windows(tuple(self.code_shape))

    @property
    def patches(self) -> Windows:
        """Windows on a signal: the samples that one atom covers."""
        return Windows(tuple(self.signal_shape))

    def stripe_sparsity(self, codes: npt.ArrayLike) -> Any:
        """Return the stripe sparsity of codes ``(*batch, *code_shape)``, an int per batch element.

        ``‖x‖_{0,∞}^Q``, the largest number of non-zeros in one stripe.
        """
        array = self._checked(codes, "codes", self.code_shape)
        return self.stripes.largest_count(array)

    def patch_sparsity(self, signals: npt.ArrayLike) -> Any:
        """Return ``‖y‖_{0,∞}^P``, the largest number of non-zeros in one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``.
        """
        array = self._checked(signals, "signals", self.signal_shape)
        return self.patches.largest_count(array)

    def patch_norm(self, signals: npt.ArrayLike) -> Any:
        """Return ``‖y‖_{2,∞}^P``, the largest ℓ2 norm of one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``. ``|⟨a, y⟩| ≤ |a| ‖y‖_{2,∞}^P`` for any atom.
        """
        array = self._checked(signals, "signals", self.signal_shape)
        return self.patches.largest_norm(array)

    def _checked(self, value: Any, argument: str, shape: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        array = numeric_array(value, where)
        as_batch(array, tuple(shape), where, array.dtype)
        return array

    def normalized(self) -> "Dictionary":
        """Return the dictionary with atoms of unit norm.

        Raises
        ------
        DcscError
            If an atom is zero; the message names it.
        """
        # A door: the only place where the abstract class knows a leaf, which is its default.
        from dcsc.dictionaries.diagonal import NormalizedDictionary  # noqa: PLC0415

        return NormalizedDictionary(self)

    # ---- hooks of the measures ---------------------------------------------------------------

    def _atom_norms(self) -> Array:
        """Return the norms of the atoms, float64 of ``code_shape``."""
        return self._columns.norms()

    def _gram_rows(self, indices: Array) -> scipy.sparse.csr_array:
        """Return the rows of AᵀA at valid flat indices, float64, entries in any order."""
        return self._columns.gram_rows(indices)

    def _most_coherent(self) -> gram.Entry:
        """Return two distinct atoms, not negligible, with the largest absolute cosine, and it."""
        return gram.most_coherent(self._gram_blocks(), self.atom_norms().ravel())

    def _babel(self, sparsity: int, power: int) -> float:
        """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
        return gram.babel(self._gram_blocks(), sparsity, power)

    def _representatives(self) -> Array:
        """Return flat indices of atoms that see, up to moves on the grid, all that any atom sees.

        Every pair of atoms must occur, up to a move, in a row of G of one of them, and no row of
        another atom may hold larger entries than some row of theirs.
        """
        return np.arange(math.prod(self.code_shape))

    def _gram_blocks(self) -> Iterator[gram.Block]:
        """Yield the rows of those atoms without the diagonal, a bounded number at a time."""
        atoms = self._representatives()
        if type(self)._gram_rows is Dictionary._gram_rows:
            self._columns.check("_gram_rows", len(atoms))
        block = max(1, _BLOCK_ENTRIES // min(self.stripes.size, math.prod(self.code_shape)))
        for start in range(0, len(atoms), block):
            some = atoms[start : start + block]
            yield gram.Block.of(some, self.gram_rows(some))
