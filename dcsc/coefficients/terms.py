"""The summands of coefficients: G_kj x_j, for the atoms k of a layer and the j of a support."""

from collections.abc import Callable, Iterator

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc._numerics import best_moments_of_terms, lay_terms, sum_terms
from dcsc._threads import share
from dcsc.dictionaries.rows import Near

__all__ = ["KEPT_ENTRIES", "Terms", "lay_out"]

_BLOCK_ENTRIES = 2**21
_WORTH_A_THREAD = 2**18  # so many terms
_NEGLIGIBLE = 1e-13  # of the mean weight: too small to move a sum across a tie
_TINY = float(np.finfo(np.float64).tiny)
KEPT_ENTRIES = 2**24
"""So many summands are kept in memory; more are computed again when they are needed."""


@attrs.frozen(eq=False, slots=False)
class Terms:
    """The products G_kj x_j of one column, computed again whenever they are too many to keep.

    Parameters
    ----------
    atoms : array of int, or None
        The atoms k that are looked at; None for all.
    size : int
        Number of the atoms k that are looked at.
    support, values : arrays
        T, and the x_j there.
    gram_rows : callable
        Rows of G by atom, of at most ``width`` entries each.
    width : int
    unit : float
        A power of two near the largest of the products, in which their squares are numbers.
    near : Near or None
        What every atom has with those near it, out of which sizes are read without rows of G.
    """

    atoms: Array | None
    size: int
    support: Array
    values: Array
    gram_rows: "Callable[[Array], scipy.sparse.csr_array]"
    width: int
    unit: float
    near: Near | None = None

    @property
    def total(self) -> Array:
        """The sum of the sizes of the products, without the atom's own."""
        if self.near is not None or self._rows is None:
            return self._moments[0]
        return self._sum_up(self._rows, _sizes(self.support, self._rows, self.atoms))

    @property
    def deviation(self) -> Array:
        """The root of the sum of their squares."""
        return self._moments[1]

    @property
    def count(self) -> Array:
        """How many of them are not zero."""
        return self._moments[2]

    def at(self, places: Array) -> "scipy.sparse.csc_array":
        """Return the terms of some atoms, a column each."""
        if self._columns is not None:
            return scipy.sparse.csc_array(self._columns[:, places])
        ((_, rows),) = self._by_atoms(places)  # all atoms are looked at where they are not kept
        return scipy.sparse.csc_array(rows)

    def others(self, places: Array) -> "scipy.sparse.csc_array":
        """Return the same with zeros for what each atom has with itself."""
        columns = self.at(places)
        own = np.repeat(
            places if self.atoms is None else self.atoms[places], np.diff(columns.indptr)
        )
        columns.data = np.where(self.support[columns.indices] == own, 0.0, columns.data)
        return columns

    def sizes(self, places: Array) -> Array:
        """Return the sizes of the terms of some atoms, a row each, filled up with zeros.

        Neither the atom's own is among them, nor what is too small to move a sum across a tie.
        """
        if self.near is None:
            columns = self.others(places)
            return lay_out(columns, np.abs(columns.data))
        lengths = self.count[places]
        out = np.zeros((len(places), lengths.max(initial=0)))
        atoms = places if self.atoms is None else self.atoms[places]

        def lay(start: int, stop: int) -> None:
            lay_terms(*self._active, atoms[start:stop], out[start:stop])

        share(lay, len(atoms), 1 + _WORTH_A_THREAD // max(out.shape[1], 1))
        return _without_negligible(out, lengths)

    def best_moments(self, places: Array, levels: Array) -> Array | None:
        """Return λ and log E exp(λ Σ) of the sums of some atoms, (2, places), and λ in 1 / unit.

        None where terms are not read off tables; where they are, none is laid out.
        """
        if self.near is None:
            return None
        atoms = places if self.atoms is None else self.atoms[places]
        width = int(self.count[places].max(initial=0))
        return best_moments_of_terms(*self._active, atoms, width, levels / self.unit, self.unit)

    @cached_property
    def _active(self) -> tuple[Array, Array, Array, Array, Array, Array]:
        """The tables, and T as the loops over them go through it: by position and group."""
        near = self.near
        assert near is not None
        filters, _, n = near.tables.shape
        number, position = np.divmod(self.support, len(near.ways))
        where = position * (filters // n) + number // n
        order = np.argsort(where, kind="stable")
        count = np.bincount(where, minlength=len(near.ways) * (filters // n))
        starts = np.concatenate([[0], np.cumsum(count)])
        return near.tables, near.ways, near.at, starts, number[order], self.values[order]

    @cached_property
    def _rows(self) -> "scipy.sparse.csr_array | None":
        """All products, a row for each atom of T, unless they are too many."""
        if self.atoms is None and len(self.support) * self.width > KEPT_ENTRIES:
            return None
        parts = [rows for _, rows in self._blocks()]
        if len(parts) == 1:
            return parts[0]
        empty = scipy.sparse.csr_array((0, self.size))
        return scipy.sparse.csr_array(scipy.sparse.vstack([empty, *parts], format="csr"))

    @cached_property
    def _columns(self) -> "scipy.sparse.csc_array | None":
        return None if self._rows is None else self._rows.tocsc()

    @cached_property
    def _moments(self) -> tuple[Array, Array, Array]:
        """The total, the deviation and the count."""
        if self.near is not None:
            return self._near_moments()
        total, squares = np.zeros((2, self.size))
        count = np.zeros(self.size, dtype=np.int64)
        blocks = self._blocks() if self._rows is None else [(self.support, self._rows)]
        for sources, rows in blocks:
            weights = _sizes(sources, rows, self.atoms)
            total += self._sum_up(rows, weights)
            squares += self._sum_up(rows, np.square(weights / self.unit))
            count += np.bincount(rows.indices[weights > 0], minlength=self.size)
        return total, self._root(squares, count), count

    def _near_moments(self) -> tuple[Array, Array, Array]:
        tables, ways, at, starts, numbers, sizes = self._active
        filters, kinds, n = tables.shape
        groups = tables.reshape(filters // n, n, kinds, n)
        across = np.ascontiguousarray(groups.transpose(2, 0, 3, 1)).reshape(kinds, filters, n)
        # All filters at the positions of the atoms; of these, what is asked for.
        places = np.arange(len(ways))
        if self.atoms is not None:
            number, position = np.divmod(self.atoms, len(ways))
            places, here = np.unique(position, return_inverse=True)
        out = np.empty((3, filters, len(places)))

        def add(start: int, stop: int) -> None:
            code = starts, numbers, sizes
            sum_terms(across, ways, at, *code, places, self.unit, out, start, stop)

        width = 1 + len(self.support) * self.width // len(ways)
        share(add, len(places), 1 + _WORTH_A_THREAD // width)
        chosen = out.reshape(3, -1) if self.atoms is None else out[:, number, here]
        total, squares, count = chosen
        return total, self._root(squares, count), count.astype(np.int64)

    def _root(self, squares: Array, count: Array) -> Array:
        """Return the root of sums of squares in this unit, with room for those that underflow."""
        return self.unit * np.sqrt(squares + count * _TINY)

    def _sum_up(self, rows: "scipy.sparse.csr_array", weights: Array) -> Array:
        return np.bincount(rows.indices, weights, self.size)

    def _blocks(self) -> "Iterator[tuple[Array, scipy.sparse.csr_array]]":
        return self._by_support() if self.atoms is None else self._by_atoms(self.atoms)

    def _by_support(self) -> "Iterator[tuple[Array, scipy.sparse.csr_array]]":
        """Yield atoms of the support, and G_jk x_j for all k, a row for each of them."""
        step = max(1, _BLOCK_ENTRIES // self.width)
        for start in range(0, len(self.support), step):
            block = self.support[start : start + step]
            rows = self.gram_rows(block)
            sizes = np.repeat(self.values[start : start + step], np.diff(rows.indptr))
            terms = (rows.data * sizes, rows.indices, rows.indptr)
            yield block, scipy.sparse.csr_array(terms, rows.shape)

    def _by_atoms(self, atoms: Array) -> "Iterator[tuple[Array, scipy.sparse.csr_array]]":
        """Yield the same from the rows of G at a few atoms k, for G is symmetric."""
        rows = [scipy.sparse.csr_array((0, int(self.support.max(initial=0)) + 1))]
        step = max(1, _BLOCK_ENTRIES // self.width)
        for start in range(0, len(atoms), step):
            block = self.gram_rows(atoms[start : start + step])
            rows.append(scipy.sparse.csr_array(block)[:, : rows[0].shape[1]])
        joint = scipy.sparse.csr_array(scipy.sparse.vstack(rows, format="csc")[:, self.support].T)
        joint.data = joint.data * np.repeat(self.values, np.diff(joint.indptr))
        yield self.support, joint


def lay_out(columns: "scipy.sparse.csc_array", sizes: Array) -> Array:
    """Return the sizes of the entries of a sparse array, a row for each column of it.

    Rows are filled up with zeros, and what is too small to move a sum across a tie is one.
    """
    lengths = np.diff(columns.indptr)
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    out = np.zeros(mask.shape)
    out[mask] = sizes
    return _without_negligible(out, lengths)


def _without_negligible(out: Array, lengths: Array) -> Array:
    floor = _NEGLIGIBLE * out.sum(axis=1) / np.maximum(lengths, 1)
    out[out < floor[:, None]] = 0
    return out


def _sizes(sources: Array, rows: "scipy.sparse.csr_array", atoms: Array | None) -> Array:
    """Return the sizes of products, a row for each source; what an atom has with itself is 0."""
    sizes = np.abs(rows.data)
    places = rows.indices if atoms is None else atoms[rows.indices]
    sizes[places == np.repeat(sources.astype(places.dtype), np.diff(rows.indptr))] = 0
    return sizes
