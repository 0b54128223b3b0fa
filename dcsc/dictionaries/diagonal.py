"""A dictionary times a diagonal matrix: signs, or the scales that give atoms unit norm."""

from abc import abstractmethod
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, Shape, brief, frozen_array, instance_of, sign_array
from dcsc._cached import cached_property
from dcsc._entries import Entries
from dcsc._fields import SAME_ARRAY
from dcsc._numerics.scaling import check_square
from dcsc.dictionaries.among import Among
from dcsc.dictionaries.base import Dictionary
from dcsc.dictionaries.gram import Entry
from dcsc.dictionaries.rows import Near
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

__all__ = ["NormalizedDictionary", "SignedDictionary"]

_SMALLEST = float(np.finfo(np.float64).tiny)


class _DiagonalDictionary(Dictionary):
    """A D for a dictionary A and a diagonal D, an array of ``code_shape``."""

    dictionary: Dictionary

    @abstractmethod
    def _scales(self) -> Array:
        """Return the diagonal of D, float64 of ``code_shape``."""

    @property
    def signal_shape(self) -> Shape:
        return self.dictionary.signal_shape

    @property
    def code_shape(self) -> Shape:
        return self.dictionary.code_shape

    @property
    def stripes(self) -> Windows:
        return self.dictionary.stripes

    @property
    def patches(self) -> Windows:
        return self.dictionary.patches

    @property
    def dead_filters(self) -> tuple[int, ...]:
        return self.dictionary.dead_filters

    def _dtype(self) -> "npt.DTypeLike":
        return self.dictionary._dtype()

    @property
    def _meets_infinity(self) -> bool:
        return self.dictionary._meets_infinity

    def _synthesize(self, codes: Array) -> Array:
        return self.dictionary._synthesize_scaled(codes, self._scales())

    def _synthesize_entries(self, codes: Entries) -> Array:
        return self.dictionary._synthesize_entries(codes.scaled(self._scales()))

    def _analyze(self, signals: Array) -> Array:
        return self.dictionary._analyze_scaled(signals, self._scales())

    def _contributions(self, codes: Array) -> Array:
        return self.dictionary.contributions(codes * self._scales().astype(codes.dtype))

    def _exposure(self, signals: Array) -> Array:
        return self.dictionary.exposure(signals) * np.abs(self._scales()).astype(signals.dtype)

    def _atom_norms(self) -> Array:
        return self.dictionary.atom_norms() * np.abs(self._scales())

    def _gram_rows(self, indices: Array) -> "scipy.sparse.csr_array":
        return self._scaled_gram_rows(indices, 0)

    def _scaled_gram_rows(self, indices: Array, exponent: int) -> "scipy.sparse.csr_array":
        # Rows of the dictionary at its own scale, and the diagonal at what is left of this one.
        check_square(self._scale() - exponent)
        scale = self.dictionary._scale()
        rows = self.dictionary._scaled_gram_rows(indices, scale).tocsr()
        diagonal = np.ldexp(self._scales().ravel(), scale - exponent)
        left = np.repeat(diagonal[indices], np.diff(rows.indptr))
        return scipy.sparse.csr_array(
            (rows.data * left * diagonal[rows.indices], rows.indices, rows.indptr), shape=rows.shape
        )

    def _among(self, atoms: Array, most: int) -> Among | None:
        among = self.dictionary._among(atoms, most)
        if among is None:
            return None
        return among.scaled(self._scales().ravel()[among.atoms], self._scale())

    def _to_sparse(self) -> "scipy.sparse.csc_array":
        matrix = self.dictionary.to_sparse()
        return scipy.sparse.csc_array(matrix * self._scales().ravel().astype(matrix.dtype))


def _signs(value: Any) -> Array:
    return sign_array(value, "SignedDictionary: signs")


@attrs.frozen(slots=False)
class SignedDictionary(_DiagonalDictionary):
    """A D for a dictionary A and a diagonal D of signs, one per atom.

    Signs change no coherence: ``G_kj`` becomes ``ε_k ε_j G_kj``.

    Parameters
    ----------
    dictionary : Dictionary
    signs : array_like, shape ``dictionary.code_shape``
        Entries +1 or -1.
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))
    signs: Array = attrs.field(repr=brief, converter=_signs, eq=SAME_ARRAY, hash=False)

    def __attrs_post_init__(self) -> None:
        if self.signs.shape != tuple(self.dictionary.code_shape):
            raise DcscError(
                f"SignedDictionary: signs: expected shape {self.dictionary.code_shape}, "
                f"got {self.signs.shape}"
            )

    def _scales(self) -> Array:
        return self.signs

    def _scale(self) -> int:
        return self.dictionary._scale()

    def _near(self) -> Near | None:
        return self.dictionary._near()  # only sizes are read

    def _most_coherent(self) -> Entry:
        return self.dictionary._most_coherent()

    def _most_correlated(self) -> Entry:
        return self.dictionary._most_correlated()

    def _largest_sums(self, counts: Array) -> Array:
        return self.dictionary._largest_sums(counts)

    def _largest_energy(self) -> float:
        return self.dictionary._largest_energy()

    def normalized(self) -> "SignedDictionary":
        return SignedDictionary(self.dictionary.normalized(), self.signs)


@attrs.frozen(slots=False)
class NormalizedDictionary(_DiagonalDictionary):
    """A dictionary with every atom scaled to unit norm.

    Parameters
    ----------
    dictionary : Dictionary
        Its atoms must not be zero.
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))

    def __attrs_post_init__(self) -> None:
        norms = self.dictionary.atom_norms()
        if not norms.all():
            zero = tuple(int(i) for i in np.argwhere(norms == 0)[0])
            name = type(self.dictionary).__name__
            raise DcscError(f"{name}.normalized: atom {zero} is zero and has no direction")
        if norms.min() < _SMALLEST:
            raise DcscError(
                f"{type(self.dictionary).__name__}.normalized: expected atoms of norm "
                f"{_SMALLEST:.3g} at least, got {norms.min():.3g}"
            )

    @cached_property
    def _inverse_norms(self) -> Array:
        return frozen_array(1 / self.dictionary.atom_norms())

    def _scales(self) -> Array:
        return self._inverse_norms

    def _scale(self) -> int:
        return 1
