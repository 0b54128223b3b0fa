"""Products of matrices: last bits that no number of threads decides, and no false alarms."""

import numpy as np

from dcsc._arrays import Array
from dcsc._threads import OneBlasThread, share

__all__ = ["matmul", "product"]

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
                matmul(left, right[:, block], out=out[:, block])

    share(work, -(-columns // width))
    return out


@np.errstate(invalid="ignore")
def matmul(left: Array, right: Array, out: Array | None = None) -> Array:
    """Return ``left @ right``, of finite operands, without a warning of invalid values.

    OpenBLAS's product of a float32 matrix of five columns with a vector, for AVX-512, also works on
    lanes that it never filled. What lies there may raise the flag of an invalid operation, and
    NumPy then warns of results that are right. Of finite operands no product is NaN unless a sum
    overflows before, which warns by itself.
    """
    result: Array = np.matmul(left, right, out=out)
    return result
