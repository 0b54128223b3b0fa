"""The Gram matrix among a few atoms, without their products with all the others."""

import math
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.among import add_rows, lay_among, sweep
from dcsc.dictionaries.axes import ShiftedFilters
from dcsc.dictionaries.rows import kept_tables, kinds

__all__ = ["Among"]


@attrs.frozen(eq=False)
class Among:
    """``G_WW·2^(−2·exponent)`` for atoms W, in the runs that `dcsc._numerics.among` describes.

    Parameters
    ----------
    atoms : array of int, shape (atoms,)
        W, flat indices, in the order of rows and columns.
    exponent : int
        Of the power of two in which norms are at most about 1.
    ends, begins, offsets, values : arrays
    """

    atoms: Array
    exponent: int
    ends: Array
    begins: Array
    offsets: Array
    values: Array

    @classmethod
    def of_rows(cls, atoms: Array, exponent: int, rows: Array) -> Self:
        """Return a matrix that is given as a whole."""
        count = len(atoms)
        every = np.arange(count + 1)
        begins, values = np.zeros(count, dtype=np.int64), np.ascontiguousarray(rows).ravel()
        return cls(atoms, exponent, every, begins, every * count, values)

    @classmethod
    def of_shifted(cls, shifted: ShiftedFilters, atoms: Array, most: int) -> Self | None:
        """Return that of shifted filters, or None.

        None if there were more than ``most`` entries, if filters have too many correlations to be
        kept, or if atoms meet twice around a short circle.
        """
        lines = [kinds(axis) for axis in shifted.axes]
        if len(lines) > 2 or not all(x.line.alone for x in lines):
            return None
        tables = kept_tables(shifted, 0)
        if tables is None:
            return None
        *above, columns = lines
        nowhere = np.zeros((1, 1), dtype=np.int64)
        rows = nowhere[0], nowhere, nowhere
        if above:
            rows = above[0].of, above[0].line.way, above[0].ahead

        # Atoms in the order of their groups and positions.
        area, n = math.prod(shifted.positions), tables.shape[2]
        filters, position = np.divmod(atoms, area)
        places = filters // n * area + position
        order = np.argsort(places * n + filters % n)
        atoms, filters, places = atoms[order], filters[order], places[order]
        counts = np.bincount(places, minlength=shifted.groups * area)
        first = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        laid = lay_among(
            filters, places, first, tables, *rows,
            columns.of, columns.line.way, columns.chains, len(columns.line.terms), most,
        )  # fmt: skip
        return cls(atoms, shifted.scale, *laid) if len(laid[0]) == len(atoms) + 1 else None

    def scaled(self, factors: Array, exponent: int) -> Self:
        """Return D G_WW D for the factors of the atoms of W, the power of two being another."""
        factors = np.ldexp(factors, self.exponent - exponent)
        rows = np.repeat(np.arange(len(self.atoms)), np.diff(self.offsets[self.ends]))
        lengths = np.diff(self.offsets)
        columns = np.arange(len(self.values)) + np.repeat(self.begins - self.offsets[:-1], lengths)
        values = self.values * factors[rows] * factors[columns]
        return attrs.evolve(self, values=values, exponent=exponent)

    def sweep(
        self, code: Array, slope: Array, diagonal: Array, order: Array, penalty: float
    ) -> None:
        """Make ½‖y − Ax‖² + penalty·‖x‖₁ least in one coordinate after the other.

        The arrays x and Aᵀ(y − Ax), of the atoms of W, are written.
        """
        sweep(code, slope, diagonal, order, *self._matrix, penalty)

    def add(self, target: Array, rows: Array, factors: Array) -> None:
        """Add rows times factors to an array of the atoms of W."""
        add_rows(target, rows, factors, *self._matrix)

    @property
    def _matrix(self) -> tuple[Array, Array, Array, Array]:
        return self.ends, self.begins, self.offsets, self.values
