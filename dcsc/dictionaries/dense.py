"""A dictionary given by its matrix."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import Array, Shape, brief, frozen_array, real_array, unit_norm
from dcsc.dictionaries.base import Dictionary
from dcsc.errors import DcscError

__all__ = ["DenseDictionary"]


def _matrix(value: Any) -> Array:
    array = real_array(value, "DenseDictionary: matrix")
    if array.ndim != 2 or 0 in array.shape:
        raise DcscError(
            f"DenseDictionary: matrix: expected shape (samples, atoms), got {array.shape}"
        )
    return frozen_array(array)


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

    matrix: Array = attrs.field(
        repr=brief, converter=_matrix, eq=attrs.cmp_using(eq=np.array_equal), hash=False
    )

    @property
    def signal_shape(self) -> Shape:
        return self.matrix.shape[:1]

    @property
    def code_shape(self) -> Shape:
        return self.matrix.shape[1:]

    @property
    def dead_filters(self) -> tuple[int, ...]:
        return tuple(np.flatnonzero(~self.matrix.any(axis=0)).tolist())

    def _dtype(self) -> npt.DTypeLike:
        return self.matrix.dtype

    def _synthesize(self, codes: Array) -> Array:
        return codes @ self.matrix.T

    def _analyze(self, signals: Array) -> Array:
        return signals @ self.matrix

    def _contributions(self, codes: Array) -> Array:
        return np.abs(codes) @ np.abs(self.matrix).T

    def _atom_norms(self) -> Array:
        return np.asarray(np.linalg.norm(self.matrix.astype(np.float64), axis=0))

    def _gram_rows(self, indices: Array) -> scipy.sparse.csr_array:
        matrix = self.matrix.astype(np.float64)
        return scipy.sparse.csr_array(matrix[:, indices].T @ matrix)

    def _to_sparse(self) -> scipy.sparse.csc_array:
        return scipy.sparse.csc_array(self.matrix)

    def normalized(self) -> "DenseDictionary":
        if self.dead_filters:
            raise DcscError(f"DenseDictionary.normalized: atom {self.dead_filters[0]} is zero")
        return DenseDictionary(unit_norm(self.matrix, (0,)))
