"""What a dictionary is."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, flat_indices, integer
from dcsc._numerics.scaling import restored
from dcsc.dictionaries import gram, sums
from dcsc.dictionaries.among import Among
from dcsc.dictionaries.maps import LinearMap
from dcsc.dictionaries.pairs import AtomPair
from dcsc.dictionaries.rows import Near
from dcsc.dictionaries.shown import geometry_and_measures
from dcsc.errors import DcscError

__all__ = ["Dictionary"]

_BLOCK_ENTRIES = 2**20


class Dictionary(LinearMap):
    r"""The linear map A from codes to signals; its columns are the atoms.

    A subclass supplies the shapes ``signal_shape`` and ``code_shape``, as class attributes or
    properties, and the hooks ``_synthesize`` and ``_analyze``; everything else then works, by exact
    defaults that go through all atoms, and refuse to if there are too many.

    Laws, for all codes x, x' and signals y:

    - linear: A(αx + x') = αAx + Ax', and likewise Aᵀ
    - adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩
    - batch-invariant: each element of a batch is mapped as if alone
    - dtype kept: the result has dtype ``np.result_type(filters, input)``
    - inputs are left as they were
    - a sparse array is mapped, and counted, as the array that it stands for

    Arrays have shape ``(*batch, *code_shape)`` or ``(*batch, *signal_shape)``, with any number of
    batch axes. Integers and booleans are converted; complex numbers, NaN and infinity are refused.
    They may also be sparse arrays of SciPy, such as a ``coo_array`` of as many axes; entries of it
    at the same place are added up.

    >>> import scipy.sparse
    >>> from dcsc import CirculantDictionary
    >>> code = scipy.sparse.coo_array(([1.0, 2.0, 3.0], ([0, 0, 0], [1, 1, 3])), shape=(1, 4))
    >>> CirculantDictionary([[[1.0, 0.5]]], extent=4).synthesize(code)
    array([[1.5, 3. , 1.5, 3. ]])
    """

    # ---- measures of the atoms ---------------------------------------------------------------

    def atom_norms(self) -> Array:
        """Return the ℓ2 norm of every atom, float64 of shape ``code_shape``."""
        norms = self._atom_norms()
        if not np.isfinite(norms).all():
            raise DcscError(f"{type(self).__name__}: expected atoms whose norms a float can hold")
        return norms

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
        return self._pair(entry, entry.value)

    def correlated_pair(self) -> AtomPair | None:
        """Return two distinct atoms whose inner product is the largest; None if all are 0.

        Its ``value`` is ``⟨a, b⟩`` with its sign, of which ``babel(1)`` is the size.
        """
        entry = self._most_correlated()
        with _in_range(self, "correlated_pair"):
            return self._pair(entry, restored(entry.value, 2 * self._scale()))

    def _pair(self, entry: gram.Entry, value: float) -> AtomPair | None:
        """Return the pair of an entry, with the sign of the inner product; None if it is 0."""
        if value == 0:
            return None
        signed = math.copysign(value, self._inner(entry.row, entry.column))
        shape = tuple(self.code_shape)
        return AtomPair.of(self.stripes, self.patches, shape, entry.row, entry.column, signed)

    @property
    def dead_filters(self) -> tuple[int, ...]:
        """The filters that are zero: their atoms neither contribute to a signal nor see one."""
        norms = self.atom_norms()
        live = norms.reshape(len(norms), -1).any(axis=1)
        return tuple(np.flatnonzero(~live).tolist())

    def babel(self, sparsity: int) -> float:
        """Return μ₁(S), the largest sum of S off-diagonal ``|G_kj|`` of one row of G = AᵀA.

        ``babel(1)`` is max ``|G_kj|``, the μ of the theorems where atoms are not of unit norm;
        ``babel(0)`` is 0, and where a row has fewer than S entries, what exists is summed.
        (Tropp, "Greed is good", 2004.)
        """
        return self._babel(sparsity, "babel", power=1)

    def babel_squared(self, sparsity: int) -> float:
        """Return μ₂²(S), the largest sum of S off-diagonal ``G_kj²`` of one row of G = AᵀA."""
        return self._babel(sparsity, "babel_squared", power=2)

    def _babel(self, sparsity: int, name: str, power: int) -> float:
        count = integer(sparsity, f"{type(self).__name__}.{name}: sparsity", minimum=0)
        if count == 0:
            return 0.0
        with _in_range(self, name):
            largest = self._largest_sums(np.array([count]))[power - 1, 0]
            return restored(float(largest), 2 * power * self._scale())

    def babel_functions(self, most: int) -> tuple[Array, Array]:
        """Return μ₁(S) and μ₂²(S) for every S from 0 to ``most``, from one pass over G.

        Returns
        -------
        sums, squares : array, shape (most + 1,)
            ``sums[S]`` is ``babel(S)``, and ``squares[S]`` is ``babel_squared(S)``, to rounding.

        Examples
        --------
        >>> from dcsc import DenseDictionary
        >>> sums, squares = DenseDictionary([[1, 0.6, 0], [0, 0.8, 1]]).babel_functions(3)
        >>> sums.round(3).tolist()
        [0.0, 0.8, 1.4, 1.4]
        """
        where = f"{type(self).__name__}.babel_functions: most"
        count, scale = integer(most, where, minimum=0), self._scale()
        if count == 0:
            return np.zeros(1), np.zeros(1)
        # Beyond the longest row no S adds anything.
        entries = min(count, max(math.prod(self.code_shape) - 1, 1))
        values = np.zeros((2, count + 1))
        with _in_range(self, "babel_functions"):
            values[:, 1 : entries + 1] = self._largest_sums(np.arange(1, entries + 1))
            values[:, entries + 1 :] = values[:, entries, None]
            for power, row in zip((2, 4), values, strict=True):
                restored(row[-1], power * scale)  # the largest; if a float holds it, so the others
                row[:] = np.ldexp(row, power * scale)
        return values[0], values[1]

    def spread(self) -> float:
        """Return max over j of Σ_{k≠j} G_kj², the energy that an atom leaves in all others.

        It is μ₂²(N) for N atoms, and n/c - 1 for tight frames of n filters of c channels.
        """
        with _in_range(self, "spread"):
            return restored(self._largest_energy(), 4 * self._scale())

    def welch_floor(self) -> float:
        r"""Return the least coherence that any unit-norm dictionary of this geometry can have.

        With N atoms in dimension m, some row of G has :math:`\sum_{j\ne k} G_{kj}^2 \ge N/m - 1`,
        spread over the stripe: :math:`\mu^2 \ge (N/m - 1) / (|Q| - 1)` (after Welch, 1974).
        """
        excess = math.prod(self.code_shape) / math.prod(self.signal_shape) - 1
        others = self.stripes.size - 1
        return math.sqrt(excess / others) if excess > 0 and others else 0.0

    def gram_rows(self, indices: "npt.ArrayLike") -> "scipy.sparse.csr_array":
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
        with _in_range(self, "gram_rows"):
            rows = self._gram_rows(array)
        rows.sum_duplicates()
        return rows

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

    def _repr_html_(self) -> str:
        return geometry_and_measures(self).html()

    # ---- hooks of the measures ---------------------------------------------------------------

    def _atom_norms(self) -> Array:
        """Return the norms of the atoms, float64 of ``code_shape``."""
        return self._columns.norms()

    def _gram_rows(self, indices: Array) -> "scipy.sparse.csr_array":
        """Return the rows of AᵀA at valid flat indices, float64, entries in any order.

        Raises FloatingPointError where no float holds the largest entries.
        """
        return self._columns.gram_rows(indices)

    def _scaled_gram_rows(self, indices: Array, exponent: int) -> "scipy.sparse.csr_array":
        """Return the rows of ``AᵀA·2^(−2·exponent)``, on the same terms as ``_gram_rows``."""
        if type(self)._gram_rows is Dictionary._gram_rows:
            return self._columns.gram_rows(indices, exponent)
        rows = self._gram_rows(indices).tocsr()
        return scipy.sparse.csr_array(
            (np.ldexp(rows.data, -2 * exponent), rows.indices, rows.indptr), shape=rows.shape
        )

    def _inner(self, first: int, second: int) -> float:
        """Return a positive multiple of the inner product of two atoms, given by flat indices."""
        return float(self._scaled_gram_rows(np.array([first]), self._scale())[0, second])

    def _near(self) -> Near | None:
        """Return what every atom has with those near it, or None if it is not kept as tables."""
        return None

    def _among(self, atoms: Array, most: int) -> Among | None:
        """Return G among distinct atoms, given by valid flat indices.

        None if more than ``most`` entries would be stored, or if it is as dear as whole rows.
        """
        return None

    def _most_coherent(self) -> gram.Entry:
        """Return two distinct atoms, not negligible, with the largest absolute cosine, and it."""
        scale = self._scale()
        norms = np.ldexp(self.atom_norms().ravel(), -scale)
        return gram.most_coherent(self._gram_blocks(scale), norms)

    def _most_correlated(self) -> gram.Entry:
        """Return two distinct atoms with the largest ``|G_kj|·2^(−2·scale)``, and it.

        The power is that of ``_scale``.
        """
        return gram.largest_entry(self._gram_blocks(self._scale()))

    def _largest_sums(self, counts: Array) -> Array:
        """Return the largest sums of so many ``|G_kj|`` of a row, and of so many squares.

        They are those of ``G·2^(−2·scale)``, ``(2, counts)``, for counts of at least 1.
        """
        return sums.largest_sums(self._sizes(), counts)

    def _largest_energy(self) -> float:
        """Return the largest sum of all squares of a row of ``G·2^(−2·scale)``, diagonal aside."""
        return sums.largest_energy(self._sizes())

    def _representatives(self) -> Array:
        """Return flat indices of atoms that see, up to moves on the grid, all that any atom sees.

        Every pair of atoms must occur, up to a move, in a row of G of one of them, and no row of
        another atom may hold larger entries than some row of theirs.
        """
        return np.arange(math.prod(self.code_shape))

    def _scale(self) -> int:
        """Return e for the largest norm m·2^e, 1/2 ≤ m < 1, by which Gram rows are scaled.

        Norms that a subclass computes itself are taken as they are.
        """
        if type(self)._gram_rows is not Dictionary._gram_rows:
            return 0
        self._columns.check("_gram_rows", len(self._representatives()))
        return int(np.frexp(self.atom_norms().max())[1])

    def _gram_blocks(self, scale: int) -> Iterator[gram.Block]:
        """Yield rows of ``G·2^(−2·scale)`` at those atoms, without the diagonal, block by block."""
        for atoms, rows in self._representative_rows(scale):
            yield gram.Block.of(atoms, rows)

    def _sizes(self) -> Iterator[Array]:
        """Yield the sizes in those rows, at the power of ``_scale``, ``(rows, entries)``."""
        for atoms, rows in self._representative_rows(self._scale()):
            yield sums.rows_of_gram(atoms, rows)

    def _representative_rows(self, scale: int) -> "Iterator[tuple[Array, scipy.sparse.csr_array]]":
        atoms = self._representatives()
        block = max(1, _BLOCK_ENTRIES // min(self.stripes.size, math.prod(self.code_shape)))
        for start in range(0, len(atoms), block):
            part = atoms[start : start + block]
            rows = self._scaled_gram_rows(part, scale)
            rows.sum_duplicates()
            yield part, rows


@contextmanager
def _in_range(dictionary: Dictionary, name: str) -> Iterator[None]:
    """Return the error that says that no float holds what a hook was asked for."""
    try:
        yield
    except FloatingPointError:
        raise DcscError(
            f"{type(dictionary).__name__}.{name}: expected atoms whose inner products, and the "
            f"sums of these, a float can hold, got norms up to {dictionary.atom_norms().max():.3g}"
        ) from None
