"""Affine operations: the bounds are the operation itself."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc.errors import NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.relaxations.base import Parts, Relaxation, product, rounding

__all__ = ["Affine", "LinearMap", "moved"]

Function = Callable[[Array], Array]


@attrs.frozen(eq=False)
class LinearMap:
    """A matrix, as three functions of arrays with a batch in front.

    Parameters
    ----------
    apply, adjoint : callable
        The matrix, and its transpose.
    absolute : callable
        The matrix of its absolute values.
    """

    apply: Function
    adjoint: Function
    absolute: Function


@attrs.frozen(eq=False)
class Affine(Relaxation):
    """A sum of linear maps, one of each input that is not known, and a constant.

    Parameters
    ----------
    low, high, exposure : array, shape (batch, ...)
    maps : tuple of LinearMap or None
        One for each input, None where it is known.
    constant : array, shape (1, ...)
    """

    low: Array
    high: Array
    exposure: Array
    maps: tuple[LinearMap | None, ...]
    constant: Array

    @classmethod
    def of(
        cls, values: tuple[Any, ...], maps: tuple[LinearMap | None, ...], constant: Array
    ) -> "Affine":
        """Return the operation with these maps on these inputs.

        A map M takes the centre c to Mc and the radius r to |M| r, and no interval that holds the
        result is smaller.
        """
        terms, most = [], 0
        for value, matrix in zip(values, maps, strict=True):
            if matrix is None:
                continue
            first, last = value
            centre, radius = (first + last) / 2, (last - first) / 2
            most = max(most, centre.size)
            sizes = np.concatenate([radius, np.abs(centre) + radius])
            reach, exposure = np.split(matrix.absolute(sizes), 2)
            terms.append((matrix.apply(centre), reach, exposure))
        middle, reach, exposure = (reduce(np.add, term) for term in zip(*terms, strict=True))
        middle, exposure = middle + constant, exposure + np.abs(constant)
        reach = reach + rounding(most) * exposure
        return cls(middle - reach, middle + reach, exposure, maps, constant)

    def apply(self, values: tuple[Array, ...]) -> Array:
        """Return the result for inputs of any batch; those that are known are not looked at."""
        pairs = zip(self.maps, values, strict=True)
        terms = [matrix.apply(value) for matrix, value in pairs if matrix is not None]
        return reduce(np.add, terms) + self.constant

    def _lower(self, rows: Array) -> tuple[Parts, Array]:
        parts = tuple(None if one is None else one.adjoint(rows) for one in self.maps)
        constant = np.broadcast_to(self.constant, self.low.shape)[:1]
        return parts, product(rows.reshape(len(rows), -1), constant.reshape(-1))


def moved(function: Callable[..., Array], values: tuple[Any, ...]) -> Affine:
    """Return an operation that moves numbers about, from what it does to their places.

    Parameters
    ----------
    function : callable
        Each entry of its result is an entry of an input or a number that depends on none.
    values : tuple of array or Box
        Its inputs.
    """
    shapes = [value.low.shape if isinstance(value, Interval) else None for value in values]
    sizes = [0 if shape is None else int(np.prod(shape)) for shape in shapes]
    starts = np.cumsum([0, *sizes[:-1]])

    # Numbers 0, 1, … tell where an entry comes from; −1, −2, … tell those that do not move.
    def places(sign: int) -> Array:
        arrays = [
            value
            if shape is None
            else sign * (np.arange(size, dtype=float) + start + (sign < 0)).reshape(shape)
            for value, shape, size, start in zip(values, shapes, sizes, starts, strict=True)
        ]
        return function(*arrays)

    origins, mirrors = places(1), places(-1)
    if any(shape is not None and shape[:1] != origins.shape[:1] for shape in shapes):
        raise NotCoveredError("dcsc has no bounds of what moves numbers along the batch")
    constant = np.where(origins == mirrors, origins, 0)
    maps: list[LinearMap | None] = []
    for shape, size, start in zip(shapes, sizes, starts, strict=True):
        if shape is None:
            maps.append(None)
            continue
        here = (origins != mirrors) & (origins >= start) & (origins < start + size)
        to = np.flatnonzero(here)
        source = origins[here].astype(np.intp) - start
        ones = np.ones(len(to)), (to, source)
        matrix = scipy.sparse.csr_array(ones, shape=(origins.size, size))
        maps.append(_sparse(matrix, origins.shape[1:], shape[1:]))
    return Affine.of(values, tuple(maps), constant)


def _sparse(
    matrix: "scipy.sparse.csr_array", out: tuple[int, ...], into: tuple[int, ...]
) -> LinearMap:
    """Return a matrix of zeros and ones as a map."""

    def apply(values: Array) -> Array:
        return (matrix @ values.reshape(len(values), -1).T).T.reshape(-1, *out)

    def adjoint(rows: Array) -> Array:
        return (matrix.T @ rows.reshape(len(rows), -1).T).T.reshape(-1, *into)

    return LinearMap(apply, adjoint, apply)
