"""A family of filters: a function."""

import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import scipy.linalg

from dcsc import DcscError


def hadamard(n: int, c: int, kernel: int | Sequence[int]) -> npt.NDArray[Any]:
    r"""First rows of Sylvester's Hadamard matrix, over the square root of its size.

    Shape ``(n, c, *kernel)``; entries are :math:`\pm 1/\sqrt{c \prod \mathrm{kernel}}`, and filters
    at the same position are orthogonal.

    Raises
    ------
    DcscError
        If the size ``c·prod(kernel)`` is not a power of two, or ``n`` is not between 1 and it.

    References
    ----------
    J. J. Sylvester, Phil. Mag. 34, 1867.

    Examples
    --------
    >>> import numpy as np
    >>> from dcsc import CirculantDictionary
    >>> from dcsc.testing import check_dictionary
    >>> filters = hadamard(4, 2, 4)
    >>> np.allclose(filters.reshape(4, 8) @ filters.reshape(4, 8).T, np.eye(4))
    True
    >>> check_dictionary(CirculantDictionary(filters, extent=8))
    """
    sides = (kernel,) if isinstance(kernel, int) else tuple(kernel)
    size = c * math.prod(sides)
    if size < 1 or size.bit_count() != 1 or not 1 <= n <= size:
        raise DcscError(
            f"hadamard: expected 1 <= n <= c·prod(kernel), a power of two: got {n}, {size}"
        )
    rows: npt.NDArray[Any] = scipy.linalg.hadamard(size)[:n] / math.sqrt(size)
    return rows.reshape(n, c, *sides)
