"""What a linear map between codes and signals is, and the windows on both."""

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import (
    Array,
    Shape,
    as_batch,
    from_hook,
    not_finite,
    numeric_array,
    result_dtype,
)
from dcsc.dictionaries.columns import Columns
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["LinearMap"]


class LinearMap(ABC):
    """A and Aᵀ between codes and signals, and stripes and patches, the windows on the two.

    A `dcsc.Dictionary` is such a map whose columns, the atoms, are looked at as well.
    """

    if TYPE_CHECKING:

        @property
        def signal_shape(self) -> Shape:
            """Shape of one signal, ``(channels, *extent)``."""

        @property
        def code_shape(self) -> Shape:
            """Shape of one code, ``(filters, *positions)``."""

    # ---- the map -----------------------------------------------------------------------------

    def synthesize(self, codes: "npt.ArrayLike") -> Array:
        """Return A x: ``(*batch, *code_shape)`` to ``(*batch, *signal_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        return self._map(codes, "codes", "_synthesize", self.code_shape, self.signal_shape)

    def analyze(self, signals: "npt.ArrayLike") -> Array:
        """Return Aᵀ y, the exact adjoint: ``(*batch, *signal_shape)`` to ``(*batch, *code_shape)``.

        Raises
        ------
        DcscError
            If the shape does not fit or a number is not real and finite.
        """
        return self._map(signals, "signals", "_analyze", self.signal_shape, self.code_shape)

    def contributions(self, codes: "npt.ArrayLike") -> Array:
        """Return |A| |x|, the sum of the absolute contributions to each sample of A x.

        What rounding can do to a sample of A x is a small multiple of eps times this.
        """
        return self._map(codes, "codes", "_contributions", self.code_shape, self.signal_shape)

    def exposure(self, signals: "npt.ArrayLike") -> Array:
        """Return |A|ᵀ |y|, the most that each coefficient can be for signals of these sizes.

        What rounding can do to an entry of Aᵀ y is a small multiple of eps times this.
        """
        return self._map(signals, "signals", "_exposure", self.signal_shape, self.code_shape)

    def _map(self, value: Any, argument: str, hook: str, domain: Shape, codomain: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        raw = numeric_array(value, where, finite=not self._meets_infinity)
        dtype = result_dtype(self._dtype(), raw)
        flat, batch = as_batch(raw, domain, where, dtype)
        if not len(flat):
            return np.zeros(batch + codomain, dtype=dtype)
        try:
            mapped = getattr(self, hook)(flat)
        except FloatingPointError:
            raise not_finite(flat.reshape(raw.shape), where) from None
        shape = (len(flat), *codomain)
        out = from_hook(mapped, shape, dtype, f"{type(self).__name__}.{hook}")
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

    def stripe_sparsity(self, codes: "npt.ArrayLike") -> Any:
        """Return the stripe sparsity of codes ``(*batch, *code_shape)``, an int per batch element.

        ``‖x‖_{0,∞}^Q``, the largest number of non-zeros in one stripe.
        """
        array = self._checked(codes, "codes", self.code_shape)
        return self.stripes.largest_count(array)

    def patch_sparsity(self, signals: "npt.ArrayLike") -> Any:
        """Return ``‖y‖_{0,∞}^P``, the largest number of non-zeros in one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``.
        """
        array = self._checked(signals, "signals", self.signal_shape)
        return self.patches.largest_count(array)

    def patch_norm(self, signals: "npt.ArrayLike") -> Any:
        """Return ``‖y‖_{2,∞}^P``, the largest ℓ2 norm of one patch, per batch element.

        Signals have shape ``(*batch, *signal_shape)``. ``|⟨a, y⟩| ≤ |a| ‖y‖_{2,∞}^P`` for any atom.
        """
        array = self._checked(signals, "signals", self.signal_shape)
        norms = self.patches.largest_norm(array)
        if not np.isfinite(norms).all():
            name = f"{type(self).__name__}.patch_norm: signals"
            raise DcscError(f"{name}: expected patches whose norms {norms.dtype} can hold")
        return norms

    def _checked(self, value: Any, argument: str, shape: Shape) -> Array:
        where = f"{type(self).__name__}: {argument}"
        array = numeric_array(value, where)
        as_batch(array, tuple(shape), where, array.dtype)
        return array

    # ---- other forms -------------------------------------------------------------------------

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

    def _dtype(self) -> "npt.DTypeLike":
        """Return the dtype of the atoms; float32 lets every input keep its own."""
        return np.float32

    def _contributions(self, codes: Array) -> Array:
        """Return |A| |x|, on the same terms as ``_synthesize``."""
        return self._columns.contributions(codes)

    def _exposure(self, signals: Array) -> Array:
        """Return |A|ᵀ |y|, on the same terms as ``_synthesize``."""
        return self._columns.exposure(signals)

    def _to_sparse(self) -> scipy.sparse.csc_array:
        """Return A as a sparse matrix in the atoms' dtype, C order."""
        return self._columns.to_sparse()

    @property
    def _columns(self) -> Columns:
        """The atoms one by one: what every default of a hook goes through."""
        maps, shapes = (self.synthesize, self.analyze), (self.signal_shape, self.code_shape)
        dtype = np.result_type(self._dtype(), np.float64)
        return Columns(type(self).__name__, *maps, *shapes, dtype)
