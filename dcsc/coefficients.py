r"""What each atom of a layer sees of a column of codes, has to reach, and what counts as a tie.

For codes x with support T, signs ε and an error v, the coefficient of atom k is

.. math:: z_k = \varepsilon_k h_k, \qquad
    h_k = \sum_{j \in T} G_{kj} x_j \varepsilon_j + \langle a_k, v\rangle,

so that a threshold β finds the support if :math:`c_k^2 |x_k|`, with the norm :math:`c_k` of the
atom, exceeds it by more than all others can take away, and no sum off the support reaches it. All
theorems, the simulation of one layer, rare failures and the safety of units are about these sums.

**Ties.** A forward pass in floating point is off by no more than n·eps times :math:`e_k = (|A|^T
(|A| |x| + |v|))_k`, where n counts its roundings. A coefficient nearer to its threshold than
``tolerance`` :math:`(e_k + c_k \zeta)` is a tie. The tolerance is 1e-12, or n·eps of the dtype in
which the model computes where that is more: about n·1e-7 in single precision. A tie counts as a
failure, whichever side of the threshold that is.
"""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError

__all__ = [
    "LARGEST",
    "SMALLEST",
    "TOLERANCE",
    "Column",
    "check_units",
    "columns",
    "rounding_of",
    "strictly_below",
]

TOLERANCE = 1e-12
"""What is closer than this, relative to what may enter a comparison, is a tie in float64."""

SMALLEST, LARGEST = 1e-150, 1e150
"""Coefficients c² |x| are taken from here to there, where their squares are numbers too."""

_BLOCK_ENTRIES = 2**21
_KEPT_ENTRIES = 2**24
_NEGLIGIBLE = 1e-13  # of the mean weight: too small to move a sum across a tie


def strictly_below(small: float, large: float, slack: float) -> bool:
    """Decide a strict inequality of two coefficients; in doubt it is false."""
    return large - small > slack if np.isfinite(large) else small < large


def rounding_of(dictionary: Dictionary, codes: Array) -> float:
    """Return n·eps for a model that computes with this dictionary and these codes.

    A sample of A x is a sum over the atoms that are active there, at most a full stripe of them,
    and a coefficient one over the samples of a patch. As much again is for the sums over rows of G.
    """
    active = int(np.max(dictionary.stripe_sparsity(codes), initial=0))
    roundings = dictionary.patches.size + active + 4
    return roundings * float(np.finfo(np.result_type(dictionary._dtype(), codes.dtype)).eps)


def check_units(strengths: npt.ArrayLike, where: str) -> None:
    """Refuse coefficients whose squares overflow or underflow; zeros are allowed.

    Raises
    ------
    DcscError
        If a coefficient lies outside of 1e-150 to 1e150.
    """
    sizes = np.abs(np.asarray(strengths, dtype=np.float64))
    outside = sizes[(sizes != 0) & ~((sizes >= SMALLEST) & (sizes <= LARGEST))]
    if outside.size:
        raise DcscError(
            f"{where}: expected coefficients c² |x| between {SMALLEST:g} and {LARGEST:g}, got "
            f"{outside[0]:g}: give filters, codes and noise in other units"
        )


@attrs.frozen(eq=False, slots=False)
class Column:
    r"""What some atoms see of one column of codes; an entry for each of them in every array.

    Parameters
    ----------
    atoms : array of int
        Flat indices, C order.
    support : array of int
        T, where the column is not zero.
    on : array of bool
        Whether the atom is in T.
    strength : array
        :math:`c_k^2 |x_k|`, its own share of the coefficient; with a one-sided threshold
        :math:`c_k^2 x_k`.
    threshold : array
        :math:`\beta_k`.
    offset : array
        :math:`\langle a_k, v\rangle` of an error v that is known.
    error : array
        :math:`c_k \zeta`, the most that an error of patch norm ζ adds.
    slack : array
        What is nearer to the threshold than this is a tie.
    still : array of bool
        Whether the coefficient is 0 in any arithmetic: nothing of the signal lies under the atom.
    total : array
        :math:`\sum_{j \ne k} |G_{kj} x_j|`; an error that is known is one more summand.
    one_sided : bool
        Whether only coefficients above the threshold are kept, or also those below minus it.
    """

    atoms: Array
    support: Array
    on: Array
    strength: Array
    threshold: Array
    offset: Array
    error: Array
    slack: Array
    still: Array
    total: Array
    one_sided: bool
    _terms: "_Terms"

    def __len__(self) -> int:
        return len(self.atoms)

    @property
    def level(self) -> Array:
        """What the sum of the others has to reach for the atom to fail."""
        return np.where(self.on, self.strength - self.threshold, self.threshold)

    @property
    def beyond(self) -> Array:
        """Where an atom on the support has overshot to the other side of a two-sided threshold."""
        return self.strength + self.threshold

    @property
    def safe(self) -> Array:
        """Whether the atom comes out right for all signs and errors; with a tie it does not."""
        reach = self.total + self.error + self.slack
        return (reach < self.level) | (self.still & ~self.on)

    @property
    def lost(self) -> Array:
        """Whether the atom comes out wrong for all signs and errors; a tie does not.

        On the support nothing can lift it to the threshold. Off the support a two-sided threshold
        is crossed for sure where one neighbour is stronger than all the others and the threshold.
        """
        reach = self.total + self.error + self.slack
        below = np.where(self.on, self.strength + reach < self.threshold, False)
        if self.one_sided:
            return below
        return below | (~self.on & (2 * self._strongest - reach > self.threshold))

    @property
    def deviation(self) -> Array:
        """The root of the sum of the squares of the summands."""
        return np.hypot(self._terms.deviation, self.offset)

    @property
    def count(self) -> Array:
        """Number of the summands that are not zero."""
        return self._terms.count + (self.offset != 0)

    @cached_property
    def _strongest(self) -> Array:
        """The largest summand of each sum, an error that is known among them."""
        largest = np.abs(self.offset)
        step = max(1, _BLOCK_ENTRIES // max(int(self.count.max(initial=1)), 1))
        for start in range(0, len(self), step):
            places = np.arange(start, min(start + step, len(self)))
            largest[places] = self.weights(places).max(axis=1, initial=0.0)
        return largest

    def at(self, threshold: Array) -> "Column":
        """Return the column with another threshold for every atom."""
        return attrs.evolve(self, threshold=threshold)

    def terms(self, places: Array) -> scipy.sparse.csc_array:
        """Return :math:`G_{kj} x_j` for j in T, its own with the others: a column for each atom.

        The entries of a column are in the order of T.

        Parameters
        ----------
        places : array of int
            Which atoms, as places in ``atoms``.
        """
        return self._terms.at(places)

    def weights(self, places: Array) -> Array:
        """Return the sizes of the summands of some atoms, a row each, filled up with zeros."""
        columns = self.terms(places)
        diagonal = self.support[columns.indices] == np.repeat(
            self.atoms[places], np.diff(columns.indptr)
        )
        sizes = np.where(diagonal, 0.0, np.abs(columns.data))
        weights = _padded(sizes, columns.indptr)
        offset = np.abs(self.offset[places])
        return np.column_stack([weights, offset]) if self.offset.any() else weights


@attrs.frozen(eq=False)
class _Terms:
    """The products G_kj x_j of one column, computed again whenever they are too many to keep.

    Parameters
    ----------
    total, deviation, count : arrays, an entry for each atom
        Of their sizes without its own: the sum, the root of the sum of squares, how many there are.
    kept : csc_array of shape (support, atoms), or None
    """

    atoms: Array
    support: Array
    sizes: Array
    gram_rows: Callable[[Array], scipy.sparse.csr_array]
    width: int
    total: Array
    deviation: Array
    count: Array
    kept: scipy.sparse.csc_array | None

    @classmethod
    def of(
        cls, gram_rows: Any, width: int, code: Array, atoms: Array, strongest: float
    ) -> "_Terms":
        """Sum up the terms of some atoms; ``strongest`` is a bound of their sizes."""
        support = np.flatnonzero(code)
        zero = np.zeros(len(atoms))
        empty = cls(atoms, support, code[support], gram_rows, width, zero, zero, zero, None)
        every = len(atoms) == len(code)
        blocks = empty.by_support() if every else empty.by_atoms()
        keep = not every or len(support) * width <= _KEPT_ENTRIES
        # in a unit near the largest of them squares are numbers
        unit = float(np.ldexp(1.0, int(np.frexp(strongest)[1])))
        total, squares = np.zeros(len(atoms)), np.zeros(len(atoms))
        count = np.zeros(len(atoms), dtype=np.int64)
        parts = [scipy.sparse.csr_array((0, len(atoms)))]
        for sources, rows in blocks:
            weights = np.abs(rows.data)
            weights[atoms[rows.indices] == np.repeat(sources, np.diff(rows.indptr))] = 0
            total += np.bincount(rows.indices, weights, len(atoms))
            squares += np.bincount(rows.indices, np.square(weights / unit), len(atoms))
            count += np.bincount(rows.indices[weights > 0], minlength=len(atoms))
            if keep:
                parts.append(rows)
        kept = scipy.sparse.csc_array(scipy.sparse.vstack(parts, format="csc")) if keep else None
        return attrs.evolve(
            empty, total=total, deviation=unit * np.sqrt(squares), count=count, kept=kept
        )

    def by_support(self) -> Iterator[tuple[Array, scipy.sparse.csr_array]]:
        """Yield atoms of the support, and G_jk x_j for all k, a row for each of them."""
        step = max(1, _BLOCK_ENTRIES // self.width)
        for start in range(0, len(self.support), step):
            block = self.support[start : start + step]
            rows = self.gram_rows(block)
            sizes = np.repeat(self.sizes[start : start + step], np.diff(rows.indptr))
            terms = (rows.data * sizes, rows.indices, rows.indptr)
            yield block, scipy.sparse.csr_array(terms, rows.shape)

    def by_atoms(self) -> Iterator[tuple[Array, scipy.sparse.csr_array]]:
        """Yield the same from the rows of G at a few atoms k, for G is symmetric."""
        rows = [scipy.sparse.csr_array((0, int(self.support.max(initial=0)) + 1))]
        step = max(1, _BLOCK_ENTRIES // self.width)
        for start in range(0, len(self.atoms), step):
            block = self.gram_rows(self.atoms[start : start + step])
            rows.append(scipy.sparse.csr_array(block)[:, : rows[0].shape[1]])
        joint = scipy.sparse.csr_array(scipy.sparse.vstack(rows, format="csc")[:, self.support].T)
        joint.data = joint.data * np.repeat(self.sizes, np.diff(joint.indptr))
        yield self.support, joint

    def at(self, places: Array) -> scipy.sparse.csc_array:
        """Return the terms of some atoms, a column each."""
        if self.kept is not None:
            return scipy.sparse.csc_array(self.kept[:, places])
        parts = [scipy.sparse.csc_array((0, len(places)))]
        parts += [scipy.sparse.csc_array(rows.tocsc()[:, places]) for _, rows in self.by_support()]
        return scipy.sparse.csc_array(scipy.sparse.vstack(parts, format="csc"))


def columns(
    dictionary: Dictionary,
    codes: Array,
    threshold: npt.ArrayLike,
    *,
    one_sided: bool = False,
    noise: float | Array = 0.0,
    atoms: Array | None = None,
) -> Iterator[Column]:
    """Yield what each atom sees of every column of codes.

    Parameters
    ----------
    dictionary : Dictionary
        Without signs, or with: they change nothing here.
    codes : array of shape (columns, *code_shape)
    threshold : array_like
        β, one or one per filter.
    one_sided : bool, default False
        Whether only coefficients above the threshold are kept.
    noise : float or array of shape (columns, *signal_shape), default 0
        A number is ζ, a bound of the patch norm of the error; an array is the error itself.
    atoms : array of int, optional
        Flat indices of the atoms to look at; by default all of them.

    Raises
    ------
    DcscError
        If a coefficient is so large or so small that its square is no number.
    """
    shape = tuple(dictionary.code_shape)
    size = math.prod(shape)
    flat = codes.reshape(len(codes), size).astype(np.float64)
    # c_k and β_k of the atoms that are looked at.
    chosen = np.arange(flat.shape[1]) if atoms is None else atoms
    norms = dictionary.atom_norms().ravel()
    strongest = norms.max(initial=0.0) ** 2
    norms = norms[chosen]
    beta = np.asarray(threshold, dtype=np.float64)
    beta = beta.reshape(-1, *[1] * (len(shape) - 1)) if beta.ndim else beta
    beta = np.broadcast_to(beta, shape).ravel()[chosen]
    known = isinstance(noise, np.ndarray)
    # e_k: the largest that rounding could make of a coefficient, were it to lose all its digits
    sizes = dictionary.contributions(codes).astype(np.float64)
    sizes = sizes + np.abs(noise) if known else sizes
    entering = dictionary.exposure(sizes).reshape(len(codes), size)[:, chosen]
    # What an error adds to the coefficients: ⟨a_k, v⟩ if it is known, else at most c_k ζ.
    zeta = np.zeros(len(chosen)) if known else norms * noise
    seen = dictionary.analyze(noise).reshape(len(codes), size)[:, chosen] if known else 0 * entering
    tolerance = max(TOLERANCE, rounding_of(dictionary, codes))
    check_units(zeta[zeta > SMALLEST], "noise")
    gram_rows = _shared_rows(dictionary, flat)
    width = min(dictionary.stripes.size, flat.shape[1])
    for number, code in enumerate(flat):
        # T, the atom's own share c_k² x_k, and the terms G_kj x_j of the others.
        support = np.flatnonzero(code)
        strength = norms * (norms * code[chosen])
        check_units(strength, "codes")
        terms = _Terms.of(gram_rows, width, code, chosen, strongest * np.abs(code).max(initial=0.0))
        offset = seen[number].astype(np.float64)
        yield Column(
            chosen,
            support,
            code[chosen] != 0,
            strength if one_sided else np.abs(strength),
            beta,
            offset,
            zeta,
            tolerance * (entering[number] + zeta),
            (entering[number] == 0) & (zeta == 0),
            terms.total + np.abs(offset),
            one_sided,
            terms,
        )


def _shared_rows(dictionary: Dictionary, columns: Array) -> Callable[[Array], Any]:
    """Return a function that gives rows of G, and computes those that several columns need once."""
    support = np.flatnonzero((columns != 0).any(axis=0))
    width = min(dictionary.stripes.size, columns.shape[1])
    if len(columns) == 1 or len(support) * width > _KEPT_ENTRIES:
        return dictionary.gram_rows
    joint = scipy.sparse.csr_array(dictionary.gram_rows(support))
    place = np.full(columns.shape[1], -1)
    place[support] = np.arange(len(support))
    return lambda atoms: scipy.sparse.csr_array(joint[place[atoms]])


def _padded(sizes: Array, starts: Array) -> Array:
    """Return runs of numbers as rows of one width, without what is smaller than a tie."""
    lengths = np.diff(starts)
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    out = np.zeros(mask.shape)
    out[mask] = sizes
    floor = _NEGLIGIBLE * out.sum(axis=1) / np.maximum(lengths, 1)
    out[out < floor[:, None]] = 0
    return out
