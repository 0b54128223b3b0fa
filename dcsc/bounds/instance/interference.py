"""What the non-zeros of one column do to the coefficient of every atom."""

from collections.abc import Iterator

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary

__all__ = ["Interference"]

_BLOCK_ENTRIES = 2**21
_KEPT_ENTRIES = 2**24
_NEGLIGIBLE = 1e-13


@attrs.frozen(eq=False)
class Interference:
    r"""The weights :math:`|G_{kj} x_j|`, j ≠ k, of one column x of codes.

    A signal v that is added to A x gives each atom one more, :math:`|\langle a_k, v\rangle|`. The
    others come from the rows of G at the support. Those are kept if there are few enough of them,
    and otherwise computed again whenever they are needed.

    Parameters
    ----------
    total, squares : array of shape (atoms,)
        Sum of the weights of each atom, and of their squares.
    count : array of int, shape (atoms,)
        Number of its non-zero weights.
    own : array of shape (atoms,), or None
        The weight that each atom has from the signal.
    """

    dictionary: Dictionary
    support: Array
    sizes: Array
    total: Array
    squares: Array
    count: Array
    own: Array | None
    _kept: scipy.sparse.csc_array | None

    @classmethod
    def of(cls, dictionary: Dictionary, code: Array, signal: Array | None = None) -> "Interference":
        """Walk through the rows of the support of a flat code once."""
        support = np.flatnonzero(code)
        sizes = np.abs(code[support]).astype(np.float64)
        atoms = code.size
        total, squares = np.zeros(atoms), np.zeros(atoms)
        count = np.zeros(atoms, dtype=np.int64)
        blocks = []
        width = min(dictionary.stripes.size, atoms)
        keep = len(support) * width <= _KEPT_ENTRIES
        for rows in _blocks(dictionary, support, sizes):
            total += np.bincount(rows.indices, rows.data, atoms)
            squares += np.bincount(rows.indices, rows.data**2, atoms)
            count += np.bincount(rows.indices, minlength=atoms)
            if keep:
                blocks.append(rows)
        kept = None
        if keep and blocks:
            kept = scipy.sparse.csc_array(scipy.sparse.vstack(blocks, format="csc"))
        own = None if signal is None else np.abs(dictionary.analyze(signal)).ravel()
        if own is not None:
            total, squares, count = total + own, squares + own**2, count + (own != 0)
        return cls(dictionary, support, sizes, total, squares, count, own, kept)

    def weights(self, atoms: Array) -> Array:
        """Return the weights of some atoms, one row each, filled up with zeros."""
        weights = self._gram_weights(atoms)
        return weights if self.own is None else np.column_stack([weights, self.own[atoms]])

    def _gram_weights(self, atoms: Array) -> Array:
        if self._kept is not None:
            return _padded(self._kept, atoms)
        columns = [
            scipy.sparse.csc_array(rows.tocsc()[:, atoms])
            for rows in _blocks(self.dictionary, self.support, self.sizes)
        ]
        if not columns:
            return np.zeros((len(atoms), 0))
        joint = scipy.sparse.csc_array(scipy.sparse.vstack(columns, format="csc"))
        return _padded(joint, np.arange(len(atoms)))


def _blocks(
    dictionary: Dictionary, support: Array, sizes: Array
) -> Iterator[scipy.sparse.csr_array]:
    """Yield blocks of |G_jk x_j| for j in the support, without the diagonal."""
    width = min(dictionary.stripes.size, int(np.prod(dictionary.code_shape)))
    step = max(1, _BLOCK_ENTRIES // width)
    for start in range(0, len(support), step):
        some = support[start : start + step]
        rows = dictionary.gram_rows(some)
        per_row = np.diff(rows.indptr)
        own = np.repeat(some, per_row)
        rows.data = np.abs(rows.data) * np.repeat(sizes[start : start + step], per_row)
        rows.data[rows.indices == own] = 0
        rows.eliminate_zeros()
        yield rows


def _padded(columns: scipy.sparse.csc_array, atoms: Array) -> Array:
    """Return the columns as rows of one width, without what is smaller than a tie."""
    start = columns.indptr[atoms]
    lengths = columns.indptr[atoms + 1] - start
    places = np.arange(lengths.max(initial=0))
    there = places < lengths[:, None]
    out = np.zeros(there.shape)
    out[there] = columns.data[(start[:, None] + places)[there]]
    floor = _NEGLIGIBLE * out.sum(axis=1) / np.maximum(lengths, 1)
    out[out < floor[:, None]] = 0
    return out
