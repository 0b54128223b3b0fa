"""A dictionary given by its matrix."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, Shape, frozen_array, real_array
from dcsc._cached import cached_property
from dcsc._entries import Entries
from dcsc._fields import SAME_ARRAY
from dcsc._numerics.products import product
from dcsc._numerics.scaling import check_square, norms, times_power, unit_norm
from dcsc.dictionaries import gram, sums
from dcsc.dictionaries.alike import most_alike
from dcsc.dictionaries.among import Among
from dcsc.dictionaries.base import Dictionary
from dcsc.dictionaries.shown import brief_filters
from dcsc.errors import DcscError

__all__ = ["DenseDictionary"]


def _matrix(value: Any) -> Array:
    array = real_array(value, "DenseDictionary: matrix")
    if array.ndim != 2 or 0 in array.shape:
        raise DcscError(
            f"DenseDictionary: matrix: expected shape (samples, atoms), got {array.shape}"
        )
    return frozen_array(array)


def _brief(matrix: Array) -> str:
    return brief_filters(matrix, np.any(matrix, axis=0), "atoms")


@attrs.frozen(slots=False)
class DenseDictionary(Dictionary):
    """The dictionary of an explicit matrix, without spatial axes.

    Each atom is a filter of its own, and the one stripe and the one patch hold everything.

    Parameters
    ----------
    matrix : array_like, shape (m, k)
        A; ``signal_shape`` is ``(m,)`` and ``code_shape`` is ``(k,)``.

    Examples
    --------
    >>> DenseDictionary([[1, 0.6], [0, 0.8]]).mutual_coherence()
    0.6
    """

    matrix: Array = attrs.field(repr=_brief, converter=_matrix, eq=SAME_ARRAY, hash=False)

    @property
    def signal_shape(self) -> Shape:
        return self.matrix.shape[:1]

    @property
    def code_shape(self) -> Shape:
        return self.matrix.shape[1:]

    @property
    def dead_filters(self) -> tuple[int, ...]:
        return tuple(np.flatnonzero(~self.matrix.any(axis=0)).tolist())

    def _dtype(self) -> "npt.DTypeLike":
        return self.matrix.dtype

    def _synthesize(self, codes: Array) -> Array:
        return product(codes, self.matrix.T)

    def _synthesize_entries(self, codes: Entries) -> Array:
        # Only the atoms that are in use: a product with all of them would copy the matrix.
        (atoms,) = codes.places
        used = np.zeros(self.code_shape, dtype=bool)
        used[atoms] = True
        table = self.matrix.T[used].astype(codes.values.dtype, order="C")
        columns = (np.cumsum(used) - 1)[atoms]
        parts, shape = (codes.values, columns, codes.starts), (codes.count, len(table))
        return np.asarray(scipy.sparse.csr_array(parts, shape=shape) @ table)

    def _analyze(self, signals: Array) -> Array:
        return product(signals, self.matrix)

    def _contributions(self, codes: Array) -> Array:
        return product(np.abs(codes), np.abs(self.matrix).T)

    def _exposure(self, signals: Array) -> Array:
        return product(np.abs(signals), np.abs(self.matrix))

    def _atom_norms(self) -> Array:
        return norms(self.matrix, (0,))

    def _scale(self) -> int:
        return self._exponent

    @cached_property
    def _exponent(self) -> int:
        return int(np.frexp(self._atom_norms().max())[1])

    def _scaled(self) -> Array:
        return times_power(self.matrix.astype(np.float64), -self._scale())

    def _gram_rows(self, indices: Array) -> "scipy.sparse.csr_array":
        return self._scaled_gram_rows(indices, 0)

    def _scaled_gram_rows(self, indices: Array, exponent: int) -> "scipy.sparse.csr_array":
        matrix, scale = self._scaled(), self._scale()
        check_square(scale - exponent)
        # One factor takes the whole power of two, so that the products have the size asked for.
        with np.errstate(over="ignore"):
            left = times_power(matrix[:, indices], 2 * (scale - exponent))
            rows = product(left.T, matrix)
        if not np.isfinite(rows).all():
            raise FloatingPointError
        return scipy.sparse.csr_array(rows)

    def _among(self, atoms: Array, most: int) -> Among | None:
        if len(atoms) ** 2 > most:
            return None
        chosen = times_power(self.matrix[:, atoms].astype(np.float64), -self._scale())
        return Among.of_rows(atoms, self._scale(), product(chosen.T, chosen))

    def _most_coherent(self) -> gram.Entry:
        matrix = self._scaled()
        lengths = norms(matrix, (0,))
        live = lengths > gram.NEGLIGIBLE * lengths.max()
        matrix *= np.divide(1.0, lengths, out=np.zeros_like(lengths), where=live)
        entry = most_alike(matrix).entry
        return gram.Entry(entry.row, entry.column, min(entry.value, 1.0))

    def _most_correlated(self) -> gram.Entry:
        return most_alike(self._scaled()).entry

    def _largest_sums(self, counts: Array) -> Array:
        return sums.sums_of_columns(self._scaled(), counts)

    def _largest_energy(self) -> float:
        return sums.energy_of_columns(self._scaled())

    def _to_sparse(self) -> "scipy.sparse.csc_array":
        return scipy.sparse.csc_array(self.matrix)

    def normalized(self) -> "DenseDictionary":
        if self.dead_filters:
            raise DcscError(f"DenseDictionary.normalized: atom {self.dead_filters[0]} is zero")
        return DenseDictionary(unit_norm(self.matrix, (0,)))
