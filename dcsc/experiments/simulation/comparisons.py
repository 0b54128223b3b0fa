"""The coefficients that some signs bring to the wrong side of their threshold."""

import math

import attrs
import numpy as np

from dcsc import coefficients
from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.projections import Selection

__all__ = ["Comparisons"]


@attrs.frozen(eq=False)
class Comparisons:
    r"""Comparisons of coefficients with their thresholds, each a sum of a few signs.

    For codes x with support T the coefficients are :math:`z_k = \varepsilon_k h_k`, :math:`h_k =
    \sum_{j \in T} G_{kj} x_j \varepsilon_j + \langle a_k, v \rangle`. One comparison is an atom k
    in a column; atoms that no signs bring to the wrong side need none. Comparisons with the same
    signs stand together.

    Parameters
    ----------
    atoms : array of int
        Flat indices of the atoms whose signs enter.
    start, sign, weight : arrays, shapes (comparisons + 1,), (entries,), (entries,)
        Entries ``start[t]`` to ``start[t + 1]`` of comparison t: the signs that decide it, as
        places in ``atoms``, and their weights in h.
    factor : array of int, shape (comparisons,)
        Where in ``atoms`` the sign ε_k is; -1 if only the size of h matters.
    column, atom : arrays of int, shape (comparisons,)
    offset : array of shape (comparisons,)
        What does not depend on the draw: ⟨a_k, v⟩ if the noise v is given.
    threshold, active : arrays of shape (comparisons,)
        A draw fails if ``z > threshold`` (or ``|z| > threshold``) is not ``active``.
    doubt : array of shape (comparisons,)
        Nearer to the threshold than this is a tie, which the model itself decides.
    """

    atoms: Array
    start: Array
    sign: Array
    weight: Array
    factor: Array
    column: Array
    atom: Array
    offset: Array
    threshold: Array
    active: Array
    doubt: Array

    def __len__(self) -> int:
        return len(self.factor)

    def sums(self, offset: Array) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:
        """Return the arrays that the compiled loops take, with this in place of ``offset``."""
        return (
            self.start,
            self.sign,
            self.weight,
            self.factor,
            offset,
            self.threshold,
            self.active,
            self.doubt,
        )

    def take(self, chosen: Array) -> "Comparisons":
        """Return some of the comparisons, in the given order."""
        entries = np.diff(self.start)[chosen]
        start = np.concatenate([[0], np.cumsum(entries)])
        source = np.repeat(self.start[chosen] - start[:-1], entries) + np.arange(start[-1])
        names = ("factor", "column", "atom", "offset", "threshold", "active", "doubt")
        return attrs.evolve(
            self,
            start=start,
            sign=self.sign[source],
            weight=self.weight[source],
            **{name: getattr(self, name)[chosen] for name in names},
        )

    @classmethod
    def of(
        cls, dictionary: Dictionary, selection: Selection, codes: Array, noise: float | Array
    ) -> "Comparisons":
        """Collect the comparisons of one layer.

        Parameters
        ----------
        dictionary : Dictionary
        selection : Selection
            With a threshold.
        codes : array of shape (columns, *code_shape)
        noise : float or array of shape (columns, *signal_shape)
            A number bounds the patch norm of noise that each draw adds.
        """
        threshold = selection.threshold
        assert threshold is not None
        flat = codes.reshape(len(codes), math.prod(dictionary.code_shape))
        support = np.flatnonzero((flat != 0).any(axis=0))
        place = np.full(flat.shape[1], -1)
        place[support] = np.arange(len(support))

        # an atom that comes out right for all signs needs no comparison
        entries = [(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))]
        columns = [tuple(np.zeros(0, kind) for kind in (int, int, float, float, bool, float))]
        count = 0
        seen = coefficients.columns(
            dictionary, codes, threshold, one_sided=selection.one_sided, noise=noise
        )
        for number, column in enumerate(seen):
            unsafe = np.flatnonzero(~column.safe)
            # its sum: the products G_kj x_j, each with the sign of atom j
            terms = column.terms(unsafe)
            test = np.repeat(np.arange(len(unsafe)), np.diff(terms.indptr))
            kept = terms.data != 0
            sign = place[column.support[terms.indices[kept]]]
            entries.append((count + test[kept], sign, terms.data[kept]))
            columns.append(
                (
                    np.full(len(unsafe), number),
                    unsafe,
                    column.offset[unsafe],
                    column.threshold[unsafe],
                    column.on[unsafe],
                    column.slack[unsafe],
                )
            )
            count += len(unsafe)
        test, sign, weight = (np.concatenate(part) for part in zip(*entries, strict=True))
        column_of, atom, offset, beta, active, doubt = (
            np.concatenate(part) for part in zip(*columns, strict=True)
        )

        # one-sided, the sign of the atom itself matters too, with weight 0 if it is not in the sum
        atoms, own_sign = support, np.full(count, -1)
        if selection.one_sided:
            atoms = np.concatenate([support, np.setdiff1d(atom, support)])
            place[atoms] = np.arange(len(atoms))
            own_sign = place[atom]
            summed = np.zeros(count, dtype=bool)
            summed[test[sign == own_sign[test]]] = True
            more = np.flatnonzero(~summed)
            test = np.concatenate([test, more])
            sign = np.concatenate([sign, own_sign[more]])
            weight = np.concatenate([weight, np.zeros(len(more))])

            # the entries of a comparison stand together, in the order of their signs
            order = np.lexsort((sign, test))
            test, sign, weight = test[order], sign[order], weight[order]
        starts = np.concatenate([[0], np.cumsum(np.bincount(test, minlength=count))])
        return cls(
            atoms,
            starts,
            sign,
            weight,
            own_sign,
            column_of,
            atom,
            offset,
            beta,
            active,
            doubt,
        ).in_order()

    def in_order(self) -> "Comparisons":
        """Return the comparisons so that those with the same signs stand together, mostly."""
        count = np.diff(self.start)
        signs = np.append(self.sign, -1)
        first = np.where(count > 0, signs[self.start[:-1]], -1)
        last = np.where(count > 0, signs[self.start[1:] - 1], -1)
        return self.take(np.lexsort((count, last, first)))
