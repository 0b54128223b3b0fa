"""The summands of coefficients where atoms share signs: one for each coin."""

from typing import Self

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc.coefficients.terms import lay_out

__all__ = ["GroupedTerms"]


@attrs.frozen(eq=False)
class GroupedTerms:
    r"""What the coins of a column add to coefficients: :math:`\sum_{j \in b} G_{kj} x_j` each.

    Parameters
    ----------
    products : sparse array of shape (t, atoms)
        :math:`G_{kj} x_j` for j in T, an atom's own among them.
    sums : sparse array of shape (coins, atoms)
        Their sums over the atoms of T that share a coin b, without k itself, and without the coin
        of k where the sum goes with k, whatever the signs.
    unit : float
        As in `Terms`.
    """

    products: "scipy.sparse.csc_array"
    sums: "scipy.sparse.csc_array"
    unit: float

    @classmethod
    def of(
        cls,
        products: "scipy.sparse.csc_array",
        coins: tuple[Array, Array],
        own: Array,
        bound: Array,
        unit: float,
    ) -> tuple[Self, Array]:
        """Return the sums, and for each atom that of its own coin where it is no random one.

        Parameters
        ----------
        products : as in the class
        coins : pair of int arrays
            Those of the atoms of T, and of the atoms that are looked at.
        own : int array of shape (atoms,)
            The place of each atom in T, or −1.
        bound : array of bool, shape (atoms,)
            Whether the sign of the coefficient matters, so that the coin of k does not.
        unit : as in the class
        """
        used, group = np.unique(coins[0], return_inverse=True)
        place = np.searchsorted(used, coins[1])
        place[~np.isin(coins[1], used)] = -1
        entries = products.tocoo()
        others = entries.row != own[entries.col]
        where = (group[entries.row[others]], entries.col[others])
        shape = (len(used), products.shape[1])
        sums = scipy.sparse.csc_array((entries.data[others], where), shape=shape).tocoo()
        shared = (sums.row == place[sums.col]) & bound[sums.col]
        fixed = np.bincount(sums.col[shared], sums.data[shared], shape[1])
        rest = ~shared & (sums.data != 0)
        places = (sums.row[rest], sums.col[rest])
        return cls(products, scipy.sparse.csc_array((sums.data[rest], places), shape), unit), fixed

    @property
    def total(self) -> Array:
        """The sum of the sizes of the sums."""
        return self._sum_up(np.abs(self.sums.data))

    @property
    def deviation(self) -> Array:
        """The root of the sum of their squares."""
        return self.unit * np.sqrt(self._sum_up(np.square(self.sums.data / self.unit)))

    @property
    def count(self) -> Array:
        """How many of them are not zero."""
        return np.diff(self.sums.indptr).astype(np.int64)

    def at(self, places: Array) -> "scipy.sparse.csc_array":
        """Return the products of some atoms, a column each."""
        return scipy.sparse.csc_array(self.products[:, places])

    def others(self, places: Array) -> "scipy.sparse.csc_array":
        """Return the sums of some atoms, a column each."""
        return scipy.sparse.csc_array(self.sums[:, places])

    def sizes(self, places: Array) -> Array:
        """Return the sizes of the sums of some atoms, a row each, filled up with zeros."""
        columns = self.others(places)
        return lay_out(columns, np.abs(columns.data))

    def _sum_up(self, values: Array) -> Array:
        atoms = np.repeat(np.arange(self.sums.shape[1]), np.diff(self.sums.indptr))
        return np.bincount(atoms, values, self.sums.shape[1])
