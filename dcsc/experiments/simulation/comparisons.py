"""The coefficients that some signs bring to the wrong side of their threshold."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.projections import Selection

__all__ = ["Comparisons"]

_DOUBT = 1e-9


@attrs.frozen(eq=False)
class Comparisons:
    r"""Comparisons of coefficients with their thresholds, each a sum of a few signs.

    For codes x with support T the coefficients are :math:`z_k = \varepsilon_k h_k`,
    :math:`h_k = \sum_{j \in T} G_{kj} x_j \varepsilon_j + \langle a_k, v \rangle`. One comparison
    is an atom k in a column; atoms that no signs bring to the wrong side have none. Comparisons
    with the same signs stand together.

    Parameters
    ----------
    atoms : array of int
        Flat indices of the atoms whose signs enter.
    start, sign, weight : arrays, shapes (comparisons + 1,), (entries,), (entries,)
        Entries ``start[t]`` to ``start[t + 1]`` of comparison t: the signs that decide it, as
        places in ``atoms``, and their weights in h.
    own : array of int, shape (comparisons,)
        Where in ``atoms`` the sign ε_k is; -1 if only the size of h matters.
    column, atom : arrays of int, shape (comparisons,)
    offset : array of shape (comparisons,)
        What does not depend on the draw: ⟨a_k, v⟩ if the noise v is given.
    threshold, active : arrays of shape (comparisons,)
        A draw fails if ``z > threshold`` (or ``|z| > threshold``) is not ``active``.
    doubt : array of shape (comparisons,)
        Nearer to the threshold than this, rounding decides.
    """

    atoms: Array
    start: Array
    sign: Array
    weight: Array
    own: Array
    column: Array
    atom: Array
    offset: Array
    threshold: Array
    active: Array
    doubt: Array

    def __len__(self) -> int:
        return len(self.own)

    def sums(self, offset: Array) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:
        """Return the arrays that the compiled loops take, with this in place of ``offset``."""
        return (
            self.start,
            self.sign,
            self.weight,
            self.own,
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
        names = ("own", "column", "atom", "offset", "threshold", "active", "doubt")
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
            A number bounds the patch norm of noise that is still to come.
        """
        shape = tuple(dictionary.code_shape)
        columns = codes.reshape(len(codes), math.prod(shape)).astype(np.float64)
        beta = np.asarray(selection.threshold, dtype=np.float64)
        beta = beta.reshape(-1, *[1] * (len(shape) - 1)) if beta.ndim else beta
        beta = np.broadcast_to(beta, shape).ravel()
        norms = dictionary.atom_norms().ravel()
        if isinstance(noise, np.ndarray):
            offset = dictionary.analyze(noise).reshape(columns.shape)
            added = np.abs(offset)
        else:
            offset = np.zeros(columns.shape)
            added = np.broadcast_to(norms * noise, columns.shape)
        support = np.flatnonzero((columns != 0).any(axis=0))
        gram = dictionary.gram_rows(support)
        row = np.repeat(np.arange(len(support)), np.diff(gram.indptr))
        reach = added.copy()
        for number, x in enumerate(columns):
            weight = gram.data * x[support][row]
            reach[number] += np.bincount(gram.indices, np.abs(weight), len(x))
        rounding = _rounding(dictionary, codes, noise)[:, None] * norms
        doubt = _DOUBT * (reach + beta) + rounding
        own = norms**2 * np.abs(columns)
        safe = np.where(columns != 0, 2 * own - reach - doubt > beta, reach + doubt < beta)
        if selection.one_sided:
            safe &= columns >= 0

        column, atom = np.nonzero(~safe)
        parts = [(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))]
        for number, x in enumerate(columns):
            place = np.full(len(x), -1)
            place[atom[column == number]] = np.flatnonzero(column == number)
            weight = gram.data * x[support][row]
            kept = (place[gram.indices] >= 0) & (weight != 0)
            parts.append((place[gram.indices[kept]], row[kept], weight[kept]))
        test, sign, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
        atoms, own_sign = support, np.full(len(atom), -1)
        if selection.one_sided:
            atoms = np.concatenate([support, np.setdiff1d(atom, support)])
            where = np.full(len(beta), -1)
            where[atoms] = np.arange(len(atoms))
            own_sign = where[atom]
            there = np.zeros(len(atom), dtype=bool)
            there[test[sign == own_sign[test]]] = True
            more = np.flatnonzero(~there)
            test = np.concatenate([test, more])
            sign = np.concatenate([sign, own_sign[more]])
            weight = np.concatenate([weight, np.zeros(len(more))])
        order = np.lexsort((sign, test))
        count = np.bincount(test, minlength=len(atom))
        return cls(
            atoms,
            np.concatenate([[0], np.cumsum(count)]),
            sign[order],
            weight[order],
            own_sign,
            column,
            atom,
            offset[~safe],
            np.broadcast_to(beta, columns.shape)[~safe],
            columns[~safe] != 0,
            doubt[~safe],
        ).in_order()

    def in_order(self) -> "Comparisons":
        """Return the comparisons so that those with the same signs stand together, mostly."""
        count = np.diff(self.start)
        signs = np.append(self.sign, -1)
        first = np.where(count > 0, signs[self.start[:-1]], -1)
        last = np.where(count > 0, signs[self.start[1:] - 1], -1)
        return self.take(np.lexsort((count, last, first)))


def _rounding(dictionary: Dictionary, codes: Array, noise: float | Array) -> Array:
    """Return what rounding can do to a coefficient of each column, for an atom of norm 1.

    A sum of n terms is off by at most n·eps times the sum of their sizes, here first in A x and
    then in Aᵀ y; as much again is left for the Gram matrix.
    """
    sizes = dictionary.contributions(codes)
    most = int(np.max(dictionary.stripe_sparsity(codes), initial=0))
    terms = dictionary.patches.size + most + 4
    added = np.abs(noise) if isinstance(noise, np.ndarray) else 0.0
    bound = np.asarray(dictionary.patch_norm(sizes + added))
    if not isinstance(noise, np.ndarray):
        bound = bound + noise
    return 4 * terms * float(np.finfo(sizes.dtype).eps) * bound
