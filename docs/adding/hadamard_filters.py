"""A family of filters: a function."""

import math

import scipy.linalg

from dcsc import DcscError
from dcsc.dictionaries.filters.common import checked


def hadamard(n, c, kernel):
    r"""First rows of Sylvester's Hadamard matrix, over the square root of its size.

    Shape ``(n, c, *kernel)``; entries are :math:`\pm 1/\sqrt{c \prod \mathrm{kernel}}`, and filters
    at the same position are orthogonal.

    Raises
    ------
    DcscError
        If the size ``c·prod(kernel)`` is not a power of two, or ``n`` exceeds it.

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
    n, c, kernel = checked("hadamard", n, c, kernel)
    size = c * math.prod(kernel)
    if size.bit_count() != 1 or n > size:
        raise DcscError(f"hadamard: expected n <= c·prod(kernel), a power of two: got {n}, {size}")
    return scipy.linalg.hadamard(size)[:n].reshape(n, c, *kernel) / math.sqrt(size)
