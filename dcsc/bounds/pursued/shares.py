"""What the atoms of two supports can do to each atom, row by row of the Gram matrix."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.errors import TooLargeError

__all__ = ["interference_shares"]

_MOST_ENTRIES = 2**27
_BLOCK_ENTRIES = 2**22


def interference_shares(
    dictionary: Dictionary, used: Array, sparsity: int, energies: Array
) -> Array:
    r"""Return, for every column of codes, what can interfere with each atom as a share of G_kk.

    It is the sum of :math:`|G_{kj}|` over the support, and over the S largest beside it; for an
    atom off the support one less, since a code that differs there has it among its own.
    """
    shares = np.zeros(used.shape)
    for atoms, rows in _blocks(dictionary):
        lengths = np.diff(rows.indptr)
        width = max(int(lengths.max(initial=0)), 1)
        # the row of each atom without the diagonal, filled up with zeros to one width
        inside = np.arange(width) < lengths[:, None]
        sizes = np.zeros((len(atoms), width))
        columns = np.zeros((len(atoms), width), dtype=np.intp)
        sizes[inside], columns[inside] = np.abs(rows.data), rows.indices
        sizes[columns == atoms[:, None]] = 0
        for number, support in enumerate(used):
            taken = support[columns]
            others = -np.sort(-np.where(taken, 0, sizes), axis=1)[:, :sparsity]
            own = support[atoms]
            total = others.sum(axis=1)
            if sparsity and others.shape[1] == sparsity:
                total -= np.where(own, 0, others[:, -1])
            shares[number, atoms] = np.where(taken, sizes, 0).sum(axis=1) + total
    return shares / energies


def _blocks(dictionary: Dictionary) -> Iterator[tuple[Array, Any]]:
    """Yield all atoms with their rows of the Gram matrix, some at a time."""
    count = math.prod(dictionary.code_shape)
    width = min(dictionary.stripes.size, count)
    if count * width > _MOST_ENTRIES:
        raise TooLargeError(
            f"certify_code: dictionary: expected at most {_MOST_ENTRIES} entries in the stripes of "
            f"all atoms, got {count} stripes of {width}"
        )
    step = max(1, _BLOCK_ENTRIES // width)
    for start in range(0, count, step):
        atoms = np.arange(start, min(start + step, count))
        yield atoms, dictionary.gram_rows(atoms).tocsr()
