"""What a linear map between codes and signals is, and the windows on both."""

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import (
    Array,
    Shape,
    as_batch,
    batch_of,
    checked_size,
    from_hook,
    not_finite,
    numeric_array,
    result_dtype,
)
from dcsc._entries import Entries, SparseOrDense, is_sparse, unpacked, with_short_indices
from dcsc.dictionaries.columns import Columns
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["LinearMap"]


class LinearMap(ABC):
    """A and Aᵀ between codes and signals, and stripes and patches, the windows on the two.

    A `dcsc.Dictionary` is such a map whose columns, the atoms, are looked at as well.

    Codes and signals are arrays, or sparse arrays of SciPy of the same shape, such as a
    ``coo_array`` of any number of axes; entries of it at the same place are added up.
    """

    if TYPE_CHECKING:

        @property
        def signal_shape(self) -> Shape:
            """Shape of one signal, ``(channels, *extent)``."""

        @property
        def code_shape(self) -> Shape:
            """Shape of one code, ``(filters, *positions)``."""

    # ---- the map -----------------------------------------------------------------------------

    def synthesize(self, codes: "SparseOrDense") -> Array:
        """Return A x: ``(*batch, *code_shape)`` to ``(*batch, *signal_shape)``.

        Of a sparse array only the entries are looked at.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        if not is_sparse(codes):
            return self._map(codes, "codes", "_synthesize", self.code_shape, self.signal_shape)
        name = type(self).__name__
        entries = Entries.of(codes, tuple(self.code_shape), f"{name}: codes")
        entries = entries.astype(result_dtype(self._dtype(), entries.values))
        shape = checked_size((entries.count, *self.signal_shape), f"{name}: codes")
        signals = self._synthesize_entries(entries)
        out = from_hook(signals, shape, entries.values.dtype, f"{name}._synthesize_entries")
        return out.reshape(entries.batch + shape[1:])

    def analyze(self, signals: "SparseOrDense") -> Array:
        """Return Aᵀ y, the exact adjoint: ``(*batch, *signal_shape)`` to ``(*batch, *code_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        return self._map(signals, "signals", "_analyze", self.signal_shape, self.code_shape)

    def contributions(self, codes: "SparseOrDense") -> Array:
        """Return |A| |x|, the sum of the absolute contributions to each sample of A x.

        What rounding can do to a sample of A x is a small multiple of eps times this.
        """
        return self._map(codes, "codes", "_contributions", self.code_shape, self.signal_shape)

    def exposure(self, signals: "SparseOrDense") -> Array:
        """Return |A|ᵀ |y|, the most that each coefficient can be for signals of these sizes.

        What rounding can do to an entry of Aᵀ y is a small multiple of eps times this.
        """
        return self._map(signals, "signals", "_exposure", self.signal_shape, self.code_shape)

    def _map(self, value: Any, argument: str, hook: str, domain: Shape, codomain: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        raw = numeric_array(unpacked(value, where), where, finite=not self._meets_infinity)
        dtype = result_dtype(self._dtype(), raw)
        flat, batch = as_batch(raw, domain, where, dtype)
        if not len(flat):
            return np.zeros(batch + codomain, dtype=dtype)
        try:
            mapped = getattr(self, hook)(flat)
        except FloatingPointError:
            raise not_finite(flat.reshape(raw.shape), where) from None
        out = from_hook(mapped, (len(flat), *codomain), dtype, f"{type(self).__name__}.{hook}")
        return out.reshape(batch + codomain)

    # ---- geometry ----------------------------------------------------------------------------

    @property
    def stripes(self) -> Windows:
        """Windows on a code: the entries whose atoms can overlap a given atom."""
        return Windows(tuple(self.code_shape))

    @property
    def patches(self) -> Windows:
        """Windows on a signal: the samples that one atom covers."""
        return Windows(tuple(self.signal_shape))

    def stripe_sparsity(self, codes: "SparseOrDense") -> Any:
        """Return the stripe sparsity of codes ``(*batch, *code_shape)``, an int per batch element.

        ``‖x‖_{0,∞}^Q``, the largest number of non-zeros in one stripe.
        """
        return self.stripes.largest_count(codes, f"{type(self).__name__}: codes")

    def patch_sparsity(self, signals: "SparseOrDense") -> Any:
        """Return ``‖y‖_{0,∞}^P``, the largest number of non-zeros in one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``.
        """
        return self.patches.largest_count(signals, f"{type(self).__name__}: signals")

    def patch_norm(self, signals: "SparseOrDense") -> Any:
        """Return ``‖y‖_{2,∞}^P``, the largest ℓ2 norm of one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``. ``|⟨a, y⟩| ≤ |a| ‖y‖_{2,∞}^P`` for any atom.
        """
        where = f"{type(self).__name__}: signals"
        array = numeric_array(unpacked(signals, where), where)
        batch_of(array.shape, tuple(self.signal_shape), where)
        norms = self.patches.largest_norm(array)
        if not np.isfinite(norms).all():
            name = f"{type(self).__name__}.patch_norm: signals"
            raise DcscError(f"{name}: expected patches whose norms {norms.dtype} can hold")
        return norms

    # ---- other forms -------------------------------------------------------------------------

    def to_sparse(self) -> "scipy.sparse.csc_array":
        """Return A as a sparse array ``(prod(signal_shape), prod(code_shape))``, C order.

        Its indices have 32 bits where they fit.
        """
        return with_short_indices(self._to_sparse())

    def as_linear_operator(self) -> "LinearOperator":
        """Return A as a ``scipy`` LinearOperator, on vectors in C order."""
        from scipy.sparse.linalg import LinearOperator  # noqa: PLC0415  # slow to import

        def matvec(x: Array) -> Array:
            return self.synthesize(x.reshape(self.code_shape)).ravel()

        def rmatvec(y: Array) -> Array:
            return self.analyze(y.reshape(self.signal_shape)).ravel()

        shape = (math.prod(self.signal_shape), math.prod(self.code_shape))
        return LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=np.dtype(self._dtype()))

    # ---- hooks -------------------------------------------------------------------------------

    @abstractmethod
    def _synthesize(self, codes: Array) -> Array:
        """Return A x for codes with exactly one batch axis: validated, read-only, C-contiguous.

        The result is a new array of the same dtype.
        """

    @abstractmethod
    def _analyze(self, signals: Array) -> Array:
        """Return Aᵀ y, on the same terms as ``_synthesize``."""

    def _synthesize_entries(self, codes: Entries) -> Array:
        """Return A x for codes by their entries, on the same terms as ``_synthesize``.

        By default some codes at a time become arrays.
        """
        checked_size(tuple(self.code_shape), f"{type(self).__name__}: codes")
        return codes.mapped(self.synthesize, self.signal_shape)

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

    def _dtype(self) -> "npt.DTypeLike":
        """Return the dtype of the atoms; float32 lets every input keep its own."""
        return np.float32

    def _contributions(self, codes: Array) -> Array:
        """Return |A| |x|, on the same terms as ``_synthesize``."""
        return self._columns.contributions(codes)

    def _exposure(self, signals: Array) -> Array:
        """Return |A|ᵀ |y|, on the same terms as ``_synthesize``."""
        return self._columns.exposure(signals)

    def _to_sparse(self) -> "scipy.sparse.csc_array":
        """Return A as a sparse matrix in the atoms' dtype, C order."""
        return self._columns.to_sparse()

    @property
    def _columns(self) -> Columns:
        """The atoms one by one: what every default of a hook goes through."""
        maps, shapes = (self.synthesize, self.analyze), (self.signal_shape, self.code_shape)
        dtype = np.result_type(self._dtype(), np.float64)
        return Columns(type(self).__name__, *maps, *shapes, dtype)
