"""What a dictionary is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import (
    Array,
    Shape,
    as_batch,
    flat_indices,
    from_hook,
    integer,
    not_finite,
    numeric_array,
    result_dtype,
)
from dcsc.dictionaries import gram
from dcsc.dictionaries.pairs import AtomPair
from dcsc.dictionaries.windows import Windows
from dcsc.errors import TooLargeError

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["Dictionary"]

_EXPLICIT_LIMIT = 2**27
_BLOCK_ENTRIES = 2**21


class Dictionary(ABC):
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

    if TYPE_CHECKING:

        @property
        def signal_shape(self) -> Shape:
            """Shape of one signal, ``(channels, *extent)``."""

        @property
        def code_shape(self) -> Shape:
            """Shape of one code, ``(filters, *positions)``."""

    # ---- the map -----------------------------------------------------------------------------

    def synthesize(self, codes: npt.ArrayLike) -> Array:
        """Return A x: ``(*batch, *code_shape)`` to ``(*batch, *signal_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        return self._map(codes, "codes", "_synthesize", self.code_shape, self.signal_shape)

    def analyze(self, signals: npt.ArrayLike) -> Array:
        """Return Aᵀ y, the exact adjoint: ``(*batch, *signal_shape)`` to ``(*batch, *code_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        return self._map(signals, "signals", "_analyze", self.signal_shape, self.code_shape)

    def contributions(self, codes: npt.ArrayLike) -> Array:
        """Return |A| |x|, the sum of the absolute contributions to each sample of A x.

        What rounding can do to a sample of A x is a small multiple of eps times this.
        """
        return self._map(codes, "codes", "_contributions", self.code_shape, self.signal_shape)

    def exposure(self, signals: npt.ArrayLike) -> Array:
        """Return |A|ᵀ |y|, the most that each coefficient can be for signals of these sizes.

        What rounding can do to an entry of Aᵀ y is a small multiple of eps times this.
        """
        return self._map(signals, "signals", "_exposure", self.signal_shape, self.code_shape)

    def _map(self, value: Any, argument: str, hook: str, given: Shape, expected: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        raw = numeric_array(value, where, finite=not self._meets_infinity)
        dtype = result_dtype(self._dtype(), raw)
        flat, batch = as_batch(raw, given, where, dtype)
        if not len(flat):
            return np.zeros(batch + expected, dtype=dtype)
        try:
            mapped = getattr(self, hook)(flat)
        except FloatingPointError:
            raise not_finite(flat.reshape(raw.shape), where) from None
        shape = (len(flat), *expected)
        out = from_hook(mapped, shape, dtype, f"{type(self).__name__}.{hook}")
        return out.reshape(batch + expected)

    # ---- hooks -------------------------------------------------------------------------------

    @abstractmethod
    def _synthesize(self, codes: Array) -> Array:
        """Return A x for codes with exactly one batch axis: validated, read-only, C-contiguous.

        The result is a new array of the same dtype.
        """

    @abstractmethod
    def _analyze(self, signals: Array) -> Array:
        """Return Aᵀ y, on the same terms as ``_synthesize``."""

    def _synthesize_scaled(self, codes: Array, scales: Array) -> Array:
        """Return A D x for the diagonal D with these entries, an array of ``code_shape``."""
        return self.synthesize(codes * scales.astype(codes.dtype))

    def _analyze_scaled(self, signals: Array, scales: Array) -> Array:
        """Return D Aᵀ y, on the same terms as ``_synthesize_scaled``."""
        return self.analyze(signals) * scales.astype(signals.dtype)

    @property
    def _meets_infinity(self) -> bool:
        """Whether the maps themselves raise FloatingPointError where a number is not finite.

        Then they are given what nobody has looked through yet, which saves a pass.
        """
        return False

    def _dtype(self) -> npt.DTypeLike:
        """Return the dtype of the atoms; float32 lets every input keep its own."""
        return np.float32

    def _contributions(self, codes: Array) -> Array:
        """Return |A| |x|, on the same terms as ``_synthesize``."""
        out = np.zeros((len(codes), *self.signal_shape), dtype=codes.dtype)
        flat = np.abs(codes).reshape(len(codes), -1)
        for indices, atoms in self._atoms("_contributions"):
            out += np.tensordot(flat[:, indices], np.abs(atoms), axes=1).astype(codes.dtype)
        return out

    def _exposure(self, signals: Array) -> Array:
        """Return |A|ᵀ |y|, on the same terms as ``_synthesize``."""
        out = np.zeros((len(signals), math.prod(self.code_shape)), dtype=signals.dtype)
        flat = np.abs(signals).reshape(len(signals), -1)
        for indices, atoms in self._atoms("_exposure"):
            out[:, indices] = flat @ np.abs(atoms).reshape(len(atoms), -1).T
        return out.reshape(-1, *self.code_shape)

    def _atom_norms(self) -> Array:
        """Return the norms of the atoms, float64 of ``code_shape``."""
        norms = [
            np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1)
            for _, atoms in self._atoms("_atom_norms")
        ]
        return np.concatenate(norms).reshape(self.code_shape)

    def _gram_rows(self, indices: Array) -> scipy.sparse.csr_array:
        """Return the rows of AᵀA at valid flat indices, float64, entries in any order."""
        self._refuse_beyond_limit("_gram_rows", len(indices))
        blocks = [
            scipy.sparse.csr_array(self.analyze(atoms).reshape(len(atoms), -1))
            for atoms in self._blocks(indices)
        ]
        return scipy.sparse.csr_array(scipy.sparse.vstack(blocks, format="csr"))

    def _most_coherent(self) -> gram.Entry:
        """Return two distinct atoms, not negligible, with the largest absolute cosine, and it."""
        return gram.most_coherent(self)

    def _babel(self, sparsity: int, power: int) -> float:
        """Return the largest sum of ``sparsity`` off-diagonal ``|G_kj|**power`` of one row."""
        return gram.babel(self, sparsity, power)

    def _representatives(self) -> Array:
        """Return flat indices of atoms that see, up to moves on the grid, all that any atom sees.

        Every pair of atoms must occur, up to a move, in a row of G of one of them, and no row of
        another atom may hold larger entries than some row of theirs.
        """
        return np.arange(math.prod(self.code_shape))

    def _to_sparse(self) -> scipy.sparse.csc_array:
        """Return A as a sparse matrix in the atoms' dtype, C order."""
        blocks = [
            scipy.sparse.csc_array(atoms.reshape(len(atoms), -1).T)
            for _, atoms in self._atoms("_to_sparse")
        ]
        return scipy.sparse.csc_array(scipy.sparse.hstack(blocks, format="csc"))

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
        found = self._most_coherent()
        if found.value == 0:
            return None
        inner = self.gram_rows([found.row])[0, found.column]
        return AtomPair.of(self, found.row, found.column, math.copysign(found.value, inner))

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
        array = self._given(codes, "codes", self.code_shape)
        return _largest(self.stripes, self.stripes.count_entries(array))

    def patch_sparsity(self, signals: npt.ArrayLike) -> Any:
        """Return ``‖y‖_{0,∞}^P``, the largest number of non-zeros in one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``.
        """
        array = self._given(signals, "signals", self.signal_shape)
        return _largest(self.patches, self.patches.count_entries(array))

    def patch_norm(self, signals: npt.ArrayLike) -> Any:
        """Return ``‖y‖_{2,∞}^P``, the largest ℓ2 norm of one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``. ``|⟨a, y⟩| ≤ |a| ‖y‖_{2,∞}^P`` for any atom.
        """
        array = self._given(signals, "signals", self.signal_shape)
        dtype = result_dtype(np.float32, array)
        flat, batch = as_batch(array, tuple(self.signal_shape), "signals", dtype)
        patches, info = self.patches, np.finfo(dtype)
        squares = _largest(patches, patches.square_entries(flat))
        norms = np.sqrt(squares)
        # Squares below the smallest number times this have lost nothing that shows.
        unsafe = ~((squares >= info.tiny / info.eps**2) & np.isfinite(squares))
        if unsafe.any():
            some = flat[unsafe]
            exponent = np.frexp(_largest(patches, patches.max(np.abs(some))).clip(0))[1]
            own = exponent.reshape(-1, *(1,) * len(self.signal_shape))
            with np.errstate(over="ignore"):  # by samples that lie in no patch
                scaled = np.ldexp(some, -own)  # powers of two: nothing is rounded by them
            squares = _largest(patches, patches.square_entries(scaled))
            norms[unsafe] = np.ldexp(np.sqrt(squares), exponent)
        return norms.reshape(batch)[()]

    def _given(self, value: Any, argument: str, shape: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        array = numeric_array(value, where)
        as_batch(array, tuple(shape), where, array.dtype)
        return array

    # ---- other forms -------------------------------------------------------------------------

    def normalized(self) -> "Dictionary":
        """Return the dictionary with atoms of unit norm.

        Raises
        ------
        DcscError
            If an atom is zero; the message names it.
        """
        from dcsc.dictionaries.diagonal import NormalizedDictionary  # noqa: PLC0415  # a subclass

        return NormalizedDictionary(self)

    def to_sparse(self) -> scipy.sparse.csc_array:
        """Return A as a sparse array ``(prod(signal_shape), prod(code_shape))``, C order."""
        return self._to_sparse()

    def as_linear_operator(self) -> "LinearOperator":
        """Return A as a ``scipy`` LinearOperator, on vectors in C order."""
        from scipy.sparse.linalg import LinearOperator  # noqa: PLC0415  # slow to import

        def matvec(x: Array) -> Array:
            return self.synthesize(x.reshape(self.code_shape)).ravel()

        def rmatvec(y: Array) -> Array:
            return self.analyze(y.reshape(self.signal_shape)).ravel()

        shape = (math.prod(self.signal_shape), math.prod(self.code_shape))
        return LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=np.dtype(self._dtype()))

    # ---- the slow exact defaults -------------------------------------------------------------

    def _atoms(self, hook: str) -> Iterator[tuple[Array, Array]]:
        """Yield blocks of indices and their atoms ``(block, *signal_shape)``."""
        size = math.prod(self.code_shape)
        self._refuse_beyond_limit(hook, size)
        start = 0
        for atoms in self._blocks(np.arange(size)):
            yield np.arange(start, start + len(atoms)), atoms
            start += len(atoms)

    def _blocks(self, indices: Array) -> Iterator[Array]:
        size = math.prod(self.code_shape)
        block = max(1, _BLOCK_ENTRIES // max(size, math.prod(self.signal_shape)))
        dtype = np.result_type(self._dtype(), np.float64)
        for start in range(0, len(indices), block):
            some = indices[start : start + block]
            units = np.zeros((len(some), size), dtype=dtype)
            units[np.arange(len(some)), some] = 1
            yield self.synthesize(units.reshape(len(some), *self.code_shape))

    def _check_gram_cost(self, rows: int) -> None:
        """Refuse to go through many rows of G where each takes a synthesis and an analysis."""
        if type(self)._gram_rows is Dictionary._gram_rows:
            self._refuse_beyond_limit("_gram_rows", rows)

    def _refuse_beyond_limit(self, hook: str, atoms: int) -> None:
        entries = atoms * math.prod(self.signal_shape)
        if entries > _EXPLICIT_LIMIT:
            name = type(self).__name__
            raise TooLargeError(
                f"{name}: {hook} would go through {entries} matrix entries one by one, more than "
                f"{_EXPLICIT_LIMIT}; write {name}.{hook}"
            )


def _largest(windows: Windows, per_window: Array) -> Any:
    axes = tuple(range(per_window.ndim - len(windows.axes), per_window.ndim))
    return per_window.max(axis=axes) if axes else per_window[()]
