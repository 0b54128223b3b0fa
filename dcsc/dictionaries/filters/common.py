"""What the filter families share."""

from collections.abc import Sequence

import numpy as np

from dcsc._arrays import Array, Shape, checked_size, integer, shape_tuple
from dcsc._words import quoted
from dcsc.errors import DcscError


def checked(family: str, n: int, c: int, kernel: int | Sequence[int]) -> tuple[int, int, Shape]:
    """Return ``n``, ``c`` and the kernel as a tuple, or refuse naming the family and argument."""
    sides = shape_tuple(kernel, f"{family}: kernel", 1)
    if not sides:
        raise DcscError(f"{family}: kernel must have at least one axis, got {quoted(kernel)}")
    shape = integer(n, f"{family}: n", 1), integer(c, f"{family}: c", 1), *sides
    checked_size(shape, f"{family}: n, c, kernel")
    return shape[0], shape[1], sides


def per_axis(value: int | Sequence[int], axes: int, where: str) -> Shape:
    """Return one number for each axis; a single one is that of all."""
    numbers = shape_tuple(value, where, 1)
    numbers = numbers * axes if len(numbers) == 1 else numbers
    if len(numbers) != axes:
        raise DcscError(f"{where}: expected {axes} numbers, got {quoted(value)}")
    return numbers


def unit(filters: Array) -> Array:
    """Return the filters with unit norm."""
    squares = (filters**2).sum(axis=tuple(range(1, filters.ndim)), keepdims=True)
    normalized: Array = filters / np.sqrt(squares)
    return normalized


def outer(factors: Sequence[Array]) -> Array:
    """Return the outer products over axes of ``(n, size)`` factors, ``(n, *sizes)``."""
    product = np.ones(len(factors[0]))
    for factor in factors:
        product = product[..., np.newaxis] * np.expand_dims(factor, tuple(range(1, product.ndim)))
    return product + 0.0  # no negative zeros
