"""Products of matrices whose last bits do not depend on the number of threads."""

import numpy as np

from dcsc._arrays import Array
from dcsc._threads import OneBlasThread, share

__all__ = ["product"]

# Multiplications in one piece: enough to be worth a thread.
_PIECE = 2**20


def product(left: Array, right: Array) -> Array:
    """Return ``left @ right``, two matrices, in blocks of columns that the shapes alone decide.

    A BLAS that shares out a product by itself cuts it differently on one thread than on two, and so
    sums in another order.
    """
    rows, columns = len(left), right.shape[1]
    out = np.empty((rows, columns), dtype=np.result_type(left, right))
    width = max(64, _PIECE // max(left.size, 1))

    def work(start: int, stop: int) -> None:
        with OneBlasThread():
            for first in range(start * width, min(stop * width, columns), width):
                block = slice(first, first + width)
                np.matmul(left, right[:, block], out=out[:, block])

    share(work, -(-columns // width))
    return out
